"""The question before a tool runs: what exactly would run, what it touches, why it may be asked; the default is No."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import InvalidStateError

from PySide6.QtCore import QEvent, QObject, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QImage, QKeyEvent, QPainter, QPen, QPixmap, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from deskhand.agent.events import Answer, ApprovalRequest
from deskhand.agent.safety.grants import DAYS
from deskhand.app.visible import exact, shown
from deskhand.app.window.entries import picture
from deskhand.app.window.fold import Mono, label, named
from deskhand.app.window.keys import is_talk
from deskhand.app.window.saying import Saying
from deskhand.app.window.sheet import Sheet, button
from deskhand.app.window.theme import Theme, mono

SHOWN = 3
"""Origins that are named, the newest first."""

AIM, SEEN = QSize(500, 220), QSize(360, 200)
"""The most that the pictures take, logical pixels."""

MARK, MARK_SIDE = "#e0243a", 44
"""As `deskhand.app.host.pointer` marks the place on the screen."""

GRACE_MS = 600
"""How long the buttons stay off when the person was typing as the sheet came up: a key meant for the text must neither
allow nor deny anything."""


class ApprovalSheet(Sheet):
    """Asks the person about one call and sets the request's reply. Esc, closing and Stop all deny.

    Args:
        parent: the window.
        request: carries the reply.
        typing: whether the person was typing just now.
        hears: the engine understands speech, so the phrase may be said.
    """

    stop_requested = Signal()
    answered = Signal(object)
    """The `Answer`, after the reply was set."""

    def __init__(
        self, parent: QWidget, theme: Theme, request: ApprovalRequest, *, typing: bool = False, hears: bool = False
    ) -> None:
        super().__init__(parent, theme)
        self.request = request
        self.setObjectName("approval")
        self.setAccessibleName(f"Allow {shown(request.call.name)} to run?")
        self._head()
        self._middle = Middle()
        self.column.addWidget(self._middle, 1)
        self._arguments()
        self._aim()
        self._carried()
        self._preview()
        self._touches()
        self._origins()
        self._middle.fill()
        self._saying = self._voice() if hears else None
        self._buttons()
        for each in (self, *self.findChildren(QWidget)):
            each.installEventFilter(self)
        if typing:
            self._allow(now=False)
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
        if self._saying:
            self._saying.end()
        self.answered.emit(answer)
        self.done(0)

    def heard(self, text: str, objection: str) -> None:
        """Show what was understood of what the person said; close if it has allowed the call."""
        if not objection:
            if self._saying:
                self._saying.end()  # said twice: nobody needs the second
            self.answered.emit(Answer.ONCE)
            self.done(0)
        elif self._saying:
            self._saying.show_heard(text, objection)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Ctrl+Space is for the voice wherever the focus is: a button would take it for a click."""
        if isinstance(event, QKeyEvent) and watched is not self._window and is_talk(event):
            if event.type() == QEvent.Type.KeyPress and self._saying and self._saying.hold.isEnabled():
                self._saying.keys.press(event)
            return event.type() in {QEvent.Type.KeyPress, QEvent.Type.KeyRelease}
        return super().eventFilter(watched, event)

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
        column = self._middle.column
        column.addWidget(label("Exactly what would run", "small"))
        call = self.request.call
        text = f"{shown(call.name)} {exact(dict(call.arguments)) if call.arguments else '(no arguments)'}"
        view = Mono(text, 12, "approval-arguments")
        view.setAccessibleName("Arguments")
        column.addWidget(view)

    def _aim(self) -> None:
        """The place on the screen where it would act, as it is now."""
        aim, column = self.request.aim, self._middle.column
        if aim is None:
            return
        into = f"In this window: “{shown(aim.title)}”" if aim.title else "In the window that has the keyboard"
        at = f"At this place of “{shown(aim.title)}”, as it is now" if aim.title else "At this place, as it is now"
        column.addWidget(label(at if aim.at else into, "small", wrap=True, name="approval-aim-title"))
        if aim.image is None:
            words = f"It can't be shown: {aim.note}"
            column.addWidget(label(shown(words), "warn", wrap=True, name="approval-aim-note"))
            return
        what = "Where it would act" + (", in the middle of the mark" if aim.at else "")
        column.addWidget(_picture(picture(aim.image), AIM, "approval-aim", what, aim.at))

    def _preview(self) -> None:
        request, column = self.request, self._middle.column
        for title, text, name in (
            ("The program it would run", request.command, "approval-command"),
            ("What would change", request.diff, "approval-diff"),
        ):
            if text:
                column.addWidget(label(title, "small"))
                view = Mono(shown(text), 16, name)
                view.setAccessibleName(title)
                column.addWidget(view)

        if request.lasting:
            column.addWidget(label(shown(request.lasting), "small", wrap=True, name="approval-lasting"))

    def _touches(self) -> None:
        self._lines("What it may touch", self.request.touches, "touches", fixed=True)

    def _origins(self) -> None:
        """Where the request may come from, if the model has read what others wrote."""
        request = self.request
        if not request.origins:
            return
        newest = request.origins[: -SHOWN - 1 : -1]
        only = "" if request.session else ", so only this one call can be allowed"
        self._lines(f"Asked after reading what others wrote{only}", [origin.words for origin in newest], "origin")
        if request.picture:
            view = _picture(picture(request.picture), SEEN, "approval-picture", "What it had seen")
            self._middle.column.addWidget(view)
        if request.read:
            view = Mono(shown(request.read), 5, "approval-read")
            view.setAccessibleName("What it had read")
            self._middle.column.addWidget(view)

    def _carried(self) -> None:
        pieces = [f"{each.argument}: “{each.text[:200]}” from {each.origin.words}" for each in self.request.carried]
        self._lines("Not its own words: these pieces stand in what it had read", pieces, "carried", role="warn")

    def _lines(self, title: str, lines: Sequence[str], name: str, *, role: str = "", fixed: bool = False) -> None:
        if not lines:
            return
        self._middle.column.addWidget(label(title, "small"))
        box = QVBoxLayout()
        box.setSpacing(3)
        for index, line in enumerate(lines):
            words = label(f"•  {shown(line)}", role, wrap=True, name=f"{name}-{index}")
            if fixed:
                words.setFont(mono())
            box.addWidget(words)
        self._middle.column.addLayout(box)

    def _voice(self) -> Saying | None:
        """How the call can be allowed by voice, or why it can't."""
        if not self.request.phrase:
            if self.request.why_not:
                self.column.addWidget(label(self.request.why_not, "small", wrap=True, name="approval-no-voice"))
            return None
        saying = Saying(self.theme, self.request.phrase)
        saying.said.connect(self.request.said.put)
        self.column.addWidget(saying)
        return saying

    def _buttons(self) -> None:
        stop = button("Stop the turn", "link", "approval-stop")
        self._no = button("No", "plain", "approve-no", "No, do not run it")
        self._no.setDefault(True)
        self._no.setToolTip("Do not run it (Esc)")
        stop.setToolTip("Do not run it, and end the turn")
        stop.clicked.connect(self._stop)
        self._no.clicked.connect(lambda: self.answer(Answer.NO))
        self._answers = [self._no]
        for answer, text, covers in (
            (Answer.ALWAYS, "Always", self.request.always),
            (Answer.SESSION, "This session", self.request.session),
        ):
            if covers:
                until = f"for {DAYS} days" if answer is Answer.ALWAYS else "until Deskhand is closed"
                self._add(answer, text, f"Run it, and do not ask again {until}: {shown(covers)}")
        self._add(Answer.ONCE, "Once", "Run it this time")
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(stop)
        row.addStretch()
        for each in self._answers:
            row.addWidget(each)
        self.column.addSpacing(4)
        self.column.addLayout(row)

    def _add(self, answer: Answer, text: str, tip: str) -> None:
        made = button(text, "primary" if answer is Answer.ONCE else "plain", f"approve-{answer.value}", tip)
        made.setToolTip(tip)
        made.clicked.connect(lambda: self.answer(answer))
        self._answers.append(made)

    def _enable(self) -> None:
        self._allow(now=True)
        self._no.setFocus()

    def _allow(self, *, now: bool) -> None:
        for each in (*self._answers, *([self._saying.hold] if self._saying else [])):
            each.setEnabled(now)

    def _stop(self) -> None:
        self.answer(Answer.NO)
        self.stop_requested.emit()


class Middle(QScrollArea):
    """What is between the question and the answers: as high as it is, or as the window allows."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("approval-middle")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMinimumHeight(70)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._page = QWidget()
        self._page.setObjectName("approval-page")
        self.column = QVBoxLayout(self._page)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(10)

    def fill(self) -> None:
        """Everything is in the column."""
        self.column.addStretch(1)
        self.setWidget(self._page)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """As high as what is inside at this width."""
        width = self.viewport().width()
        high = self._page.heightForWidth(width) if self._page.hasHeightForWidth() else self._page.sizeHint().height()
        return QSize(super().sizeHint().width(), high)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Wrapped lines take another height at another width."""
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.updateGeometry()


def _picture(image: QImage, size: QSize, name: str, says: str, at: tuple[int, int] | None = None) -> QLabel:
    """A picture of at most a size; with a mark around a place, as large as the one that the screen will show there."""
    view = named(QLabel(), name, accessible=says)
    ratio = view.devicePixelRatioF()
    if at is not None:
        painter = QPainter(image)
        painter.setPen(QPen(QColor(MARK), 4))
        painter.drawRect(at[0] - MARK_SIDE // 2, at[1] - MARK_SIDE // 2, MARK_SIDE, MARK_SIDE)
        painter.end()
    room = size * ratio
    if size == SEEN or image.width() > room.width() or image.height() > room.height():
        smooth = Qt.TransformationMode.SmoothTransformation
        image = image.scaled(room, Qt.AspectRatioMode.KeepAspectRatio, smooth)
    image.setDevicePixelRatio(ratio)
    view.setPixmap(QPixmap.fromImage(image))
    return view
