"""A picture whose secrets are covered: looked through in the background, shown large, sent as it is only on purpose."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QActionGroup
from PySide6.QtWidgets import QMenu, QWidget

from deskhand.agent.safety.painting import Painted, Painter
from deskhand.agent.safety.redaction import Redaction
from deskhand.app import settings
from deskhand.app.window import background
from deskhand.app.window.entries import picture
from deskhand.app.window.fold import label
from deskhand.app.window.sheet import PictureSheet, button
from deskhand.app.window.theme import Theme
from deskhand.model.types import Image

POLL_MS = 100

CHOICES: tuple[tuple[Redaction, str], ...] = (
    ("off", "Leave them everywhere"),
    ("log", "Keep them out of Deskhand's log"),
    ("pixels", "Also cover them in pictures before the model sees them (takes seconds)"),
)
"""The setting ``redaction`` in a person's words."""


class Check:
    """Looks through one picture for secrets, in a thread of the pool.

    Args:
        painter: does it.
        image: the picture.
        told: in the window's thread, how far it is, 0 to 100.
        then: likewise, with what came out.
        failed: likewise, with a sentence.
    """

    def __init__(
        self,
        painter: Painter,
        image: Image,
        told: Callable[[int], None],
        then: Callable[[Painted], None],
        failed: Callable[[str], None],
    ) -> None:
        self._cancel = threading.Event()
        self._percent = 0
        self._timer = QTimer(interval=POLL_MS)
        self._timer.timeout.connect(lambda: told(self._percent))
        self._timer.start()
        self._then, self._failed = then, failed
        background.run(lambda: painter.painted(image, self._cancel, self._moved), self._done, self._went_wrong)

    def cancel(self) -> None:
        """It is no longer wanted: nothing is told any more."""
        self._timer.stop()
        self._cancel.set()

    def _moved(self, done: int, total: int) -> None:
        self._percent = 100 * done // max(1, total)

    def _done(self, made: Painted) -> None:
        self._timer.stop()
        if not self._cancel.is_set():
            self._then(made)

    def _went_wrong(self, sentence: str) -> None:
        self._timer.stop()
        if not self._cancel.is_set():
            self._failed(sentence)


def words(count: int, *, bare: bool) -> str:
    """What is said of a picture: ``2 secrets covered``."""
    secrets = "1 secret" if count == 1 else f"{count} secrets"
    return f"{secrets} not covered" if bare else f"{secrets} covered"


class CoveredSheet(PictureSheet):
    """Shows what will be sent; the picture as it is after one button, and sends that only after a second one.

    Args:
        made: what the model would see.
        original: the picture as it is.
        bare: whether it is sent as it is already.
    """

    chosen = Signal(bool)
    """Whether it is to be sent as it is."""

    def __init__(self, parent: QWidget, theme: Theme, made: Painted, original: Image, *, bare: bool) -> None:
        self._covered, self._original = picture(made.image), picture(original)
        super().__init__(parent, theme, self._original if bare else self._covered)
        self.setObjectName("covered-sheet")
        self._says = label(words(made.count, bare=bare), "warn" if bare else "small", name="covered-count")
        self._look = button("Cover them" if bare else "Show as it is", "plain", "covered-look")
        self._send = button("Send it as it is", "plain", "covered-send", "Send this one picture as it is, uncovered")
        self._send.hide()
        for place, widget in enumerate((self._says, self._look, self._send), 1):
            self.row.insertWidget(place, widget)
        self._look.clicked.connect(self._back if bare else self._reveal)
        self._send.clicked.connect(lambda: self._choose(bare=True))

    def _reveal(self) -> None:
        self.draw(self._original)
        self._look.hide()
        self._send.show()

    def _back(self) -> None:
        self._choose(bare=False)

    def _choose(self, *, bare: bool) -> None:
        self.chosen.emit(bare)
        self.accept()


def add_choice(menu: QMenu, painter: Painter, failed: Callable[[str], None]) -> None:
    """Let the person choose what becomes of secrets; the choice counts at once and is kept."""
    for old in menu.findChildren(QMenu, "redaction"):
        old.deleteLater()  # of the time before, which clearing the menu leaves behind
    inner = menu.addMenu("Passwords, keys and card numbers")
    inner.setObjectName("redaction")
    group = QActionGroup(inner)

    def choose(mode: Redaction, _checked: bool = False) -> None:
        painter.mode = mode
        try:
            settings.change(redaction=mode)
        except settings.SettingsError as error:
            failed(str(error))

    for mode, text in CHOICES:
        action = inner.addAction(text)
        action.setCheckable(True)
        action.setChecked(painter.mode == mode)
        action.triggered.connect(partial(choose, mode))
        group.addAction(action)
