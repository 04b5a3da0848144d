"""The composer: keys, attachments, clipboard, drag and drop."""

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QColor, QDropEvent, QImage
from PySide6.QtWidgets import QLabel

from deskhand.agent.percept import ScreenPercept, SoundPercept
from deskhand.app.window.composer import Composer, from_qimage
from deskhand.model.types import Audio, Image

PICTURE = ScreenPercept(Image(bytes(5 * 3 * 3), 5, 3), source="Screen 1 (X11)")
SOUND = SoundPercept(Audio(bytes(4 * 16_000 * 3)))


@pytest.fixture
def composer(qtbot, theme):
    composer = Composer(theme)
    qtbot.addWidget(composer)
    composer.resize(700, 140)
    composer.set_ready(ready=True)
    composer.show()
    composer.activateWindow()
    composer.input.setFocus()
    return composer


def test_enter_sends_and_shift_enter_begins_a_line(composer, qtbot):
    qtbot.keyClicks(composer.input, "one")
    qtbot.keyClick(composer.input, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    qtbot.keyClicks(composer.input, "two")
    low = composer.input.height()
    with qtbot.waitSignal(composer.submitted) as sent:
        qtbot.keyClick(composer.input, Qt.Key.Key_Return)
    assert sent.args == ["one\ntwo", ()]
    composer.clear()
    assert composer.input.height() < low


def test_nothing_is_sent_empty_while_a_turn_runs_or_without_an_engine(composer, qtbot):
    with qtbot.assertNotEmitted(composer.submitted):
        qtbot.keyClick(composer.input, Qt.Key.Key_Return)
        assert not composer.send.isEnabled()
        composer.input.setPlainText("go")
        assert composer.send.isEnabled()
        composer.set_running(running=True)
        qtbot.keyClick(composer.input, Qt.Key.Key_Return)
    assert composer.stop.isVisible()
    assert composer.stop.isEnabled()
    assert not composer.send.isVisible()
    composer.set_running(running=False)
    assert not composer.stop.isVisible()
    composer.set_ready(ready=False)
    assert not composer.send.isEnabled()


def test_attachments_are_chips_that_can_be_taken_away(composer, qtbot):
    composer.chips.add(PICTURE)
    composer.chips.add(SOUND, "Silent: is the microphone muted?")
    assert composer.percepts == (PICTURE, SOUND)
    words = [each.text() for each in composer.chips.findChildren(QLabel) if each.text()]
    assert words == ["Screen 1 (X11)", "5 × 3", "Microphone", "Silent: is the microphone muted?"]
    assert composer.send.isEnabled()
    composer.chips.findChildren(object, "chip-remove")[0].click()
    assert composer.percepts == (SOUND,)
    composer.clear()
    assert composer.percepts == ()
    assert not composer.chips.isVisible()


def test_a_pasted_picture_is_attached_exactly(composer, qtbot, qapp):
    image = QImage(5, 3, QImage.Format.Format_RGB32)
    image.fill(QColor(10, 20, 30))
    image.setPixelColor(4, 2, QColor(200, 100, 50))
    qapp.clipboard().setImage(image)
    composer.input.paste()
    (percept,) = composer.percepts
    assert (percept.image.width, percept.image.height) == (5, 3)
    assert percept.image.pixels == bytes((10, 20, 30)) * 14 + bytes((200, 100, 50))
    assert composer.input.toPlainText() == ""


def test_pasted_text_is_plain(composer, qapp):
    data = QMimeData()
    data.setHtml("<b>bold</b>")
    data.setText("bold")
    qapp.clipboard().setMimeData(data)
    composer.input.paste()
    assert composer.input.toPlainText() == "bold"


def test_dropped_files_are_given_on(composer, qtbot, tmp_path):
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / "a.png")), QUrl("https://example.org/b.png")])
    event = QDropEvent(
        QPointF(5, 5), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    )
    with qtbot.waitSignal(composer.files_given) as given:
        composer.dropEvent(event)
    assert given.args == [[tmp_path / "a.png"]]


def test_transparent_pictures_lie_on_white():
    image = QImage(1, 1, QImage.Format.Format_ARGB32)
    image.fill(Qt.GlobalColor.transparent)
    assert from_qimage(image).pixels == b"\xff\xff\xff"


def test_recording_shows_level_and_time_in_place_of_the_text(composer, qtbot):
    composer.set_recording(recording=True)
    assert not composer.input.isVisible()
    assert composer.meter.isVisible()
    composer.set_level(0.5, 3.4)
    assert composer.findChild(QLabel, "record-time").text() == "0:03"
    composer.set_level(0.5, 27.1)
    assert composer.findChild(QLabel, "record-time").text() == "0:27 · 3 s left"
    assert composer.meter.levels == (0.5, 0.5)
    before = composer.meter.grab().toImage()
    composer.set_level(1.0, 27.2)
    assert composer.meter.grab().toImage() != before
    composer.set_recording(recording=False)
    assert composer.input.isVisible()


def test_what_releasing_does_is_said(composer):
    hint = composer.findChild(QLabel, "record-hint")
    composer.set_recording(recording=True)
    assert hint.text() == "Opening the microphone…"
    composer.set_listening()
    assert hint.text() == "Release to send · Esc discards"
    composer.set_toggled(listening=True)
    assert hint.text() == "Tap again to send · Esc discards"
    composer.input.setPlainText("text that is not sent yet")
    composer.set_listening()
    assert hint.text() == "Tap again to attach · Esc discards"


def test_everything_has_a_name_a_tip_and_takes_the_focus(composer):
    for button in (composer.screenshot, composer.screens, composer.talk, composer.attach, composer.send, composer.stop):
        assert button.objectName()
        assert button.accessibleName()
        assert button.toolTip()
        assert button.focusPolicy() & Qt.FocusPolicy.TabFocus
