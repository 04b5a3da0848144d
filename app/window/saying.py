"""The row of an approval where the person may say what they allow, into a recording of its own, and what was heard."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from deskhand.agent.percept import SoundPercept
from deskhand.app.visible import shown
from deskhand.app.window.fold import label
from deskhand.app.window.hold import Hold
from deskhand.app.window.meter import Meter
from deskhand.app.window.sheet import button
from deskhand.app.window.talk import Talk
from deskhand.app.window.theme import Theme

HOLD = "Hold to say it"


class Saying(QWidget):
    """Push-to-talk for one question; the keys are the sheet's to pass on.

    Args:
        theme: for colours and icons.
        phrase: what has to be said.
    """

    said = Signal(object)
    """A `SoundPercept`."""

    def __init__(self, theme: Theme, phrase: str) -> None:
        super().__init__()
        self.talk, self.keys = Talk(), Hold(self)
        self.hold = button(HOLD, "plain", "approval-talk", f"Hold and say: {phrase}")
        self.hold.setIcon(theme.icon("mic"))
        self.hold.setToolTip("Hold this or Ctrl+Space. Allows it this once, when exactly this is said")
        self._meter = Meter(theme)
        self._heard = label("", "small", wrap=True, name="approval-heard")
        self._heard.setVisible(False)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.hold)
        row.addWidget(label(f"“{shown(phrase)}”", wrap=True, name="approval-phrase"), 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(row)
        column.addWidget(self._meter)
        column.addWidget(self._heard)
        self._meter.setVisible(False)
        self._connect()

    def show_heard(self, text: str, objection: str) -> None:
        """What was understood, and why it allows nothing."""
        self._tell(f"Heard: “{shown(text)}”. {objection}" if text else objection)

    def end(self) -> None:
        """Nothing is listened to any more."""
        self.keys.close()
        self.talk.cancel()

    def _connect(self) -> None:
        talk = self.talk
        talk.watch(self.hold)
        self.hold.pressed.connect(talk.press)
        self.hold.released.connect(talk.release)
        self.keys.watch(self.hold)
        self.keys.pressed.connect(talk.press)
        self.keys.released.connect(talk.release)
        talk.began.connect(self._began)
        talk.listening.connect(self._listens)
        talk.toggled.connect(self._listens)
        talk.level.connect(self._level)
        talk.ended.connect(lambda: self._meter.setVisible(False))
        talk.heard.connect(self._give)
        talk.failed.connect(self._tell)
        talk.dropped.connect(self._tell)

    def _began(self) -> None:
        self._meter.clear()
        self._meter.setVisible(True)
        self._tell("Opening the microphone")

    def _listens(self) -> None:
        """The microphone is open, or the finger is gone; nobody is asked to speak before both have come."""
        if self.talk.listens:
            self._tell("Listening: press again when you have said it" if self.talk.tapped else "Listening")

    def _level(self, level: float, _seconds: float) -> None:
        self._meter.add(level)

    def _give(self, percept: SoundPercept, doubt: str) -> None:
        if doubt:
            self._tell(doubt)
        else:
            self._tell("Working out what was said")
            self.said.emit(percept)

    def _tell(self, sentence: str) -> None:
        self._heard.setText(sentence)
        self._heard.setVisible(bool(sentence))
