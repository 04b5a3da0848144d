"""Report 29: an answer is shown as it was meant, with every sign that is not there for its form."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deskhand.app.window.markdown import MARK, meant
from deskhand.app.window.prose import Prose, _spans


@pytest.fixture
def shown(qtbot, theme):
    """Shows a source: its text, and which pieces are bold, italic, struck or code."""
    prose = Prose(theme)
    qtbot.addWidget(prose)

    def show(source):
        prose.set_source(source)
        text = prose.toPlainText()
        block, formed = prose.document().begin(), {}
        while block.isValid():
            for start, length, form in _spans(block):
                kind = (
                    "b" * (form.fontWeight() > 500)
                    + "i" * form.fontItalic()
                    + "s" * form.fontStrikeOut()
                    + "c" * form.fontFixedPitch()
                )
                if kind:
                    formed[block.text()[start - block.position() :][:length]] = kind
            block = block.next()
        return text, formed

    return show


@pytest.mark.parametrize(
    "source",
    [
        "~/Documents and ~/Downloads",
        "first (~5 min), second (~10 MB)",
        "(~$1.50) and (~$10)",
        "~one~ and ~~~",
        "a ~~b",
        "2*3*4",
        "a*b + c*d",
        "2*(3+4)*5",
        "2**3**4",
        "3 * 4 * 5",
        r"C:\_temp\*.txt",
        r"see C:\a_b_c\*.* and D:\x\_y",
        r"\\server\_share\*",
        "__init__.py",
        "obj.__class__.__name__ and __main__, __call__()",
        "snake_case_name and _private_name, other_name_",
        "f(*args, **kwargs)",
        "*.txt and *.py or **/*.md, src/*/x",
        "/* a comment */",
        "5* hotel and 4* hostel",
        r"\(x_1 * y_2\) and \[a*b*c\]",
        "$a_1*b_2*c$ costs $5 and $10",
        "1 < 2 & 3 > 2",
        "https://x.org/~user/a_b_c and https://x.org/~u2",
    ],
)
def test_signs_that_are_no_form_stay(shown, source):
    assert shown(source) == (source, {})


@pytest.mark.parametrize(
    ("source", "text", "formed"),
    [
        ("**「重要」**です", "「重要」です", {"「重要」": "b"}),
        ("これは**「重要」**です", "これは「重要」です", {"「重要」": "b"}),
        ("**重要。**次に", "重要。次に", {"重要。": "b"}),
        ("*「重要」*です", "「重要」です", {"「重要」": "i"}),
        ("**“중요”**하다", "“중요”하다", {"“중요”": "b"}),
        ("**Note:**text", "Note:text", {"Note:": "b"}),
        ("~~gone~~ and ~ok", "gone and ~ok", {"gone": "s"}),
        ("**b** *i* ***bi***", "b i bi", {"b": "b", "i": "i", "bi": "bi"}),
        ("x = a*b; **y**", "x = a*b; y", {"y": "b"}),
        ("`a*b*c ~x~ __init__`", "a*b*c ~x~ __init__", {"a*b*c ~x~ __init__": "c"}),
        (r"\*not\*", "*not*", {}),
        ("* one a*b*c\n* two", "one a*b*c\ntwo", {}),
        ("a  \nb", "a\nb", {}),
    ],
)
def test_what_is_form_is_form(shown, source, text, formed):
    assert shown(source) == (text, formed)


def test_code_keeps_every_sign(shown):
    code = "a*b*c ~x~ __init__ C:\\_temp\\*.txt\n**「重要」**です"
    for fence in ("```", "~~~", "````"):
        assert code in shown(f"so:\n\n{fence}\n{code}\n{fence}\n\n2*3*4")[0]
    assert "a*b*c ~x~" in shown("so:\n\n    a*b*c ~x~\n\nend")[0]


@given(st.text("a1 *_~`\\$.()「」です#-|\n", max_size=60))
@settings(max_examples=300, deadline=None)
def test_nothing_but_escapes_and_marks_is_put_in(source):
    made = meant(source).replace(MARK, "")
    left = iter(made)
    for sign in source:
        assert any(each == sign for each in left), made
    assert len(made) - made.count("\\") == len(source) - source.count("\\")
