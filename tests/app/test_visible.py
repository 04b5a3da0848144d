"""Nothing in an approval can hide or reorder what is beside it."""

from hypothesis import given
from hypothesis import strategies as st

from deskhand.app.visible import exact, one_line, shown


def test_hiding_characters_are_spelled_out():
    assert shown("a\u202eb") == "a⟨U+202E⟩b"
    assert shown("x\u200by\x1b[2J\x00\u2028\U000e0041\ue000") == (
        "x⟨U+200B⟩y⟨U+001B⟩[2J⟨U+0000⟩⟨U+2028⟩⟨U+E0041⟩⟨U+E000⟩"
    )
    assert shown("ㅤ⠀") == "⟨U+3164⟩⟨U+2800⟩"
    assert shown("plain, Ünïcode, 日本語 🎉\n\tnext") == "plain, Ünïcode, 日本語 🎉\n\tnext"


def test_arguments_are_shown_whole_and_unambiguous():
    assert exact({"path": "a\nb", "n": 1}) == '{\n  "path": "a\\nb",\n  "n": 1\n}'
    assert exact("grün\u202e") == '"grün⟨U+202E⟩"'
    assert one_line("hello there") == "hello there"
    assert one_line(" padded") == '" padded"'
    assert one_line("two\nlines") == '"two\\nlines"'
    assert one_line("") == '""'
    assert one_line(["a", 1]) == '["a", 1]'


@given(st.text())
def test_what_is_shown_has_only_visible_characters(text):
    assert all(each.isprintable() or each in "\n\t" for each in shown(text))
