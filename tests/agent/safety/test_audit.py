import os
import signal
import subprocess
import sys
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deskhand.agent.safety import sandbox
from deskhand.agent.safety.audit import Audit, AuditError

GITHUB = "gh" + "p_" + "a1B2" * 9


@pytest.fixture
def log(tmp_path):
    made = Audit(tmp_path / "deep" / "audit.jsonl")
    for number in range(6):
        made.note("call", name=f"tool_{number}", arguments={"text": "x" * number})
    return made


def lines(log):
    return log._path.read_bytes().splitlines(keepends=True)


def test_a_log_tells_what_was_noted_without_secrets_and_is_private(log):
    log.note("result", value={"key": GITHUB, "password": "hunter2"}, error="")
    *_, last = log.entries()
    assert (last.number, last.kind) == (7, "result")
    assert last.fields == {"value": {"key": "⟨key⟩", "password": "⟨password⟩"}, "error": ""}
    assert log.verify().entries == 7
    assert log.verify().problem == ""
    assert {path.stat().st_mode & 0o777 for path in log._path.parent.iterdir()} == {0o600}
    assert log._path.parent.stat().st_mode & 0o077 == 0


def test_an_empty_log_is_whole(tmp_path):
    assert Audit(tmp_path / "none.jsonl").verify().problem == ""


def test_what_is_too_long_for_a_line_is_said_to_be(log):
    log.note("result", value=["y" * 3_000] * 100)
    *_, last = log.entries()
    assert last.fields == {"too_long": ["value"]}
    assert log.verify().problem == ""


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda raw: [*raw[:2], raw[2].replace(b"tool_2", b"tool_X"), *raw[3:]], "entry 3) was changed"),
        (lambda raw: [*raw[:2], *raw[3:]], "entry 3 is missing"),
        (lambda raw: [*raw[:1], *raw[4:]], "entries 2 to 4 are missing"),
        (lambda raw: [*raw[:1], raw[2], raw[1], *raw[3:]], "entry 2 is missing"),
        (lambda raw: [*raw[:2], raw[1], *raw[2:]], "entry 2 stands there again"),
        (lambda raw: raw[1:], "entry 1 is missing"),
        (lambda raw: raw[:-1], "entry 5 is the last, and 6 were written"),
        (lambda raw: raw[:-3], "entry 3 is the last, and 6 were written"),
        (lambda raw: [], "entry 0 is the last, and 6 were written"),
        (lambda raw: [*raw[:2], b"hello\n", *raw[3:]], "Line 3 can't be read"),
        (lambda raw: [*raw[:2], b"hello\n", *raw[2:]], "Line 3 can't be read"),
        (lambda raw: [*raw[:-1], raw[-1][:-9]], "last line can't be read"),
        (lambda raw: [*raw, b"{}\n"], "last line can't be read"),
    ],
)
def test_what_somebody_did_to_it_is_found_and_named(log, damage, says):
    log._path.write_bytes(b"".join(damage(lines(log))))
    found = log.verify()
    assert says in found.problem


def test_an_end_that_was_written_anew_is_found(log, tmp_path):
    other = Audit(tmp_path / "other.jsonl")
    for number in range(6):
        other.note("call", name=f"other_{number}")
    log._path.write_bytes(other._path.read_bytes())
    assert "was replaced" in log.verify().problem
    log._path.with_suffix(".head").unlink()
    assert "is gone" in log.verify().problem


@given(st.integers(0), st.integers(1, 255))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_changed_byte_is_found(log, at, flip):
    whole = log._path.read_bytes()
    at %= len(whole)
    log._path.write_bytes(whole[:at] + bytes([whole[at] ^ flip]) + whole[at + 1 :])
    try:
        assert log.verify().problem
    finally:
        log._path.write_bytes(whole)


def test_a_torn_line_is_accounted_for_by_the_next(log):
    with log._path.open("ab") as file:
        file.write(b'{"n": 7, "at"')
    log.note("call", name="after")
    found = log.verify()
    assert found.problem == ""
    assert found.notes == ("Line 7 was torn when a program ended while writing it, and is accounted for.",)
    assert [entry.kind for entry in log.entries()][-2:] == ["torn", "call"]
    raw = lines(log)
    raw[6] = b'{"n": 7, "ax"\n'
    log._path.write_bytes(b"".join(raw))
    assert "no program's end accounts for it" in log.verify().problem


def test_two_programs_write_one_chain(tmp_path):
    path = tmp_path / "audit.jsonl"
    code = (
        "import sys; from pathlib import Path; from deskhand.agent.safety.audit import Audit\n"
        f"log = Audit(Path({str(path)!r}))\n"
        "for n in range(20): log.note('call', who=sys.argv[1], n_=n)"
    )
    running = [subprocess.Popen([sys.executable, "-c", code, str(who)]) for who in range(3)]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    found = Audit(path).verify()
    assert (found.entries, found.problem) == (60, "")


def test_it_survives_kill_9_at_any_time(tmp_path):
    path = tmp_path / "audit.jsonl"
    code = (
        "from pathlib import Path; from deskhand.agent.safety.audit import Audit\n"
        f"log = Audit(Path({str(path)!r})); n = 0\n"
        "while True:\n"
        "    log.note('call', text='x' * 3000); n += 1; print(n, flush=True)"
    )
    told = 0
    for _ in range(3):
        with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
            assert process.stdout.readline()
            time.sleep(0.1)
            os.kill(process.pid, signal.SIGKILL)
            told += 1 + len(process.stdout.read().splitlines())
    found = Audit(path).verify()
    assert found.problem == ""
    # What was noted before it was told is there; at most the line in the making of each is more.
    assert told <= found.entries <= told + 3
    Audit(path).note("call")
    assert Audit(path).verify().problem == ""


def test_a_full_disk_is_a_sentence_and_leaves_the_log_whole(tmp_path):
    """A real one: a file system of memory with 64 KiB, in a box of its own."""
    small = tmp_path / "small"
    small.mkdir()
    code = f"""
import sys; sys.path[:0] = {[entry for entry in sys.path if entry]!r}
from pathlib import Path; from deskhand.agent.safety.audit import Audit, AuditError
log = Audit(Path("{small}/audit.jsonl")); n = 0
try:
    while n < 1000:
        log.note("call", text="x" * 3000); n += 1
except AuditError as error:
    print(error)
found = log.verify()
print(found.problem == "", found.entries == n, 2 < n < 1000)
"""  # fmt: skip
    command = [
        str(sandbox.find()), "--dev-bind", "/", "/", "--size", "65536", "--tmpfs", str(small),
        sys.executable, "-c", code,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "No space left on device): free some space" in done.stdout, done.stderr
    assert done.stdout.splitlines()[-1] == "True True True"


def test_what_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(AuditError, match="can't be written"):
        Audit(tmp_path / "file" / "audit.jsonl").note("call")
    with pytest.raises(AuditError, match="can't be read"):
        Audit(tmp_path).verify()


def test_secrets_stay_in_the_log_where_the_person_chose_that(tmp_path):
    redacts = [True, False]
    log = Audit(tmp_path / "audit.jsonl", lambda: redacts.pop(0))
    log.note("call", arguments={"password": "hunter2", "number": 4111111111111111})
    log.note("call", arguments={"password": "hunter2", "number": 4111111111111111})
    covered, bare = (entry.fields["arguments"] for entry in log.entries())
    assert covered == {"password": "⟨password⟩", "number": "⟨card⟩"}
    assert bare == {"password": "hunter2", "number": 4111111111111111}
    assert log.verify().problem == ""
