"""Canonical windows, dialogs of title, message and buttons on a grid of cells, and pictures that are none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from deskhand.model.pocket.spec import BUDGET, CELL, COLUMNS, HEIGHT, ROWS, WIDTH
from deskhand.model.pocket.world.glyphs import Face, write
from deskhand.model.pocket.world.lexicon import BUTTONS, QUESTIONS, SUBJECTS, THINGS, TITLES, VERBS, held_out
from deskhand.model.types import Image

Pixels = NDArray[np.uint8]
Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours of a window."""

    paper: Colour
    ink: Colour
    bar: Colour
    title: Colour
    button: Colour
    label: Colour


THEMES = (
    Theme((236, 236, 236), (20, 20, 20), (52, 101, 164), (255, 255, 255), (210, 210, 210), (0, 0, 0)),
    Theme((40, 42, 46), (235, 235, 235), (24, 25, 28), (255, 255, 255), (70, 73, 80), (255, 255, 255)),
    Theme((255, 255, 255), (0, 0, 0), (230, 230, 230), (0, 0, 0), (0, 95, 184), (255, 255, 255)),
    Theme((250, 244, 228), (60, 40, 20), (150, 90, 40), (255, 250, 240), (225, 205, 170), (60, 40, 20)),
)


@dataclass(frozen=True, slots=True)
class Button:
    """A button on the grid.

    Attributes:
        label: what it says.
        column: of its first cell.
        row: of its cells; its frame takes half a cell more on each side.
    """

    label: str
    column: int
    row: int

    def edges(self, shift: tuple[int, int] = (0, 0)) -> tuple[int, int, int, int]:
        """Left, top, right and bottom in pixels."""
        left, top = self.column * CELL[0] + shift[0], self.row * CELL[1] + shift[1]
        return left - 8, top - 8, left + len(self.label) * CELL[0] + 8, top + CELL[1] + 8


@dataclass(frozen=True, slots=True)
class Window:
    """One canonical window.

    Attributes:
        title: in the bar.
        message: one or two lines.
        buttons: from left to right, or from top to bottom.
        theme: its colours.
        face: of the letters.
        shift: of everything from the grid, pixels to the right and down; (0, 0) is aligned.
        message_at: column and row of the message's first line.
        title_row: of the title; 0 in training, where letters touch the upper edge, 1 leaves room above them.
    """

    title: str
    message: tuple[str, ...]
    buttons: tuple[Button, ...]
    theme: Theme = THEMES[0]
    face: Face = "mono"
    shift: tuple[int, int] = (0, 0)
    message_at: tuple[int, int] = (1, 4)
    title_row: int = 0

    @property
    def text(self) -> str:
        """All of it as it is read aloud: title, message, buttons, a line each."""
        return "\n".join([self.title, *self.message, " | ".join(button.label for button in self.buttons)])

    @property
    def on_grid(self) -> bool:
        """Whether every letter fills a cell of the grid."""
        return self.shift == (0, 0) and self.face == "mono"

    def lines(self) -> list[tuple[int, int, str]]:
        """Column, row and text of all that is written, in the order in which it is read."""
        column, row = self.message_at
        message = [(column, row + index, line) for index, line in enumerate(self.message)]
        return [
            (1, self.title_row, self.title),
            *message,
            *((each.column, each.row, each.label) for each in self.buttons),
        ]

    def cells(self) -> list[str]:
        """What is in each cell of the grid, `ROWS` lines of `COLUMNS`; of a window that is on it."""
        grid = [[" "] * COLUMNS for _ in range(ROWS)]
        for column, row, text in self.lines():
            grid[row][column : column + len(text)] = text
        return ["".join(line) for line in grid]

    def box(self, button: Button) -> tuple[int, int, int, int]:
        """Top, left, bottom and right of a button in thousandths of the picture, as Gemma writes boxes."""
        left, top, right, bottom = button.edges(self.shift)
        across, down = 1000 / WIDTH, 1000 / HEIGHT
        return round(top * down), round(left * across), round(bottom * down), round(right * across)

    def middle(self, button: Button) -> tuple[int, int]:
        """Thousandths from the left and from the top of a button's middle."""
        top, left, bottom, right = self.box(button)
        return (left + right) // 2, (top + bottom) // 2

    def render(self) -> Pixels:
        """The window's pixels, RGB of shape (336, 480, 3)."""
        pixels = np.empty((HEIGHT, WIDTH, 3), np.uint8)
        pixels[...] = self.theme.paper
        pixels[: 2 * CELL[1] + self.title_row * CELL[1] // 2 + self.shift[1]] = self.theme.bar
        self._write(pixels, self.title, (1, self.title_row), self.theme.title)
        for index, line in enumerate(self.message):
            self._write(pixels, line, (self.message_at[0], self.message_at[1] + index), self.theme.ink)
        for button in self.buttons:
            left, top, right, bottom = button.edges(self.shift)
            pixels[max(top, 0) : bottom, max(left, 0) : right] = self.theme.button
            self._write(pixels, button.label, (button.column, button.row), self.theme.label)
        return pixels

    def _write(self, pixels: Pixels, text: str, cell: tuple[int, int], ink: Colour) -> None:
        at = cell[0] * CELL[0] + self.shift[0], cell[1] * CELL[1] + self.shift[1]
        write(pixels, text, at, ink, self.face)


def picture(pixels: Pixels) -> Image:
    """Pixels as a part of a message, at the budget at which a canonical window is not resized."""
    return Image(np.ascontiguousarray(pixels).tobytes(), pixels.shape[1], pixels.shape[0], BUDGET)


LAYOUTS = tuple(
    (arrangement, count, row)
    for arrangement, count, row in product(("left", "right", "spread", "stacked"), (1, 2, 3), range(6, 13))
    if arrangement != "stacked" or row >= 4 + 2 * count
)
"""Arrangement, number of buttons, row of the (last) buttons; above them is room for the message."""

_HELD_BACK = tuple(layout for layout in LAYOUTS[3::14] if layout[1] > 1)
"""A single button stands alike in several arrangements; and a stride of the seven rows' would hold back a whole row."""

HELD_OUT_LAYOUTS = (*_HELD_BACK, *product(("centred",), (1, 2, 3), (7, 10, 12)))
"""Some trained arrangements in a row in which they are never trained, and one arrangement that never is."""

TRAINED_LAYOUTS = tuple(layout for layout in LAYOUTS if layout not in _HELD_BACK)

_SHIFTS = tuple(product(range(CELL[0]), range(CELL[1])))
HELD_OUT_SHIFTS = _SHIFTS[5::9]
TRAINED_SHIFTS = tuple(shift for shift in _SHIFTS if shift not in HELD_OUT_SHIFTS)


def place(labels: Sequence[str], arrangement: str, row: int) -> tuple[Button, ...]:
    """Buttons in an arrangement whose last row is ``row``; those that find no room are left out."""
    if arrangement == "stacked":
        first = row - 2 * (len(labels) - 1)
        return tuple(Button(label, 2, first + 2 * index) for index, label in enumerate(labels))
    gap = 2 if arrangement != "spread" else 4
    width = sum(map(len, labels)) + gap * (len(labels) - 1)
    column = {"right": COLUMNS - 2 - width, "centred": (COLUMNS - width) // 2}.get(arrangement, 2)
    found: list[Button] = []
    for label in labels:
        if column >= 1 and column + len(label) < COLUMNS:
            found.append(Button(label, column, row))
        column += len(label) + gap
    return tuple(found)


def _moved(buttons: Sequence[Button], rng: np.random.Generator) -> tuple[Button, ...]:
    """Buttons together where no arrangement puts them in their rows: such layouts may be held out."""
    left = min(button.column for button in buttons)
    right = max(button.column + len(button.label) for button in buttons)
    width = right - left
    by = int(rng.integers(1 - left, COLUMNS - right))
    if left + by in {2, COLUMNS - 2 - width, (COLUMNS - width) // 2}:
        by = 0
    return tuple(replace(button, column=button.column + by) for button in buttons)


KINDS = 5
"""Of lines: statements, questions, counts, codes, statements about something with a name."""


def sentence(rng: np.random.Generator, kind: int | None = None) -> str:
    """A line of a message: one of some thousand sentences, codes and counts; of one of `KINDS`, if it is given."""

    def one(choices: Sequence[str]) -> str:
        return choices[int(rng.integers(len(choices)))]

    which = int(rng.integers(KINDS)) if kind is None else kind
    if which == 0:
        return f"{one(SUBJECTS)} {one(VERBS)}."
    if which == 1:
        return one(QUESTIONS)
    if which == 2:
        return f"{rng.integers(2, 1000)} {one(THINGS)} {one(VERBS).replace('is ', 'are ').replace('was ', 'were ')}."
    if which == 3:
        letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
        return f"Code {one(letters)}{one(letters)}{rng.integers(100, 1000)}."
    letters = "abcdefghijklmnopqrstuvwxyz"
    return f"{one(SUBJECTS)} {''.join(one(letters) for _ in range(int(rng.integers(3, 9))))} {one(VERBS)}."


def draw(
    rng: np.random.Generator,
    *,
    shifted: bool = False,
    face: Face = "mono",
    moved: bool = False,
    held: bool = False,
) -> Window:
    """A random canonical window.

    Args:
        rng: decides everything.
        shifted: off the grid by a random shift.
        face: of the letters.
        moved: with its buttons anywhere in their row.
        held: of texts, layouts and shifts that training never sees.
    """
    layouts, shifts = (HELD_OUT_LAYOUTS, HELD_OUT_SHIFTS) if held else (TRAINED_LAYOUTS, TRAINED_SHIFTS)
    arrangement, count, row = layouts[int(rng.integers(len(layouts)))]
    chosen = rng.choice(len(BUTTONS), count, replace=False)
    buttons = place([BUTTONS[int(i)] for i in chosen], arrangement, row)
    if moved and buttons:
        buttons = _moved(buttons, rng)
    lines: list[str] = []
    wanted = int(rng.integers(1, 3))
    while len(lines) < wanted:
        line = sentence(rng)
        if len(line) < COLUMNS - 1 and held_out(line) == held:
            lines.append(line)
    return Window(
        title=TITLES[int(rng.integers(len(TITLES)))],
        message=tuple(lines),
        buttons=buttons,
        theme=THEMES[int(rng.integers(len(THEMES)))],
        face=face,
        shift=shifts[int(rng.integers(len(shifts)))] if shifted else (0, 0),
        message_at=(int(rng.integers(1, 3)) if max(map(len, lines)) < COLUMNS - 2 else 1, int(rng.integers(2, 4))),
    )


def foreign(rng: np.random.Generator, *, held: bool = False) -> Pixels:
    """A picture of the same size that is no canonical window; ``held`` takes kinds that training never sees."""
    rows, columns = np.arange(HEIGHT)[:, None], np.arange(WIDTH)[None, :]
    first, second = rng.integers(0, 256, (2, 3))
    which = int(rng.integers(3))
    if held:
        which += 3
    if which == 0:  # an even surface
        return np.broadcast_to(first, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    if which == 1:  # a slope of colour
        part = ((rows / HEIGHT + columns / WIDTH) / 2)[..., None]
        return (first * part + second * (1 - part)).astype(np.uint8)
    if which in {2, 3}:  # blocks, fine or coarse
        size = int(rng.integers(3, 20) if which == 2 else rng.integers(30, 90))
        blocks = rng.integers(0, 256, (HEIGHT // size + 1, WIDTH // size + 1, 3))
        return blocks[rows // size, columns // size].astype(np.uint8)
    if which == 4:  # waves
        wave = np.sin(rows / rng.uniform(5, 40)) * np.cos(columns / rng.uniform(5, 40))
        return (first + (second - first) * ((wave[..., None] + 1) / 2)).astype(np.uint8)
    # A page of small text: the letters are those of the second face, many to a patch.
    pixels = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    pixels[...] = 255
    for row in range(ROWS):
        write(pixels, f"{sentence(rng)} {sentence(rng)}", (4, row * CELL[1]), (0, 0, 0), "sans")
    return pixels
