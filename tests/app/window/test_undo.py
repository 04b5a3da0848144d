"""The Undo button of a call's card: real files, a real agent, and the same after a restart."""

import json

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QPushButton

from deskhand.agent.events import Answer, CallEnded, CallProposed, CallRecord, Decision, TurnStarted
from deskhand.agent.safety import places
from deskhand.agent.safety.places import Content
from deskhand.agent.safety.undo import By, Undo
from deskhand.app import wiring
from deskhand.app.desktop import open_window
from deskhand.app.happenings import Opened
from deskhand.app.settings import Settings
from deskhand.app.undoing import Undoable, UndoChanged, Undoing
from deskhand.app.window.card import CallCard
from deskhand.model.types import Text, ToolCall

CALL = ToolCall("c1", "edit_write", {"path": "/a"})


def text(widget, name):
    return widget.findChild(QLabel, name).text()


def button(window):
    return window.findChild(QPushButton, "call-undo")


@pytest.fixture
def opened(qtbot, theme):
    """Opens the window over a real desk; each call is a start of the application."""
    bridges = []

    def start(settings):
        window, bridge = open_window(settings, wiring.open_history(), theme)
        qtbot.addWidget(window)
        bridges.append(bridge)
        seen = []
        bridge.happened.connect(seen.append)
        window.show()
        window.activateWindow()
        bridge.start()
        qtbot.waitUntil(lambda: window._ready, timeout=60_000)
        return window, bridge, seen

    yield start
    for bridge in bridges:
        assert bridge.shutdown(30)


def test_a_change_is_undone_from_its_card_by_keyboard_and_also_after_a_restart(qtbot, opened, tmp_path):
    letter = tmp_path / "papers" / "letter.txt"
    letter.parent.mkdir()
    letter.write_text("Dear Anna\n")
    letter.chmod(0o640)
    steps = [
        {"call": {"name": "activate_skill", "arguments": {"name": "edit"}}},
        {"call": {"name": "edit_write", "arguments": {"path": str(letter), "text": "Dear Bo\n"}}},
        {"text": "Written."},
    ]
    script = tmp_path / "script.json"
    script.write_text(json.dumps({"model": "s", "turns": [{"steps": [step]} for step in steps]}))
    chosen = Settings(engine=f"scripted:{script}", folders=(letter.parent,))
    window, bridge, _ = opened(chosen)
    window.submit("write to Bo", ())
    for _ in range(2):
        # One question for the change; that a skill is activated is not asked.
        qtbot.waitUntil(lambda: window.sheets.approval is not None or button(window) is not None, timeout=60_000)
        if window.sheets.approval:
            assert text(window.sheets.approval, "approval-lasting") == "It can be undone for 30 days."
            window.sheets.approval.answer(Answer.ONCE)
    qtbot.waitUntil(lambda: button(window) is not None and not window._running, timeout=60_000)
    assert letter.read_text() == "Dear Bo\n"

    undo = button(window)
    assert (undo.text(), undo.accessibleName()) == ("Undo", "Undo: edit_write")
    assert undo.focusPolicy() & Qt.FocusPolicy.TabFocus
    undo.setFocus(Qt.FocusReason.TabFocusReason)
    qtbot.keyClick(undo, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: undo.text() == "Redo", timeout=30_000)
    assert letter.read_text() == "Dear Anna\n"
    assert letter.stat().st_mode & 0o777 == 0o640
    card = next(card for card in window.findChildren(CallCard) if card.call.name == "edit_write")
    assert text(card, "call-state") == "Undone"
    assert text(card, "undo-said") == f"Restored {letter.name}."
    assert undo.hasFocus()
    log = [entry.fields for entry in wiring.open_audit().entries() if entry.kind == "undo"]
    assert [(fields["did"], fields["path"], fields["call"]) for fields in log] == [
        ("undone", str(letter), card.call.id)
    ]  # fmt: skip
    window.close()
    assert bridge.shutdown(30)

    again, bridge, seen = opened(chosen)
    again.open_conversation(wiring.open_history().latest())
    qtbot.waitUntil(lambda: any(isinstance(event, Opened) for event in seen), timeout=30_000)
    qtbot.waitUntil(lambda: button(again) is not None, timeout=30_000)
    assert button(again).text() == "Redo"
    qtbot.mouseClick(button(again), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: button(again).text() == "Undo", timeout=30_000)
    assert letter.read_text() == "Dear Bo\n"


def test_a_conflict_is_said_and_only_insisting_overwrites(qtbot, window, desk):
    happened = desk.happened.emit
    happened(TurnStarted(1, "t", (Text("write"),)))
    happened(CallProposed(CALL))
    happened(CallEnded(CallRecord(CALL, Decision.APPROVED, {"bytes": 3})))
    assert button(window) is None
    happened(UndoChanged({"c1": Undoable(), "other": Undoable()}))
    button(window).click()
    button(window).click()  # impatience asks once
    assert desk.asked == ["undo c1"]
    assert button(window).text() == "Working…"
    happened(UndoChanged({"c1": Undoable(said="/a is not as edit_write left it.", failed=True, conflict=True)}))
    assert text(window, "undo-said") == "/a is not as edit_write left it."
    assert text(window, "call-state") == "Done"
    assert button(window).text() == "Undo anyway"
    button(window).click()
    assert desk.asked[1:] == ["undo c1 anyway"]
    happened(UndoChanged({"c1": Undoable(undone=True, said="Put /a back.")}))
    assert (button(window).text(), text(window, "call-state")) == ("Redo", "Undone")
    button(window).click()
    assert desk.asked[2:] == ["undo c1 again"]
    happened(UndoChanged({"c1": Undoable(said="Put /a back.")}))
    assert text(window, "call-state") == "Done"


def test_all_changes_of_a_call_are_turned_in_order(tmp_path):
    kept = Undo(tmp_path / "kept")
    undoing = Undoing(kept)
    path = tmp_path / "a"
    for raw in (b"one", b"two"):
        kept.write(By("t", "s", "c1"), path, places.look(path), Content(raw, 0o600))
    assert undoing.look(["c1", "c2"]) == UndoChanged({"c1": Undoable()})
    assert undoing.turn("c1").calls["c1"].undone
    assert not path.exists()
    assert undoing.look(["c1"]) == UndoChanged({"c1": Undoable(undone=True)})
    assert not undoing.turn("c1", redo=True).calls["c1"].undone
    assert path.read_bytes() == b"two"
    path.write_bytes(b"mine")
    stuck = undoing.turn("c1").calls["c1"]
    assert (stuck.undone, stuck.failed, stuck.conflict) == (False, True, True)
    assert path.read_bytes() == b"mine"
    assert undoing.turn("c1", force=True).calls["c1"].undone
    assert not path.exists()
    gone = undoing.turn("c9").calls["c9"]
    assert (gone.said, gone.failed, gone.conflict) == ("What this changed is no longer kept.", True, False)
