"""Report 14: what is no message is passed over for as long as the server answers, and no message is lost among it."""

import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deskhand.agent.mcp import frames
from deskhand.agent.mcp.frames import Frames

ANSWER = {"jsonrpc": "2.0", "id": 1, "result": {"ok": True}}
LINE = json.dumps(ANSWER).encode()


def read(raw, size=1 << 16, waits=(1,)):
    made = Frames(lambda number: number in waits)
    found = [m for at in range(0, len(raw), size) for m in made.feed(raw[at : at + size])]
    found += made.end()
    return [each.message.model_dump(exclude_none=True) for each in found], made.problem


NOISE = [
    b"",
    b"\r",
    b"Trying 127.0.0.1:3025 ...",
    b"\xff\xfe caf\xe9 \x80",
    b"\x1b[32minfo\x1b[0m ready",
    json.dumps({"level": "info", "msg": "received", "body": ANSWER}).encode(),
    json.dumps({"level": "info", "jsonrpc": "2.0", "id": 1, "result": {"wrong": 1}}).encode(),
    json.dumps({"msg": "received " + json.dumps(ANSWER)}).encode(),
    b'{"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}',
    b'{"jsonrpc": "2.0", "id": 1, "result": {',
    b"[1]",
    b"{}",
    b"[" * 100_000,
    b'{"jsonrpc": "2.0"}',
    b"x" * 100_000,
]


@pytest.mark.parametrize("line", NOISE)
@pytest.mark.parametrize("size", [1, 7, 1 << 16])
def test_a_line_of_a_log_is_no_message_and_no_broken_one(line, size):
    if size > 1 or len(line) < 1000:
        found, problem = read(line + b"\n" + LINE + b"\n" + line + b"\n", size)
        assert (found, problem) == ([ANSWER], "")


@pytest.mark.parametrize(
    "raw",
    [
        LINE,  # without an end of its line
        b"\xef\xbb\xbf" + LINE + b"\n",
        LINE + b"\r\n",
        b"  " + LINE + b" \n",
        b"Loading... " + LINE + b"\n",
        b"\x1b[0m" + LINE + b"\n",
        b"[" + LINE + b"]\n",
        b'{"jsonrpc": "2.0", "id": 1.0, "result": {"ok": true}}\n',
        b'{"id": 1, "result": {"ok": true}, "jsonrpc": "2.0", "error": null}\n',
    ],
)
def test_an_answer_is_read_in_every_spelling(raw):
    assert read(raw) == ([ANSWER], "")


def test_an_answer_in_another_encoding_is_read():
    raw = b'{"jsonrpc": "2.0", "id": 1, "result": {"text": "caf\xe9", "lone": "\\ud800"}}\n'
    (found,), _ = read(raw)
    assert found["result"] == {"text": "caf\ufffd", "lone": "?"}


def test_an_answer_that_can_not_be_read_ends_the_wait_for_it_alone():
    (found,), problem = read(b'{"jsonrpc": "2.0", "id": 1, "result": {"a": nothing}}\n')
    assert found["error"]["message"] == "it sent a message that can't be read"
    assert problem == ""
    assert read(b'{"jsonrpc": "2.0", "id": 2, "result": {"a": nothing}}\n') == ([], "")


@pytest.mark.parametrize(
    "error", ["no such tool", {"code": "-32000", "message": "no such tool"}, {"code": -1.5, "message": "no such tool"}]
)
def test_an_error_in_another_form_is_an_error(error):
    (found,), _ = read(json.dumps({"jsonrpc": "2.0", "id": 1, "error": error}).encode() + b"\n")
    assert found["error"]["message"] == "no such tool"


def test_a_program_that_only_talks_is_no_server():
    assert read(b"hello\n" * 6_000)[1] == "it writes what are no messages of the protocol"


def test_a_server_may_talk_as_long_as_it_lives(monkeypatch):
    clock = itertools.count(0, 1.0)
    monkeypatch.setattr(frames.time, "monotonic", lambda: next(clock))
    made = Frames(lambda _number: True)
    assert list(made.feed(LINE + b"\n"))
    for _ in range(2_000):
        assert list(made.feed(b"log\n" * 100)) == []
        assert len(list(made.feed(LINE + b"\n"))) == 1
    assert made.problem == ""


def test_a_flood_is_ended_by_its_size_its_messages_and_its_lines():
    assert read(b"x\n" * 60_000, waits=())[1]
    started = LINE + b"\n"
    assert read(started + b"x\n" * 60_000)[1] == "it flooded us with messages"
    assert read(started * 6_000)[1] == "it flooded us with messages"


def test_a_long_line_of_a_log_is_passed_over_and_a_long_message_is_not():
    long = b"x" * (frames.MAX_LINE + 100)
    assert read(long + b"\n" + LINE + b"\n") == ([ANSWER], "")
    assert read(long * 3)[1] == "it sent a message of more than 16 MB"
    assert read(LINE[:-1] + b", " + long)[1] == "it sent a message of more than 16 MB"


@settings(deadline=None)
@given(st.lists(st.sampled_from([line for line in NOISE if len(line) < 1000] + [LINE])), st.integers(1, 300))
def test_no_message_is_lost_among_noise(lines, size):
    found, problem = read(b"".join(line + b"\n" for line in lines), size)
    assert problem == ""
    assert found == [ANSWER] * lines.count(LINE)


@settings(deadline=None)
@given(st.binary(max_size=300), st.integers(1, 50))
def test_no_bytes_break_it(raw, size):
    read(raw, size)
