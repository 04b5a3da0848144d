"""A key asked for in the terminal: typed unseen, kept privately, forgotten nowhere else."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import time

import pytest

from tests.agent.test_secret_turn import PAGE, SKILL

KEY = "sk-live-4f9Q-terminal"
CALL = {"call": {"name": "run_js", "arguments": {"skillName": "weather", "data": '{"place": "Oslo"}'}}}


class Terminal:
    """`deskhand ask` in a terminal of its own."""

    def __init__(self, *arguments):
        self.ours, theirs = pty.openpty()

        command = [sys.executable, "-W", "error", "-m", "deskhand.app.main", "ask", *arguments]
        self.process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
        os.close(theirs)
        self.said = ""

    def wait(self, pattern):
        deadline = time.monotonic() + 120
        while not re.search(pattern, self.said):
            assert time.monotonic() < deadline, self.said
            if select.select([self.ours], [], [], 0.2)[0]:
                try:
                    self.said += os.read(self.ours, 65536).decode(errors="replace")
                except OSError:
                    break
        assert re.search(pattern, self.said), self.said

    def type(self, text):
        os.write(self.ours, f"{text}\n".encode())


@pytest.fixture
def ask(deskhand, script, tmp_path, own_folders):
    folder = tmp_path / "new" / "weather"
    (folder / "scripts").mkdir(parents=True)
    (folder / "SKILL.md").write_text(SKILL)
    (folder / "scripts" / "index.html").write_text(PAGE)
    assert deskhand("skills", "install", folder, "--yes").code == 0
    engine = script([CALL], [{"text": "Done."}])
    started = []

    def start():
        started.append(Terminal("/weather please", "--engine", engine))
        return started[-1]

    yield start
    for each in started:
        each.process.kill()
        each.process.wait()
        os.close(each.ours)


def test_a_key_is_typed_unseen_and_kept_for_its_skill_alone(ask, own_folders):
    terminal = ask()
    terminal.wait("runs .*index.html")
    terminal.wait(r"\[N\]o: ")
    terminal.type("y")
    terminal.wait("The skill weather needs a key of yours")
    terminal.wait("Get a key at the office")
    terminal.wait("Key .*: ")
    terminal.type(KEY)
    terminal.wait("Done")
    assert terminal.process.wait(60) == 0
    assert KEY not in terminal.said
    assert "[secret]" in terminal.said
    data = own_folders / "data" / "deskhand"
    holding = [p.name for p in data.rglob("*") if p.is_file() and KEY.encode() in p.read_bytes()]
    assert holding == ["secrets.json"]
    assert (data / "secrets.json").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("way", ["none", "ctrl-c", "stop"])
def test_without_a_key_the_call_fails_and_the_terminal_is_as_before(ask, deskhand, own_folders, way):
    terminal = ask()
    before = termios.tcgetattr(terminal.ours)
    terminal.wait(r"\[N\]o: ")
    terminal.type("y")
    terminal.wait("Key .*: ")
    if way == "none":
        terminal.type("")
        terminal.wait("needs a secret of yours, and none was given")
        assert terminal.process.wait(60) == 0
    elif way == "ctrl-c":
        os.killpg(terminal.process.pid, signal.SIGINT)
        assert terminal.process.wait(60) == 130
    else:
        assert deskhand("stop").code == 0
        assert terminal.process.wait(60) == 130
    assert termios.tcgetattr(terminal.ours)[3] == before[3]
    assert not (own_folders / "data" / "deskhand" / "secrets.json").exists()


def test_with_nobody_to_ask_the_call_fails_with_a_sentence(ask, deskhand, script):
    turn = deskhand("ask", "/weather please", "--engine", script([CALL], [{"text": "Done."}]), "--json").turn
    assert turn["tool_calls"][-1]["error"]


def test_a_key_goes_with_its_skill(deskhand, ask, own_folders, tmp_path):
    """F15: once the skill is removed, or is another of that name, nothing of the key is left for it."""
    terminal = ask()
    terminal.wait("Allow")
    terminal.type("y")
    terminal.wait("Key .not shown")
    terminal.type(KEY)
    terminal.wait("Done")
    file = own_folders / "data" / "deskhand" / "secrets.json"
    assert KEY in file.read_text()
    page = tmp_path / "new" / "weather" / "scripts" / "index.html"
    page.write_text(PAGE + "<!-- of somebody else -->")
    assert deskhand("skills", "install", tmp_path / "new" / "weather", "--yes").code == 0
    assert KEY not in file.read_text()
