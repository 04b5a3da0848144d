import shlex
import threading

import pytest

from deskhand.agent.limits import Limits
from deskhand.agent.origin import Origin
from deskhand.agent.safety import sandbox
from deskhand.agent.skills.loading import load_skills
from deskhand.agent.tools.toolbox import Toolbox
from deskhand.model.types import ToolCall


@pytest.fixture
def box(make_skill, tmp_path, eyes):
    """A toolbox with one foreign skill, whose scripts ``write`` adds."""
    root = make_skill("forms", body="Run scripts.")
    folder = root / "forms" / "scripts"
    folder.mkdir()
    (folder / "fill.py").write_text(
        "import sys, os, pathlib, yaml\n"
        "print('filled', *sys.argv[1:])\nprint('odd', file=sys.stderr)\n"
        "pathlib.Path('out.txt').write_text(yaml.safe_dump(sys.argv[1:]))\nsys.exit(3)\n"
    )

    class Box:
        data = tmp_path / "data"

        def write(self, name, text):
            (folder / name).write_text(text)

        def toolbox(self):
            return Toolbox(load_skills([(root, "user")]), self.data, eyes())

        def call(self, script, *args):
            return ToolCall("c", "run_script", {"skill": "forms", "script": script, "args": list(args)})

        def run(self, script, *args, cancel=None, seconds=20.0):
            limits = Limits(tool_seconds=seconds, result_bytes=6000)
            return self.toolbox().run(self.call(script, *args), cancel or threading.Event(), limits)

    return Box()


def test_what_a_script_wrote_is_told_through_no_link_and_in_letters_that_can_be_sent(box, tmp_path):
    """F1 and report 22: a link to a folder is one name, and a name that is no UTF-8 is spelt."""
    (tmp_path / "private").mkdir()
    (tmp_path / "private" / "diary.txt").write_text("mine")
    box.write(
        "odd.py",
        "import os, sys\nos.symlink(sys.argv[1], 'seen')\nos.makedirs('in')\n"
        "open(b'in/caf\\xe9', 'w').close()\nos.mkfifo('pipe')\n",
    )
    result = box.run("scripts/odd.py", str(tmp_path / "private"))
    assert result.value["files_written"] == ["in/caf\\xe9", "pipe", "seen"]


def test_a_script_runs_with_its_arguments_in_the_own_folder(box):
    result = box.run("scripts/fill.py", "a b", "$HOME;id")
    assert result.value == {
        "exit_code": 3,
        "stdout": "filled a b $HOME;id\n",
        "stderr": "odd\n",
        "folder": str(box.data / "forms"),
        "files_written": ["out.txt"],
    }
    assert result.origins == (Origin("program", "forms"),)
    assert (box.data / "forms" / "out.txt").read_text() == "- a b\n- $HOME;id\n"
    assert box.run("fill.py").value["stdout"] == "filled\n"


def test_what_is_shown_is_exactly_what_runs(box):
    toolbox = box.toolbox()
    shown = toolbox.preview(toolbox.find("run_script"), box.call("scripts/fill.py", "a b", "c'"))
    command = shlex.split(shown)
    assert command[0] == str(sandbox.interpreter())
    assert command[-3].endswith("forms/scripts/fill.py")
    assert command[-2:] == ["a b", "c'"]
    assert toolbox.find("run_script").scopes == ("scripts",)


@pytest.mark.parametrize(
    ("name", "text", "out"),
    [
        ("a.sh", "echo $0 | sed 's:.*/::'", "a.sh\n"),
        ("b.bash", "x=(1 2); echo ${#x[@]}", "2\n"),
        ("c", "#!/usr/bin/env bash\necho by name", "by name\n"),
        ("d.txt", "#!/usr/bin/env -S python3 -u\nprint(1)", "1\n"),
        ("e.py", "#!/opt/other/python3.9\nprint(2)", "2\n"),
    ],
)
def test_the_first_line_or_the_ending_says_what_runs_it(box, name, text, out):
    box.write(name, text)
    assert box.run(name).value["stdout"] == out


@pytest.mark.parametrize(
    ("name", "text", "error"),
    [
        ("notes.md", "text", "is no script"),
        ("x.sh", "#!/usr/bin/env nothing-like-it\n", "needs nothing-like-it, which is not installed"),
    ],
)
def test_what_can_not_be_run_says_why(box, name, text, error):
    box.write(name, text)
    assert error in box.run(name).error


@pytest.mark.parametrize("script", ["../../../etc/passwd", "/bin/sh", "missing.py", ""])
def test_only_files_of_the_skill_run(box, script):
    assert box.run(script).error


def test_a_script_sees_no_network_no_person_and_can_not_change_the_skill(box, tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "abc")
    (tmp_path / "private.txt").write_text("mine")
    box.write(
        "probe.py",
        "import os, socket, sys, json\n"
        "def tried(what):\n    try: what(); return True\n    except OSError: return False\n"
        f"print(json.dumps([tried(lambda: open({str(tmp_path / 'private.txt')!r})),\n"
        "  tried(lambda: open(__file__, 'a')), tried(lambda: socket.create_connection(('127.0.0.1', 9), 1)),\n"
        "  'SECRET_TOKEN' in os.environ, os.path.exists(os.path.expanduser('~'))]))\n",
    )
    assert box.run("probe.py").value["stdout"] == "[false, false, false, false, false]\n"


def test_floods_and_hangs_end(box):
    box.write("flood.py", "while True: print('x' * 10_000)")
    assert "far more than it may" in box.run("flood.py").error
    box.write("long.py", "print('y' * 5000)")
    value = box.run("long.py").value
    assert (len(value["stdout"]), "cut" in value["note"]) == (2000, True)
    box.write("hang.py", "import time\ntime.sleep(60)")
    assert box.run("hang.py", seconds=1).error == "It was stopped: it took longer than 1 s."
    box.write("memory.py", "x = bytearray(3 << 30)")
    assert "MemoryError" in box.run("memory.py").value["stderr"]
    box.write("disk.py", "f = open('big', 'wb')\nwhile True: f.write(bytes(1 << 20))")
    assert box.run("disk.py").value["exit_code"] != 0
    assert (box.data / "forms" / "big").stat().st_size <= sandbox.FILE_BYTES


def test_stop_ends_a_script(box):
    box.write("hang.py", "import time\ntime.sleep(60)")
    cancel = threading.Event()
    threading.Timer(1, cancel.set).start()
    assert box.run("hang.py", cancel=cancel, seconds=50).error == "It was stopped."


def test_without_a_box_nothing_runs(box, monkeypatch):
    monkeypatch.setattr(sandbox, "status", lambda: sandbox.Status(works=False, text="none here"))
    assert "no sandbox" in box.run("scripts/fill.py").error
    assert not (box.data / "forms" / "out.txt").exists()


def test_a_skill_whose_name_is_no_folder_runs_nothing(make_skill, tmp_path, eyes):
    root = make_skill("odd", front="")
    (root / "odd" / "SKILL.md").write_text("---\nname: ../../odd\ndescription: d\n---\n")
    (root / "odd" / "a.py").write_text("print(1)")
    toolbox = Toolbox(load_skills([(root, "user")]), tmp_path / "data", eyes())
    call = ToolCall("c", "run_script", {"skill": "../../odd", "script": "a.py"})
    assert "its name is not" in toolbox.run(call, threading.Event(), Limits()).error
