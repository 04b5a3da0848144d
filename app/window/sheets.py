"""The sheets over the window: what the desk asks, and what the person wants to see large. One has keys and mouse."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import cast

from PySide6.QtCore import QObject, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QImage
from PySide6.QtWidgets import QApplication, QWidget

from deskhand.agent.events import Answer, ApprovalHeard, ApprovalRequest
from deskhand.agent.percept import ScreenPercept
from deskhand.agent.safety import destination
from deskhand.agent.skills.secrets import SecretRequest
from deskhand.app.window.approval import ApprovalSheet
from deskhand.app.window.chips import Chip
from deskhand.app.window.covered import CoveredSheet
from deskhand.app.window.secret import SecretSheet
from deskhand.app.window.sheet import DeleteSheet, LinkSheet, PictureSheet, Sheet
from deskhand.app.window.theme import Theme
from deskhand.app.window.understood import UnderstoodSheet
from deskhand.model.language.learnt import Learnt


class Sheets(QObject):
    """Shows sheets over a window, and knows which question is open.

    Args:
        window: that they cover.
        theme: for colours and icons.

    Attributes:
        approval: the open question about a call.
        secret: the open question for a key.
    """

    covers = Signal(bool)
    """Whether a sheet covers the window from now on: shortcuts of the window rest meanwhile."""
    stop_requested = Signal()
    answered = Signal(str, bool)
    """The id of a call, and whether the person allowed it."""
    gone = Signal()
    """The last sheet was closed: the keyboard belongs to what is below."""

    def __init__(self, window: QWidget, theme: Theme) -> None:
        super().__init__(window)
        self._window = window
        self._theme = theme
        self._open: list[Sheet] = []
        self.approval: ApprovalSheet | None = None
        self.secret: SecretSheet | None = None

        application().focusChanged.connect(self._keep)

    @property
    def top(self) -> Sheet | None:
        """The sheet that has the keyboard."""
        return self._open[-1] if self._open else None

    def present(self, sheet: Sheet) -> None:
        """Show a sheet over whatever is there."""
        self._open.append(sheet)
        self.covers.emit(True)
        sheet.finished.connect(lambda: self._dismissed(sheet))
        sheet.present()

    def ask(self, request: ApprovalRequest, *, hears: bool) -> None:
        """Ask whether a call may run."""
        sheet = self.approval = ApprovalSheet(self._window, self._theme, request, hears=hears)
        sheet.stop_requested.connect(self.stop_requested)
        sheet.answered.connect(self._answered)
        self.present(sheet)
        QApplication.alert(self._window)

    def heard(self, event: ApprovalHeard) -> None:
        """Show what was understood of an answer by voice."""
        if self.approval and self.approval.request.call.id == event.call:
            self.approval.heard(event.text, event.objection)

    def ask_secret(self, request: SecretRequest) -> None:
        """Ask for a key that a skill needs."""
        sheet = self.secret = SecretSheet(self._window, self._theme, request)
        sheet.finished.connect(self._secret_answered)
        self.present(sheet)
        QApplication.alert(self._window)

    def withdraw(self, call: str | None = None) -> None:
        """Take every open question away; or only the one about a call, which has ended without an answer."""
        if self.approval and call in {None, self.approval.request.call.id}:
            self.approval.withdraw()
        if call is None:
            self.reject_secret()

    def reject_secret(self) -> None:
        """Answer the question for a key with none."""
        if self.secret:
            self.secret.reject()

    def ask_link(self, address: str) -> None:
        """Ask whether an address of the conversation is to be opened."""
        address = destination.harmless(address)
        sheet = LinkSheet(self._window, self._theme, address)
        sheet.accepted.connect(lambda: QDesktopServices.openUrl(QUrl(address)))
        self.present(sheet)

    def ask_delete(self, title: str, delete: Callable[[], None]) -> None:
        """Ask whether a conversation is to be deleted."""
        sheet = DeleteSheet(self._window, self._theme, title)
        sheet.accepted.connect(delete)
        self.present(sheet)

    def show_picture(self, image: QImage) -> None:
        """Show a picture as large as the window."""
        self.present(PictureSheet(self._window, self._theme, image))

    def show_understood(self, file: Path, choose: Callable[[str], None]) -> None:
        """Show everything that a model of few sentences understands; one that is chosen is given to ``choose``."""
        sheet = UnderstoodSheet(self._window, self._theme, Learnt.read(file).examples())
        sheet.chosen.connect(choose)
        self.present(sheet)

    def show_covered(self, chip: Chip) -> None:
        """Show what of an attached screenshot was painted over, and let the person choose."""
        if chip.made is None or not isinstance(chip.original, ScreenPercept):
            return
        sheet = CoveredSheet(self._window, self._theme, chip.made, chip.original.image, bare=chip.bare)
        sheet.chosen.connect(chip.choose)
        self.present(sheet)

    def _answered(self, answer: Answer) -> None:
        sheet, self.approval = self.approval, None
        if sheet is not None:
            self.answered.emit(sheet.request.call.id, answer is not Answer.NO)

    def _secret_answered(self) -> None:
        self.secret = None

    def _dismissed(self, sheet: Sheet) -> None:
        self._open.remove(sheet)
        if self.top is not None:
            self.top.take_keyboard()
        else:
            self.covers.emit(False)
            self.gone.emit()

    def _keep(self, _before: QWidget | None, now: QWidget | None) -> None:
        """Give the keyboard back to the sheet, whatever below it has taken it: a recording that ended, an event."""
        top = self.top
        if top is None or now is None or not top.isVisible() or now.window() is not self._window:
            return
        if now is not top and not top.isAncestorOf(now):
            top.take_keyboard()


def application() -> QApplication:
    """The one that runs."""
    return cast("QApplication", QApplication.instance())
