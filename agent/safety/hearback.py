"""Allowing a call by voice: only by saying back what exactly it does. Pure: a call → a phrase; words → why not.

Whoever is in the room, a film, this machine's own loudspeaker: all can say “yes”. So a yes allows nothing; the phrase
names the act and everything that it is done to, it is another one for each call, and nothing else may be said with it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import PurePosixPath
from typing import Any, NamedTuple, TypeGuard

from deskhand.agent.safety.permissions import PATHS
from deskhand.agent.safety.spoken import spelled, words
from deskhand.agent.tool import Tool
from deskhand.model.types import ToolCall

MOST_WORDS = 16
"""A longer phrase is recited and not meant."""

NEGATIONS = frozenset(
    [
        "no",
        "not",
        "nope",
        "nah",
        "never",
        "none",
        "dont",
        "doesnt",
        "cannot",
        "cant",
        "wont",
        "stop",
        "cancel",
        "wait",
        "abort",
        "deny",
        "refuse",
        "forbid",
        "without",
        "except",
        "but",
        "halt",
        "undo",
    ]
)
ASSENTS = frozenset(
    [
        "yes",
        "yeah",
        "yep",
        "yup",
        "ok",
        "okay",
        "sure",
        "right",
        "fine",
        "allow",
        "allowed",
        "approve",
        "approved",
        "agree",
        "agreed",
        "accept",
        "confirm",
        "confirmed",
        "do",
        "it",
        "go",
        "ahead",
        "run",
        "that",
        "this",
        "please",
        "always",
        "once",
        "session",
    ]
)
"""Words that, however many, say nothing of what is allowed."""

_PASSED_OVER = frozenset(["the", "please", "to", "dot", "dash", "hyphen", "underscore", "slash"])
"""Words that may be said besides: they name nothing."""
_VERBS = frozenset(
    [
        "add",
        "append",
        "bring",
        "cancel",
        "change",
        "click",
        "close",
        "copy",
        "create",
        "delete",
        "find",
        "focus",
        "insert",
        "list",
        "look",
        "make",
        "move",
        "open",
        "paste",
        "press",
        "read",
        "remove",
        "rename",
        "replace",
        "restore",
        "run",
        "save",
        "scroll",
        "search",
        "send",
        "set",
        "start",
        "take",
        "type",
        "undo",
        "watch",
        "write",
    ]
)
_UNITS = frozenset(["seconds", "minutes", "hours", "days", "percent", "turns", "lines"])
_SAYABLE = re.compile(r"[\w .,'’%:-]+")


class Phrase(NamedTuple):
    """What has to be said to allow a call.

    Attributes:
        text: for the person to read aloud; empty if this call can't be allowed by voice.
        why_not: a sentence then.
    """

    text: str
    why_not: str = ""


class _UnsayableError(ValueError):
    """Part of a call that a voice can't name exactly; the message is why."""


def phrase(tool: Tool, call: ToolCall, *, tainted: bool, command: str = "") -> Phrase:
    """What a person says to allow exactly this call.

    Args:
        tool: what would run.
        call: with the arguments that fit.
        tainted: the model has read what nobody vouches for: then only eyes and a hand can answer.
        command: the command line that would run, if there is one.
    """
    try:
        return Phrase(_said(tool, call, tainted=tainted, runs=bool(command) or "scripts" in tool.scopes))
    except _UnsayableError as reason:
        return Phrase("", f"Can't be approved by voice ({reason}).")


def _said(tool: Tool, call: ToolCall, *, tainted: bool, runs: bool) -> str:
    if tainted:
        raise _UnsayableError("this chat contains text of others")
    if runs:
        raise _UnsayableError("it runs a program, which has to be read")
    text = _usual(tool, call) or " ".join([*_act(tool), *_objects(tool, call)])
    said = words(text)
    if len(said) > MOST_WORDS:
        raise _UnsayableError("it takes too many words")
    if NEGATIONS & set(said) or ASSENTS.issuperset(said) or len(said) < 2:
        raise _UnsayableError("its words could be taken for an answer")
    return text


def _usual(tool: Tool, call: ToolCall) -> str:
    """How people say what is asked most often; empty where this is something else, or more."""
    properties: Mapping[str, Any] = tool.parameters.get("properties", {})
    usual = {name: each.get("default") for name, each in properties.items()}
    given = {name: value for name, value in call.arguments.items() if value not in (None, "", 0, usual.get(name))}
    units = [name for name in ("hours", "minutes", "seconds") if _few(given.get(name))]
    match tool.name if tool.bundled else "", given:
        case "clock_set_timer", {**more} if len(units) == 1 and more.keys() <= {units[0], "label"}:
            return f"set a {spelled(more[units[0]])}-{units[0][:-1]} timer{_with(more.get('label'))}"
        case "screen_look", {**more} if not more:
            return "take a screenshot"
        case "notes_append", {"text": str(text), **more} if not more:
            return f"save note: {_text(text)}"
        case "background_watch", {"minutes": minutes, **more} if _few(minutes) and more.keys() <= {"what", "every"}:
            return f"watch for {spelled(minutes)} minute{'' if minutes == 1 else 's'}{_with(more.get('what'))}"
        case _:
            return ""


def _few(number: object) -> TypeGuard[int]:
    return isinstance(number, int | float) and not isinstance(number, bool) and number in range(1, 100)


def _with(text: object) -> str:
    return f": {_text(str(text))}" if text else ""


def objection(expected: str, said: str) -> str:
    """Why ``said`` does not allow what ``expected`` names; empty if it does.

    Args:
        expected: of `phrase`; nothing allows an empty one.
        said: as it was understood.
    """
    heard = words(said)
    if not heard:
        return "No words were understood."
    if not expected or NEGATIONS & set(heard):
        return "That does not say yes."
    if ASSENTS.issuperset(heard):
        return f"“Yes” isn't enough. Say: {expected}"
    if not _says(_joined(words(expected)), tuple(heard)):
        return f"That doesn't match. Say: {expected}"
    return ""


def _act(tool: Tool) -> list[str]:
    """The words of the tool's name; without the skill's if what is left is a verb that came with Deskhand."""
    whole = tool.name.replace("_", " ").split()
    own = tool.name.removeprefix(f"{tool.skill.replace('-', '_')}_").replace("_", " ").split()
    return own if tool.bundled and own and own[0] in _VERBS and len(words(" ".join(own))) == len(own) else whole


def _objects(tool: Tool, call: ToolCall) -> list[str]:
    properties: dict[str, Any] = dict(tool.parameters.get("properties", {}))
    parts: list[str] = []
    texts = 0
    for name in sorted(call.arguments, key=list(properties).index):
        value = call.arguments[name]
        if value is None or value == properties[name].get("default", ...):
            continue  # that is how it is done when nothing is said of it
        title = name.strip("_").replace("_", " ")
        match value:
            case True:
                parts.append(title)
            case int() | float() if not isinstance(value, bool):
                parts.append(f"{_number(value)} {title}" if title in _UNITS else f"{title} {_number(value)}")
            case str() if name in PATHS:
                parts.append(_path(value))
                texts += 1
            case str():
                parts.append(f"{title} {_text(value)}" if texts else _text(value))
                texts += 1
            case _:
                raise _UnsayableError(f"its {title} can't be said in a few words")
    if not parts and not properties.keys() & call.arguments.keys() and len(_act(tool)) < 2:
        return tool.skill.replace("-", " ").split()
    return parts


def _number(value: float) -> str:
    if not -1e6 < value < 1e6 or round(value, 3) != value:
        raise _UnsayableError("it contains a number that can't be said in a few words")
    plain = f"{abs(value):.3f}".rstrip("0").rstrip(".")
    return f"minus {plain}" if value < 0 else plain


def _text(value: str) -> str:
    """A text of which nothing is lost between the eye and the ear but case, spacing and full stops."""
    plain = value.strip()
    letters = [char for char in plain if char.isalpha()]
    one_script = all(char.isascii() for char in letters) or not any(char.isascii() for char in letters)
    if (
        not _SAYABLE.fullmatch(plain)
        or not words(plain)
        or unicodedata.normalize("NFKC", plain) != plain
        or re.search(r"(?:^|\s)-", plain)
        or any(unicodedata.category(char) in {"Mn", "Cf", "Lm"} for char in plain)
        or not one_script
    ):
        raise _UnsayableError("it contains symbols")
    return plain


def _path(value: str) -> str:
    """A file by its name and its folder's."""
    path = PurePosixPath(value)
    if not path.name or ".." in path.parts:
        raise _UnsayableError("it contains a path that can't be said in a few words")
    folder = path.parent.name.lstrip("~")
    return f"{_text(path.name)} in {_text(folder)}" if folder else _text(path.name)


def _joined(said: Sequence[str]) -> str:
    """Words without the spaces between them, which speech has not; numbers keep their edges."""
    return "".join(f"#{word}#" if word.isdigit() else word for word in said)


def _says(whole: str, heard: tuple[str, ...]) -> bool:
    """Whether the words make up the whole, in order, when only words of `_PASSED_OVER` may be left out of them."""

    @cache
    def fits(index: int, at: int) -> bool:
        if index == len(heard):
            return at == len(whole)
        piece = _joined(heard[index : index + 1])
        return (whole.startswith(piece, at) and fits(index + 1, at + len(piece))) or (
            heard[index] in _PASSED_OVER and fits(index + 1, at)
        )

    return len(heard) <= 4 * MOST_WORDS and fits(0, 0)
