"""Where the person types, speaks and attaches: text, chips, and the buttons below them."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import (
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QImage,
    QKeySequence,
    QPainter,
)
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QMenu, QToolButton, QVBoxLayout, QWidget

from deskhand.agent.percept import Percept, ScreenPercept
from deskhand.agent.safety.painting import Painter
from deskhand.app.microphone import MOST_SECONDS
from deskhand.app.window.chips import Chips
from deskhand.app.window.entries import clock
from deskhand.app.window.fold import hint, label, named, restyle
from deskhand.app.window.hold import Hold
from deskhand.app.window.message import Input
from deskhand.app.window.meter import Meter
from deskhand.app.window.talk import Talk
from deskhand.app.window.theme import Theme
from deskhand.model.types import Image

SCREENSHOT = QKeySequence("Ctrl+Shift+S")
TALK = QKeySequence("Ctrl+Space")


class Composer(QFrame):
    """The card at the lower edge of the window.

    Args:
        theme: for colours and icons.
        painter: looks through pictures for secrets.
    """

    submitted = Signal(str, object)
    """Text and a tuple of percepts; nothing was cleared yet."""
    screenshot_requested = Signal()
    talk_pressed = Signal()
    talk_released = Signal()
    stop_requested = Signal()
    files_given = Signal(list)
    picture_opened = Signal(QImage)

    def __init__(self, theme: Theme, painter: Painter | None = None) -> None:
        super().__init__()
        self.setObjectName("composer-card")
        self._theme = theme
        self._running = False
        self._ready = False
        self._how = "Release"
        self.setAcceptDrops(True)
        self.input = Input()
        self.input.setAcceptDrops(False)
        self.chips = Chips(theme, painter)
        self.meter = Meter(theme)
        self._time = label("0:00", name="record-time")
        self._hint = label("Release to send · Esc discards", "small", name="record-hint")
        self._read = label("", "small", name="record-read")
        self._said = label("", "warn", wrap=True, name="composer-said")
        self._said.hide()
        self._recording = self._recording_row()
        self.screenshot = self._button("screenshot", " Screenshot", hint("Attach a screenshot", SCREENSHOT))
        self.screens = self._button("screens-button", "", "Choose a screen")
        self.screens.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.screens.setAccessibleName("Choose a screen")
        self.talk = self._button("talk", " Talk", f"Hold to talk, or tap to start and tap to end ({TALK.toString()})")
        self.attach = self._button("attach", "", "Attach pictures or sound files")
        self.send = self._button("send", "", hint("Send", QKeySequence("Return")))
        self.stop = self._button("stop", "", hint("Stop", QKeySequence("Esc")))
        for round_button in (self.send, self.stop):
            round_button.setFixedSize(34, 34)
        self.send.setAccessibleName("Send")
        self.stop.setAccessibleName("Stop")
        self.attach.setAccessibleName("Attach files")
        self._lay_out()
        self._connect()
        theme.changed.connect(self._draw)
        self._draw()
        self._update()

    def _button(self, name: str, text: str, tip: str) -> QToolButton:
        result = named(QToolButton(), name, tip)
        result.setText(text)
        result.setToolButtonStyle(
            Qt.ToolButtonStyle.ToolButtonTextBesideIcon if text else Qt.ToolButtonStyle.ToolButtonIconOnly
        )
        result.setAccessibleName(text.strip())
        result.setAccessibleDescription(tip)
        result.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        return result

    def _recording_row(self) -> QWidget:
        row = QHBoxLayout()
        row.setContentsMargins(2, 2, 2, 2)
        row.setSpacing(12)
        self._dot = QLabel()
        row.addWidget(self._dot)
        row.addWidget(self._time)
        row.addWidget(self.meter, 1)
        row.addWidget(self._read)
        row.addWidget(self._hint)
        result = named(QWidget(), "recording")
        result.setLayout(row)
        result.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        result.hide()
        return result

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        buttons.setSpacing(4)
        buttons.addWidget(self.screenshot)
        buttons.addSpacing(-4)
        for widget in (self.screens, self.talk, self.attach):
            buttons.addWidget(widget)
        buttons.addStretch()
        buttons.addWidget(self.stop)
        buttons.addWidget(self.send)
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 12, 10, 9)
        column.setSpacing(6)
        column.addWidget(self.chips)
        column.addWidget(self.input)
        column.addWidget(self._recording)
        column.addWidget(self._said)
        column.addLayout(buttons)

    def _connect(self) -> None:
        self.input.sent.connect(self._send)
        self.send.clicked.connect(self._send)
        self.stop.clicked.connect(self.stop_requested)
        self.screenshot.clicked.connect(self.screenshot_requested)
        self.talk.pressed.connect(self.talk_pressed)
        self.talk.released.connect(self.talk_released)
        self.input.textChanged.connect(self._update)
        self.input.textChanged.connect(self.tell)
        self.input.files_given.connect(self.files_given)
        self.input.image_pasted.connect(self._paste)
        self.input.focused.connect(self._mark_focus)
        self.chips.changed.connect(self._update)
        self.chips.changed.connect(self.tell)
        self.chips.opened.connect(self.picture_opened)

    # State ----------------------------------------------------------------------------------------------------------

    @property
    def percepts(self) -> tuple[Percept, ...]:
        """What is attached."""
        return self.chips.percepts

    @property
    def empty(self) -> bool:
        """Nothing typed and nothing attached."""
        return not self.input.toPlainText().strip() and not self.chips.percepts and not self.chips.pending

    def tell(self, sentence: str = "") -> None:
        """Say why nothing was sent, until something is typed, attached or said."""
        self._said.setText(sentence)
        self._said.setVisible(bool(sentence))
        self.setAccessibleDescription(sentence)

    def set_ready(self, ready: bool) -> None:
        """Whether there is an engine."""
        self._ready = ready
        self._update()

    def set_running(self, running: bool) -> None:
        """Whether a turn runs: then there is Stop in place of Send."""
        self._running = running
        self._update()

    def set_recording(self, *, recording: bool) -> None:
        """Show the level meter in place of the text."""
        had_focus = self.input.hasFocus()
        self._recording.setVisible(recording)
        self.input.setVisible(not recording)
        self._mark("recording", recording, self.talk)
        self.talk.setText(" Listening" if recording else " Talk")
        if recording:
            self.tell()
            self._hint.setText("Opening the microphone…")
            self._read.clear()
            self._how = "Release"
            self.meter.clear()
            self._time.setText(clock(0))
            if had_focus:
                # Keys go on to the window from here, so that it sees them come up.
                self._recording.setFocus()
        else:
            self.input.setFocus()
        self._draw()

    def set_listening(self) -> None:
        """From now on the microphone is heard."""
        self._hint.setText(f"{self._how} to {'send' if self.sends_speech else 'attach'} · Esc discards")

    def set_read(self, done: int, total: int) -> None:
        """How much of what is being said the engine has read already, in tokens of its prompt."""
        self._read.setText("read as you speak" if done >= total else f"reading as you speak · {100 * done // total} %")

    def set_toggled(self, *, listening: bool) -> None:
        """The recording goes on without a finger on the button."""
        self._how = "Tap again"
        if listening:
            self.set_listening()

    @property
    def sends_speech(self) -> bool:
        """Whether a recording is sent at once: yes unless text waits for it or a turn runs."""
        return not (self._running or self.chips.pending or self.input.toPlainText().strip()) and self._ready

    def set_level(self, level: float, seconds: float) -> None:
        """What the microphone hears now."""
        self.meter.add(level)
        left = MOST_SECONDS - seconds
        self._time.setText(clock(seconds) if left > 5 else f"{clock(seconds)} · {max(0, round(left))} s left")

    def clear(self) -> None:
        """Forget text and attachments."""
        self.input.clear()
        self.chips.clear()

    def follow(self, talk: Talk, hold: Hold) -> None:
        """Speak with the button, by mouse or Space, and show what the microphone does."""
        talk.watch(self.talk)
        hold.watch(self.talk)
        self.talk_pressed.connect(talk.press)
        self.talk_released.connect(talk.release)
        hold.pressed.connect(talk.press)
        hold.released.connect(talk.release)
        talk.began.connect(lambda: self.set_recording(recording=True))
        talk.toggled.connect(lambda: self.set_toggled(listening=talk.listens))
        talk.level.connect(self.set_level)
        talk.listening.connect(self.set_listening)
        talk.ended.connect(lambda: self.set_recording(recording=False))
        talk.dropped.connect(self.tell)

    def add_menu(self, opening: Callable[[], None]) -> QMenu:
        """Give the arrow beside the screenshot button a menu; ``opening`` is called each time it is about to show."""
        menu = QMenu(self.screens)
        menu.setObjectName("screens")
        menu.aboutToShow.connect(opening)
        self.screens.setMenu(menu)
        return menu

    def _send(self) -> None:
        if self.empty:
            return
        if self._running:
            self.tell("Not sent: an answer is being written. Press Enter again when it ends, or Esc to stop it.")
        elif self.chips.pending:
            self.tell("Not sent: a picture is still looked through for secrets. Press Enter again in a moment.")
        else:
            self._submit()

    def _submit(self) -> None:
        self.submitted.emit(self.input.toPlainText().strip(), self.chips.percepts)

    def _paste(self, image: QImage) -> None:
        self.chips.add(ScreenPercept(from_qimage(image), source="pasted picture"))

    def _update(self) -> None:
        self.stop.setVisible(self._running)
        self.stop.setEnabled(self._running)
        self.send.setVisible(not self._running)
        self.send.setEnabled(self._ready and not self.empty and not self.chips.pending)
        self._draw()

    def _draw(self) -> None:
        theme = self._theme
        self.screenshot.setIcon(theme.icon("screen", "text"))
        self.screens.setIcon(theme.icon("down", size=12))
        self.screens.setIconSize(QSize(12, 12))
        self.talk.setIcon(theme.icon("mic", "bad" if self._recording.isVisibleTo(self) else "text"))
        self.attach.setIcon(theme.icon("attach", "text"))
        self.send.setIcon(theme.icon("send", "on_accent", 20))
        self.stop.setIcon(theme.icon("stop", "window", 20))
        self.send.setIconSize(QSize(20, 20))
        self.stop.setIconSize(QSize(20, 20))
        self._dot.setPixmap(theme.icon("dot", "bad", 14).pixmap(14, 14))

    def _mark_focus(self, focused: bool) -> None:
        self._mark("focused", focused)

    def _mark(self, name: str, value: bool, widget: QWidget | None = None) -> None:
        target = widget or self
        target.setProperty(name, value)
        restyle(target)

    # Drag and drop --------------------------------------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802 - Qt's name
        """Take files and pictures."""
        if event.mimeData().hasUrls() or event.mimeData().hasImage() or event.mimeData().hasText():
            event.acceptProposedAction()
            self._mark("dropping", True)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:  # noqa: N802 - Qt's name
        """Back to normal."""
        self._mark("dropping", False)
        super().dragLeaveEvent(event)

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802 - Qt's name
        """What is dropped is what would be pasted."""
        self._mark("dropping", False)
        self.input.insertFromMimeData(event.mimeData())
        event.acceptProposedAction()


def from_qimage(image: QImage) -> Image:
    """The pixels of a Qt image, over white where it is transparent."""
    flat = QImage(image.size(), QImage.Format.Format_RGB888)
    flat.fill(Qt.GlobalColor.white)
    painter = QPainter(flat)
    painter.drawImage(flat.rect(), image)
    painter.end()
    row, stride = flat.width() * 3, flat.bytesPerLine()
    raw = bytes(flat.constBits())
    if stride != row:
        raw = b"".join(raw[y * stride : y * stride + row] for y in range(flat.height()))
    return Image(raw, flat.width(), flat.height())
