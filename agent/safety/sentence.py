"""The question before a call as a sentence a person reads: “Set a timer for 1 minute?”.

Only tools that came with Deskhand have sentences of their own, which name the act and what it is done to; of any other
tool only its name is known. Whatever a sentence does not say stands below it in the question.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import Any, NamedTuple

from deskhand.agent.events import Aim
from deskhand.agent.safety import addresses, destination
from deskhand.agent.tool import Tool
from deskhand.model.types import ToolCall

SHORT = 60
"""Characters of a text that are quoted within a sentence; a longer one is listed."""


class Sentence(NamedTuple):
    """A question and what goes with it.

    Attributes:
        question: for the title.
        note: a sentence more, for the person; may be empty.
        told: the arguments of which the question says everything.
    """

    question: str
    note: str = ""
    told: tuple[str, ...] = ()


Arguments = Mapping[str, Any]


def sentence(tool: Tool, call: ToolCall, aim: Aim | None = None) -> Sentence:
    """What is asked about a call.

    Args:
        tool: what would run.
        call: with the arguments it would run with.
        aim: where on the screen it would act.
    """
    given = {name: value for name, value in call.arguments.items() if value is not None}
    if not tool.bundled:
        name = " ".join(tool.name.removeprefix(f"{tool.skill.replace('-', '_')}_").replace("_", " ").split())
        return Sentence(f"Let “{tool.skill}” run “{name}”?", tool.description)
    place = f" in {_quoted(aim.title)}" if aim and _quoted(aim.title) else ""
    made = _OURS[tool.name](given, place) if tool.name in _OURS else None
    return made or Sentence(f"{tool.description.split('. ')[0].rstrip('.')}?")


def _quoted(text: object) -> str:
    """A text in quotes if that can't be mistaken for more than it is; else empty."""
    plain = isinstance(text, str) and 0 < len(text) <= SHORT and text.isprintable() and not set(text) & set('“”"?')
    return f"“{text}”" if plain else ""


def _about(act: str, name: str, instead: str, also: str = "?") -> Callable[[Arguments, str], Sentence]:
    """A sentence of one text: quoted in ``act``; where it is too long for that, ``instead``."""

    def made(given: Arguments, _place: str) -> Sentence:
        quoted = _quoted(given.get(name))
        return Sentence(f"{act} {quoted}{also}", told=(name,)) if quoted else Sentence(instead)

    return made


def _plain(question: str) -> Callable[[Arguments, str], Sentence]:
    return lambda _given, place: Sentence(question.format(place=place))


def _count(number: object, unit: str) -> str:
    return f"{number:g} {unit}{'' if number == 1 else 's'}" if isinstance(number, int | float) else ""


def _file(act: str) -> Callable[[Arguments, str], Sentence]:
    def made(given: Arguments, _place: str) -> Sentence:
        return Sentence(f"{act} {_quoted(PurePath(str(given.get('path', ''))).name) or 'a file'}?")

    return made


def _timer(given: Arguments, _place: str) -> Sentence | None:
    lengths = [_count(given[f"{unit}s"], unit) for unit in ("hour", "minute", "second") if given.get(f"{unit}s")]
    label = _quoted(given.get("label"))
    if given.get("at") and not lengths:
        return _reminder(given, "")
    if not lengths or (given.get("label") and not label):
        return None
    about = f", for {label}" if label else ""
    note = "Deskhand will tell you when it ends."
    return Sentence(
        f"Set a timer for {' '.join(lengths)}{about}?",
        note,
        tuple({"hours", "minutes", "seconds", "label"} & set(given)),
    )


def _reminder(given: Arguments, _place: str) -> Sentence | None:
    label, at = _quoted(given.get("label")), given.get("at")
    if not isinstance(at, str) or not _quoted(at) or (given.get("label") and not label):
        return None
    repeat = given.get("repeat", "once")
    again = "" if repeat == "once" else f", {'on weekdays' if repeat == 'weekdays' else repeat}"
    about = f" of {label}" if label else ""
    return Sentence(f"Remind you{about}: {at}{again}?", told=("label", "at", "repeat"))


def _named(act: str, name: str, instead: str) -> Callable[[Arguments, str], Sentence]:
    """A sentence of what a tool of ours has named, which has quotes of its own; where it is too long, ``instead``."""

    def made(given: Arguments, _place: str) -> Sentence:
        what = str(given.get(name, ""))
        plain = 0 < len(what) <= 2 * SHORT and what.isprintable() and not set(what) & set('"?')
        return Sentence(f"{act}: {what}?", told=(name,)) if plain else Sentence(instead)

    return made


def _other_timer(given: Arguments, _place: str) -> Sentence | None:
    lengths = [_count(given[f"{unit}s"], unit) for unit in ("hour", "minute", "second") if given.get(f"{unit}s")]
    if not lengths or given.get("at") or given.get("label"):
        return None
    more = "Add {} to a timer?" if given.get("more") else "Change a timer to {}?"
    return Sentence(more.format(" ".join(lengths)), told=("hours", "minutes", "seconds", "more"))


def _click(given: Arguments, place: str) -> Sentence:
    button = given.get("button", "left")
    act = "Click" if button == "left" else f"{button}-click".capitalize()
    act = f"Double-{act.lower()}" if given.get("double") else act
    return Sentence(f"{act} here{place}?", told=("x", "y", "button", "double"))


def _scroll(given: Arguments, place: str) -> Sentence:
    return Sentence(f"Scroll {given.get('direction', 'down')} here{place}?", told=("x", "y", "direction"))


def _type(given: Arguments, place: str) -> Sentence:
    count = len(str(given.get("text", "")))
    return Sentence(f"Type {_count(count, 'character')}{place.replace(' in ', ' into ', 1)}?")


def _keys(given: Arguments, place: str) -> Sentence | None:
    keys = _quoted(given.get("combination"))
    return Sentence(f"Press {keys[1:-1]}{place}?", told=("combination",)) if keys else None


def _copy(given: Arguments, _place: str) -> Sentence:
    return Sentence(f"Put {_count(len(str(given.get('text', ''))), 'character')} on the clipboard?")


def _address(given: Arguments, _place: str) -> Sentence:
    url = str(given.get("url", ""))
    leads = destination.of(url)
    note = " ".join(f"{each[:1].upper()}{each[1:]}." for each in leads.notes)
    if url.strip().lower().startswith("mailto:"):
        return Sentence("Begin a mail in your mail program?", note)
    host = f"Open a page of {leads.host} in your browser?"
    return Sentence(host if leads.host and len(leads.host) <= 2 * SHORT else "Open this address?", note)


def _page(given: Arguments, _place: str) -> Sentence:
    host = addresses.host(str(given.get("url", "")))
    return Sentence(f"Read a page of {host}?" if host else "Read this page of the web?")


def _watch(given: Arguments, _place: str) -> Sentence | None:
    what, minutes = _quoted(given.get("what")), _count(given.get("minutes", 60), "minute")
    if not minutes or (given.get("what") and not what):
        return None
    on = f"wait for {what}" if what else "wait for a change"
    note = "It takes screenshots for a while, and can answer later by itself."
    return Sentence(f"Watch the screen for {minutes}, and {on}?", note, ("what", "minutes"))


def _later(given: Arguments, _place: str) -> Sentence | None:
    what, minutes = _quoted(given.get("what")), _count(given.get("minutes"), "minute")
    return Sentence(f"In {minutes}, do this: {what}?", told=("what", "minutes")) if what and minutes else None


def _dictation(given: Arguments, place: str) -> Sentence:
    minutes = _count(given.get("minutes", 10), "minute")
    return Sentence(
        f"Listen for {minutes} and type what you say{place.replace(' in ', ' into ', 1)}?", told=("minutes",)
    )


_OURS: dict[str, Callable[[Arguments, str], Sentence | None]] = {
    "background_end": _named("End", "task", "End what goes on?"),
    "background_later": _later,
    "background_watch": _watch,
    "clipboard_copy": _copy,
    "clipboard_read": lambda given, _place: Sentence(
        "Read the selected text?" if given.get("place") == "selection" else "Read your clipboard?", told=("place",)
    ),
    "clock_cancel_timer": _named("Cancel", "timer", "Cancel a timer?"),
    "clock_change_timer": _other_timer,
    "clock_set_timer": lambda given, place: (_reminder if given.get("at") else _timer)(given, place),
    "dictation_start": _dictation,
    "edit_delete": _file("Delete"),
    "edit_move": _file("Move or rename"),
    "edit_replace": _file("Change"),
    "edit_write": lambda given, place: _file("Add to" if given.get("append") else "Write")(given, place),
    "files_list": _file("List the files in"),
    "files_read": _file("Read"),
    "files_search": _file("Search in"),
    "input_click": _click,
    "input_keys": _keys,
    "input_scroll": _scroll,
    "input_type": _type,
    "notes_append": _about("Save the note", "text", "Save this note?"),
    "notes_delete": _about("Delete the note", "note", "Delete this note?"),
    "notes_edit": _about("Change the note", "note", "Change this note?"),
    "open_address": _address,
    "open_application": _about("Start", "name", "Start this application?"),
    "screen_find": _about("Look for", "text", "Look for this text on your screen?", " on your screen?"),
    "screen_look": _plain("Take a screenshot?"),
    "screen_read": lambda given, _place: Sentence(
        "Read the text on your screen aloud?" if given.get("aloud") else "Read the text on your screen?",
        told=("aloud",),
    ),
    "selection_read": _plain("Read the selected text{place}?"),
    "selection_replace": _plain("Replace the selected text{place}?"),
    "web_fetch": _page,
}
"""By name of the tool. A text that can't stand within a sentence gives none, and the tool's own words are used."""
