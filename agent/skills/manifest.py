"""One SKILL.md, read leniently: its frontmatter as texts, its body, and a sentence for everything that is unusual.

The format is the Agent Skills specification (agentskills). Every value is read as a text, as the specification has no
other: a version stays ``1.10``, a date a date, and no number grows beyond what a text can be.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
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
        return raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise ManifestError(f"It can't be read: {error}.") from error


def _parts(text: str) -> tuple[dict[str, Any], str]:
    match = re.match(r"\s*---[ \t]*\n(.*?)\n---[ \t]*(?:\n|$)(.*)", text, re.DOTALL)
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
        # Many public skills write `description: Use when: …` without quotes.
        quoted = re.sub(
            r"^([\w-]+):[ \t]+(?![\"'\[{|>&*!])(.*(?::|\s#).*)$",
            lambda m: m.group(1) + ": '" + m.group(2).replace("'", "''") + "'",
            text,
            flags=re.MULTILINE,
        )
        front = yaml.load(quoted, _Texts)  # noqa: S506 - likewise
    if not isinstance(front, dict):
        raise ValueError("it is not a list of keys and values")  # noqa: TRY004 - a file is wrong, not our code
    return {str(key): value for key, value in cast("dict[Any, Any]", front).items()}


def _field(front: dict[str, Any], key: str, most: int, warn: Warn) -> str:
    value = front.get(key, "")
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
