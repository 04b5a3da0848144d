"""The page of permissions: what it shows is what counts, and what is taken back counts no longer at the next call."""

import json
import math
import sys
import threading
import time
from pathlib import Path

import pytest
from PySide6.QtWidgets import QLabel

from deskhand.agent.events import Answer
from deskhand.agent.limits import Limits
from deskhand.agent.safety.grants import Grant
from deskhand.agent.safety.permissions import decide, offered, pin
from deskhand.agent.tool import Tool
from deskhand.app import cli, settings, wiring
from deskhand.app.commands import audit
from deskhand.app.window.permissions import covers, until
from deskhand.model.types import ToolCall

WRITE = Tool("edit_write", "edit", "Write.", {}, ("files:write",), bundled=True)


@pytest.fixture
def running(paged):
    """An agent's permissions and files, served by the page's permits."""
    chosen = settings.load()
    desk = wiring.build(chosen.model_copy(update={"engine": "tiny"}), wiring.open_history(), lambda _notice: None)
    paged.window._permissions._permits.serve(desk.permissions, desk.host.grant)
    yield desk
    desk.close()


def call(path):
    return ToolCall("c", "edit_write", {"path": str(path)})


def decided(desk, path):
    return decide(WRITE, call(path), desk.permissions.situation(call(path))).decision


def test_the_mode_counts_at_once_and_after_a_restart(paged, running, tmp_path, qtbot):
    paged.click("go-permissions")
    assert paged.wait("mode-ask").isChecked()
    assert decided(running, tmp_path / "a") == "ask"
    paged.click("mode-read-only")
    qtbot.waitUntil(lambda: decided(running, tmp_path / "a") == "deny", timeout=20_000)
    qtbot.waitUntil(lambda: settings.load().mode == "read-only", timeout=20_000)
    paged.click("mode-ask")
    qtbot.waitUntil(lambda: decided(running, tmp_path / "a") == "ask", timeout=20_000)


def test_what_was_clicked_while_the_page_was_reading_is_shown(paged, running, qtbot, monkeypatch):
    paged.click("go-permissions")
    assert paged.wait("mode-ask").isChecked()
    page = paged.wait("permissions-page")
    page._timer.stop()
    qtbot.waitUntil(lambda: not page._looking)
    goes_on, begun = threading.Event(), []
    look = page._permits.look

    def slow():
        found = look()
        begun.append(found)
        if len(begun) == 1:
            goes_on.wait(60)
        return found

    monkeypatch.setattr(page._permits, "look", slow)
    page.look()
    qtbot.waitUntil(lambda: bool(begun))
    paged.click("mode-read-only")
    qtbot.waitUntil(lambda: page._permitted is None)  # it is done
    goes_on.set()
    qtbot.waitUntil(lambda: page._permitted is not None)
    assert page._permitted.mode == "read-only"
    assert paged.wait("mode-read-only").isChecked()


def test_trusted_folders_are_added_and_removed_at_once(paged, running, tmp_path, qtbot):
    folder = tmp_path / "letters"
    folder.mkdir()
    paged.click("go-permissions")
    paged.click("mode-trusted-folder")
    page = paged.wait("permissions-page")
    page.trust(folder)
    qtbot.waitUntil(lambda: decided(running, folder / "a") == "allow", timeout=20_000)
    written = running.agent._toolbox.run(call(folder / "a.txt"), threading.Event(), running.agent._limits)
    assert "text" in written.error  # a parameter is missing: it is no question of the folder
    paged.wait("folder-0")
    assert settings.load().trusted_folders == (folder,)
    paged.click("folder-remove-0")
    qtbot.waitUntil(lambda: decided(running, folder / "a") == "ask", timeout=20_000)
    paged.gone("folder-0")
    assert settings.load().trusted_folders == ()


def test_folders_that_hold_everything_or_our_own_are_refused(paged, running, tmp_path, monkeypatch, qtbot):
    monkeypatch.setenv("HOME", str(tmp_path))
    paged.click("go-permissions")
    page = paged.wait("permissions-page")
    for folder, why in (
        (tmp_path, "holds all your files"),
        (settings.data_folder(), "keeps for itself"),
        (tmp_path / "none", "There is no folder"),
    ):
        page.trust(folder)
        paged.says(why)
    assert settings.load().trusted_folders == ()


def test_what_was_granted_is_listed_exactly_and_taken_back(paged, running, tmp_path, qtbot):
    for path, answer in ((tmp_path / "a" / "x", Answer.SESSION), (tmp_path / "b" / "x", Answer.ALWAYS)):
        situation = running.permissions.situation(call(path))
        running.permissions.remember(offered(WRITE, call(path), situation, answer))
    never = wiring.open_grants().add(Grant("input_type", effect="deny", made=time.time()))
    paged.click("go-permissions")
    session = running.permissions.session[0]
    said = [each.text() for each in paged.wait(f"grant-{session.id}").findChildren(QLabel)]
    assert said == ["edit_write", f"any file in {tmp_path / 'a'}", "until Deskhand is closed"]
    kept = next(grant for grant in wiring.open_grants().all() if grant.effect == "allow")
    assert f"until {time.localtime(kept.expires).tm_mday} " in paged.wait(f"grant-{kept.id}").accessibleName()
    assert "never runs" in paged.wait(f"grant-{never.id}").accessibleName()
    assert decided(running, tmp_path / "a" / "y") == decided(running, tmp_path / "b" / "y") == "allow"
    paged.click(f"revoke-{session.id}")
    paged.gone(f"grant-{session.id}")
    assert decided(running, tmp_path / "a" / "y") == "ask"
    assert decided(running, tmp_path / "b" / "y") == "allow"
    paged.click("revoke-all")
    paged.wait("grants-none")
    assert decided(running, tmp_path / "b" / "y") == "ask"
    assert wiring.open_grants().all() == ()


def test_what_another_program_grants_appears_by_itself(paged, qtbot):
    paged.click("go-permissions")
    paged.wait("grants-none")
    grant = wiring.open_grants().add(
        Grant("open_application", pin(WRITE), arguments="{}", expires=time.time() + 99_999)
    )
    paged.wait(f"grant-{grant.id}")


def test_damaged_files_are_sentences_and_what_was_clicked_is_shown_as_it_is(paged, qtbot):
    grants = settings.data_folder() / "grants.json"
    grants.write_text("{")
    paged.click("go-permissions")
    paged.says("are damaged")
    grants.unlink()
    paged.wait("mode-ask")
    settings.settings_file().parent.mkdir(parents=True, exist_ok=True)
    settings.settings_file().write_text("engine = ")
    paged.click("mode-read-only")
    paged.says("can't be changed")
    # It counts all the same until Deskhand is closed.
    qtbot.waitUntil(lambda: (found := paged.find("mode-read-only")) is not None and found.isChecked())


def test_what_the_person_changes_is_in_the_log_in_words(tmp_path, capsys):
    (tmp_path / "letters").mkdir()
    grant = wiring.open_grants().add(Grant("open_application", pin(WRITE), arguments="{}", expires=4e9))
    permits = wiring.permits(settings.load())
    permits.choose("read-only")
    permits.trust(tmp_path / "letters")
    permits.distrust(tmp_path / "letters")
    permits.revoke(grant.id, "none")
    assert audit.run(cli.parse(["audit", "show"])) == 0
    said = [line.split("permits ", 1)[1] for line in capsys.readouterr().out.splitlines()]
    folder = str(tmp_path / "letters")
    assert said == [
        "You chose the mode read-only",
        f"You trusted the folder {folder}",
        f"You no longer trust the folder {folder}",
        "You took back: exactly this call: open_application {}",
    ]


@pytest.mark.parametrize(
    ("grant", "what", "how_long"),
    [
        (Grant("t", arguments='{"a": 1}', expires=math.inf), 'exactly {"a": 1}', "until Deskhand is closed"),
        (Grant("t", folder="/a", expires=1e9), "any file in /a", "ended on 9 September 2001"),
        (Grant("t", expires=4e9), "with any arguments", "until 2 October 2096"),
        (Grant("t", effect="deny"), "never runs", "until you take it back"),
    ],
)
def test_words(grant, what, how_long):
    assert (covers(grant), until(grant, now=2e9)) == (what, how_long)


def test_how_often_what_is_yours_asks_counts_at_once_and_after_a_restart(paged, running, qtbot):
    paged.click("go-permissions")
    assert paged.wait("own-session").isChecked()
    paged.click("own-never")
    qtbot.waitUntil(lambda: running.permissions.own == "never", timeout=20_000)
    qtbot.waitUntil(lambda: settings.load().ask_for_own == "never", timeout=20_000)
    paged.click("own-always")
    qtbot.waitUntil(lambda: running.permissions.own == "always", timeout=20_000)


def test_a_tool_of_a_server_is_marked_as_read_only(paged, running, qtbot):
    hostile = Path(__file__).parents[2] / "agent" / "mcp" / "hostile.py"
    entry = {"command": sys.executable, "args": ["-I", "-S", str(hostile), "quiet"]}
    settings.mcp_file().parent.mkdir(parents=True, exist_ok=True)
    written = {"mcpServers": {"state": {**entry, "deskhand": {"read": [str(hostile)]}}}}
    settings.mcp_file().write_text(json.dumps(written))
    gate = next(tool for tool in running.servers.tools if tool.name == "state__connect")
    assert not running.servers.run(gate, ToolCall("c", gate.name, {}), threading.Event(), Limits()).error
    paged.window._permissions._permits.serve(running.permissions, running.host.grant, running.servers)
    paged.click("go-permissions")
    switch = paged.wait("reads-state-read_state")
    assert not switch.isChecked()
    paged.click("reads-state-read_state")
    qtbot.waitUntil(lambda: running.servers.readers("state")[0].marked, timeout=20_000)
    tool = next(tool for tool in running.servers.tools if tool.name == "state__read_state")
    read = ToolCall("c", tool.name, {})
    assert decide(tool, read, running.permissions.situation(read, tainted=True)).decision == "allow"
    paged.click("reads-state-read_state")
    qtbot.waitUntil(lambda: not running.servers.readers("state")[0].marked, timeout=20_000)
