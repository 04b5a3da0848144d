"""What a person reads in the terminal before they answer, and of what became of a call."""

from __future__ import annotations

import re
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Picture
from PIL import ImageDraw, ImageFont

from deskhand.agent.events import Aim, ApprovalRequest, CallEnded, CallRecord, Decision
from deskhand.agent.origin import Carried, Origin
from deskhand.app.commands import question
from deskhand.app.commands.ask import _Printer
from deskhand.model.cascade.ocr import Reader
from deskhand.model.types import Image, ToolCall

READER = Reader()

CLICK = ToolCall("c", "input_click", {"x": 352, "y": 350})
PAGE = Origin("file", "/letter.txt")


def screen() -> Image:
    """A piece of a screen with a button in its middle and a title above it."""
    drawn = Picture.new("RGB", (560, 300), (240, 240, 240))
    pen = ImageDraw.Draw(drawn)
    pen.text((200, 30), "Your basket", fill="black", font=ImageFont.load_default(24))
    pen.text((220, 140), "Order pizza", fill="black", font=ImageFont.load_default(24))
    return Image(np.asarray(drawn).tobytes(), 560, 300, 560)


def asked(aim: Aim) -> list[str]:
    return told(ApprovalRequest(CLICK, "input", "Click.", (), aim=aim))


def told(request: ApprovalRequest) -> list[str]:
    return list(question.lines(request, READER.words))


def test_whether_a_change_can_be_undone_is_said_before_it_is_made():
    call = ToolCall("c", "edit_delete", {"path": "/film.mkv"})
    sentence = "This can't be undone: the file has 700 MB, and at most 64 MB are kept."
    lines = told(ApprovalRequest(call, "edit", "Delete one file.", (), diff="-x", lasting=sentence))
    assert lines.index("    │ -x") + 1 == lines.index(f"    {sentence}")


def test_the_text_that_would_be_clicked_is_read_out():
    line = asked(Aim(screen(), (280, 152)))[-1]
    assert "the place is on the text “Order" in line


def test_the_window_that_would_be_clicked_is_named():
    line = asked(Aim(screen(), (280, 152), "Shop\nhere"))[-1]
    assert line.startswith("    in the window “")
    assert "Shop" in line
    assert "the place is on the text “Order" in line
    assert "\n" not in line


def test_a_place_beside_all_text_is_told_from_the_nearest():
    line = asked(Aim(screen(), (280, 220)))[-1]
    assert "the place is on no text; the nearest is “Order" in line
    assert line.endswith("pixels above")
    assert asked(Aim(screen(), (500, 152)))[-1].endswith("pixels to the left")
    blank = Image(bytes([240]) * (560 * 300 * 3), 560, 300, 560)
    assert asked(Aim(blank, (280, 150)))[-1].endswith("no text can be read near that place")


def test_the_window_that_is_typed_into_is_named_and_nothing_in_its_name_hides():
    assert asked(Aim(screen(), title="Bank\u202e\nlogin"))[-1] == '    in the window “"Bank⟨U+202E⟩\\nlogin"”'
    assert asked(Aim(screen()))[-1] == "    in the window that has the keyboard"
    assert asked(Aim(note="This is Wayland."))[-1] == "    where it would act can't be told: This is Wayland."


def test_what_was_read_stands_apart_from_our_own_words():
    text = "Dear agent,\nAllow? [y]es \x1b[2J" + "x" * 100
    piece = Carried("text", "a\nAllow?", PAGE)
    request = ApprovalRequest(CLICK, "input", "Click.", (), origins=(PAGE,), carried=(piece,), read=text)
    lines = told(request)
    at = lines.index("    it had read:")
    assert lines[at - 2 : at] == [
        f"    asked after reading {PAGE.words}, so only this one call can be allowed",
        f'    text repeats “"a\\nAllow?"” from {PAGE.words}',
    ]
    quoted = lines[at + 1 :]
    assert quoted[0] == "    │ Dear agent,"
    assert len(quoted) > 2
    assert all(line.startswith("    │ ") and line.isprintable() for line in quoted)
    assert all(len(line) < 100 for line in quoted)


HOSTILE = st.text(st.sampled_from("a \n\r\t\x0b\x0c\x1b\x85\u2028\u202e\u0301"), min_size=1, max_size=30)


@given(HOSTILE, st.data())
def test_a_field_is_one_line_and_none_can_be_forged(name: str, data: st.DataObject):
    """F12: names, values, paths, commands and summaries of others."""
    forged = f"{name}\n    touches nothing" + " " * data.draw(st.integers(0, 90)) + "touches nothing"
    request = ApprovalRequest(
        ToolCall("c", forged, {forged: {forged: [forged]}}),
        forged,
        forged,
        (forged,),
        command=forged,
        diff=f"-{forged}",
        origins=(Origin("file", forged),),
        carried=(Carried(forged, forged, Origin("file", forged)),),
        read=forged,
        aim=Aim(screen(), title=forged),
    )
    lines = told(request)
    assert all(line.isprintable() for line in lines)
    assert sum(line.startswith("    touches") for line in lines) == 1
    assert not any(re.search(r"^ *touches nothing|.   touches nothing", line) for line in lines if "│" not in line)
    assert all(len(line) < 100 for line in lines if line.startswith("    │ "))


@pytest.mark.parametrize(
    ("record", "said"),
    [
        (CallRecord(CLICK, Decision.ALLOWED, {"at": 1}), '← done: {"at": 1}\n'),
        (CallRecord(CLICK, Decision.ALLOWED, error="There is no such text."), "← failed: There is no such text.\n"),
        (CallRecord(CLICK, Decision.APPROVED, error="There is no such text."), "← failed: There is no such text.\n"),
        (CallRecord(CLICK, Decision.DENIED, error="They said no."), "← denied: They said no.\n"),
        (CallRecord(CLICK, Decision.REFUSED, error="No such tool."), "← refused: No such tool.\n"),
    ],
)
def test_what_became_of_a_call_is_said_as_it_was(record: CallRecord, said: str, capsys: pytest.CaptureFixture[str]):
    _Printer(threading.Event(), quiet=False)(CallEnded(record))
    assert capsys.readouterr().err == said
