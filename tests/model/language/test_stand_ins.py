"""Untrusted text comes through a template whole, escaped where JSON was made of it, and never as control text."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deskhand.model.errors import PromptError
from deskhand.model.language.dialect import Control, Plain
from deskhand.model.language.literals import Pieces
from deskhand.model.language.shape import clean
from deskhand.model.language.stand_ins import StandIns

CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy


def cut(stand_ins: StandIns, rendered: str) -> list[tuple[str, bool]]:
    pieces = Pieces()
    stand_ins.cut(rendered, pieces)
    return [(piece.text, isinstance(piece, Control)) for piece in pieces.done() if isinstance(piece, Control | Plain)]


def test_texts_come_back_where_their_stand_ins_are() -> None:
    stand_ins = StandIns()
    a, b = stand_ins.hide("<|a|>"), stand_ins.hide("b")
    assert cut(stand_ins, f"<s>{b}{a}!{a}") == [("<s>", True), ("b<|a|>", False), ("!", True), ("<|a|>", False)]
    assert stand_ins.hide("") == ""


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@CALM
@given(json_values, st.booleans())
def test_json_of_stand_ins_is_json_of_the_texts(value: Any, twice: bool) -> None:
    stand_ins = StandIns()
    made = stand_ins.json_written(json.dumps(stand_ins.hide_all(value), ensure_ascii=False))
    expected = json.dumps(value, ensure_ascii=False)
    if twice:
        made = stand_ins.json_written(json.dumps(made, ensure_ascii=False))
        expected = json.dumps(expected, ensure_ascii=False)
    assert "".join(text for text, _ in cut(stand_ins, made)) == clean(expected)


@CALM
@given(st.dictionaries(st.text("<>|ab", min_size=1), st.text("<>|ab", min_size=1), min_size=1))
def test_no_special_character_of_a_value_is_control_text(value: Any) -> None:
    stand_ins = StandIns()
    made = json.dumps(stand_ins.hide_all(value), ensure_ascii=False)
    assert not any("<" in text for text, control in cut(stand_ins, made) if control)


def test_a_printed_python_object_is_understood() -> None:
    stand_ins = StandIns()
    printed = str({"a": stand_ins.hide("<|x|>")})
    assert "\\ue000" in printed
    assert cut(stand_ins, printed) == [("{'a': '", True), ("<|x|>", False), ("'}", True)]


@pytest.mark.parametrize(
    "change", [lambda s: s[1:], lambda s: s[:-1], lambda s: s[:9] + "," + s[9:], lambda s: s[::-1]]
)
def test_a_stand_in_that_was_cut_apart_is_refused(change: Any) -> None:
    stand_ins = StandIns()
    with pytest.raises(PromptError, match="cuts messages apart"):
        cut(stand_ins, change(stand_ins.hide("secret")))


def test_stand_ins_can_not_be_guessed() -> None:
    one, two = StandIns(), StandIns()
    hidden = one.hide("a")
    assert hidden != two.hide("a")
    assert len(hidden) > 20
    # What looks like one in a text is that text's own.
    assert cut(two, two.hide(hidden)) == [(hidden, False)]


def test_changed_case_does_not_matter() -> None:
    stand_ins = StandIns()
    assert cut(stand_ins, stand_ins.hide("a").upper().title()) == [("a", False)]
