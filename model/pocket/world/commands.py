"""What can be said to Pocket: sentences with slots, and the tool call that each asks for.

The calls are those of the bundled skills; a test compares names and parameters with their tools. A command is one line
of `INTENTS`: how it is said, which tool it calls, and with which arguments. A slot in braces is drawn from `lexicon`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from deskhand.model.pocket.world.lexicon import (
    APPLICATIONS,
    CHORES,
    CITIES,
    GOODS,
    LABELS,
    NAMES,
    NUMBERS,
    SITES,
    held_out,
    words,
)
from deskhand.model.types import ToolCall

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Intent:
    """One command.

    Attributes:
        name: of the command.
        patterns: ways of saying it; ``{number}``, ``{name}`` … are slots.
        tool: that it calls.
        arguments: from what the slots hold.
    """

    name: str
    patterns: tuple[str, ...]
    tool: str
    arguments: Callable[[Values], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Command:
    """A sentence and the call that it asks for.

    Attributes:
        intent: name of the command.
        spoken: as it is said, numbers in words.
        typed: as it is written, numbers in digits.
        call: tool and arguments.
    """

    intent: str
    spoken: str
    typed: str
    call: ToolCall


SLOTS: dict[str, Sequence[str | int]] = {
    "number": NUMBERS,
    "second": (10, 15, 20, 30, 40, 45, 50),
    "few": tuple(range(2, 11)),
    "hour": tuple(range(1, 13)),
    "digit": tuple(range(10)),
    "digit2": tuple(range(10)),
    "digit3": tuple(range(10)),
    "name": NAMES,
    "goods": GOODS,
    "chore": CHORES,
    "label": LABELS,
    "application": APPLICATIONS,
    "site": tuple(SITES),
    "city": CITIES,
}


def _nothing(_: Values) -> dict[str, Any]:
    return {}


def _number(digits: Values) -> str:
    return f"{digits['digit']}{digits['digit2']}{digits['digit3']}"


INTENTS: tuple[Intent, ...] = (
    Intent("time", ("what time is it", "tell me the time", "how late is it"), "clock_time", _nothing),
    Intent("date", ("what day is it", "what is the date today", "which day is today"), "clock_time", _nothing),
    Intent(
        "minutes",
        ("set a timer for {number} minutes", "timer {number} minutes", "start a timer of {number} minutes"),
        "clock_set_timer",
        lambda v: {"minutes": v["number"]},
    ),
    Intent(
        "seconds",
        ("set a timer for {number} seconds", "count down {number} seconds"),
        "clock_set_timer",
        lambda v: {"seconds": v["number"]},
    ),
    Intent(
        "hours",
        ("set a timer for {few} hours", "wake me in {few} hours"),
        "clock_set_timer",
        lambda v: {"hours": v["few"]},
    ),
    Intent(
        "minutes and seconds",
        ("set a timer for {few} minutes and {second} seconds",),
        "clock_set_timer",
        lambda v: {"minutes": v["few"], "seconds": v["second"]},
    ),
    Intent("half hour", ("set a timer for half an hour",), "clock_set_timer", lambda _: {"minutes": 30}),
    Intent("quarter", ("set a timer for a quarter of an hour",), "clock_set_timer", lambda _: {"minutes": 15}),
    Intent("one hour", ("set a timer for one hour", "wake me in an hour"), "clock_set_timer", lambda _: {"hours": 1}),
    Intent(
        "named timer",
        ("start a {label} timer for {number} minutes", "{label} timer {number} minutes"),
        "clock_set_timer",
        lambda v: {"label": v["label"], "minutes": v["number"]},
    ),
    Intent(
        "remind",
        ("remind me to {chore} in {number} minutes", "in {number} minutes remind me to {chore}"),
        "clock_set_timer",
        lambda v: {"label": v["chore"], "minutes": v["number"]},
    ),
    Intent(
        "remind to call",
        ("remind me to call {name} in {number} minutes",),
        "clock_set_timer",
        lambda v: {"label": f"call {v['name']}", "minutes": v["number"]},
    ),
    Intent("timers", ("list my timers", "which timers are running"), "clock_list_timers", _nothing),
    Intent(
        "cancel",
        ("cancel the {label} timer", "stop the {label} timer"),
        "clock_cancel_timer",
        lambda v: {"timer": v["label"]},
    ),
    Intent(
        "note to buy",
        ("write down buy {goods}", "make a note buy {goods}"),
        "notes_append",
        lambda v: {"text": f"buy {v['goods']}"},
    ),
    Intent(
        "note to buy two",
        ("write down buy {goods} and {goods2}",),
        "notes_append",
        lambda v: {"text": f"buy {v['goods']} and {v['goods2']}"},
    ),
    Intent(
        "note to call",
        ("write a note call {name}", "make a note call {name}"),
        "notes_append",
        lambda v: {"text": f"call {v['name']}"},
    ),
    Intent(
        "note of a chore",
        ("new note {chore}", "make a note {chore}"),
        "notes_append",
        lambda v: {"text": v["chore"]},
    ),
    Intent(
        "note of a meeting",
        ("note a meeting with {name} at {hour}", "write down meeting with {name} at {hour}"),
        "notes_append",
        lambda v: {"text": f"meeting with {v['name']} at {v['hour']}"},
    ),
    Intent(
        "note of a number",
        ("write down the number {digit} {digit2} {digit3}", "note the code {digit} {digit2} {digit3}"),
        "notes_append",
        lambda v: {"text": _number(v)},
    ),
    Intent("notes", ("read my notes", "show my notes"), "notes_list", _nothing),
    Intent(
        "last notes",
        ("read the last {few} notes", "show the last {few} notes"),
        "notes_list",
        lambda v: {"limit": v["few"]},
    ),
    Intent("newest note", ("read the newest note", "what is my last note"), "notes_list", lambda _: {"limit": 1}),
    Intent(
        "search goods",
        ("search my notes for {goods}", "do I have a note about {goods}"),
        "notes_search",
        lambda v: {"query": v["goods"]},
    ),
    Intent(
        "search name",
        ("find the note about {name}", "what do my notes say about {name}"),
        "notes_search",
        lambda v: {"query": v["name"]},
    ),
    Intent(
        "application",
        ("open the {application}", "start the {application}", "launch {application}"),
        "open_application",
        lambda v: {"name": v["application"]},
    ),
    Intent(
        "site",
        ("go to {site}", "visit {site}", "browse to {site}"),
        "open_address",
        lambda v: {"url": SITES[v["site"]]},
    ),
    Intent(
        "mail",
        ("write a mail to {name}", "send an email to {name}"),
        "open_address",
        lambda v: {"url": f"mailto:{v['name'].lower()}@example.org"},
    ),
    Intent(
        "web search",
        ("search the web for {goods}", "look up {goods} on the web"),
        "open_address",
        lambda v: {"url": f"https://duckduckgo.com/?q={v['goods']}"},
    ),
    Intent(
        "map",
        ("show {city} on the map", "where is {city}"),
        "open_address",
        lambda v: {"url": f"https://openstreetmap.org/search?query={v['city']}"},
    ),
    Intent(
        "weather",
        ("how is the weather in {city}", "weather in {city}"),
        "open_address",
        lambda v: {"url": f"https://wttr.in/{v['city']}"},
    ),
    Intent("look", ("look at the screen", "take a look at my screen"), "screen_look", _nothing),
)

_BY_NAME = {intent.name: intent for intent in INTENTS}
_SLOT = re.compile(r"\{(\w+)\}")


def command(intent: Intent, pattern: str, values: Values) -> Command:
    """A sentence of ``intent`` with its slots filled."""

    def said(match: re.Match[str]) -> str:
        value = values[match[1]]
        return words(value) if isinstance(value, int) else str(value)

    spoken = _SLOT.sub(said, pattern)
    typed = _SLOT.sub(lambda match: str(values[match[1]]), pattern)
    return Command(intent.name, spoken, typed, ToolCall("", intent.tool, intent.arguments(values)))


def draw(rng: np.random.Generator, *, name: str = "", held: bool | None = None) -> Command:
    """A random command, every intent as often as any other.

    Args:
        rng: decides everything.
        name: of an intent, if it is to be that one.
        held: only sentences that are, or are not, held out as texts (`lexicon.held_out`); None takes any. An intent
            with so few sentences that it has none of them gives any.
    """
    intent = _BY_NAME[name] if name else INTENTS[int(rng.integers(len(INTENTS)))]
    made = _draw(rng, intent)
    for _ in range(50):
        if held is None or held_out(made.spoken) == held:
            break
        made = _draw(rng, intent)
    return made


def _draw(rng: np.random.Generator, intent: Intent) -> Command:
    pattern = intent.patterns[int(rng.integers(len(intent.patterns)))]
    values: dict[str, Any] = {}
    for slot in _SLOT.findall(pattern):
        choices = SLOTS[slot.removesuffix("2") if slot == "goods2" else slot]
        values[slot] = choices[int(rng.integers(len(choices)))]
    return command(intent, pattern, values)


def examples() -> Iterator[ToolCall]:
    """A few calls of every command: what the tokenizer learns its pieces from, and what has to fit the skills."""
    rng = np.random.default_rng(0)
    for intent in INTENTS:
        for _ in range(4):
            yield _draw(rng, intent).call
    yield click(500, 500)


CLICK = "input_click"
"""The tool that presses what is on the screen; its places are thousandths of the picture's width and height."""


def click(x: int, y: int) -> ToolCall:
    """A click at thousandths of the picture, from the left and from the top."""
    return ToolCall("", CLICK, {"x": x, "y": y})
