"""Hold back what repeats the instructions of a skill: they are for the model to follow, not an answer."""

from __future__ import annotations

import re
from collections.abc import Iterable

RUN = 100
"""Characters in a row that are no coincidence; a sentence that names a tool as its instructions do is shorter."""

_WORDS = re.compile(r"\S+|\s+")
_BETWEEN = re.compile(r"[\s*_`#>|-]+")


class Echo:
    """Passes a stream of text on, but for passages out of instructions.

    Args:
        instructions: that the model was given.
    """

    def __init__(self, instructions: Iterable[str]) -> None:
        self._texts = [_plain(text) for text in instructions if len(text) >= RUN]
        self._held = ""
        self.found = False
        """A passage was held back for good; the generation is worth nothing from there on."""

    def show(self, piece: str) -> str:
        """Take the next piece and give what can be shown."""
        if not self._texts:
            return piece
        return "".join(self._word(word) for word in _WORDS.findall(piece))

    def _word(self, word: str) -> str:
        self._held += word
        plain = _plain(self._held)
        if any(plain.strip() in text for text in self._texts):
            self.found = self.found or len(plain) >= RUN
            return ""
        return self.rest()

    def rest(self) -> str:
        """Give what is still held back, at the end; nothing of a passage."""
        text, self._held = ("" if self.found else self._held), ""
        return text


def _plain(text: str) -> str:
    return _BETWEEN.sub(" ", text).casefold()
