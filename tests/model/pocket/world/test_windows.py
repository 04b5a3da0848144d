"""Canonical windows: what is drawn is what is said to be there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from deskhand.model import pixels
from deskhand.model.pocket.encoding import letters_of, patches_of
from deskhand.model.pocket.spec import BUDGET, CELL, COLUMNS, HEIGHT, ROWS, WIDTH
from deskhand.model.pocket.world import windows
from deskhand.model.pocket.world.glyphs import glyph
from deskhand.model.pocket.world.lexicon import held_out


def drawn(count: int, **how) -> list[windows.Window]:
    rng = np.random.default_rng(3)
    return [windows.draw(rng, **how) for _ in range(count)]


def test_a_canonical_window_reaches_the_model_as_it_is():
    assert pixels.reference_size(WIDTH, HEIGHT, BUDGET) == (WIDTH, HEIGHT)
    assert (COLUMNS * CELL[0], ROWS * CELL[1]) == (WIDTH, HEIGHT)


@pytest.mark.parametrize("how", [{}, {"held": True}, {"shifted": True}, {"face": "sans", "shifted": True}])
def test_everything_fits_and_nothing_overlaps(how):
    for window in drawn(300, **how):
        assert window.buttons
        spaces = [button.edges(window.shift) for button in window.buttons]
        for left, top, right, bottom in spaces:
            assert 0 <= left < right <= WIDTH + CELL[0]
            assert 2 * CELL[1] <= top < bottom <= HEIGHT + CELL[1]
        lowest = (window.message_at[1] + len(window.message)) * CELL[1] + window.shift[1]
        assert all(top >= lowest - 8 for _, top, _, _ in spaces)
        for index, one in enumerate(spaces):
            for other in spaces[index + 1 :]:
                assert one[2] <= other[0] or one[3] <= other[1]


def test_a_button_is_where_its_box_says():
    for window in drawn(50, shifted=True):
        image = window.render()
        for button in window.buttons:
            x, y = window.middle(button)
            top, left, bottom, right = window.box(button)
            assert left < x < right
            assert top < y < bottom
            inside = image[round(bottom / 1000 * HEIGHT) - 3 if bottom < 1000 else -1, round(x / 1000 * WIDTH)]
            assert tuple(inside) in {window.theme.button, window.theme.label}


def test_letters_are_drawn_where_they_are_said_to_be():
    window = windows.Window("Error", ("It works.",), ())
    row, column = window.message_at[1], window.message_at[0]
    cell = window.render()[row * CELL[1] : (row + 1) * CELL[1], column * CELL[0] : (column + 1) * CELL[0]]
    ink = (236 - cell.mean(axis=2)) / (236 - 20)
    np.testing.assert_allclose(ink, glyph("I"), atol=0.02)


def test_held_out_layouts_shifts_and_texts_are_not_those_of_training():
    trained, kept = drawn(400, shifted=True), drawn(400, shifted=True, held=True)
    assert not {window.shift for window in trained} & {window.shift for window in kept}
    assert not {line for window in trained for line in window.message if held_out(line)}
    assert all(held_out(line) for window in kept for line in window.message)
    labels = ("Yes", "Cancel", "OK")

    def places(layouts):
        return {windows.place(labels[:count], arrangement, row) for arrangement, count, row in layouts}

    assert not places(windows.TRAINED_LAYOUTS) & places(windows.HELD_OUT_LAYOUTS)


@pytest.mark.parametrize("held", [False, True])
def test_half_of_the_windows_have_two_lines_of_text(held):
    counts = [len(window.message) for window in drawn(400, held=held)]
    assert set(counts) == {1, 2}
    assert 160 < counts.count(2) < 240


def test_every_row_and_number_of_held_out_buttons_is_trained_in_other_layouts():
    for part in (1, 2):
        trained = {layout[part] for layout in windows.TRAINED_LAYOUTS if layout[0] != "stacked"}
        assert {layout[part] for layout in windows.HELD_OUT_LAYOUTS} <= trained


def test_buttons_that_are_moved_stay_in_their_rows_together_and_stand_as_no_arrangement_puts_them():
    columns = set()
    for seed in range(300):
        plain, moved = (windows.draw(np.random.default_rng(seed), moved=how) for how in (False, True))
        (by,) = {b.column - a.column for a, b in zip(plain.buttons, moved.buttons, strict=True)}
        assert [b.row for b in moved.buttons] == [b.row for b in plain.buttons]
        left = min(b.column for b in moved.buttons)
        right = max(b.column + len(b.label) for b in moved.buttons)
        assert 1 <= left < right < COLUMNS
        if by:
            width = right - left
            assert left not in {2, COLUMNS - 2 - width, (COLUMNS - width) // 2}
            columns.add(left)
    assert len(columns) > 15


def test_the_same_seed_draws_the_same_window():
    one, other = (windows.draw(np.random.default_rng(5), shifted=True) for _ in range(2))
    assert one == other
    assert (one.render() == other.render()).all()


@pytest.mark.parametrize("held", [False, True])
def test_other_pictures_have_the_same_size(held):
    rng = np.random.default_rng(6)
    for _ in range(20):
        image = windows.foreign(rng, held=held)
        assert (image.shape, image.dtype) == ((HEIGHT, WIDTH, 3), np.uint8)


def test_the_letters_of_each_patch_are_those_that_are_drawn_on_it():
    rng = np.random.default_rng(5)
    window = windows.draw(rng)
    letters = letters_of(window.cells())
    blank = replace(
        window, title="", message=(), buttons=tuple(replace(b, label=" " * len(b.label)) for b in window.buttons)
    )
    written, _ = patches_of(windows.picture(window.render()))
    empty, _ = patches_of(windows.picture(blank.render()))
    touched = (written.astype(int) != empty).reshape(70, 3, 2, 24, 3, 16).any((1, 3, 5)).reshape(70, 6)
    assert np.array_equal(touched, letters > 0)
    first = [chr(each + 31) if each else " " for each in letters[:10].reshape(10, 2, 3)[:, 0].flatten()]
    assert "".join(first).strip() == window.title
