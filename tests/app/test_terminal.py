"""F11 and F13: nothing of others steers the terminal, and only what is typed after a question answers it."""

import json
import os
import pty
import select
import subprocess
import sys
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskhand.agent.events import CallEnded, CallProposed, CallRecord, Decision, Notice, Progressed, TextAdded
from deskhand.app import terminal
from deskhand.app.commands.ask import _Printer
from deskhand.app.visible import MOST_MARKS, line, shown
from deskhand.model.types import ToolCall

CLIPBOARD = "\x1b]52;c;ZXZpbA==\x07"
"""Fills the clipboard of a terminal that obeys it."""
HOSTILE = [
    CLIPBOARD,
    "\x9d52;c;ZXZpbA==\x9c",
    "a\rb",
    "\x1b[2J",
    "\u202eevil",
    "\x08" * 5,
    "e" + "\u0301" * 500,
    "\u2028",
    "\x7f",
]


def harmless(text: str) -> bool:
    run = 0
    for character in text:
        run = run + 1 if character == "\u0301" else 0
        if run > MOST_MARKS or not (character.isprintable() or character in "\n\t"):
            return False
    return True


@pytest.mark.parametrize("text", HOSTILE)
def test_whatever_a_turn_shows_is_only_shown(text, capsys):
    show = _Printer(threading.Event(), quiet=False)
    call = ToolCall("c", f"tool{text}", {text: text})
    for event in (
        TextAdded(text),
        *map(TextAdded, text),
        CallProposed(call),
        CallEnded(CallRecord(call, Decision.ALLOWED, {text: text})),
        CallEnded(CallRecord(call, Decision.ALLOWED, error=text)),
        Notice(text, text),
        Progressed(text, 1, 2),
    ):
        show(event)
    out, err = capsys.readouterr()
    assert harmless(out)
    assert harmless(err)
    assert "ZXZpbA" not in text or "ZXZpbA" in out  # it is there to be read


def test_progress_is_one_line_as_wide_as_the_terminal(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "60")
    terminal.status(f"server: {CLIPBOARD}\n\nmore" + "x" * 500)
    err = capsys.readouterr().err
    assert err.startswith("\r\x1b[K")
    assert err.removeprefix("\r\x1b[K").isprintable()
    assert len(err) < 65


@given(st.text())
def test_no_text_gets_through_as_anything_else(text):
    assert harmless(shown(text))
    assert line(text).isprintable()
    assert len(line(text, 40)) <= 40
    made = terminal.escaped(json.dumps({text: text}, ensure_ascii=False))
    assert made.isprintable()
    assert json.loads(made) == json.loads(json.dumps({text: text}))


def test_json_is_escaped_as_json(capsys):
    terminal.data({"a": f"ü{CLIPBOARD}\u202e\x9b"})
    out = capsys.readouterr().out
    assert out.strip().isprintable()
    assert "ü" in out
    assert json.loads(out) == {"a": f"ü{CLIPBOARD}\u202e\x9b"}


ASKER = """
import time
from deskhand.app import terminal
time.sleep(1.5)  # the person types while something else goes on
terminal.err.line("It would do something.")
print("ANSWER", repr(terminal.answer("Allow? ")), "END", flush=True)
"""


@pytest.mark.parametrize(("early", "late", "answer"), [("y\n", "no\n", "no"), ("y\ny\n", "\n", ""), ("", "y\n", "y")])
def test_what_was_typed_before_a_question_does_not_answer_it(early, late, answer):
    ours, theirs = pty.openpty()
    process = subprocess.Popen([sys.executable, "-c", ASKER], stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    os.write(ours, early.encode())
    said, told = "", False
    deadline = time.monotonic() + 120
    while "END" not in said and time.monotonic() < deadline:
        if "Allow? " in said and not told:
            told = True
            os.write(ours, late.encode())
        if select.select([ours], [], [], 0.2)[0]:
            said += os.read(ours, 65536).decode()
    process.wait(60)
    os.close(ours)
    assert f"ANSWER {answer!r}" in said


def test_nobody_answers_through_a_pipe():
    done = subprocess.run([sys.executable, "-c", ASKER], input="y\n" * 9, capture_output=True, text=True, check=True)
    assert "ANSWER ''" in done.stdout
