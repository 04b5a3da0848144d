"""Reports 22, 28 and E6: whatever is on the disk or in the environment, a sentence, its remedy, no traceback."""

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import COMMAND

LINE = re.compile(r"[^\n]+\n")


@pytest.fixture
def ask(deskhand, script):
    """One turn of a scripted engine."""
    engine = script([{"text": "„Grüße“ → ok"}])

    def run(*arguments, **environment):
        return deskhand("ask", "--engine", engine, *arguments, "hi", **environment)

    return run


@pytest.fixture
def config(own_folders):
    folder = own_folders / "config" / "deskhand"
    folder.mkdir(parents=True)
    return folder / "settings.toml"


DAMAGED = {
    "no TOML": b"engine = = 3",
    "not UTF-8": b'language = "\xe9"',
    "UTF-16": 'mode = "ask"'.encode("utf-16"),
    "zero bytes": bytes(64),
    "wrong type": b"context_length = [1]",
    "unknown key": b"colour = 1",
    "deep": b"a = " + b"[" * 5000,
    "long number": b"context_length = " + b"9" * 5000,
    "nobody's home": b'folders = ["~nobody-of-that-name/x"]',
    "NUL": b'trusted_folders = ["/a\\u0000b"]',
    "a table": b"[language]\nx = 1",
    "a folder": None,
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_damaged_settings_are_a_sentence_whose_remedy_works_and_keeps_the_file(ask, deskhand, config, kind):
    data = DAMAGED[kind]
    config.mkdir() if data is None else config.write_bytes(data)
    failed = ask()
    assert failed.code == 1
    assert LINE.fullmatch(failed.err)
    assert str(config) in failed.err
    assert deskhand(*re.search(r"deskhand (reset settings)", failed.err)[1].split()).code == 0
    assert ask().code == 0
    (kept,) = config.parent.glob("settings.toml.*.old")
    assert kept.is_dir() if data is None else kept.read_bytes() == data


def test_settings_with_a_mark_at_their_beginning_are_read(deskhand, config):
    config.write_bytes(b'\xef\xbb\xbfengine = "scripted:/nowhere"\n')
    assert "/nowhere" in deskhand("ask", "hi").err
    config.write_bytes(b'\xef\xbb\xbfmode = "read-only"\nkv_type = "q8_0"\n')
    assert deskhand("skills", "enable", "web").code == 0
    assert "q8_0" in config.read_text("utf-8-sig")


def test_a_damaged_history_is_a_sentence_whose_remedy_works_and_keeps_the_file(ask, deskhand, own_folders):
    assert ask().code == 0
    file = own_folders / "data" / "deskhand" / "history.sqlite"
    whole = file.read_bytes()
    file.write_bytes(bytes(100) + whole[100:])
    failed = ask("--continue")
    assert failed.code == 1
    assert LINE.fullmatch(failed.err)
    assert deskhand(*re.search(r"deskhand (reset history)", failed.err)[1].split()).code == 0
    assert ask().code == 0
    (kept,) = file.parent.glob("history.sqlite.*.old")
    assert kept.read_bytes()[100:] == whole[100:]
    assert deskhand("reset", "settings").out == "There is nothing to put aside.\n"


def test_one_damaged_message_does_not_end_the_conversation(ask, own_folders):
    assert ask().code == 0
    with sqlite3.connect(own_folders / "data" / "deskhand" / "history.sqlite") as db:
        db.execute("UPDATE message SET body = substr(body, 1, 12), origins = '[{'")
    db.close()
    assert ask("--continue").code == 0


def test_an_odd_name_in_a_skill_stops_nothing(ask, deskhand, own_folders, tmp_path):
    """Report 22."""
    home = tmp_path / "someone"
    folder = home / ".agents" / "skills" / "shout"
    folder.mkdir(parents=True)
    (folder / "SKILL.md").write_text("---\nname: shout\ndescription: Says it loud.\n---\nUse capitals.\n")
    (folder / os.fsdecode(b"caf\xe9.txt")).write_text("x")
    listed = deskhand("skills", "list", HOME=str(home))
    assert listed.code == 0
    assert r"caf\xe9.txt" in listed.out
    assert "shout" in json.dumps(json.loads(deskhand("skills", "list", "--json", HOME=str(home)).out))
    assert deskhand("skills", "enable", "shout", "--yes", HOME=str(home)).code == 0
    assert ask(HOME=str(home)).code == 0
    assert ask("--json", HOME=str(home)).turn["finish"] == "stop"


ODD = {
    "data in a file": {"XDG_DATA_HOME": "{file}"},
    "data below proc": {"XDG_DATA_HOME": "/proc/x"},
    "data where nothing can be made": {"XDG_DATA_HOME": "/dev/null/x"},
}


@pytest.mark.parametrize("kind", ODD)
def test_a_folder_that_can_not_be_is_a_sentence(ask, deskhand, tmp_path, kind):
    (tmp_path / "file").write_text("")
    odd = {key: value.format(file=tmp_path / "file") for key, value in ODD[kind].items()}
    for done in (ask(**odd), deskhand("tasks", "list", **odd), deskhand("skills", "list", **odd)):
        assert done.code == 1
        assert LINE.fullmatch(done.err)
        assert "Errno" not in done.err
        assert odd["XDG_DATA_HOME"] in done.err


@pytest.mark.parametrize("environment", [
    {"XDG_DATA_HOME": "relative", "XDG_CONFIG_HOME": "./x", "XDG_STATE_HOME": "~", "XDG_CACHE_HOME": "c"},
    {"HOME": "relative"},
    {"HOME": ""},
])  # fmt: skip
def test_nothing_is_made_in_the_working_directory(deskhand, tmp_path, monkeypatch, environment):
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    if "HOME" not in environment:
        environment = {**environment, "HOME": str(tmp_path / "someone")}
    else:
        environment = {**environment, "XDG_DATA_HOME": str(tmp_path / "d"), "XDG_CONFIG_HOME": str(tmp_path / "c")}
    assert deskhand("tasks", "list", **environment).code == 0
    assert deskhand("grants", "list", **environment).code == 0
    assert list(folder.iterdir()) == []


def test_a_working_directory_that_is_gone_matters_to_nobody(ask, tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    shutil.rmtree(tmp_path / "gone")
    assert ask().code == 0


def raw(arguments, *, encoding="utf-8", **options):
    return subprocess.run(
        [*COMMAND, *arguments], env={**os.environ, "PYTHONIOENCODING": encoding}, check=False, timeout=300, **options
    )


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp437"])
def test_an_answer_in_another_encoding(script, encoding):
    """E6: PYTHONIOENCODING=ascii and latin-1 ended in a UnicodeEncodeError."""
    engine = script([{"text": "„Grüße“ → ok"}])
    done = raw(["ask", "--engine", engine, "hi"], encoding=encoding, capture_output=True, stdin=subprocess.DEVNULL)
    assert (done.returncode, b"Traceback" in done.stderr) == (0, False)
    answer = {"ascii": '"Gr\\u00fcsse" -> ok', "latin-1": '"Grüße" -> ok', "cp437": '"Grüße" -> ok'}
    assert done.stdout.decode(encoding).strip() == answer[encoding]
    done = raw(["ask", "--json", "--engine", engine, "hi"], encoding=encoding, capture_output=True,
               stdin=subprocess.DEVNULL)  # fmt: skip
    assert json.loads(done.stdout.decode(encoding))["answer"] == "„Grüße“ → ok"


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams(script, closed, own_folders):
    engine = script([{"text": "ok"}])
    quoted = " ".join(f"'{part}'" for part in [*COMMAND, "ask", "--engine", engine, "hi"])
    done = subprocess.run(f"{quoted} {closed}", shell=True, capture_output=True, timeout=300, check=False)
    assert b"Traceback" not in done.stderr
    assert done.returncode == 0
    assert b"".join(path.read_bytes() for path in own_folders.rglob("errors.log")) == b""


def test_whoever_reads_may_go(own_folders):
    quoted = " ".join(f"'{part}'" for part in COMMAND)
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {quoted} skills list | head -n 1"],
        capture_output=True,
        timeout=300,
        check=False,
    )
    assert done.stdout.count(b"\n") == 1
    assert done.stderr == b""
    done = subprocess.run(["bash", "-c", f"{quoted} skills list | true"], capture_output=True, timeout=300, check=False)
    assert done.stderr == b""


def test_text_that_is_no_text_can_be_asked(script):
    engine = script([{"text": "ok"}])
    done = raw(["ask", "--engine", engine, b"caf\xe9"], capture_output=True, stdin=subprocess.DEVNULL)
    assert (done.returncode, done.stderr) == (0, b"")


def test_what_nobody_expected_is_a_sentence_and_its_traceback_is_in_the_log(own_folders, tmp_path):
    broken = tmp_path / "broken.py"
    broken.write_text(
        "import sys\nfrom deskhand.app import cli, main\n"
        "def run(options):\n    raise KeyError('password=hunter22secret')\n"
        "cli.run = run\nsys.exit(main.main(['tasks', 'list']))\n"
    )
    done = subprocess.run([sys.executable, broken], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 1
    assert LINE.fullmatch(done.stderr)
    log = own_folders / "state" / "deskhand" / "errors.log"
    assert str(log) in done.stderr
    assert "Traceback" in log.read_text()
    assert "hunter22secret" not in log.read_text() + done.stderr
    assert log.stat().st_mode & 0o077 == 0
    assert Path(log).parent.stat().st_mode & 0o077 == 0
