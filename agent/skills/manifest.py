"""One SKILL.md, read leniently: its frontmatter as texts, its body, and a sentence for everything that is unusual.

The format is the Agent Skills specification (agentskills). Every value is read as a text, as the specification has no
other: a version stays ``1.10``, a date a date, and no number grows beyond what a text can be.
"""

from __future__ import annotations

import codecs
import re
import textwrap
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

from deskhand.agent.filename import spelled

MAX_SKILL_BYTES = 256 * 1024
MAX_FRONT_BYTES = 64 * 1024
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
RESERVED = {"deskhand"}
"""Names that are not a skill's to have: what Deskhand's own tools belong to."""
_KEYS = {"name", "description", "license", "compatibility", "metadata", "allowed-tools"}
_KEY_LINE = re.compile(r"(?P<before>[ ]*[\w-]+:)(?P<value>(?:[ ].*)?)$")
_MEANT = re.compile(r"\s*(?:[|>][-+\d]*\s*(?:#.*)?|[\[{](?:[^\]}]*|.*[\]}]\s*)|\*[\w-]+\s*|[&!].*)")
"""A value that is meant for YAML's own: a block of text, a list, a mapping, an alias, an anchor, a tag."""
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_NOTHING = {"", "~", "null"}

Warn = Callable[[str], None]


class ManifestError(ValueError):
    """The file is no SKILL.md; the message is a sentence."""


@dataclass(frozen=True)
class Manifest:
    """What a SKILL.md says.

    Attributes:
        name: as written, else the folder's; on one line.
        description: on one line, at most 1,024 characters.
        body: Markdown.
        license: as written.
        requests: its ``allowed-tools``.
        metadata: text by text.
    """

    name: str
    description: str
    body: str
    license: str
    requests: str
    metadata: dict[str, str]


def read(file: Path, warn: Warn) -> Manifest:
    """Read ``file``; what is only unusual is told to ``warn``.

    Raises:
        ManifestError: it is too large, no text, without frontmatter or without description.
    """
    front, body = _parts(_text(file))
    description = _line(_field(front, "description", 1024, warn))
    if not description:
        raise ManifestError("It has no description, so nobody could know when to use it.")
    name = _line(_field(front, "name", 64, warn)) or _line(spelled(file.parent.name))
    if name.casefold() in RESERVED:
        raise ManifestError(f"No skill may be called “{name}”.")
    if not NAME.fullmatch(name):
        warn(f"The name “{name}” should be lower-case letters, digits and single hyphens.")
    if name != spelled(file.parent.name):
        warn(f"The name “{name}” differs from its folder “{spelled(file.parent.name)}”.")
    if unknown := sorted(key for key in front.keys() - _KEYS):
        warn(f"Unknown in the frontmatter: {_line(', '.join(unknown))[:200]}.")
    _field(front, "compatibility", 500, warn)
    licence, requests = _line(_field(front, "license", 500, warn)), _requests(front.get("allowed-tools"))
    return Manifest(name, description, body.strip(), licence, requests, _metadata(front.get("metadata"), warn))


def _text(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            raw = stream.read(MAX_SKILL_BYTES + 1)
    except OSError as error:
        raise ManifestError(f"It can't be read: {error.strerror}.") from error
    if len(raw) > MAX_SKILL_BYTES:
        raise ManifestError(f"It is larger than {MAX_SKILL_BYTES // 1024} KB.")
    try:
        text = raw.decode("utf-16" if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise ManifestError(f"It can't be read: {error}.") from error
    return _CONTROLS.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).lstrip("\u200b\ufeff")


def _parts(text: str) -> tuple[dict[str, Any], str]:
    match = re.match(r"\s*-{3,}[ \t]*\n(.*?)\n(?:-{3,}|\.{3})[ \t]*(?:\n|$)(.*)", text, re.DOTALL)
    if not match:
        raise ManifestError("It does not begin with a frontmatter between two lines of ---.")
    if len(match.group(1)) > MAX_FRONT_BYTES:
        raise ManifestError(f"Its frontmatter is larger than {MAX_FRONT_BYTES // 1024} KB.")
    try:
        return _frontmatter(match.group(1)), match.group(2)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ManifestError(f"Its frontmatter is not YAML: {_line(str(error))[:300]}.") from error


class _Texts(yaml.BaseLoader):
    """YAML whose scalars are all texts, and without aliases: with them a short file can be an endless one."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:  # noqa: ANN401 - yaml's own
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not understood")
        return super().compose_node(parent, index)

    def construct_scalar(self, node: Any) -> Any:  # noqa: ANN401 - yaml's own
        return spelled(super().construct_scalar(node))  # "\ud800" is YAML for half a character, which nothing takes


def _frontmatter(text: str) -> dict[str, Any]:
    try:
        front = yaml.load(text, _Texts)  # noqa: S506 - a loader that makes texts, lists and mappings only
    except yaml.YAMLError:
        front = None
    if not isinstance(front, dict):
        # Many public skills write `description: Use when: …` without quotes, on one line or on several.
        front = yaml.load(_quoted(_spaced(text)), _Texts)  # noqa: S506 - the same
    if not isinstance(front, dict):
        raise ValueError("it is not a list of keys and values")  # noqa: TRY004 - a file is wrong, not our code
    found = {str(key): value for key, value in cast("dict[Any, Any]", front).items()}
    small = {key: key.lower() for key in found if key.lower() in _KEYS and key.lower() not in found}
    return {small.get(key, key): value for key, value in found.items()}


def _spaced(text: str) -> str:
    """The frontmatter with spaces where YAML wants them and a tab, a hard space or nothing stands."""
    text = re.sub(r"(?m)^\t+", lambda tabs: "  " * len(tabs[0]), text.replace("\xa0", " "))
    return re.sub(rf"(?mi)^( *(?:{'|'.join(sorted(_KEYS))}|[\w-]+(?=:\t)):)\t*(?=\S)", r"\1 ", text)


def _quoted(text: str) -> str:
    """The frontmatter with quotes around each text that YAML can't read without them, continuation lines joined."""
    made: list[str] = []
    lines = text.split("\n")
    at = 0
    while at < len(lines):
        key = _KEY_LINE.match(lines[at])
        end = at + 1
        while end < len(lines) and key and (not lines[end].strip() or _depth(lines[end]) > _depth(lines[at])):
            end += 1
        block = lines[at:end]
        if key and not _readable("\n".join(block)) and not _MEANT.fullmatch(key["value"]):
            if key["value"].strip() or not _holds_keys(block[1:]):
                value = " ".join(filter(None, (line.strip() for line in (key["value"], *block[1:]))))
                block = [f"{key['before']} '{value.replace(chr(39), chr(39) * 2)}'"]
            else:
                inner = _quoted("\n".join(block[1:]))
                block = [block[0], inner]
        made += block
        at = end
    return "\n".join(made)


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _readable(block: str) -> bool:
    try:
        return isinstance(yaml.load(textwrap.dedent(block), _Texts), dict)  # noqa: S506 - as above
    except yaml.YAMLError:
        return False


def _holds_keys(lines: Sequence[str]) -> bool:
    """Whether the lines below a key without a value are keys of their own, each of a word, or a list."""
    return all(_KEY_LINE.match(line) or line.lstrip().startswith("- ") for line in lines if line.strip())


def _field(front: dict[str, Any], key: str, most: int, warn: Warn) -> str:
    value = front.get(key, "")
    if isinstance(value, list):
        value = " ".join(each for each in cast("list[Any]", value) if isinstance(each, str))
        warn(f"{key} is a list and should be a text.")
    if not isinstance(value, str):
        warn(f"{key} is not a text.")
        return ""
    text = value.strip()
    if text in _NOTHING:
        return ""
    if len(text) > most:
        warn(f"{key} is longer than {most} characters.")
        return text[:most]
    return text


def _line(text: str) -> str:
    """On one line, without characters that a person can't see: a name that shows as another would be another's."""
    spaced = "".join(" " if char.isspace() else char for char in text)
    return " ".join("".join(char for char in spaced if unicodedata.category(char) not in {"Cc", "Cf"}).split())


def _requests(value: object) -> str:
    """``allowed-tools`` in any of the forms in use: a text, a list, a mapping."""
    if isinstance(value, dict):
        value = list(cast("dict[Any, Any]", value))
    if isinstance(value, list):
        value = ", ".join(str(entry) for entry in cast("list[Any]", value) if isinstance(entry, str))
    return _line(str(value or ""))[:500]


def _metadata(value: object, warn: Warn) -> dict[str, str]:
    if value is None or (isinstance(value, str) and value in _NOTHING):
        return {}
    if not isinstance(value, dict):
        warn("metadata is not a list of keys and values.")
        return {}
    entries = cast("dict[Any, Any]", value)
    return {str(key): entry for key, entry in entries.items() if isinstance(entry, str)}
