"""Where our own windows are: no click of the agent may land there, and no capture may show them.

The approval is drawn by the application. What the model could click it could answer, and what it sees of itself it
could be told by.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle on the virtual desktop, in physical pixels.

    Attributes:
        left: of its first column.
        top: of its first row.
        width: in pixels; nothing if not positive.
        height: likewise.
    """

    left: int
    top: int
    width: int
    height: int

    @property
    def right(self) -> int:
        """Of the column behind its last."""
        return self.left + self.width

    @property
    def bottom(self) -> int:
        """Of the row behind its last."""
        return self.top + self.height

    def holds(self, x: float, y: float) -> bool:
        """Whether a place is inside."""
        return self.left <= x < self.right and self.top <= y < self.bottom

    def cut(self, other: Area) -> Area:
        """What both have in common; without width or height if that is nothing."""
        left, top = max(self.left, other.left), max(self.top, other.top)
        return Area(left, top, min(self.right, other.right) - left, min(self.bottom, other.bottom) - top)

    def without(self, other: Area) -> list[Area]:
        """What is left of this when ``other`` lies on it: up to four rectangles."""
        common = self.cut(other)
        if common.width <= 0 or common.height <= 0:
            return [self]
        pieces = (
            Area(self.left, self.top, self.width, common.top - self.top),
            Area(self.left, common.bottom, self.width, self.bottom - common.bottom),
            Area(self.left, common.top, common.left - self.left, common.height),
            Area(common.right, common.top, self.right - common.right, common.height),
        )
        return [piece for piece in pieces if piece.width > 0 and piece.height > 0]


def strikes(x: float, y: float, ours: Iterable[Area]) -> bool:
    """Whether a click at a place of the virtual desktop, in physical pixels, would land on one of our windows."""
    return any(area.holds(x, y) for area in ours)


def visible(stack: Sequence[tuple[Area, bool]]) -> list[Area]:
    """What is seen of our windows.

    Args:
        stack: every window, the lowest first, and whether it is ours.
    """
    seen: list[Area] = []
    for area, ours in stack:
        seen = [piece for each in seen for piece in each.without(area)]
        if ours and area.width > 0 and area.height > 0:
            seen.append(area)
    return seen
