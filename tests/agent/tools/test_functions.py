import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from deskhand.agent.limits import Limits
from deskhand.agent.safety import sandbox
from deskhand.agent.skills.loading import load_skills
from deskhand.agent.tools import folders, functions
from deskhand.agent.tools.host import HostFunction, declares
from deskhand.agent.tools.toolbox import Toolbox
from deskhand.model.types import ToolCall

HEAD = "import json, os, socket, subprocess, sys, time\nfrom pathlib import Path\n\n"


@pytest.fixture
def run(make_skill, tmp_path, eyes):
    """Run the body of a function of a skill and return the result."""

    def go(
        body, *, scopes="files:data", source="bundled", host=None, cancel=None, name="probe", limits=None, **arguments
    ):
        code = f'{HEAD}def go(host, n: int = 0) -> str:\n    """Go."""\n' + "".join(
            f"    {line}\n" for line in body.splitlines()
        )
        root = make_skill(name, code, scopes)
        box = Toolbox(load_skills([(root, source)]), tmp_path / "data", host or eyes())
        call = ToolCall("c", f"{name}_go", arguments)
        return box.run(call, cancel or threading.Event(), limits or Limits(tool_seconds=20))

    return go


@pytest.fixture(params=["boxed", "plain"])
def mode(request, monkeypatch):
    if request.param == "plain":
        monkeypatch.setattr(sandbox, "status", lambda: sandbox.Status(works=False, text="none here"))
    return request.param


def test_a_result_comes_back_and_files_stay_in_the_own_folder(run, mode, tmp_path):
    result = run('(host.data / "a.txt").write_text("kept")\nreturn {"n": n, "where": str(host.data), "ü": [None]}', n=3)
    assert result.value == {"n": 3, "where": str(tmp_path / "data" / "probe"), "ü": [None]}
    assert result.error == ""
    assert result.seconds > 0
    assert (tmp_path / "data" / "probe" / "a.txt").read_text() == "kept"
    assert (tmp_path / "data" / "probe").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ('raise ValueError("There is no\\n such thing.")', "There is no such thing."),
        ('return {}["x"]', "KeyError: 'x'"),
        ("sys.exit(3)", "SystemExit: 3"),
        ("return object()", "The tool returned what is not JSON: Object of type object is not JSON serializable"),
        ('return float("nan")', "The tool returned what is not JSON: Out of range float values are not JSON compliant"),
        ("a = []\na.append(a)\nreturn a", "The tool returned what is not JSON: Circular reference detected"),
        ("os._exit(1)", "The tool's process ended without a result."),
        ('print("why", file=sys.stderr)\nos._exit(1)', "The tool's process ended without a result: why"),
        ("os.kill(os.getpid(), 9)", "The tool's process ended without a result."),
        ("import not_there", "ModuleNotFoundError: No module named 'not_there'"),
        ("def f(): return f()\nreturn f()", "RecursionError: maximum recursion depth exceeded"),
        ("return bytearray(4_000_000_000)", "The tool needed more memory than it may have."),
    ],
)
def test_whatever_a_tool_does_is_one_sentence(run, mode, body, error):
    result = run(body)
    assert result.value is None
    assert result.error == error


def test_ten_megabytes_are_cut_at_the_source(run, mode):
    result = run('return "ä" * 5_000_000', limits=Limits(result_bytes=1001))
    assert result.value == "ä" * 500 + "\n[cut: the first 1001 of 10000000 bytes]"
    result = run("return {'rows': list(range(1_000_000))}", limits=Limits(result_bytes=100), name="other")
    assert result.value.startswith('{"rows": [0, 1, 2')
    assert result.value.endswith("bytes]")


def test_a_flood_around_the_cut_is_stopped(run, mode):
    body = (
        "for fd in range(3, 20):\n    try:\n        while True: os.write(fd, b'x' * 65536)\n    except OSError: pass\n"
    )
    assert "far more than it may" in run(body).error


def test_prints_do_not_reach_the_protocol(run, mode):
    result = run("print('{\"value\": 1}')\nprint('x' * 1_000_000)\nos.system('echo {}')\nreturn 'true value'")
    assert result.value == "true value"


def test_a_tool_can_not_read_the_pipe_of_the_app(run, mode):
    assert run("return sys.stdin.read()").value == ""


def test_half_a_surrogate_pair_does_not_break_what_comes_after(run, mode):
    assert run(r"return 'a\ud800b'").value == "a?b"


def test_a_tool_that_hangs_is_killed_with_all_it_started(run, mode, tmp_path):
    marker = f"3{time.monotonic_ns() % 10**6:06}"
    result = run(f'subprocess.Popen(["sleep", "{marker}"])\ntime.sleep(60)', limits=Limits(tool_seconds=2))
    assert result.error == "The tool was stopped: it took longer than 2 s."
    deadline = time.monotonic() + 10
    while running(marker) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert running(marker) == []


def test_what_a_tool_leaves_running_is_killed(run, mode):
    marker = f"4{time.monotonic_ns() % 10**6:06}"
    assert run(f'subprocess.Popen(["sleep", "{marker}"])\nreturn "done"').value == "done"
    deadline = time.monotonic() + 10
    while running(marker) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert running(marker) == []


def running(marker):
    every = psutil.process_iter(["cmdline", "status"])
    sleeping = [process.info for process in every if process.info["cmdline"] == ["sleep", marker]]
    return [info for info in sleeping if info["status"] != psutil.STATUS_ZOMBIE]


def test_stop_kills_a_running_tool(run, mode):
    cancel = threading.Event()
    threading.Timer(1, cancel.set).start()
    assert run("time.sleep(60)", cancel=cancel).error == "The tool was stopped."


def test_the_box_hides_the_person_and_the_network(run, tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "abc")
    (tmp_path / "private.txt").write_text("mine")
    body = f"""
seen = {{"environment": sorted(os.environ)}}
private = {str(tmp_path / "private.txt")!r}
for name, path in {{"private": private, "passwd": "/etc/passwd", "home": {str(Path.home() / ".bashrc")!r}}}.items():
    seen[name] = os.path.exists(path)
for name, place in {{"usr": "/usr/x", "skill": __file__, "root": "/x", "dev": "/dev/x"}}.items():
    try:
        open(place, "a").close()
        seen[name] = True
    except OSError:
        seen[name] = False
try:
    socket.create_connection(("127.0.0.1", n), 2).close()
    seen["net"] = True
except OSError:
    seen["net"] = False
seen["processes"] = len([p for p in os.listdir("/proc") if p.isdigit()])
return seen
"""
    with socket_listening() as port:
        seen = run(body, source="user", n=port).value
    assert not {"SECRET_TOKEN", "DISPLAY", "DBUS_SESSION_BUS_ADDRESS"} & set(seen.pop("environment"))
    assert seen.pop("processes") <= 3
    assert seen == dict.fromkeys(("private", "passwd", "home", "usr", "skill", "root", "dev", "net"), False)


def socket_listening():
    import contextlib
    import socket

    @contextlib.contextmanager
    def listen():
        with socket.create_server(("127.0.0.1", 0)) as server:
            yield server.getsockname()[1]

    return listen()


def test_memory_that_looks_like_files_is_bounded(run):
    body = """
sizes = {}
for folder in ("/tmp", "/dev/shm"):
    try:
        for n in range(200):
            Path(folder, str(n)).write_bytes(bytes(1 << 20))
    except OSError as error:
        sizes[folder] = n, error.strerror
open("/dev/null", "w").write("x")
return sizes
"""
    sizes = run(body).value
    assert {reason for _, reason in sizes.values()} == {"No space left on device"}
    assert all(count <= sandbox.FILE_BYTES >> 20 for count, _ in sizes.values())


def test_without_the_scope_nothing_can_be_kept(run, tmp_path):
    body = 'host.data.mkdir(parents=True, exist_ok=True)\n(host.data / "a").write_text("x")'
    run(body, scopes="")
    run('(host.data.parent / "a").write_text("x")', name="other")
    assert [path.name for path in (tmp_path / "data").rglob("*")] == ["other"]


def test_a_file_can_not_fill_the_disk(run, mode, tmp_path):
    result = run('with (host.data / "big").open("wb") as f:\n    while True: f.write(bytes(1 << 20))')
    assert "File too large" in result.error
    assert (tmp_path / "data" / "probe" / "big").stat().st_size <= sandbox.FILE_BYTES


def test_a_foreign_tool_is_refused_without_a_box(run, monkeypatch, tmp_path):
    monkeypatch.setattr(sandbox, "status", lambda: sandbox.Status(works=False, text="none here"))
    result = run('Path(__file__).with_name("ran").touch()\nreturn "ran"', source="user")
    assert "this machine has no sandbox" in result.error
    assert not list(tmp_path.rglob("ran"))


def test_a_skill_called_skills_does_not_get_the_folder_of_skills(make_skill, tmp_path, eyes):
    root = make_skill("skills", f'{HEAD}def go(host) -> str:\n    """Go."""\n    return ""\n', "files:data")
    box = Toolbox(load_skills([(root, "user")]), tmp_path, eyes())
    assert "holds skills" in box.run(ToolCall("c", "skills_go"), threading.Event(), Limits()).error


@pytest.mark.parametrize("name", sorted(folders.OURS))
def test_a_skill_gets_no_folder_of_the_application(make_skill, tmp_path, eyes, name):
    root = make_skill(name, f'{HEAD}def go(host) -> str:\n    """Go."""\n    return ""\n', "files:data")
    box = Toolbox(load_skills([(root, "user")]), tmp_path / "data", eyes())
    result = box.run(ToolCall("c", f"{name}_go"), threading.Event(), Limits())
    assert result.error == f"{name} can't keep files: a folder of Deskhand itself has that name."
    assert not (tmp_path / "data" / name).exists()


def test_a_look_goes_through_the_app_and_only_with_the_scope(run, mode, eyes):
    host = eyes()
    result = run("return host.look()", scopes="screen", host=host)
    assert result.value == {"width": 32, "height": 32, "left": 0, "top": 0, "scale": 1.0, "source": "screen 1 (test)"}
    assert result.images == (eyes().look().image,)
    refused = run("return host.look()", scopes="files:data", host=host, name="other")
    assert "does not declare the scope" in refused.error
    assert refused.images == ()
    assert host.looks == 1
    blind = run("return host.look()", scopes="screen", host=eyes("There is no display."), name="blind")
    assert blind.error == "There is no display."


@pytest.fixture
def press(monkeypatch):
    """One more function of the application, as a room above adds it."""
    schema = {
        "type": "object",
        "properties": {"key": {"type": "string"}, "n": {"type": "integer"}},
        "required": ["key"],
    }
    row = HostFunction(("files:data", "screen"), schema)
    monkeypatch.setattr(functions, "FUNCTIONS", {**functions.FUNCTIONS, "press": row})
    return row


def test_the_application_is_asked_by_name_with_checked_arguments(run, press, eyes):
    host = eyes()
    assert run('return host.ask("press", key="Tab", n=3.0)', host=host).value == {"key": "Tab", "n": 3}
    (asked,) = host.asked
    assert (asked.name, asked.tool, asked.skill, asked.scopes) == ("press", "probe_go", "probe", ("files:data",))
    assert not asked.cancel.is_set()


@pytest.mark.parametrize(
    ("call", "scopes", "error"),
    [
        ('"press"', "files:data", "The parameter key is missing."),
        ('"press", key=1', "files:data", "key must be a text."),
        ('"press", key="a", other=1', "files:data", "There is no parameter other; known are: key, n."),
        ('"press", key="a"', "", "does not declare the scope files:data or screen."),
        ('"look"', "files:data", "does not declare the scope screen."),
        ('"__class__"', "files:data", "There is nothing named __class__ to ask for. Known: {known}."),
    ],
)
@pytest.mark.usefixtures("press")
def test_what_does_not_fit_never_reaches_the_application(run, eyes, call, scopes, error):
    host = eyes()
    sentence = error.format(known=", ".join(functions.FUNCTIONS))
    assert run(f"return host.ask({call})", scopes=scopes, host=host).error.endswith(sentence)
    assert host.asked == []


def test_what_only_bundled_skills_may_ask_for_is_refused_to_others(run, press, monkeypatch, eyes):
    monkeypatch.setattr(functions, "FUNCTIONS", {"press": replace(press, bundled=True)})
    host = eyes()
    assert run('return host.ask("press", key="a")', source="user", host=host).error.endswith("Deskhand may.")
    assert host.asked == []
    assert run('return host.ask("press", key="a")', host=host, name="ours").value == {"key": "a"}


def test_a_declared_detail_declares_its_kind():
    assert declares(("files:read:/home/me",), "files:read")
    assert declares(("screen",), "screen")
    assert not declares(("files:readable", "files"), "files:read")


def test_the_time_in_which_the_person_is_asked_for_the_screen_does_not_count(run, eyes):
    class Slow(eyes):
        def look(self):
            time.sleep(5.5)
            return super().look()

    result = run('host.look()\nreturn "seen"', scopes="screen", host=Slow(), limits=Limits(tool_seconds=5))
    assert result.value == "seen"


def test_a_skill_of_applications_runs_outside_with_the_environment(run, monkeypatch):
    monkeypatch.setenv("DISPLAY", ":77")
    body = 'import resource\nreturn [os.environ["DISPLAY"], resource.getrlimit(resource.RLIMIT_AS)[0] == -1]'
    assert run(body, scopes="apps").value == [":77", True]


def test_an_unknown_tool_and_a_misfit_are_results(run, tmp_path, eyes):
    box = Toolbox(load_skills([]), tmp_path, eyes())
    assert "no tool named x" in box.run(ToolCall("c", "x"), threading.Event(), Limits()).error
    assert "whole number" in run("return 1", n="many").error


def test_tools_that_run_at_once_do_not_mix(make_skill, tmp_path, eyes):
    code = f'{HEAD}def go(n: int) -> int:\n    """Go."""\n    time.sleep(0.1)\n    return n\n'
    box = Toolbox(load_skills([(make_skill("probe", code), "bundled")]), tmp_path / "data", eyes())
    found = {}

    def one(n):
        found[n] = box.run(ToolCall("c", "probe_go", {"n": n}), threading.Event(), Limits()).value

    threads = [threading.Thread(target=one, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {n: n for n in range(4)}


def test_the_runner_imports_little():
    code = "exec(open(sys.path.pop()).read().split('if __name__')[0]); print(len(sys.modules))"
    runner = functions.RUNNER
    script = f"import sys; sys.path.append({str(runner)!r}); {code}"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 70
