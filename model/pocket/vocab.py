"""Pocket's tokenizer: every control token of Gemma 4, all bytes, ASCII, and pieces learnt from the wire format.

What is read from a screen stays spelt in letters, which is what a small model can copy; what the model writes around it
(``call:clock_set_timer{minutes:``) is learnt as whole pieces. So a merge may only join what holds a mark that prose
hardly has. Tokens, types and merges are laid out as in `tiny.vocab`, and read by llama.cpp as ``gemma4``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import pairwise

from deskhand.model.language.dialect import Control, Piece, Plain
from deskhand.model.language.template import Gemma4Dialect
from deskhand.model.pocket.world.commands import examples
from deskhand.model.tiny.vocab import BYTE, CONTROLS, NORMAL, UNUSED, Vocabulary
from deskhand.model.types import Message, Request, Text

SIZE = 640
"""Tokens; `PocketSpec.vocab`."""

_SPACE = "▁"
_MARKS = frozenset(":{}_[],=?/@")
_CONTROL = re.compile("|".join(re.escape(text) for text, _ in sorted(CONTROLS, key=lambda each: -len(each[0]))))


def _wire() -> list[str]:
    """The plain pieces of all calls, and of a box on a picture."""
    found = ['```json\n[{"box_2d":[', '],"label":"', '"}]\n```']
    for call in examples():
        request = Request((Message("user", (Text("?"),)), Message("assistant", calls=(call,))))
        found += [piece.text for piece in Gemma4Dialect().render(request) if isinstance(piece, Plain)]
    return found


def _joins(left: str, right: str) -> bool:
    whole = left + right
    return bool(_MARKS & set(whole)) and not any(c.isdigit() or c in "\n▁" for c in whole)


@cache
def vocabulary(size: int = SIZE) -> Vocabulary:
    """Make the vocabulary.

    Raises:
        ValueError: ``size`` is too small for controls, bytes and characters.
    """
    pieces = [("\n" * n, NORMAL) for n in range(1, 9)]
    pieces += [(_SPACE, NORMAL)] + [(chr(code), NORMAL) for code in range(0x21, 0x7F)]
    fixed = [*CONTROLS, *((f"<0x{byte:02X}>", BYTE) for byte in range(256)), *pieces]
    if size < len(fixed):
        raise ValueError(f"{size} tokens have no room for the {len(fixed)} that are always there")
    known = {text for text, _ in fixed}
    merges: list[str] = []
    words = {text: list(text) for text in sorted(set(_wire()))}
    while len(fixed) < size:
        counts: Counter[tuple[str, str]] = Counter()
        for parts in words.values():
            counts.update(pair for pair in pairwise(parts) if _joins(*pair))
        if not counts:
            break
        left, right = min(counts, key=lambda pair: (-counts[pair], pair))
        merges.append(f"{left} {right}")
        if left + right not in known:
            known.add(left + right)
            fixed.append((left + right, NORMAL))
        words = {text: _joined(parts, (left, right)) for text, parts in words.items()}
    fixed += [(f"<unused{n}>", UNUSED) for n in range(size - len(fixed))]
    tokens, types = zip(*fixed, strict=True)
    return Vocabulary(tokens, types, tuple(merges))


def _joined(parts: Sequence[str], pair: tuple[str, str]) -> list[str]:
    result: list[str] = []
    for part in parts:
        if result and (result[-1], part) == pair:
            result[-1] += part
        else:
            result.append(part)
    return result


class Tokenizer:
    """Text to tokens as llama.cpp does it for ``gemma4`` (src/llama-vocab.cpp, `llm_tokenizer_bpe_session`).

    Args:
        vocab: its tokens and merges.
    """

    def __init__(self, vocab: Vocabulary | None = None) -> None:
        self.vocabulary = vocab or vocabulary()
        self._ids = {text: index for index, text in enumerate(self.vocabulary.tokens)}
        self._ranks = {tuple(merge.split(" ")): rank for rank, merge in enumerate(self.vocabulary.merges)}

    def plain(self, text: str) -> list[int]:
        """Ids of text in which nothing is a control token."""
        found: list[int] = []
        for line in re.findall(r"[^\n]+|\n+", text.replace(" ", _SPACE)):
            found += [self._ids[line]] if line in self._ids and line[0] == "\n" else self._merged(line)
        return found

    def control(self, text: str) -> list[int]:
        """Ids of text that we wrote: control tokens in it are those tokens."""
        found: list[int] = []
        begin = 0
        for match in _CONTROL.finditer(text):
            found += [*self.plain(text[begin : match.start()]), self._ids[match[0]]]
            begin = match.end()
        return found + self.plain(text[begin:])

    def pieces(self, pieces: Iterable[Piece]) -> list[int]:
        """Ids of prompt pieces without media.

        Raises:
            TypeError: a picture or sound is among them.
        """
        found: list[int] = []
        for piece in pieces:
            match piece:
                case Control(text):
                    found += self.control(text)
                case Plain(text):
                    found += self.plain(text)
                case _:
                    raise TypeError("pictures and sound are no tokens")
        return found

    def text(self, ids: Iterable[int]) -> str:
        """The text of tokens, controls spelt out."""
        data = bytearray()
        for index in ids:
            token = self.vocabulary.tokens[index]
            byte = re.fullmatch(r"<0x(..)>", token)
            data += bytes.fromhex(byte[1]) if byte else token.replace(_SPACE, " ").encode()
        return data.decode(errors="replace")

    def _merged(self, line: str) -> list[int]:
        parts = list(line)
        while True:
            ranked = [(self._ranks[pair], at) for at, pair in enumerate(pairwise(parts)) if pair in self._ranks]
            if not ranked:
                break
            at = min(ranked)[1]
            parts[at : at + 2] = [parts[at] + parts[at + 1]]
        found: list[int] = []
        for part in parts:
            if part in self._ids:
                found.append(self._ids[part])
            else:
                found += [self._ids[f"<0x{byte:02X}>"] for byte in part.encode()]
        return found
