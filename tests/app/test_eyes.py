"""Where a text stands, among pieces as recognition gives them."""

from deskhand.app.host.eyes import matches
from deskhand.model.cascade.ocr import Word


def test_the_best_match_comes_first_and_a_part_is_boxed_alone():
    words = [Word("Save as draft", 0, 0, 130, 20), Word("Save", 200, 0, 240, 20), Word("Sawe", 0, 50, 40, 70)]
    found = matches("save", words)
    assert [(word.left, word.right) for word in found] == [(200, 240), (0, 130 * 4 / 11), (0, 40)]


def test_white_space_and_case_make_no_difference():
    assert matches("Order pizza", [Word("Orderpizza", 0, 0, 100, 20)])[0].text == "Orderpizza"
    assert matches("ORDER  PIZZA", [Word("order pizza", 0, 0, 100, 20)])


def test_what_is_not_there_is_not_found():
    assert matches("Delete", [Word("Save", 0, 0, 1, 1), Word("…", 0, 0, 1, 1)]) == []
