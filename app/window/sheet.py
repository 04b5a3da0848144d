"""Dialogs that are part of the window: a card over the dimmed conversation that keeps mouse and keys to itself."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QSize, Qt
from PySide6.QtGui import QColor, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QDialog, QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget
from shiboken6 import isValid

from deskhand.agent.safety import destination
from deskhand.app.visible import shown
from deskhand.app.window.fold import Mono, label, named
from deskhand.app.window.grace import Grace
from deskhand.app.window.keys import Enter
from deskhand.app.window.theme import Theme


class Sheet(QDialog):
    """A dialog drawn inside its window, so that it can't get lost behind it and is in every picture of it.

    Args:
        parent: the window it covers.
        width: of the card, logical pixels; less where the window is narrower.
    """

    def __init__(self, parent: QWidget, theme: Theme, width: int = 560) -> None:
        super().__init__(parent)
        self._window = parent
        self.theme = theme
        self._width = width
        self._before = parent.focusWidget()  # the application has none while the window comes back from a click
        self._enter = Enter(self)
        self._grace: Grace | None = None
        self.stops: list[QWidget] = []
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setWindowFlags(Qt.WindowType.Widget)
        self.card = QFrame()
        self.card.setProperty("role", "sheet")
        self.column = QVBoxLayout(self.card)
        self.column.setContentsMargins(26, 24, 26, 22)
        self.column.setSpacing(12)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(20, 20, 20, 20)
        outer.addStretch(1)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(self.card, 1000)
        row.addStretch(1)
        outer.addLayout(row)
        outer.addStretch(1)
        self.card.setMaximumWidth(width)
        parent.installEventFilter(self)
        self.setGeometry(parent.rect())
        self.finished.connect(self._gone)

    def present(self) -> None:
        """Show it over its window."""
        self.show()
        self.raise_()
        if self._grace:
            self._grace.begin()

    def guard(self, first: QWidget, *answers: QWidget, may: Callable[[QWidget], bool] = lambda _answer: True) -> Grace:
        """Let nobody answer before it could be read.

        Args:
            first: has the keyboard once it can be answered.
            answers: what answers.
            may: whether one of them can be given otherwise.
        """
        self._grace = Grace(self, answers, window=self._window, moves=self.card, may=may, first=first)
        return self._grace

    @property
    def answerable(self) -> bool:
        """Whether it could be read by now."""
        return self._grace is None or not self._grace.active

    def take_keyboard(self) -> None:
        """Give the keyboard to what had it here last."""
        last: QWidget | None = self.focusWidget()
        (last if last and last.isEnabled() else self).setFocus()

    def offer(self, no: QPushButton, yes: QPushButton) -> None:
        """End the card with two buttons, of which the one that changes nothing is the default."""
        row = QHBoxLayout()
        row.addStretch()
        no.clicked.connect(self.reject)
        yes.clicked.connect(self.accept)
        row.addWidget(no)
        row.addWidget(yes)
        self.column.addLayout(row)
        no.setDefault(True)
        self.guard(no, no, yes)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """No key answers before the question could be read; then Enter presses the button that has the keyboard."""
        if self._grace and not self.answerable:
            self._grace.begin()
        elif not self._enter.press(event):
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """A key that comes up can be pressed again."""
        self._enter.release(event)
        super().keyReleaseEvent(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Stay as large as the window."""
        if watched is self._window and event.type() == QEvent.Type.Resize:
            self.setGeometry(self._window.rect())
        return False

    def focusNextPrevChild(self, forward: bool) -> bool:  # noqa: N802 - Qt's signature and name
        """Keep Tab inside the sheet."""
        inside = [*self.stops, *(each for each in self.findChildren(QWidget) if each not in self.stops)]
        stops = [w for w in inside if w.isEnabled() and w.isVisible() and w.focusPolicy() & Qt.FocusPolicy.TabFocus]
        if not stops:
            return False
        focus = self.focusWidget()
        at = stops.index(focus) if focus in stops else (-1 if forward else 0)
        stops[(at + (1 if forward else -1)) % len(stops)].setFocus(Qt.FocusReason.TabFocusReason)
        return True

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Nothing below can be clicked."""
        event.accept()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002, N802 - Qt's signature and name
        """Dim what is below."""
        QPainter(self).fillRect(self.rect(), QColor(self.theme.colours.scrim))

    def _gone(self) -> None:
        if self._grace:
            self._grace.end()
        self._window.removeEventFilter(self)
        if isinstance(self._before, QWidget) and isValid(self._before) and self._before.isVisible():
            self._before.setFocus()
        self.deleteLater()


def button(text: str, role: str, name: str, accessible: str = "") -> QPushButton:
    """A button of a sheet."""
    result = named(QPushButton(text), name)
    result.setProperty("role", role)
    result.setAccessibleName(accessible or text)
    result.setAutoDefault(False)
    return result


class LinkSheet(Sheet):
    """Asks before an address that the model wrote is opened in the browser; accepted means open it."""

    def __init__(self, parent: QWidget, theme: Theme, address: str) -> None:
        super().__init__(parent, theme, 520)
        self.setObjectName("link-sheet")
        self.column.addWidget(label("Open this address in the browser?", "title"))
        self.column.addWidget(Mono(shown(address), 6, "link-address"))
        leads = destination.of(address)
        for index, note in enumerate(([f"leads to {leads.host}"] if leads.host else []) + list(leads.notes)):
            self.column.addWidget(
                label(f"•  {shown(note)}", "warn" if index else "", wrap=True, name=f"link-note-{index}")
            )
        self.column.addWidget(
            label("The address can tell its owner what was asked. It was written by the model.", "muted", wrap=True)
        )
        self.offer(button("Don't open", "plain", "link-no"), button("Open", "primary", "link-open"))


class DeleteSheet(Sheet):
    """Asks before a conversation is deleted; accepted means delete it.

    Args:
        title: of the conversation.
    """

    def __init__(self, parent: QWidget, theme: Theme, title: str) -> None:
        super().__init__(parent, theme, 520)
        self.setObjectName("delete-sheet")
        self.column.addWidget(label("Delete this conversation?", "title"))
        self.column.addWidget(Mono(shown(title), 3, "delete-title"))
        told = (
            "What was said in it, with its pictures and recordings, is removed from this machine and can't be brought "
            "back. Notes, files and the log of what was done stay."
        )
        self.column.addWidget(label(told, "muted", wrap=True))
        self.offer(button("Keep it", "plain", "delete-no"), button("Delete", "plain", "delete-yes"))


class PictureSheet(Sheet):
    """Shows a picture as large as the window allows."""

    def __init__(self, parent: QWidget, theme: Theme, image: QImage) -> None:
        super().__init__(parent, theme, parent.width() - 40)
        self.setObjectName("picture-sheet")
        self.setAccessibleName("Picture")
        self._room = parent.size() - QSize(100, 170)
        self._view = named(QLabel(), "picture-view", accessible="The picture")
        self._view.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.column.addWidget(self._view)
        self.row = QHBoxLayout()
        self.row.setSpacing(8)
        self.row.addWidget(label(f"{image.width()} × {image.height()} pixels", "small"))
        self.row.addStretch()
        close = button("Close", "plain", "picture-close")
        close.clicked.connect(self.accept)
        self.row.addWidget(close)
        self.column.addLayout(self.row)
        self.draw(image)
        close.setFocus()

    def draw(self, image: QImage) -> None:
        """Show this picture, as large as there is room."""
        ratio = self.devicePixelRatioF()
        size = image.size().scaled(self._room, Qt.AspectRatioMode.KeepAspectRatio)
        size = size if size.width() < image.width() else image.size()
        shown_image = image.scaled(
            size * ratio, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
        )
        shown_image.setDevicePixelRatio(ratio)
        self._view.setPixmap(QPixmap.fromImage(shown_image))

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """A click beside the card closes it."""
        if not self.card.geometry().contains(event.position().toPoint()):
            self.accept()
        event.accept()
