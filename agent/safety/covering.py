"""Where secrets stand in a picture that was read: found in its text across lines and words, and beside their labels.

Pure: lines with the place of every character in, boxes to paint over out. What a secret looks like in text is
`misread`'s to say; here is what a picture adds to that: rows, columns, forms with labels, rows of bullets.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from deskhand.agent.safety import layout, misread
from deskhand.agent.safety.redaction import Secret
from deskhand.model.cascade.ocr import Line

MARGIN = 0.2
"""Of a line's height that is painted around a secret: boxes of read text cut off the tails of letters."""

LONGEST_KEY = 80
"""Lines of a private key; RSA with 16,384 bits has 200, everyone else's fewer than 60."""

_BEGIN = re.compile(r"BEGIN ?[A-Z ]*PRIVATE ?KEY", re.IGNORECASE)
_END = re.compile(r"END ?[A-Z ]*PRIVATE ?KEY|-{2,}\s*END\b", re.IGNORECASE)
_BODY = re.compile(r"[A-Za-z0-9+/=]{16,}|[A-Za-z-]+: .*|[A-Za-z0-9+/]*={1,2}")
_FORMS = frozenset({"key", "token", "card", "account"})
"""Kinds that have a form of their own, so that they are known when a line's end cuts them in two."""


@dataclass(frozen=True, slots=True)
class Place:
    """A box that hides a secret, in pixels of the picture.

    Attributes:
        kind: of the secret, for a person.
        left: of the box.
        top: likewise.
        right: likewise.
        bottom: likewise.
        part: whether it goes on from the place before: a secret of several lines is one secret.
    """

    kind: str
    left: float
    top: float
    right: float
    bottom: float
    part: bool = False


@dataclass(frozen=True, slots=True)
class _Text:
    """Text put together from lines; each character knows the line and the place in it that it is from."""

    text: str
    sources: tuple[tuple[int, int] | None, ...]


Box = tuple[float, float, float, float]
"""Left, top, right, bottom, in pixels of the picture."""

_JOINS = "+"
"""Behind the kind of what belongs to a secret that was found before."""

_Spans = list[tuple[str, list[tuple[int, int, int]]]]
"""Kinds, each with the pieces that it takes: line, first character, one behind the last."""


def places(lines: Sequence[Line], dots: Sequence[Box] = ()) -> list[Place]:
    """Every place of a secret, those of one secret one after the other.

    Args:
        lines: the text of a picture.
        dots: boxes of rows of bullets, which reading leaves out.
    """
    lines = [*lines, *(_dotted(box) for box in dots if not any(_meets(line, box) for line in lines))]
    plain = [misread.plain(line.text) for line in lines]
    rows = layout.rows(lines)
    found: _Spans = []
    for row in rows:
        found += _within(_side_by_side(lines, row, plain), misread.in_row)
    for column in layout.columns(lines):
        for separator in ("", " "):
            found += _across(lines, column, plain, separator)
    found += _private_keys(lines, plain)
    found += _labelled(lines, rows, plain)
    found += [
        ("password", [(at, *match.span())]) for at, text in enumerate(plain) for match in misread.BULLETS.finditer(text)
    ]
    return _boxes(lines, _once(found))


def _dotted(box: Box) -> Line:
    """A row of bullets as if it had been read, as high as the line that it is."""
    left, top, right, bottom = box
    more = (bottom - top) / 2
    return Line("●●●●●●", left, top - more, right, bottom + more)


def _meets(line: Line, box: Box) -> bool:
    """Whether a row of bullets was read, whole and as bullets."""
    left, top, right, bottom = box
    across = min(line.right, right) - max(line.left, left) > 0.95 * (right - left)
    return across and line.top < bottom and top < line.bottom and misread.is_dots(line.text)


def count(found: Iterable[Place]) -> int:
    """How many secrets there are."""
    return sum(not place.part for place in found)


def _side_by_side(lines: Sequence[Line], row: Sequence[int], plain: Sequence[str]) -> _Text:
    """A row as text, with a tab for a wide gap: numbers in two cells are two numbers."""
    whole = _joined(row[:1], plain, "")
    for before, at in itertools.pairwise(row):
        far = lines[at].left - lines[before].right > 1.5 * (lines[at].bottom - lines[at].top)
        one = _joined([at], plain, "")
        whole = _Text(f"{whole.text}{chr(9) if far else ' '}{one.text}", (*whole.sources, None, *one.sources))
    return whole


def _joined(order: Sequence[int], plain: Sequence[str], separator: str) -> _Text:
    text, sources = "", list[tuple[int, int] | None]()
    for at in order:
        if text:
            text += separator
            sources += [None] * len(separator)
        text += plain[at]
        sources += [(at, index) for index in range(len(plain[at]))]
    return _Text(text, tuple(sources))


def _within(text: _Text, find: Callable[[str], Sequence[Secret]]) -> _Spans:
    found: _Spans = []
    for secret in find(text.text):
        pieces: list[tuple[int, int, int]] = []
        for source in text.sources[secret.start : secret.end]:
            if source is None:
                continue
            at, index = source
            if pieces and pieces[-1][0] == at:
                pieces[-1] = (at, pieces[-1][1], index + 1)
            else:
                pieces.append((at, index, index + 1))
        found.append((secret.kind, pieces))
    return found


def _across(lines: Sequence[Line], column: Sequence[int], plain: Sequence[str], separator: str) -> _Spans:
    """Secrets that a line's end cuts: of a form that is known, or those that go on to the edge of the column."""
    if len(column) < 2:
        return []
    text = _joined(column, plain, separator)
    found: _Spans = []
    for kind, pieces in _within(text, misread.formed):
        if kind not in _FORMS or len(pieces) < 2:
            continue
        if kind == "card" and not re.search(r"\d{4}[ -]", plain[pieces[0][0]]):
            continue  # two numbers of a table's column, one under the other
        whole = [pieces[0]]
        edge = max(lines[at].right for at, _, _ in pieces)
        for before, piece in itertools.pairwise(pieces):
            word = plain[piece[0]][piece[1] : piece[2]]
            full = edge - lines[before[0]].right < 3 * (lines[before[0]].bottom - lines[before[0]].top)
            if not (full and _goes_on(word)):
                break
            whole.append(piece)
        if len(whole) > 1:
            found.append((kind, whole))
    return found


def _goes_on(word: str) -> bool:
    """Whether a line's beginning is the rest of something made by a program and no word of a language."""
    return bool(re.search(r"\d", word) or re.search(r"[a-z][A-Z]", word) or len(word) > 24)


def _private_keys(lines: Sequence[Line], plain: Sequence[str]) -> _Spans:
    """The lines of PEM files from their first to their last, or as far as they look like one.

    Not by columns: the dashes of the first line are often lost, so that it begins elsewhere.
    """
    found: _Spans = []
    for at, text in enumerate(plain):
        if _BEGIN.search(text):
            inside = _key_lines(lines, plain, at)
            found.append(("private key", [(line, 0, len(plain[line])) for line in inside]))
    return found


def _key_lines(lines: Sequence[Line], plain: Sequence[str], first: int) -> list[int]:
    inside, sure = [first], 1
    while len(inside) < LONGEST_KEY:
        following = layout.under(lines, inside)
        if following is None:
            break
        inside.append(following)
        if _END.search(plain[following]):
            return inside
        if sure == len(inside) - 1 and _BODY.search(plain[following].replace(" ", "")):
            sure += 1
    return inside[:sure]


def _labelled(lines: Sequence[Line], rows: Sequence[Sequence[int]], plain: Sequence[str]) -> _Spans:
    """What stands in fields whose label says that it is a secret: to the right of the label, else below it."""
    found: _Spans = []
    for row in rows:
        for place, at in enumerate(row):
            label = misread.label(plain[at])
            if not label:
                continue
            beside = row[place + 1] if place + 1 < len(row) else None
            for value in (beside, layout.below(lines, at)):
                if value is not None and misread.is_value(plain[value].strip(), digits=label == "digits"):
                    found.append(("password", [(value, 0, len(plain[value]))]))
                    break
    return found


def _once(found: _Spans) -> _Spans:
    """Each piece of a line once, under the kind that was found first; a secret with nothing new is left out."""
    taken: dict[int, list[tuple[int, int]]] = {}
    kept: _Spans = []
    # Those of several lines first: their parts may have been found alone, too.
    for kind, pieces in sorted(found, key=lambda each: -len({at for at, _, _ in each[1]})):
        fresh = [
            (at, first, last)
            for at, first, last in pieces
            if not any(begin <= first and last <= end for begin, end in taken.get(at, []))
        ]
        joins = any(first < end and begin < last for at, first, last in fresh for begin, end in taken.get(at, []))
        for at, first, last in fresh:
            taken.setdefault(at, []).append((first, last))
        if fresh:
            kept.append((f"{kind}{_JOINS}" if joins else kind, fresh))
    return kept


def _boxes(lines: Sequence[Line], found: _Spans) -> list[Place]:
    made: list[Place] = []
    for kind, pieces in found:
        for number, (at, first, last) in enumerate(pieces):
            line = lines[at]
            left, right = _reach(line, first, last)
            margin = MARGIN * (line.bottom - line.top)
            box = (left - margin, line.top - margin, right + margin, line.bottom + margin)
            made.append(Place(kind.removesuffix(_JOINS), *box, part=number > 0 or kind.endswith(_JOINS)))
    return made


def _reach(line: Line, first: int, last: int) -> tuple[float, float]:
    """Left and right of some characters: halfway to their neighbours."""
    if not line.centres:
        return line.left, line.right
    left = (line.centres[first - 1] + line.centres[first]) / 2 if first > 0 else line.left
    right = (line.centres[last - 1] + line.centres[last]) / 2 if last < len(line.centres) else line.right
    return left, right
