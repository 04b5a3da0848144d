"""Change a piece of a text file in its bytes: whatever stands around it stays, byte for byte.

A person and a model see lines that end with a line feed, in Unicode. The file may have another encoding, a mark, other
or mixed line ends, and bytes that belong to no encoding at all. So a change is never made by writing anew what was
read: the piece is found in what is seen, its place in the bytes is reckoned, and only what differs within it is
written, in the file's encoding and with the line ends that stand there.

Lines end with CR LF, LF or CR; a form feed or U+2028 is a character like others, as editors have it. What is no part of
the encoding is shown as Windows-1252 has it. Letters that are composed in another way (NFC, NFD) count as the same.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from deskhand.agent.charset import Charset, detect

MOST_COMPARED = 20_000
"""Lines of a text that is written as a whole up to which those that stay are looked for one by one."""

_END = re.compile("\r\n|\r|\n")
_SPANS = re.compile("[\0-\x7f]?[^\0-\x7f]+|[\0-\x7f]+(?![^\0-\x7f])")
"""Pieces within which letters may be composed of several characters, and pieces of plain ASCII."""


def _stand_in(byte: int) -> str:
    char = bytes([byte]).decode("cp1252", "replace")
    return chr(byte) if char == "\ufffd" else char


_LONE = dict.fromkeys(range(0xD800, 0xE000), "\ufffd")
_SHOWN = _LONE | {0xDC00 + byte: _stand_in(byte) for byte in range(0x80, 0x100)}
_HOLES = {byte: 0xDC00 + byte for byte in range(0x80, 0xA0) if _stand_in(byte) == chr(byte)}
"""Bytes that Windows-1252 leaves open: what they are shown as is written as them again."""

_ENTANGLED = "can't be changed there without touching what stands around it (it is {})"


class TextError(Exception):
    """A text that can't be read or changed so; the message goes on a sentence that begins with the file's name."""


@dataclass(frozen=True)
class TextFile:
    """A text as it is on the disk.

    Attributes:
        raw: all of it.
        charset: its encoding.
    """

    raw: bytes
    charset: Charset

    @classmethod
    def of(cls, raw: bytes) -> TextFile:
        """Take bytes for a text.

        Raises:
            TextError: they are none.
        """
        charset = detect(raw)
        if charset is None:
            raise TextError("is no text")
        return cls(raw, charset)

    @property
    def text(self) -> str:
        """What is shown: every line but perhaps the last ends with a line feed."""
        return self._view

    @cached_property
    def lines(self) -> list[str]:
        """What is shown, without line ends."""
        return self._view.removesuffix("\n").split("\n") if self._view else []

    @property
    def encoding(self) -> str:
        """Its encoding in words, with what is not of it; empty where all of it is plain UTF-8."""
        strange = len(re.findall("[\udc80-\udcff]", self._decoded))
        name = f"{self.charset.name}{' with a byte order mark' if self.charset.mark else ''}"
        name += " (guessed)" if self.charset.guessed else ""
        if strange and not self.charset.guessed:
            what = "1 byte of it is" if strange == 1 else f"{strange} bytes of it are"
            return f"{name}; {what} not, and shown as Windows-1252"
        return "" if name == "UTF-8" else name

    def count(self, piece: str) -> int:
        """How often a piece stands there, overlapping ones too; its line ends may be of any kind."""
        return len(self._find(_END.sub("\n", piece)))

    def replaced(self, old: str, new: str) -> bytes:
        """The file with ``new`` in the place where ``old`` stands, which must be one; line ends may be of any kind.

        Raises:
            TextError: the new text can't be written in this encoding, or not without changing what stands around it.
        """
        ((start, end),) = self._find(_END.sub("\n", old))
        return self._changed(start, end, _END.sub("\n", new))

    def rewritten(self, text: str) -> bytes:
        """The file with all of its text replaced; lines that stay keep their bytes, and so does the mark.

        Raises:
            TextError: as of `replaced`.
        """
        if not self.raw:
            return encoded(text)
        new = text.removeprefix("\ufeff") if self.charset.mark else text
        return self._changed(0, len(self._view), _END.sub("\n", new))

    def appended(self, text: str) -> bytes:
        """The file with a text at its end; likewise."""
        end = len(self._view)
        return self._changed(end, end, _END.sub("\n", text)) if self.raw else encoded(text)

    def written(self, text: str, at: int) -> bytes:
        """A text as it would stand at a place in the bytes; raises TextError if this encoding can't say it."""
        before = self.raw[len(self.charset.mark) : at].decode(self.charset.codec, self.charset.errors)
        plain = _END.sub("\n", text)
        return _encoded(plain.replace("\n", self._line_end(len(before))), self.charset)

    # What is shown, and where it stands in the bytes ------------------------------------------------------------------

    @cached_property
    def _end(self) -> int:
        """Where the text ends: behind it may stand the piece of a last character."""
        return len(self.raw) - (len(self.raw) - len(self.charset.mark)) % self.charset.width

    @cached_property
    def _decoded(self) -> str:
        return self.raw[len(self.charset.mark) : self._end].decode(self.charset.codec, self.charset.errors)

    @cached_property
    def _view(self) -> str:
        return _END.sub("\n", self._decoded.translate(_SHOWN) if not self._decoded.isascii() else self._decoded)

    @cached_property
    def _pairs(self) -> list[int]:
        """Where in what is shown a line feed stands for a CR LF."""
        return [match.start() - number for number, match in enumerate(re.finditer("\r\n", self._decoded))]

    def _within(self, place: int) -> int:
        """A place in what is shown → the place in what was decoded."""
        return place + bisect_left(self._pairs, place)

    def _offset(self, place: int, since: tuple[int, int]) -> int:
        """A place in what was decoded → the place in the bytes, reckoned from an earlier one of which both are known.

        Raises:
            TextError: this encoding has two ways to write a character, and the place can't be told for certain.
        """
        charset, between = self.charset, self._decoded[since[0] : place]
        at = since[1] + len(between.encode(charset.codec, charset.errors))
        if self.raw[since[1] : at].decode(charset.codec, charset.errors) != between:
            raise TextError(_ENTANGLED.format(charset.name))
        return at

    def _find(self, piece: str) -> list[tuple[int, int]]:
        """Every place where a piece is shown; overlapping ones too."""
        found = list(_places(self._view, piece))
        if found or (piece.isascii() and self._view.isascii()):
            return [(at, at + len(piece)) for at in found]
        composed, starts = _composed(self._view)
        wanted = unicodedata.normalize("NFC", piece)
        ends = ((at, at + len(wanted)) for at in _places(composed, wanted))
        # A place within a letter that is composed of several characters is none.
        return [(starts[at], starts[end]) for at, end in ends if starts[at] >= 0 and starts[end] >= 0]

    # The change -------------------------------------------------------------------------------------------------------

    def _changed(self, start: int, end: int, new: str) -> bytes:
        """The bytes with ``new`` where the places ``start`` to ``end`` of what is shown are; only what differs."""
        pieces: list[bytes] = []
        kept, known = 0, (0, len(self.charset.mark))
        for low, high, text in _differences(self._view[start:end], new):
            begin, stop = self._within(start + low), self._within(start + high)
            first = self._offset(begin, known)
            written = text.replace("\n", self._line_end(begin)) if "\n" in text else text
            pieces += [self.raw[kept:first], _encoded(written, self.charset)]
            kept = self._offset(stop, (begin, first))
            known = (stop, kept)
        made = b"".join([*pieces, self.raw[kept:]])
        if not self._is(made, self._view[:start] + new + self._view[end:]):
            raise TextError(_ENTANGLED.format(self.charset.name))
        return made

    def _is(self, raw: bytes, shown: str) -> bool:
        other = TextFile(raw, self.charset)
        return unicodedata.normalize("NFC", other.text) == unicodedata.normalize("NFC", shown)

    def _line_end(self, place: int) -> str:
        """The line end that stands at or behind a place, else before it, else a line feed."""
        found = _END.search(self._decoded, place)
        if found:
            return found[0]
        at = max(self._decoded.rfind("\n", 0, place), self._decoded.rfind("\r", 0, place))
        return "\n" if at < 0 else "\r\n" if self._decoded[at - 1 : at + 1] == "\r\n" else self._decoded[at]


def encoded(text: str) -> bytes:
    """The bytes of a new file; raises TextError if it holds halves of characters, which no file can."""
    return _encoded(text, Charset())


def _encoded(text: str, charset: Charset) -> bytes:
    try:
        if charset.codec == "cp1252":
            return text.translate(_HOLES).encode(charset.codec, charset.errors)
        return text.encode(charset.codec)
    except UnicodeEncodeError as error:
        sign = str(error.object[error.start])
        what = f"“{sign}”" if sign.isprintable() else f"the character U+{ord(sign):04X}"
        raise TextError(
            f"is written in {charset.name}, which has no {what}: leave that out, or write a new file instead"
        ) from error


def _places(text: str, piece: str) -> Iterator[int]:
    at = text.find(piece) if piece else -1
    while at >= 0:
        yield at
        at = text.find(piece, at + 1)


def _composed(text: str) -> tuple[str, array[int]]:
    """A text in NFC, and the place in ``text`` of each of its characters; -1 within a letter."""
    made: list[str] = []
    starts = array("l")
    for match in _SPANS.finditer(text):
        piece, at = match[0], match.start()
        whole = unicodedata.normalize("NFC", piece)
        if whole == piece:
            made.append(piece)
            starts.extend(range(at, at + len(piece)))
            continue
        for letter in _letters(piece):
            one = unicodedata.normalize("NFC", letter)
            made.append(one)
            starts.append(at)
            starts.extend([-1] * (len(one) - 1))
            at += len(letter)
    starts.append(len(text))
    return "".join(made), starts


def _letters(text: str) -> Iterator[str]:
    """Characters with all that combines with them."""
    start = 0
    for at in range(1, len(text)):
        if not _combines(text[at]):
            yield text[start:at]
            start = at
    if text:
        yield text[start:]


def _combines(char: str) -> bool:
    return char > "\u02ff" and (unicodedata.combining(char) != 0 or char in _joining())


@lru_cache(maxsize=1)
def _joining() -> frozenset[str]:
    """What is no mark and yet becomes one with the character before it: vowels of Hangul and of Indian scripts."""
    pairs = (unicodedata.decomposition(chr(code)).split() for code in (*range(0x300, 0x3000), *range(0x11000, 0x12000)))
    vowels = {chr(int(pair[1], 16)) for pair in pairs if len(pair) == 2 and not pair[0].startswith("<")}
    return frozenset(vowels) | {chr(code) for code in (*range(0x1160, 0x1200), *range(0xD7B0, 0xD800))}


def _differences(old: str, new: str) -> list[tuple[int, int, str]]:
    """Where ``old`` has to be replaced by what to become ``new``, in order; letters are compared as they are read."""
    before, after = _lines(old), _lines(new)
    if max(len(before), len(after)) > MOST_COMPARED:
        return _trimmed(old, new, 0)
    found: list[tuple[int, int, str]] = []
    keys = [[unicodedata.normalize("NFC", line) for line in lines] for lines in (before, after)]
    ends = [0]
    for line in before:
        ends.append(ends[-1] + len(line))
    for kind, low, high, first, last in difflib.SequenceMatcher(None, *keys, autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        if high - low == last - first:
            for number in range(high - low):
                found += _trimmed(before[low + number], after[first + number], ends[low + number])
        else:
            found += _trimmed("".join(before[low:high]), "".join(after[first:last]), ends[low])
    return found


def _lines(text: str) -> list[str]:
    return re.findall("[^\n]*\n|[^\n]+", text)


def _trimmed(old: str, new: str, at: int) -> list[tuple[int, int, str]]:
    """The one difference of two pieces, without the letters that both begin and end with."""
    before, after = _units(old), _units(new)
    keys = [[unicodedata.normalize("NFC", unit) for unit in units] for units in (before, after)]
    head = _common(*keys)
    tail = _common(keys[0][head:][::-1], keys[1][head:][::-1])
    middle = "".join(after[head : len(after) - tail])
    low = at + sum(map(len, before[:head]))
    high = at + len(old) - sum(map(len, before[len(before) - tail :]))
    return [(low, high, middle)] if middle or low < high else []


def _units(text: str) -> list[str]:
    return list(text) if text.isascii() else list(_letters(text))


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
