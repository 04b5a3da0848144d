"""The question before a tool runs: what exactly would run, what it touches, and three answers; the default is No."""

from __future__ import annotations

from concurrent.futures import InvalidStateError

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from deskhand.agent.events import Answer, ApprovalRequest
from deskhand.app.visible import exact, shown
from deskhand.app.window.fold import Mono, label
from deskhand.app.window.sheet import Sheet, button
from deskhand.app.window.theme import Theme, mono

GRACE_MS = 600
"""How long the buttons stay off when the person was typing as the sheet came up: a key meant for the text must neither
allow nor deny anything."""


class ApprovalSheet(Sheet):
    """Asks the person about one call and sets the request's reply. Esc, closing and Stop all deny.

    Args:
        parent: the window.
        request: carries the reply.
        typing: whether the person was typing just now.
    """

    stop_requested = Signal()
    answered = Signal(object)
    """The `Answer`, after the reply was set."""

    def __init__(self, parent: QWidget, theme: Theme, request: ApprovalRequest, *, typing: bool = False) -> None:
        super().__init__(parent, theme)
        self.request = request
        self.setObjectName("approval")
        self.setAccessibleName(f"Allow {shown(request.call.name)} to run?")
        self._head()
        self._arguments()
        self._touches()
        self._buttons()
        if typing:
            for each in self._answers:
                each.setEnabled(False)
            self.setFocus()
            QTimer.singleShot(GRACE_MS, self, self._enable)
        else:
            self._no.setFocus()

    def answer(self, answer: Answer) -> None:
        """Reply and close; the first reply counts."""
        try:
            self.request.reply.set_result(answer)
        except InvalidStateError:
            # The turn was stopped in the meantime: there is nobody left to tell.
            answer = Answer.NO
        self.answered.emit(answer)
        self.done(0)

    def reject(self) -> None:
        """Esc: no."""
        self.answer(Answer.NO)

    def withdraw(self) -> None:
        """The turn is over: close without an answer of the person's, deny if nobody has replied."""
        self.answer(Answer.NO)

    def _head(self) -> None:
        call = self.request.call
        mark = QLabel()
        mark.setPixmap(self.theme.icon("shield", "warn", 26).pixmap(26, 26))
        words = QVBoxLayout()
        words.setSpacing(3)
        name = label(f"Allow “{shown(call.name)}” to run?", "title", wrap=True, name="approval-tool")
        words.addWidget(name)
        words.addWidget(label(f"Skill: {shown(self.request.skill)}", "small", name="approval-skill"))
        row = QHBoxLayout()
        row.setSpacing(14)
        row.addWidget(mark, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(words, 1)
        self.column.addLayout(row)
        if self.request.summary:
            self.column.addWidget(label(shown(self.request.summary), wrap=True, name="approval-summary"))

    def _arguments(self) -> None:
        self.column.addWidget(label("Exactly what would run", "small"))
        call = self.request.call
        text = f"{shown(call.name)} {exact(dict(call.arguments)) if call.arguments else '(no arguments)'}"
        view = Mono(text, 12, "approval-arguments")
        view.setAccessibleName("Arguments")
        self.column.addWidget(view)

    def _touches(self) -> None:
        if not self.request.touches:
            return
        self.column.addWidget(label("What it may touch", "small"))
        box = QVBoxLayout()
        box.setSpacing(3)
        for index, line in enumerate(self.request.touches):
            words = label(f"•  {shown(line)}", wrap=True, name=f"touches-{index}")
            words.setFont(mono())
            box.addWidget(words)
        self.column.addLayout(box)

    def _buttons(self) -> None:
        stop = button("Stop the turn", "link", "approval-stop")
        self._no = button("No", "plain", "approve-no", "No, do not run it")
        session = button("This session", "plain", "approve-session", "Allow it for this session")
        once = button("Once", "primary", "approve-once", "Allow it once")
        self._no.setDefault(True)
        self._no.setToolTip("Do not run it (Esc)")
        session.setToolTip("Run it, and do not ask again for exactly this tool until Deskhand is closed")
        once.setToolTip("Run it this time")
        stop.setToolTip("Do not run it, and end the turn")
        stop.clicked.connect(self._stop)
        self._no.clicked.connect(lambda: self.answer(Answer.NO))
        session.clicked.connect(lambda: self.answer(Answer.SESSION))
        once.clicked.connect(lambda: self.answer(Answer.ONCE))
        self._answers = (self._no, session, once)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(stop)
        row.addStretch()
        for each in self._answers:
            row.addWidget(each)
        self.column.addSpacing(4)
        self.column.addLayout(row)

    def _enable(self) -> None:
        for each in self._answers:
            each.setEnabled(True)
        self._no.setFocus()

    def _stop(self) -> None:
        self.answer(Answer.NO)
        self.stop_requested.emit()
