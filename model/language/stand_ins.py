"""How untrusted text gets through a foreign chat template without ever becoming a control token.

A template pastes strings together, so the border between what is ours and what is not has to survive the pasting.
Whatever is not ours goes in as a stand-in: private-use characters around a random number that nobody can guess. What
comes out is cut at the stand-ins; they become `Plain` pieces with the real text, pictures or sound, all else is
`Control`. No template can look into the text. ``tojson`` marks the stand-ins that it wrote, and their texts are escaped
like the strings around them. A template that cuts a stand-in apart is refused with a sentence.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, cast

from deskhand.model.errors import PromptError
from deskhand.model.language.dialect import Growing
from deskhand.model.language.literals import Pieces
from deskhand.model.types import Audio, Image

_SAFE = re.compile(r"[A-Za-z0-9_.-]{1,64}")
"""Names and schema words that stay readable for the template: no vocabulary writes a control token so."""


class StandIns:
    """Untrusted texts of one prompt and what stands for them."""

    def __init__(self) -> None:
        self._nonce = str(secrets.randbits(63) + 2**63)
        self._texts: list[str | Image | Audio] = []
        number = rf"{self._nonce}x([0-9]+)"
        self._json = re.compile(f"\ue000{number}(\ue002*)\ue001")
        # A template that prints a Python object writes our characters as escapes.
        self._cut = re.compile(rf"(?:\ue000|\\ue000){number}((?:\ue002|\\ue002)*)(?:\ue001|\\ue001)", re.IGNORECASE)

    def hide(self, text: str) -> str:
        """What stands for a text; nothing stands for nothing."""
        if not text:
            return ""
        self._texts.append(text)
        return f"\ue000{self._nonce}x{len(self._texts) - 1}\ue001"

    def place(self, medium: Image | Audio) -> str:
        """What stands for a picture or sound; the model's own markers around it are no business of the template's."""
        self._texts.append(medium)
        return f"\ue000{self._nonce}x{len(self._texts) - 1}\ue001"

    def last_of(self, text: str) -> str:
        """The stand-in with which a text ends; empty if it ends otherwise."""
        found = [*self._cut.finditer(text)]
        return found[-1][0] if found and found[-1].end() == len(text) else ""

    def hide_all(self, value: object) -> Any:  # noqa: ANN401 - any JSON value
        """A JSON value with a stand-in for every string and key that is more than a name."""
        if isinstance(value, str):
            return value if _SAFE.fullmatch(value) else self.hide(value)
        if isinstance(value, Mapping):
            pairs = cast("Mapping[str, Any]", value).items()
            return {self.hide_all(str(key)): self.hide_all(inner) for key, inner in pairs}
        if isinstance(value, list | tuple):
            return [self.hide_all(inner) for inner in cast("Sequence[Any]", value)]
        return value

    def json_written(self, made: str) -> str:
        """Mark the stand-ins in JSON that was just made: their texts have to be escaped once more."""
        return self._json.sub("\ue000" + self._nonce + "x\\1\\2\ue002\ue001", made)

    def cut(self, rendered: str, pieces: Pieces, until: str = "") -> None:
        """Cut a rendering into what the template wrote and what stood in.

        Args:
            rendered: what the template wrote.
            pieces: receives both.
            until: a stand-in of `hide`, with which to stop; all that follows it is left out.

        Raises:
            PromptError: the template cut a stand-in apart.
        """
        at = 0
        for found in self._cut.finditer(rendered):
            self._trusted(rendered[at : found.start()], pieces)
            text, last = self._texts[int(found[1])], bool(until) and found[0] == until
            if isinstance(text, str):
                for _ in range(found[2].count("e002") or len(found[2])):
                    text = json.dumps(text, ensure_ascii=False)[1:-1]
                pieces.plain(text)
            else:
                pieces.media(Growing(text) if last and isinstance(text, Audio) and text.growing else text)
            at = found.end()
            if last:
                return
        self._trusted(rendered[at:], pieces)

    def _trusted(self, text: str, pieces: Pieces) -> None:
        if self._nonce in text or re.search("[\ue000-\ue002]", text):
            raise PromptError("This model's chat template cuts messages apart; please choose another model.")
        pieces.control(text)
