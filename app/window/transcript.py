"""The conversation as it streams: a column of entries that follows the end until the person scrolls away from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from PySide6.QtCore import Qt, QTimer, Signal, SignalInstance
from PySide6.QtGui import QImage, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QProgressBar, QScrollArea, QToolButton, QVBoxLayout, QWidget

from deskhand.agent.events import (
    ApprovalHeard,
    ApprovalRequested,
    CallEnded,
    CallProposed,
    CallRecord,
    Event,
    Notice,
    Outcome,
    Progressed,
    TextAdded,
    ThoughtAdded,
    TurnEnded,
    TurnStarted,
)
from deskhand.agent.history import TurnRecord
from deskhand.app.undoing import Undoable
from deskhand.app.window import plan
from deskhand.app.window.card import CallCard, State
from deskhand.app.window.entries import AnswerEntry, NoticeEntry, ThoughtEntry, UserEntry
from deskhand.app.window.fold import label, named, restyle
from deskhand.app.window.items import (
    ASK_AGAIN,
    GO_ON,
    START_FRESH,
    AnswerItem,
    CallItem,
    Item,
    NoticeItem,
    ThoughtItem,
    UserItem,
    ending,
    past,
    planned,
)
from deskhand.app.window.theme import Theme
from deskhand.model.types import Image, Part, Text

COLUMN = 760
"""Widest column of text, logical pixels: some 90 characters a line."""

PAGE = 40
"""Entries built at a time when the person scrolls to older ones."""

KEEP = 120
"""Entries with a widget while the end is followed; older ones are built again when they are scrolled to."""


class Working(QWidget):
    """What the engine is doing while nothing streams: a sentence over a thin bar."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("working")
        self._text = label("Thinking", "muted", name="progress")
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setFixedWidth(180)
        self._bar.setAccessibleName("Progress")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 6, 0, 6)
        column.setSpacing(7)
        column.addWidget(self._text)
        column.addWidget(self._bar)
        self.hide()

    def show_stage(self, stage: str, done: int = 0, total: int = 0) -> None:
        """Say the stage; with a percentage where there is more than a beginning and an end."""
        words = stage[:1].upper() + stage[1:]
        if 1 < total > done:
            self._bar.setRange(0, total)
            self._bar.setValue(done)
            words += f" · {done * 100 // total} %"
        else:
            self._bar.setRange(0, 0)
        self._text.setText(words)
        self.show()


class Transcript(QScrollArea):
    """Shows one conversation; the window gives it the events of the running turn.

    Args:
        theme: for colours and icons.
    """

    link_clicked = Signal(str)
    picture_opened = Signal(QImage)
    retried = Signal()
    """The button of a notice about the engine was pressed."""
    retried_instead = Signal()
    """Its other button was pressed, which takes another engine."""
    fresh_wanted = Signal()
    """The button of a notice about a damaged history was pressed."""
    asked_again = Signal(object)
    """Carries the parts of the question whose turn failed, when the button below it was pressed."""
    undo_asked = Signal(str, bool, bool)
    """Carries a call's id: take back what it changed; or make it again; although it was changed since."""
    shown = Signal()
    """Something was added."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("transcript")
        self._theme = theme
        self._items: list[Item] = []
        self._widgets: list[QWidget] = []
        self.opens_results = False
        """Whether what a tool gave is shown at once, for a model whose answer does not repeat it."""
        self._following = True
        self._loading = False
        self._high = 0
        self.setAccessibleName("Conversation")
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the message's page keys scroll it
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        page = named(QWidget(), "page")
        column = named(QWidget(), "column")
        column.setMaximumWidth(COLUMN)
        row = QHBoxLayout(page)
        # The scroll bar takes the rest on the right, so that the column stands over the composer.
        row.setContentsMargins(24, 12, 14, 12)
        row.addStretch(1)
        row.addWidget(column, 1000)
        row.addStretch(1)
        self._column = QVBoxLayout(column)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(10)
        self._working = Working()
        self._column.addWidget(self._working)
        self._column.addStretch(1)
        self.setWidget(page)
        self._latest = named(QToolButton(self), "latest", "Go to the end of the conversation")
        self._latest.setText("Latest")
        self._latest.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._latest.clicked.connect(self.follow)
        self._latest.hide()
        bar = self.verticalScrollBar()
        bar.valueChanged.connect(self._scrolled)
        bar.rangeChanged.connect(self._grown)
        theme.changed.connect(self._draw)
        self._draw()

    # What is shown --------------------------------------------------------------------------------------------------

    @property
    def items(self) -> tuple[Item, ...]:
        """Everything in the conversation, also what has no widget at the moment."""
        return tuple(self._items)

    @property
    def following(self) -> bool:
        """Whether the view stays at the end as the conversation grows."""
        return self._following

    @property
    def last_question(self) -> str:
        """The text that the person sent last; empty if there is none."""
        said = (item for item in reversed(self._items) if isinstance(item, UserItem) and not item.task)
        texts = ("\n".join(part.text for part in item.parts if isinstance(part, Text)) for item in said)
        return next(filter(None, texts), "")

    def turn(self, pages: int) -> None:
        """Scroll by pages."""
        bar = self.verticalScrollBar()
        bar.setValue(bar.value() + pages * (bar.pageStep() - 40))

    def clear(self) -> None:
        """Forget everything."""
        self._working.hide()
        for widget in self._widgets:
            self._drop(widget)
        self._widgets.clear()
        self._items.clear()
        self._following = True

    def show_turns(self, turns: Iterable[TurnRecord]) -> None:
        """Show a conversation of the history, its end first."""
        self.clear()
        self._items = past(turns)
        self._build_before(PAGE)
        self.follow()

    def begin_turn(self, parts: Sequence[Part], task: str = "") -> None:
        """Show what the person has just sent, before the agent has it; or what a task came back with."""
        self._prune()
        self._add(UserItem(tuple(parts), task))
        self._working.show_stage("thinking")
        self.follow()

    def add_notice(self, kind: str, text: str, action: str = "", instead: str = "") -> None:
        """Show one sentence; ``action`` is the label of its button, ``instead`` of another one."""
        self._add(NoticeItem(kind, text, action, instead))

    def withdraw_offers(self) -> None:
        """Take away what offered a choice of two engines: it has been made."""
        for item in [each for each in self._items if isinstance(each, NoticeItem) and each.instead]:
            if widget := self._widget_of(item):
                self._widgets.remove(widget)
                self._drop(widget)
            self._items.remove(item)

    def end_turn(self) -> None:
        """Nothing streams any more, however the turn ended."""
        self._working.hide()
        self._close_open()
        for item in self._items:
            if isinstance(item, CallItem) and item.record is None and item.state in {"running", "waiting"}:
                self.set_call(item.call.id, "denied")

    def set_call(self, call_id: str, state: State) -> None:
        """Show where a call stands."""
        for item in reversed(self._items):
            if isinstance(item, CallItem) and item.call.id == call_id and item.record is None:
                item.state = state
                widget = self._widget_of(item)
                if isinstance(widget, CallCard):
                    widget.set_state(state)
                return

    def set_undo(self, calls: Mapping[str, Undoable]) -> None:
        """Offer to take back what these calls changed."""
        for item in self._items:
            if isinstance(item, CallItem) and (offer := calls.get(item.call.id)):
                item.undo = offer
                widget = self._widget_of(item)
                if isinstance(widget, CallCard):
                    widget.set_undo(offer)

    def apply(self, event: Event) -> None:
        """Show one event of the running turn."""
        match event:
            case TurnStarted(parts=parts, task=task):
                if task or not (self._items and isinstance(self._items[-1], UserItem)):
                    self.begin_turn(parts, task)
            case Progressed(stage=stage, done=done, total=total):
                self._working.show_stage("thinking" if done >= total else stage, done, total)
            case TextAdded(text=text):
                self._stream(AnswerItem, text)
            case ThoughtAdded(text=text):
                self._stream(ThoughtItem, text)
            case Notice(kind=kind, text=text):
                self._add(NoticeItem(kind, text))
            case TurnEnded(outcome=outcome):
                self._end(outcome)
            case ApprovalHeard():
                pass  # the question shows it
            case _:
                self._apply_call(event)

    def _apply_call(self, event: Event) -> None:
        match event:
            case CallProposed(call=call):
                self._close_open()
                self._add(CallItem(call))
                self._tick(0)
                self._working.hide()
            case ApprovalRequested(request=request):
                self.set_call(request.call.id, "waiting")
            case CallEnded(record=record, images=images):
                self._end_call(record, images)
            case _:
                pass

    def _end(self, outcome: Outcome) -> None:
        self.end_turn()
        answer = next((item for item in reversed(self._turn_items()) if isinstance(item, AnswerItem)), None)
        if answer is None and outcome.answer and outcome.finish != "error":
            answer = AnswerItem(outcome.answer)
            self._add(answer)
        if answer is not None:
            answer.usage = outcome.usage
            widget = self._widget_of(answer)
            if isinstance(widget, AnswerEntry):
                widget.finish(outcome.usage)
        if notice := ending(outcome):
            self._add(notice)

    def _end_call(self, record: CallRecord, images: tuple[Image, ...]) -> None:
        item = next(
            (
                i
                for i in reversed(self._items)
                if isinstance(i, CallItem) and i.call.id == record.call.id and not i.record
            ),
            None,
        )
        if item is None:
            self._close_open()
            item = CallItem(record.call)
            self._add(item)
        item.record, item.images = record, images
        self._tick(not record.error)
        widget = self._widget_of(item)
        if isinstance(widget, CallCard):
            widget.finish(record)
            widget.add_pictures(images)
        self._working.show_stage("thinking")

    def _tick(self, more: int) -> None:
        """Show the turn's plan, if it stated one, with ``more`` steps ticked."""
        stated = planned(self._turn_items())
        if stated is not None:
            stated.done = (stated.done or 0) + more
            widget = self._widget_of(stated)
            if isinstance(widget, AnswerEntry):
                widget.tick(plan.ticked(stated.text, stated.done))

    def _turn_items(self) -> list[Item]:
        """The items since the person's last message."""
        start = next((i for i in range(len(self._items) - 1, -1, -1) if isinstance(self._items[i], UserItem)), 0)
        return self._items[start:]

    # Items and their widgets ----------------------------------------------------------------------------------------

    def _stream(self, kind: type[AnswerItem | ThoughtItem], text: str) -> None:
        last = self._items[-1] if self._items else None
        if not (isinstance(last, kind) and last.live):
            if not text.strip():
                return
            text = text.lstrip("\n")
            self._close_open()
            last = kind(live=True)
            self._add(last)
        last.text += text
        widget = self._widget_of(last)
        if isinstance(widget, AnswerEntry | ThoughtEntry):
            widget.append(text)
        self._working.hide()

    def _close_open(self) -> None:
        last = self._items[-1] if self._items else None
        if isinstance(last, AnswerItem | ThoughtItem) and last.live:
            last.live = False
            widget = self._widget_of(last)
            if isinstance(widget, AnswerEntry | ThoughtEntry):
                widget.finish()

    def _add(self, item: Item) -> None:
        self._items.append(item)
        widget = self._build(item)
        self._column.insertWidget(len(self._widgets), widget)
        self._widgets.append(widget)
        self.shown.emit()

    def _build(self, item: Item) -> QWidget:
        match item:
            case UserItem(parts=parts, task=task):
                entry = UserEntry(self._theme, parts, task)
                entry.opened.connect(self.picture_opened)
            case AnswerItem(text=text, live=live, usage=usage, done=done):
                entry = AnswerEntry(self._theme, text if done is None else plan.ticked(text, done))
                entry.link_clicked.connect(self.link_clicked)
                if not live:
                    entry.finish(usage)
            case ThoughtItem(text=text, live=live):
                entry = ThoughtEntry(self._theme, text, live=live)
            case CallItem(call=call, state=state, record=record):
                entry = CallCard(self._theme, call, opens=self.opens_results)
                entry.undo_asked.connect(partial(self.undo_asked.emit, call.id))
                entry.picture_opened.connect(self.picture_opened)
                if record:
                    entry.finish(record)
                    entry.add_pictures(item.images)
                else:
                    entry.set_state(state)
                if item.undo:
                    entry.set_undo(item.undo)
            case NoticeItem(kind=kind, text=text, action=action, instead=instead):
                entry = NoticeEntry(self._theme, kind, text, action, instead)
                entry.acted_instead.connect(self.retried_instead)
                entry.acted.connect(self._acting(item))
        return entry

    def _acting(self, notice: NoticeItem) -> Callable[[], None] | SignalInstance:
        """What the button of a notice does."""
        if notice.action in {ASK_AGAIN, GO_ON}:
            return partial(self._ask_again, notice)
        return self.fresh_wanted if notice.action == START_FRESH else self.retried

    def _ask_again(self, notice: NoticeItem) -> None:
        if notice.action == GO_ON:
            self.asked_again.emit((Text(f"{GO_ON}."),))
            return
        place = next(index for index, item in enumerate(self._items) if item is notice)
        question = next((item for item in reversed(self._items[:place]) if isinstance(item, UserItem)), None)
        if question is not None:
            self.asked_again.emit(question.parts)

    def _widget_of(self, item: Item) -> QWidget | None:
        first = len(self._items) - len(self._widgets)
        for index in range(len(self._items) - 1, first - 1, -1):
            if self._items[index] is item:
                return self._widgets[index - first]
        return None

    def _build_before(self, count: int) -> None:
        """Build the widgets of the ``count`` items before the first that has one."""
        first = len(self._items) - len(self._widgets)
        for item in reversed(self._items[max(0, first - count) : first]):
            widget = self._build(item)
            self._column.insertWidget(0, widget)
            self._widgets.insert(0, widget)

    def _prune(self) -> None:
        """Take the widgets of old items away while the end is followed."""
        if not self._following:
            return
        while len(self._widgets) > KEEP:
            self._drop(self._widgets.pop(0))

    def _drop(self, widget: QWidget) -> None:
        self._column.removeWidget(widget)
        widget.hide()
        widget.deleteLater()

    # Following the end ----------------------------------------------------------------------------------------------

    def follow(self) -> None:
        """Go to the end and stay there."""
        self._following = True
        self._latest.hide()
        self._to_end()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Keep the button at the lower edge."""
        super().resizeEvent(event)
        self._place()

    def _to_end(self) -> None:
        bar = self.verticalScrollBar()
        bar.setValue(bar.maximum())

    def _grown(self, _low: int, high: int) -> None:
        grown, self._high = high - self._high, high
        bar = self.verticalScrollBar()
        if bar.property("idle") != (high == 0):
            # Without anything to scroll Qt would draw the handle as long as the bar.
            bar.setProperty("idle", high == 0)
            restyle(bar)
        if self._following:
            self._to_end()
        elif self._loading:
            # Older entries came in above: what the person reads must stay where it is.
            self._loading = False
            bar.setValue(bar.value() + grown)

    def _scrolled(self, value: int) -> None:
        bar = self.verticalScrollBar()
        # Only the person's own scrolling changes whether the end is followed; growing never does.
        if bar.maximum() == self._high:
            self._following = value >= bar.maximum() - 8
            self._latest.setVisible(not self._following)
            self._place()
            if value < 300 and not self._following and len(self._widgets) < len(self._items) and not self._loading:
                self._loading = True
                QTimer.singleShot(0, self, lambda: self._build_before(PAGE))

    def _place(self) -> None:
        self._latest.adjustSize()
        self._latest.move((self.width() - self._latest.width()) // 2, self.height() - self._latest.height() - 10)
        self._latest.raise_()

    def _draw(self) -> None:
        self._latest.setIcon(self._theme.icon("down", size=15))
