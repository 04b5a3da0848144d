"""Where content came from that nobody vouches for, and which of it an argument repeats."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "screen", "picture", "sound", "file", "web", "clipboard", "server", "program", "desktop", "skill", "notes"
]

_WORDS: dict[Kind, str] = {
    "screen": "the screen",
    "picture": "a picture",
    "sound": "a recording",
    "file": "a file",
    "web": "a web page",
    "clipboard": "the clipboard",
    "server": "a server",
    "program": "a program",
    "desktop": "the desktop",
    "skill": "the text of a skill",
    "notes": "notes saved while outside text was in the chat",
}


@dataclass(frozen=True, slots=True)
class Origin:
    """One place that content came from.

    Attributes:
        kind: what it is.
        name: which one, for a person: a path, an address, a screen; may be empty.
        media: digest of the picture or recording, empty for text.
    """

    kind: Kind
    name: str = ""
    media: str = ""

    @property
    def words(self) -> str:
        """For a person: ``the screen (screen 1, X11)``."""
        return f"{_WORDS[self.kind]} ({self.name})" if self.name else _WORDS[self.kind]


@dataclass(frozen=True, slots=True)
class Carried:
    """Text that an argument has in common with what was read.

    Attributes:
        argument: which one: ``url``, ``lines[2]``.
        text: as it stands in the argument.
        origin: where it was read.
    """

    argument: str
    text: str
    origin: Origin
