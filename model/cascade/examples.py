"""Examples of right decisions, shown to a small text model before the conversation; none is in the measured set."""

from __future__ import annotations

import re
from dataclasses import dataclass

from deskhand.model.cascade.recognised import screen_text


@dataclass(frozen=True, slots=True)
class Example:
    """A message and the right reply to it.

    Attributes:
        said: what the person says, or a tool's result.
        tool: shown only if this tool is offered; empty means always.
        arguments: of the call, as JSON.
        answer: if this is the right reply; else it is the call.
    """

    said: str
    tool: str = ""
    arguments: str = "{}"
    answer: str = ""


def result_text(text: str) -> str:
    """A tool's result as a message."""
    return f"[Result]\n{text}"


# Calls and answers take turns: a model that has just seen three calls calls again. The last reply is an answer, for a
# wrong answer does no harm and a wrong call may.
EXAMPLES = (
    Example("what's the time", "clock_time"),
    Example("hi there", answer="Hello! What can I do for you?"),
    Example("set a 15 minute timer for the rice", "clock_set_timer", '{"minutes": 15, "label": "rice"}'),
    Example("how far away is the moon", answer="About 384,000 kilometres."),
    Example("write down: water the plants", "notes_append", '{"text": "water the plants"}'),
    Example("write a line about autumn", answer="Leaves drift down like quiet letters from the trees."),
    Example("read me what I noted", "notes_list"),
    Example("is there a note about the boiler", "notes_search", '{"query": "boiler"}'),
    Example("launch gimp", "open_application", '{"name": "gimp"}'),
    Example("what does obsolete mean", answer="No longer used, out of date."),
    Example("open example.org", "open_address", '{"url": "https://example.org"}'),
    Example("is anything set to ring", "clock_list_timers"),
    Example(
        result_text("One is set: the 15-minute timer “rice”, which ends today at 6:10 in the evening, in 5 minutes."),
        "clock_list_timers",
        answer="Yes, the rice timer ends at 6:10 in the evening, in 5 minutes.",
    ),
    Example("make the rice timer 20 minutes instead", "clock_change_timer", '{"minutes": 20, "timer": "rice"}'),
    Example("does rice need salt", answer="A pinch, if you like."),
    Example("cancel the rice timer", "clock_cancel_timer", '{"timer": "rice"}'),
    Example("can you see my screen", "screen_look"),
    Example(
        screen_text("Music Player\nNow playing: Blue Train\nPause | Next") + "\nWhich song is playing?",
        answer="The song is Blue Train.",
    ),
    Example(
        screen_text("Shopping\n6 eggs, flour\nClose") + "\nSave that list as a note.",
        "notes_append",
        '{"text": "6 eggs, flour"}',
    ),
    Example(
        "who are you, what are you good for",
        answer="I am Deskhand. Ask me about your screen, or let me set timers, take notes and open programs.",
    ),
)


MARKS = (
    *("6 eggs, flour", "water the plants", "rice timer", "blue train", "music player", "example.org"),
    *("leaves drift down", "quiet letters from the trees", "no longer used, out of date"),
)
"""Words of the examples that stand in no answer by chance."""

ARGUMENT_MARKS = ("6 eggs, flour", "water the plants", "rice", "boiler", "gimp", "example.org")
"""The same of calls, where a word is enough: no argument is made up."""


class ExampleFilter:
    """Keeps what the examples say out of answers and calls, unless the conversation says it too.

    Args:
        said: all text of the conversation.
    """

    def __init__(self, said: str) -> None:
        said = said.casefold()
        self._marks = [mark for mark in MARKS if mark not in said]
        self._argument_marks = [mark for mark in ARGUMENT_MARKS if mark not in said]
        self._held = ""
        self.found = False
        """The answer began to repeat an example; nothing more of it is shown."""

    def show(self, piece: str) -> str:
        """Take the next piece of an answer and give what can be shown."""
        self._held += piece
        low = self._held.casefold()
        if self.found or any(mark in low for mark in self._marks):
            self.found = True
            at = min((low.find(mark) for mark in self._marks if mark in low), default=0)
            text, self._held = self._held[:at], ""
            return text
        keep = max((_overlap(low, mark) for mark in self._marks), default=0)
        return self._cut(len(self._held) - keep)

    def rest(self) -> str:
        """Give what is held back, at the end."""
        return "" if self.found else self._cut(len(self._held))

    def taints(self, arguments: str) -> bool:
        """Whether a call's arguments, as JSON, are an example's."""
        return any(re.search(rf"\b{re.escape(mark)}\b", arguments.casefold()) for mark in self._argument_marks)

    def _cut(self, at: int) -> str:
        text, self._held = self._held[:at], self._held[at:]
        return text


def _overlap(text: str, mark: str) -> int:
    return next((n for n in range(min(len(text), len(mark) - 1), 0, -1) if text.endswith(mark[:n])), 0)
