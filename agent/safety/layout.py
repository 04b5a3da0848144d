"""How lines of text lie on a picture: side by side, one under the other, wrapped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from deskhand.model.cascade.ocr import Line


def rows(lines: Sequence[Line]) -> list[list[int]]:
    """Lines side by side, from left to right: the middle of each lies within the first."""
    found: list[list[int]] = []
    for at in sorted(range(len(lines)), key=lambda at: lines[at].top + lines[at].bottom):
        middle = (lines[at].top + lines[at].bottom) / 2
        row = next((row for row in reversed(found) if lines[row[0]].top <= middle <= lines[row[0]].bottom), None)
        if row is None:
            found.append([at])
        else:
            row.append(at)
    return [sorted(row, key=lambda at: lines[at].left) for row in found]


def columns(lines: Sequence[Line]) -> list[list[int]]:
    """Lines one under the other that begin at one place, as text that was wrapped does."""
    after: dict[int, int] = {}
    for at in range(len(lines)):
        follower = _next(lines, at)
        if follower is not None:
            after[at] = follower
    heads = [at for at in range(len(lines)) if at not in set(after.values())]
    return [list(_chain(at, after)) for at in heads]


def _chain(at: int, after: dict[int, int]) -> Iterator[int]:
    seen: set[int] = set()
    while at not in seen:
        yield at
        seen.add(at)
        if at not in after:
            return
        at = after[at]


def _next(lines: Sequence[Line], at: int) -> int | None:
    line = lines[at]
    high = line.bottom - line.top
    middle = (line.top + line.bottom) / 2
    under = [
        (other.top + other.bottom, index)
        for index, other in enumerate(lines)
        if 0.6 * high < (other.top + other.bottom) / 2 - middle < 2.2 * high
        and abs(other.left - line.left) < 1.5 * high
        and 0.6 < (other.bottom - other.top) / max(high, 1) < 1.7
    ]
    return min(under)[1] if under else None


def under(lines: Sequence[Line], above: Sequence[int]) -> int | None:
    """The nearest line below the last of some that stands under it, wherever it begins."""
    last = lines[above[-1]]
    high = last.bottom - last.top
    under = [
        (line.top, at)
        for at, line in enumerate(lines)
        if 0.5 * high < line.top - last.top < 2.5 * high
        and min(line.right, last.right) - max(line.left, last.left) > high
        and at not in above
    ]
    return min(under)[1] if under else None


def below(lines: Sequence[Line], at: int) -> int | None:
    """The nearest line under one, within three heights, that begins no further right than it ends."""
    label = lines[at]
    high = label.bottom - label.top
    under = [
        (line.top, index)
        for index, line in enumerate(lines)
        if label.bottom - high / 2 < line.top < label.bottom + 3 * high
        and label.left - high < line.left < max(label.right, label.left + 4 * high)
    ]
    return min(under)[1] if under else None
