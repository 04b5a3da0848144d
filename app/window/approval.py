"""The question before a tool runs: what would happen, to what, why it may be asked; the default is No."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import InvalidStateError

from PySide6.QtCore import QEvent, QObject, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QKeyEvent, QPainter, QPen, QPixmap
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from deskhand.agent.events import Answer, ApprovalRequest
from deskhand.agent.safety.grants import DAYS
from deskhand.app.visible import readable, shown
from deskhand.app.window.entries import picture
from deskhand.app.window.excerpt import Coloured, Excerpt, lines_of
from deskhand.app.window.fold import Fold, Mono, facts, label, named
from deskhand.app.window.keys import is_talk
from deskhand.app.window.middle import Middle
from deskhand.app.window.saying import Saying
from deskhand.app.window.sheet import Sheet, button
from deskhand.app.window.theme import Theme

SHOWN = 3
"""Origins that are named, the newest first."""

AIM, SEEN = QSize(500, 220), QSize(360, 200)
"""The most that the pictures take, logical pixels."""

MARK, MARK_SIDE = "#e0243a", 44
"""As `deskhand.app.host.pointer` marks the place on the screen."""

LINES = 12
"""Lines of a text that are shown at first."""

BY_DIFF = ("path", "text", "content", "old", "new", "append", "target")
"""Arguments that a difference shows (`deskhand.agent.safety.changes`)."""


class ApprovalSheet(Sheet):
    """Asks the person about one call and sets the request's reply. Esc, closing and Stop all deny.

    Nothing is answered before it could be read: not in the first moment, and nothing is allowed before all that would
    be done was to be seen.

    Args:
        parent: the window.
        request: carries the reply.
        hears: the engine understands speech, so the phrase may be said.
    """

    stop_requested = Signal()
    answered = Signal(object)
    """The `Answer`, after the reply was set."""

    def __init__(self, parent: QWidget, theme: Theme, request: ApprovalRequest, *, hears: bool = False) -> None:
        super().__init__(parent, theme)
        self.request = request
        self._read = False
        self._question = shown(request.question) or f"Run “{shown(request.call.name)}”?"
        self.setObjectName("approval")
        self.setAccessibleName(self._question)
        self._head()
        self._middle = Middle()
        self.column.addWidget(self._middle, 1)
        self._arguments()
        self._aim()
        self._carried()
        self._preview()
        self._touches()
        self._middle.end_of_act()
        self._origins()
        self._details()
        self._middle.fill()
        self._saying = self._voice() if hears else None
        self._lasting = self._lasting_answers()
        self._more = button("", "link", "approval-more")
        self._more.clicked.connect(self._middle.go_on)
        self.column.addWidget(self._more, 0, Qt.AlignmentFlag.AlignLeft)
        self._buttons()
        for each in (self, *self.findChildren(QWidget)):
            each.installEventFilter(self)

    def answer(self, answer: Answer) -> None:
        """Reply and close; the first reply counts."""
        try:
            self.request.reply.set_result(answer)
        except InvalidStateError:
            # The turn was stopped in the meantime: there is nobody left to tell.
            answer = Answer.NO
        self._close(answer)

    def heard(self, text: str, objection: str) -> None:
        """Show what was understood of what the person said; close if it has allowed the call."""
        if not objection:
            self._close(Answer.ONCE)
        elif self._saying:
            self._saying.show_heard(text, objection)

    def _close(self, answer: Answer) -> None:
        if self._saying:
            self._saying.end()
        self.answered.emit(answer)
        self.done(0)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Ctrl+Space is for the voice wherever the focus is: a button would take it for a click."""
        if isinstance(event, QKeyEvent) and watched is not self._window and is_talk(event):
            if event.type() == QEvent.Type.KeyPress and self._saying and self._saying.hold.isEnabled():
                self._saying.keys.press(event)
            return event.type() in {QEvent.Type.KeyPress, QEvent.Type.KeyRelease}
        return super().eventFilter(watched, event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Y allows it once, A for longer if that is offered, N does not; page keys read on."""
        pages = {Qt.Key.Key_PageDown: 1, Qt.Key.Key_PageUp: -1, Qt.Key.Key_End: 10_000, Qt.Key.Key_Home: -10_000}
        pressed = self._by_key.get(Qt.Key(event.key())) if not event.modifiers() else None
        if event.key() in pages and not event.modifiers():
            self._middle.turn(pages[Qt.Key(event.key())])
        elif pressed is None or not self.answerable:
            super().keyPressEvent(event)
        elif pressed.isEnabled() and not event.isAutoRepeat():
            pressed.click()

    def reject(self) -> None:
        """Esc: no."""
        self.answer(Answer.NO)

    def withdraw(self) -> None:
        """The turn is over: close without an answer of the person's, deny if nobody has replied."""
        self.answer(Answer.NO)

    # What is asked --------------------------------------------------------------------------------------------------

    def _head(self) -> None:
        mark = QLabel()
        mark.setPixmap(self.theme.icon("shield", "warn", 26).pixmap(26, 26))
        words = QVBoxLayout()
        words.setSpacing(3)
        words.addWidget(label(self._question, "title", wrap=True, name="approval-tool"))
        # Of a tool of ours that has no question of its own the summary is the question.
        note = self.request.note or ("" if self.request.question else self.request.summary)
        if note:
            words.addWidget(label(shown(note), "muted", wrap=True, name="approval-summary"))
        row = QHBoxLayout()
        row.setSpacing(14)
        row.addWidget(mark, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(words, 1)
        self.column.addLayout(row)

    def _arguments(self) -> None:
        """What the question does not say, whole; where a difference shows it, there."""
        left = {
            name: value
            for name, value in self.request.call.arguments.items()
            if name not in self.request.told and not (self.request.diff and name in BY_DIFF)
        }
        for index, (name, value) in enumerate(left.items()):
            self._middle.column.addWidget(label(_title(name), "small"))
            self._middle.column.addWidget(Excerpt(readable(value), LINES, f"approval-argument-{index}", _title(name)))

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
        if request.command:
            column.addWidget(label("The program it would run", "small"))
            column.addWidget(Excerpt(shown(request.command), LINES, "approval-command", "The program it would run"))
        if request.diff:
            name, lines = lines_of(request.diff)
            title = f"Changes in {shown(name)}" if name else "What would change"
            column.addWidget(label(title, "small", wrap=True, name="approval-file"))
            difference = Excerpt(shown(lines), LINES, "approval-diff", title)
            Coloured(difference, self.theme)
            column.addWidget(difference)
        if request.lasting:
            column.addWidget(label(shown(request.lasting), "small", wrap=True, name="approval-lasting"))

    def _touches(self) -> None:
        self._lines("Can change", self.request.touches, "touches")

    def _origins(self) -> None:
        """Where the request may come from, if the model has read what others wrote."""
        request = self.request
        if not request.origins:
            return
        newest = request.origins[: -SHOWN - 1 : -1]
        often = "" if request.session else ", so I ask every time"
        self._lines(f"This chat contains text of others{often}", [origin.words for origin in newest], "origin")
        if request.picture:
            view = _picture(picture(request.picture), SEEN, "approval-picture", "What it had seen")
            self._middle.column.addWidget(view)
        if request.read:
            view = Mono(shown(request.read), 5, "approval-read")
            view.setAccessibleName("What it had read")
            self._middle.column.addWidget(view)

    def _carried(self) -> None:
        pieces = [f"{each.argument}: “{each.text[:200]}” from {each.origin.words}" for each in self.request.carried]
        self._lines("Copied from what it read", pieces, "carried", role="warn")

    def _details(self) -> None:
        call = self.request.call
        told = {"Tool": call.name, "Skill": self.request.skill}
        told |= {_title(name): readable(call.arguments[name]) for name in self.request.told if name in call.arguments}
        body = facts(told, "approval-detail-{}", set(told))
        fold = Fold(self.theme, "Details", body, name="approval-details")
        fold.button.setAutoDefault(False)
        self._middle.column.addWidget(fold)

    def _lines(self, title: str, lines: Sequence[str], name: str, *, role: str = "") -> None:
        if not lines:
            return
        self._middle.column.addWidget(label(title, "small"))
        box = QVBoxLayout()
        box.setSpacing(3)
        for index, line in enumerate(lines):
            box.addWidget(label(f"•  {shown(line)}", role, wrap=True, name=f"{name}-{index}"))
        self._middle.column.addLayout(box)

    # What can be answered -------------------------------------------------------------------------------------------

    def _voice(self) -> Saying | None:
        """How the call can be allowed by voice, or why it can't."""
        if not self.request.phrase:
            if self.request.why_not:
                self.column.addWidget(label(self.request.why_not, "small", wrap=True, name="approval-no-voice"))
            return None
        saying = Saying(self.theme, self.request.phrase)
        saying.said.connect(self.request.said.put)
        saying.hold.setEnabled(False)
        self.column.addWidget(saying)
        return saying

    def _lasting_answers(self) -> list[QPushButton]:
        """A line for each answer that lasts, which says what would no longer be asked."""
        made: list[QPushButton] = []
        key = Answer.ALWAYS if self.request.always else Answer.SESSION
        for answer, text, covers in (
            (Answer.SESSION, "Allow until I quit", self.request.session),
            (Answer.ALWAYS, f"Allow for {DAYS} days", self.request.always),
        ):
            if not covers:
                continue
            does = f"Never ask again in that time about: {shown(covers)}"
            act = self._answer(answer, f"{text} (A)" if answer is key else text, "plain", f"{text}. {does}")
            row = QHBoxLayout()
            row.setSpacing(10)
            row.addWidget(act, 0, Qt.AlignmentFlag.AlignTop)
            row.addWidget(label(does, "small", wrap=True, name=f"covers-{answer.value}"), 1)
            self.column.addLayout(row)
            made.append(act)
        return made

    def _buttons(self) -> None:
        stop = button("Stop the turn", "link", "approval-stop", "Don't allow it, and stop the turn")
        stop.clicked.connect(self._stop)
        no = self._answer(Answer.NO, "No (N)", "plain", "No, don't allow it")
        no.setDefault(True)
        once = self._answer(Answer.ONCE, "Allow once (Y)", "primary", "Allow it this once")
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(stop)
        row.addStretch()
        row.addWidget(no)
        row.addWidget(once)
        self.column.addSpacing(4)
        self.column.addLayout(row)
        self._by_key = {Qt.Key.Key_Y: once, Qt.Key.Key_N: no}
        if self._lasting:
            self._by_key[Qt.Key.Key_A] = self._lasting[-1]
        hold = [self._saying.hold] if self._saying else []
        # A lasting yes is not next to No for whoever goes on by Tab, in neither direction.
        self.stops = [no, once, *hold, self._more, *self._lasting, stop]
        self._allowing = {once, *self._lasting}
        self._guarding = self.guard(no, no, stop, once, *self._lasting, may=self._may)
        self._middle.moved.connect(self._seen)
        self._guarding.over.connect(self._seen)
        for each in self.findChildren(Excerpt):
            each.opened.connect(self._guarding.begin)

    def _answer(self, answer: Answer, text: str, role: str, says: str) -> QPushButton:
        made = button(text, role, f"approve-{answer.value}", says)
        made.clicked.connect(lambda: self.answer(answer))
        return made

    def _may(self, answer: QWidget) -> bool:
        return self._read or answer not in self._allowing

    def _seen(self) -> None:
        """Allow it only once nothing of it is left to be seen."""
        hidden = self._middle.hidden_lines
        if self.answerable and not hidden and self._middle.at_end:
            self._read = True
        if self._read and self._saying:
            self._saying.hold.setEnabled(True)  # and for good: what is shown while somebody speaks moves the answers
        lines = f"{hidden} more line{'' if hidden == 1 else 's'}: show all"
        self._more.setText("" if self._read else lines if hidden else "More below: read on (Page Down)")
        self._more.setAccessibleName(self._more.text())
        self._more.setEnabled(not self._read)
        self._guarding.look()

    def _stop(self) -> None:
        self.answer(Answer.NO)
        self.stop_requested.emit()


def _title(name: str) -> str:
    """The name of an argument as a title."""
    words = " ".join(shown(name).replace("_", " ").split())
    return words[:1].upper() + words[1:]


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
