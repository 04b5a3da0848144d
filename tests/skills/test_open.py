import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from deskhand.agent.limits import Limits
from deskhand.agent.skills.loading import load_skills
from deskhand.agent.tools.toolbox import Toolbox
from deskhand.model.types import ToolCall

ROOT = Path(__file__).parents[2] / "skills"


@pytest.fixture
def desktop(tmp_path, monkeypatch):
    """A PATH and application folders of the test's own; programs write down how they were started."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (tmp_path / "share" / "applications").mkdir(parents=True)
    monkeypatch.setenv("PATH", f"{programs}:{tmp_path / 'sbin'}")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home-share"))
    monkeypatch.setenv("XDG_DATA_DIRS", str(tmp_path / "share"))
    return tmp_path


@pytest.fixture
def run(desktop):
    box = Toolbox(load_skills([(ROOT, "bundled")]), desktop / "data", None)
    return lambda name, value: box.run(
        ToolCall("c", f"open_{name}", {"name" if name == "application" else "url": value}), threading.Event(), Limits()
    )


def program(folder, name, code="", inside="programs"):
    file = folder / inside / name
    file.parent.mkdir(exist_ok=True)
    record = folder / f"{name}.started"
    file.write_text(
        f"#!{sys.executable} -IS\nimport json, os, sys\n"
        f"open({str(record)!r}, 'w').write(json.dumps([sys.argv, os.getsid(0) == os.getpid()]))\n{code}\n"
    )
    file.chmod(0o755)
    return record


def entry(folder, name, inside="share", **values):
    fields = {"Type": "Application", "Name": name, **values}
    text = "[Desktop Entry]\n" + "".join(f"{key.replace('_', '')}={value}\n" for key, value in fields.items())
    file = folder / inside / "applications" / f"{name.lower().replace(' ', '-')}.desktop"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"{text}\n[Desktop Action new]\nName=New\nExec=wrong\n")


def started(record):
    deadline = time.monotonic() + 10
    while not (record.exists() and record.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return json.loads(record.read_text())


def test_a_program_of_the_path_is_started_in_a_session_of_its_own(run, desktop):
    record = program(desktop, "editor", "import time; time.sleep(30)")
    result = run("application", "editor")
    assert result.error == ""
    argv, own_session = started(record)
    assert (argv, own_session) == ([str(desktop / "programs" / "editor")], True)
    assert (result.value["started"], result.value["say"]) == ("editor", "Started editor.")
    process = psutil.Process(result.value["pid"])
    assert process.is_running()
    process.kill()


def test_a_desktop_entry_is_found_by_name_id_and_generic_name_and_field_codes_are_filled(run, desktop):
    record = program(desktop, "kate-bin")
    entry(
        desktop, "Kate Editor", Exec='kate-bin --title "a \\\\"b\\\\" c" %U --n=%c %i %% %k', GenericName="Text Editor",
        Icon="kate",
    )  # fmt: skip
    for name in ("kate editor", "Text  editor", "kate-editor", "kate-bin"):
        result = run("application", name)
        assert result.value["started"] == "Kate Editor"
        argv = started(record)[0][1:]
        record.unlink()
    assert argv[:6] == ["--title", 'a "b" c', "--n=Kate Editor", "--icon", "kate", "%"]
    assert argv[6].endswith("kate-editor.desktop")


def test_a_word_of_the_name_is_enough_if_only_one_fits(run, desktop):
    record = program(desktop, "fox")
    entry(desktop, "Fire Fox", Exec="fox", GenericName="Web Browser")
    assert run("application", "browser").value["started"] == "Fire Fox"
    started(record)
    entry(desktop, "Chrome", Exec="fox", GenericName="Web Browser")
    assert run("application", "browser").error == "Several applications fit browser: Chrome, Fire Fox."


def test_shell_text_in_an_entry_stays_text(run, desktop):
    record = program(desktop, "odd")
    entry(desktop, "Odd", Exec="odd ; touch x $(id) `id` > y")
    run("application", "Odd")
    assert started(record)[0][1:] == [";", "touch", "x", "$(id)", "`id`", ">", "y"]


def test_the_persons_entry_hides_the_systems(run, desktop):
    program(desktop, "first")
    record = program(desktop, "second")
    entry(desktop, "Mail", Exec="first")
    entry(desktop, "Mail", inside="home-share", Exec="second")
    assert run("application", "mail").error == ""
    started(record)


@pytest.mark.parametrize(
    "values",
    [
        {"Exec": "here", "Hidden": "true"},
        {"Exec": "here", "Type": "Link"},
        {"Exec": "here", "TryExec": "not-there"},
        {"Exec": ""},
    ],
)
def test_entries_that_can_not_be_started_are_none(run, desktop, values):
    program(desktop, "here")
    entry(desktop, "Thing", **values)
    assert "no application called thing" in run("application", "thing").error


def test_what_is_missing_is_said_with_suggestions(run, desktop):
    program(desktop, "gimp")
    entry(desktop, "GIMP", Exec="gimp")
    entry(desktop, "Ghost", Exec="gone %f")
    assert "Similar: GIMP" in run("application", "gimpp").error
    assert "its program gone is not installed" in run("application", "ghost").error


@pytest.mark.parametrize(
    "name",
    [
        "",
        "  ",
        "a;b",
        "a|b",
        "$(id)",
        "`id`",
        "a&b",
        "../editor",
        "/bin/sh",
        "-rf",
        "a\nb;",
        "a>b",
        "*",
        "~",
        "'a'",
        "a\\b",
    ],
)
def test_names_with_metacharacters_are_refused(run, desktop, name):
    program(desktop, "a")
    error = run("application", name).error
    assert "plain name" in error or "no application" in error
    assert not (desktop / "a.started").exists()


@pytest.mark.parametrize("name", ["reboot", "Shutdown", "mkfs"])
def test_administration_programs_are_not_offered(run, desktop, name):
    record = program(desktop, name.lower(), inside="sbin" if name == "mkfs" else "programs")
    assert "no application" in run("application", name).error
    assert not record.exists()


def test_a_program_that_fails_at_once_is_said(run, desktop):
    program(desktop, "xthing")
    (desktop / "programs" / "xthing").write_text("#!/bin/sh\necho cannot open display >&2\nexit 1\n")
    assert run("application", "xthing").error == "xthing ended at once with code 1: cannot open display"


def test_a_terminal_program_runs_in_a_terminal_or_says_so(run, desktop):
    program(desktop, "top")
    entry(desktop, "Monitor", Exec="top -d 1", Terminal="true")
    assert "none is installed" in run("application", "monitor").error
    record = program(desktop, "xterm")
    assert run("application", "monitor").error == ""
    assert started(record)[0][1:] == ["-e", str(desktop / "programs" / "top"), "-d", "1"]


@pytest.mark.parametrize(
    ("url", "opened"),
    [
        ("https://example.org/a?b=c&d=%20#e", None),
        ("http://localhost:8080/", None),
        ("mailto:ann@example.org?subject=Hi", None),
        ("mailto:ann@example.org,bob@example.org?CC=eve@example.org&body=One%0D%0ATwo", None),
        ("https://pаypal.com:8443/x", "https://xn--pypal-4ve.com:8443/x"),
        ("https://a@bücher.example/", "https://a@xn--bcher-kva.example/"),
        (" example.org/x ", "https://example.org/x"),
        ("HTTPS://Example.org", None),
    ],
)
def test_addresses_are_given_to_the_opener_as_one_argument(run, desktop, url, opened):
    record = program(desktop, "xdg-open")
    result = run("address", url)
    assert result.error == ""
    assert started(record)[0][1:] == [opened or url]


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "javascript:alert(1)", "ftp://a.b/", "https://", "https:///x", "mailto:nobody", "-e", "",
     "https://a.b/ c", "https://a.b/\n", "https://a.b/'x", "vnc://a", "https://a.b/\u202ex", "https://[::1", "a b"],
)  # fmt: skip
def test_other_addresses_are_refused(run, desktop, url):
    record = program(desktop, "xdg-open")
    result = run("address", url)
    if url.strip() == "https://a.b/":
        assert started(record)[0][1:] == ["https://a.b/"]
        return
    assert result.error.endswith((".", "org"))
    assert not record.exists()


@pytest.mark.parametrize(
    "query",
    [
        "attach=/etc/passwd", "attachment=/etc/passwd", "ATTACH=x", "%61ttach=x", "subject=Hi&attach=x", "amp;attach=x",
        "subject=x%27,attachment=%27file:///etc/passwd", "body=x&insert=/etc/passwd",
        "subject=a%0d%0aBcc:eve@e.example", "x-attach=y", "header=Bcc:eve", "attach",
    ],
)  # fmt: skip
def test_a_mail_address_sets_a_text_and_attaches_nothing(run, desktop, query):
    """F16."""
    record = program(desktop, "xdg-open")
    assert run("address", f"mailto:ann@example.org?{query}").error.endswith(".")
    assert not record.exists()


def test_without_an_opener_it_says_what_to_install(run, desktop):
    assert "xdg-utils" in run("address", "https://example.org").error


WINDOW = """
from PySide6.QtWidgets import QApplication, QLabel
app = QApplication([])
label = QLabel("hello")
label.setWindowTitle("Opened by Deskhand")
label.show()
app.exec()
"""


def test_an_application_opens_a_window_on_a_real_display(tmp_path, monkeypatch, x_display):
    file = tmp_path / "greeter"
    file.write_text(f"#!{sys.executable}\n{WINDOW}")
    file.chmod(0o755)
    monkeypatch.setenv("DISPLAY", x_display)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("QT_QPA_PLATFORM", "xcb")
    box = Toolbox(load_skills([(ROOT, "bundled")]), tmp_path / "data", None)
    result = box.run(ToolCall("c", "open_application", {"name": "greeter"}), threading.Event(), Limits())
    assert result.error == ""
    try:
        found = subprocess.run(
            ["xdotool", "search", "--sync", "--name", "Opened by Deskhand"], capture_output=True, timeout=60, check=True
        )
        assert found.stdout.strip()
    finally:
        psutil.Process(result.value["pid"]).kill()


def test_real_entries_of_this_machine_are_read(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "open"))
    import desktop as module

    monkeypatch.setenv("XDG_DATA_DIRS", "/usr/share")
    names = {found.name for found in module.applications()}
    assert all(isinstance(found.command, str) and found.command for found in module.applications())
    assert names or not list(Path("/usr/share/applications").glob("*.desktop"))
    assert os.environ["XDG_DATA_DIRS"] == "/usr/share"
    del sys.modules["desktop"]
