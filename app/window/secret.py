"""The question for a key or token that a skill needs: which skill, why, and where what is typed goes."""

from __future__ import annotations

import contextlib
from concurrent.futures import InvalidStateError

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QApplication, QHBoxLayout, QLabel, QLineEdit, QVBoxLayout, QWidget

from deskhand.agent.skills.secrets import SecretRequest
from deskhand.app.visible import shown
from deskhand.app.window.fold import Mono, label, named
from deskhand.app.window.sheet import Sheet, button
from deskhand.app.window.theme import Theme

MOST = 8192
"""Characters of a key."""
WATCH_MS = 200
PROMISE = (
    "It is kept in a file that only your account can read, and given to the scripts of this skill alone, which have no "
    "network. It goes into no prompt, no conversation and no log. You can forget it on the page Skills."
)


class SecretSheet(Sheet):
    """Sets the request's reply: the key, or nothing on Esc, closing and Stop.

    Args:
        parent: the window.
        theme: for colours and icons.
        request: carries the reply.
    """

    def __init__(self, parent: QWidget, theme: Theme, request: SecretRequest) -> None:
        super().__init__(parent, theme, 520)
        self.request = request
        self.setObjectName("secret")
        question = f"The skill “{shown(request.skill)}” needs a key of yours"
        self.setAccessibleName(question)
        self._head(question)
        if request.description.strip():
            self.column.addWidget(label("What the skill says about it", "small"))
            told = Mono(shown(request.description.strip()), 5, "secret-description")
            told.setFont(QApplication.font())
            told.setAccessibleName("What the skill says about it")
            self.column.addWidget(told)
        self._field()
        self.column.addWidget(label(PROMISE, "small", wrap=True))
        self._buttons()
        self._watch = QTimer(self, interval=WATCH_MS)
        self._watch.timeout.connect(self._follow)
        self._watch.start()

    def accept(self) -> None:
        """Give what was typed, if anything was."""
        if given := self.field.text().strip():
            self._reply(given)
            super().accept()

    def reject(self) -> None:
        """Give nothing: the call fails with a sentence."""
        self._reply("")
        super().reject()

    def _reply(self, given: str) -> None:
        self.field.clear()
        with contextlib.suppress(InvalidStateError):  # the turn was stopped meanwhile: nobody is left to tell
            self.request.reply.set_result(given)

    def _head(self, question: str) -> None:
        mark = QLabel()
        mark.setPixmap(self.theme.icon("key", "warn", 26).pixmap(26, 26))
        words = QVBoxLayout()
        words.setSpacing(3)
        words.addWidget(label(question, "title", wrap=True, name="secret-question"))
        words.addWidget(label("A key, token or password for what the skill works with", "small", wrap=True))
        row = QHBoxLayout()
        row.setSpacing(14)
        row.addWidget(mark, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(words, 1)
        self.column.addLayout(row)

    def _field(self) -> None:
        self.field = named(QLineEdit(), "secret-field", accessible=f"Key for the skill {shown(self.request.skill)}")
        self.field.setEchoMode(QLineEdit.EchoMode.Password)
        self.field.setInputMethodHints(
            Qt.InputMethodHint.ImhHiddenText
            | Qt.InputMethodHint.ImhSensitiveData
            | Qt.InputMethodHint.ImhNoPredictiveText
        )
        self.field.setMaxLength(MOST)
        self.field.setPlaceholderText("Paste or type it here")
        self.field.returnPressed.connect(self.accept)
        self.column.addWidget(self.field)

    def _buttons(self) -> None:
        none, give = (
            button("I have none", "plain", "secret-no", "Give no key"),
            button("Give it", "primary", "secret-yes"),
        )
        none.setToolTip("The skill does not run (Esc)")
        give.setAccessibleName(f"Give the key to the skill {shown(self.request.skill)}")
        grace = self.guard(
            self.field, self.field, none, give, may=lambda each: each is not give or bool(self.field.text().strip())
        )
        self.field.textChanged.connect(grace.look)
        none.clicked.connect(self.reject)
        give.clicked.connect(self.accept)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addStretch()
        row.addWidget(none)
        row.addWidget(give)
        self.column.addSpacing(4)
        self.column.addLayout(row)

    def _follow(self) -> None:
        """Go away when nobody waits for the answer any more, whoever stopped it."""
        if self.request.reply.cancelled():
            self.reject()
