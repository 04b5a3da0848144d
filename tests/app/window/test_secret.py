"""The question for a key, and that the key is nowhere afterwards but in its file and the script's hands."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QLineEdit

from deskhand.agent.events import CallEnded, CallRecord, Decision, Outcome, TurnEnded
from deskhand.agent.skills.secrets import SecretRequest
from deskhand.app.window.secret import SecretSheet
from deskhand.model.types import ToolCall, Usage

KEY = "s3cr3t-k3y"


@pytest.fixture
def asked(paged, desk):
    """A request that the window shows."""
    paged.qtbot.keyClicks(paged.window.composer.input, "go")
    paged.qtbot.keyClick(paged.window.composer.input, Qt.Key.Key_Return)
    request = SecretRequest("weather\u202e", "Get one at <b>the office</b>.")
    desk.happened.emit(request)
    field = paged.wait("secret-field")
    paged.qtbot.waitUntil(field.hasFocus)  # what the person was typing just now does not go into it
    return request


def test_it_says_which_skill_and_why_and_hides_what_is_typed(paged, asked):
    sheet = paged.find("secret")
    said = [each.text() for each in sheet.findChildren(QLabel)]
    assert "The skill “weather⟨U+202E⟩” needs a key of yours" in said
    assert sheet.findChild(object, "secret-description").toPlainText() == "Get one at <b>the office</b>."
    field = paged.find("secret-field")
    assert field.echoMode() == QLineEdit.EchoMode.Password
    assert field.accessibleName() == "Key for the skill weather⟨U+202E⟩"
    assert not paged.find("secret-yes").isEnabled()
    paged.qtbot.keyClick(field, Qt.Key.Key_Return)
    assert not asked.reply.done()
    paged.qtbot.keyClicks(field, f" {KEY} ")
    paged.qtbot.keyClick(field, Qt.Key.Key_Return)
    assert asked.reply.result(0) == KEY
    paged.gone("secret")
    assert KEY not in repr(asked)


@pytest.mark.parametrize("way", ["button", "escape", "stop", "turn ends", "close"])
def test_every_other_way_out_gives_nothing(paged, asked, desk, way):
    paged.qtbot.keyClicks(paged.find("secret-field"), KEY)
    match way:
        case "button":
            paged.click("secret-no")
        case "escape":
            paged.qtbot.keyClick(paged.find("secret-field"), Qt.Key.Key_Escape)
        case "stop":
            paged.window.stop()
        case "turn ends":
            desk.happened.emit(TurnEnded(Outcome("x", (), "stop", Usage())))
        case "close":
            paged.window.close()
    assert asked.reply.result(0) == ""
    paged.qtbot.waitUntil(lambda: paged.window.findChild(SecretSheet) is None)


def test_a_request_that_was_taken_back_is_nobodys(paged, asked, desk):
    paged.qtbot.keyClicks(paged.find("secret-field"), KEY)
    asked.reply.cancel()  # as `deskhand stop` does it, in the agent's thread
    paged.gone("secret")
    desk.happened.emit(CallEnded(CallRecord(ToolCall("c", "run_js", {}), Decision.APPROVED, error="x")))
