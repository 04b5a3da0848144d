"""The chat window: puts its parts together and passes between them, the person and the desk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QCloseEvent, QKeyEvent, QKeySequence, QResizeEvent, QShortcut, QTextCursor
from PySide6.QtWidgets import (
    QApplication,
    QFileDialog,
    QHBoxLayout,
    QMainWindow,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from deskhand.agent import beyond
from deskhand.agent.events import (
    ApprovalHeard,
    ApprovalRequested,
    CallEnded,
    Event,
    Notice,
    Progressed,
    TasksChanged,
    TurnEnded,
    TurnStarted,
)
from deskhand.agent.percept import Percept, SoundPercept
from deskhand.agent.safety.painting import Painter
from deskhand.agent.skills.secrets import SecretRequest
from deskhand.app import capture
from deskhand.app.bridge import Bridge, title
from deskhand.app.drafts import Drafts
from deskhand.app.elsewhere import Elsewhere
from deskhand.app.happenings import (
    CameBack,
    EngineFailed,
    EngineLoading,
    EngineReady,
    Happening,
    HistoryDamaged,
    Listed,
    Opened,
    TurnFailed,
)
from deskhand.app.permits import Permits
from deskhand.app.pictures import SUFFIXES
from deskhand.app.shelf import Shelf
from deskhand.app.undoing import UndoChanged
from deskhand.app.window.completion import Completion
from deskhand.app.window.composer import SCREENSHOT, Composer
from deskhand.app.window.draft import Draft
from deskhand.app.window.fold import named
from deskhand.app.window.gather import Gatherer, parts_of, question_of
from deskhand.app.window.head import Head
from deskhand.app.window.hold import Hold
from deskhand.app.window.items import ASK_AGAIN, START_FRESH
from deskhand.app.window.keys import Enter, is_talk
from deskhand.app.window.permissions import PermissionsPage
from deskhand.app.window.places import Places
from deskhand.app.window.screens import PRACTICE, ScreenMenu
from deskhand.app.window.sheets import Sheets
from deskhand.app.window.shortcuts import ShortcutsSheet
from deskhand.app.window.sidebar import NEW, PERMISSIONS, SKILLS, Sidebar
from deskhand.app.window.skills import SkillsPage
from deskhand.app.window.status import Status
from deskhand.app.window.talk import Talk
from deskhand.app.window.theme import Theme
from deskhand.app.window.transcript import COLUMN, Transcript
from deskhand.app.window.welcome import USUAL, Greeting, Welcome
from deskhand.model.types import EngineInfo, Part

LEAST = (460, 420)
"""The smallest size, logical pixels."""
NARROW = 760
"""Below this width the conversations fold away, logical pixels."""


def _shortcut(keys: QKeySequence, parent: QWidget, slot: Callable[[], object]) -> QShortcut:
    shortcut = QShortcut(keys, parent)
    shortcut.activated.connect(slot)
    return shortcut


class Window(QMainWindow):
    """The one window of the application.

    Args:
        desk: runs the turns.
        theme: colours and icons; one for the application.
        shelf: the skills, for their page and for ``/name``; without it there is none of both.
        permits: what may run without asking, for its page.
        hide_while_capturing: whether a screenshot is taken without this window on it; the person can change it.
        painter: looks through pictures for secrets, before they are sent.
        drafts: what was typed and not sent, on disk.
        greeting: of an empty conversation.
        budget: image tokens of a screenshot.
    """

    practice_requested = Signal()
    """The person wants a practice window."""
    instead_requested = Signal()
    """The person chose the other engine of an offer."""

    def __init__(
        self,
        desk: Bridge,
        theme: Theme,
        *,
        shelf: Shelf | None = None,
        permits: Permits | None = None,
        hide_while_capturing: bool = True,
        painter: Painter | None = None,
        drafts: Drafts | None = None,
        greeting: Greeting = USUAL,
        budget: int = 560,
    ) -> None:
        super().__init__()
        self.setObjectName("window")
        self._desk = desk
        self._theme = theme
        self._running = False
        self._conversation: int | None = None
        self._titles: dict[int, str] = {}
        self._ready = False
        self._loading = True
        self._info: EngineInfo | None = None
        self.talk, self.hold, self._enter = Talk(), Hold(self), Enter(self)
        self.gatherer = Gatherer(self, budget)
        self.setWindowTitle("Deskhand")
        self.resize(1040, 760)
        self.setMinimumSize(*LEAST)
        self.head = Head(theme)
        self.sidebar = Sidebar(theme)
        self.transcript = Transcript(theme)
        self.welcome = Welcome(theme, greeting)
        self.composer = Composer(theme, painter)
        self.composer.input.setPlaceholderText(greeting.placeholder)
        self.draft = Draft(self.composer, drafts)
        self.status = Status(theme)
        self.sheets = Sheets(self, theme)
        self.screens = ScreenMenu(
            self.composer.add_menu(self.gatherer.list_screens), painter, self._warn, hide=hide_while_capturing
        )
        self.screens.practice = greeting.practice
        self._skills = SkillsPage(theme, shelf) if shelf else None
        self._permissions = PermissionsPage(theme, permits) if permits else None
        self.completion = Completion(self.composer.input, shelf) if shelf else None
        self._lay_out()
        self._shortcuts = self._make_shortcuts()
        self._connect()
        self.composer.input.setFocus()

    # Building -------------------------------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        self._pages = QStackedWidget()
        self._pages.addWidget(self.welcome)
        self._pages.addWidget(self.transcript)
        foot = QWidget()
        foot.setMaximumWidth(COLUMN + 36)
        inside = QVBoxLayout(foot)
        inside.setContentsMargins(18, 0, 18, 10)
        inside.setSpacing(8)
        inside.addWidget(self.composer)
        inside.addWidget(self.status)
        centred = QHBoxLayout()
        centred.addStretch(1)
        centred.addWidget(foot, 1000)
        centred.addStretch(1)
        conversation = QWidget()
        main = QVBoxLayout(conversation)
        main.setContentsMargins(0, 0, 0, 0)
        main.setSpacing(0)
        main.addWidget(self.head)
        main.addWidget(self._pages, 1)
        main.addLayout(centred)
        page = named(QWidget(), "page")
        across = QHBoxLayout(page)
        across.setContentsMargins(0, 0, 0, 0)
        across.setSpacing(0)
        across.addWidget(self.sidebar)
        pages = {"skills": self._skills, "permissions": self._permissions}
        self.places = Places(conversation, {name: made for name, made in pages.items() if made is not None})
        self.sidebar.offer_pages([name for name, made in pages.items() if made is not None])
        across.addWidget(self.places, 1)
        self.setCentralWidget(page)

    def _make_shortcuts(self) -> tuple[QShortcut, ...]:
        return tuple(
            _shortcut(keys, self, slot)
            for keys, slot in (
                (NEW, self.new_conversation),
                (SCREENSHOT, self.take_screenshot),
                (QKeySequence("Esc"), self.escape),
                (QKeySequence("Ctrl+L"), self._to_composer),
                (SKILLS, lambda: self.places.go("skills")),
                (PERMISSIONS, lambda: self.places.go("permissions")),
                (QKeySequence("Ctrl+B"), self.head.fold.click),
                (PRACTICE, self.screens.want_practice),
                (QKeySequence("F1"), self.show_shortcuts),
                (QKeySequence("Ctrl+/"), self.show_shortcuts),
                (QKeySequence("Ctrl+Q"), self.close),
            )
        )

    def _connect(self) -> None:
        self._desk.happened.connect(self.handle)
        self.draft.found.connect(self.open_conversation)
        self.sidebar.new_requested.connect(self.new_conversation)
        self.sidebar.chosen.connect(self.open_conversation)
        self.sidebar.delete_requested.connect(self.delete_conversation)
        self.sidebar.page_chosen.connect(self.places.go)
        self.places.moved.connect(self._moved)
        self.places.sheet_wanted.connect(self.sheets.present)
        self.sheets.covers.connect(self._covered)
        self.sheets.gone.connect(self._uncovered)
        self.sheets.stop_requested.connect(self.stop)
        self.sheets.answered.connect(self._answered)
        self.head.new.clicked.connect(self.new_conversation)
        self.head.tasks.withdrawn.connect(self._desk.withdraw)
        self.head.fold.toggled.connect(self.sidebar.setVisible)
        self.transcript.link_clicked.connect(self.sheets.ask_link)
        self.transcript.picture_opened.connect(self.sheets.show_picture)
        self.transcript.retried.connect(self._desk.reload)
        self.transcript.fresh_wanted.connect(self._desk.start_fresh)
        self.transcript.retried_instead.connect(self.instead_requested)
        self.transcript.undo_asked.connect(self._undo)
        self.transcript.asked_again.connect(self._ask_again)
        self.transcript.shown.connect(lambda: self._pages.setCurrentWidget(self.transcript))
        self.welcome.suggested.connect(self._suggest)
        self.welcome.practice_requested.connect(self.practice_requested)
        self.welcome.understood_requested.connect(self._show_understood)
        composer, talk = self.composer, self.talk
        composer.submitted.connect(self.submit)
        composer.stop_requested.connect(self.stop)
        composer.input.paged.connect(self.transcript.turn)
        composer.input.recalled.connect(self._recall)
        composer.screenshot_requested.connect(self.take_screenshot)
        composer.files_given.connect(self.gatherer.files)
        composer.attach.clicked.connect(self._choose_files)
        composer.picture_opened.connect(self.sheets.show_picture)
        composer.chips.covered_opened.connect(self.sheets.show_covered)
        composer.chips.refused.connect(self._warn)
        self.screens.practice_requested.connect(self.practice_requested)
        self.screens.chosen.connect(self.take_screenshot)
        self.gatherer.listed.connect(self.screens.fill)
        self.gatherer.got.connect(self._attach)
        composer.chips.changed.connect(self._prepare)
        self.gatherer.failed.connect(self._warn)
        composer.follow(talk, self.hold)
        talk.grew.connect(self._listen)
        talk.heard.connect(self._heard)
        talk.failed.connect(self._warn)

    # What the person does -------------------------------------------------------------------------------------------

    def submit(self, text: str, percepts: tuple[Percept, ...]) -> None:
        """Send a message and clear the composer; while a turn runs nothing happens.

        What is more than the engine learnt stays in the composer, with a sentence that says so.
        """
        if self._running:
            return
        if not self._ready:
            why = "it is still loading" if self._loading else "choose one with a button above"
            self.composer.tell(f"Not sent, and your text is kept: there is no model yet, {why}.")
            return
        if self._info and (refusal := beyond.refusal(parts_of(text, percepts), self._info)):
            self._warn(refusal)
            return
        self.composer.clear()
        self._send(text, percepts)

    def _undo(self, call: str, redo: bool, force: bool) -> None:
        """Take back what a call changed, or make it again; also while a turn runs."""
        self._desk.undo(call, redo=redo, force=force)

    def _ask_again(self, parts: tuple[Part, ...]) -> None:
        """Send a question once more; what is being written meanwhile stays."""
        self._send(*question_of(parts))

    def _send(self, text: str, percepts: tuple[Percept, ...]) -> None:
        if self._running or not self._ready:
            return
        self.transcript.begin_turn(parts_of(text, percepts))
        if self._conversation is None:
            self.head.name(title(text, percepts))
        self._set_running(running=True)
        self._desk.submit(text, percepts)

    def _prepare(self) -> None:
        """Something was attached or taken away: the engine may look at it while the person types."""
        if self._ready and not self._running and self.composer.percepts:
            self._desk.prepare(self.composer.percepts)

    def _listen(self, percept: SoundPercept) -> None:
        """The person speaks on: the engine may read what they have said; not behind text, which may still change."""
        if self.talk.active and self.composer.sends_speech:
            self._desk.prepare((*self.composer.percepts, percept))

    def stop(self) -> None:
        """End the turn; a waiting approval is denied."""
        if self._running:
            self.sheets.withdraw()
            self._desk.stop()

    def escape(self) -> None:
        """Esc: discard the recording, else stop the turn, else leave the page."""
        if self.talk.active:
            self.talk.cancel()
            if self._ready and not self._running:
                self._desk.prepare(self.composer.percepts)  # without what was read of the recording
        elif self._running or not self.places.on_page:
            self.stop()
        else:
            self.places.show_conversation()

    def new_conversation(self) -> None:
        """Begin an empty conversation."""
        if self._settled():
            self._desk.new_conversation()

    def open_conversation(self, conversation: int) -> None:
        """Show a conversation of the history."""
        if conversation == self._conversation:
            self.places.show_conversation()
        elif self._settled():
            self._desk.open(conversation)
        self.sidebar.select(self._conversation)

    def delete_conversation(self, conversation: int) -> None:
        """Delete a conversation of the history, once the person has said so."""
        if self._settled():
            name = self._titles.get(conversation, "") or "Untitled"
            self.sheets.ask_delete(name, lambda: self._delete(conversation))

    def _delete(self, conversation: int) -> None:
        self.draft.forget(conversation)
        self._desk.delete(conversation)

    def show_shortcuts(self) -> None:
        """List the keys."""
        self.sheets.present(ShortcutsSheet(self, self._theme))

    def _recall(self) -> None:
        """Put the person's last message into the empty composer."""
        if text := self.transcript.last_question:
            self.composer.input.setPlainText(text)
            self.composer.input.moveCursor(QTextCursor.MoveOperation.End)

    def take_screenshot(self, screen: capture.Screen | None = None) -> None:
        """Attach a screenshot; of the screen in use when None."""
        self.gatherer.screenshot(screen, hide=self.screens.hide)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Ctrl+Space goes down: talk. Enter presses the button that has the keyboard."""
        if is_talk(event):
            if self.sheets.top is None:
                self.hold.press(event)
        elif not self._enter.press(event):
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """A key that comes up can be pressed again."""
        self._enter.release(event)
        super().keyReleaseEvent(event)

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802 - Qt's name
        """Nothing runs or listens behind a closed window."""
        self.hold.close()
        self.draft.close()
        self.talk.cancel()
        self.stop()
        self.sheets.reject_secret()
        if self._skills:
            self._skills.withdraw()
        super().closeEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Fold the conversations away where there is no room for them."""
        super().resizeEvent(event)
        narrow, before = event.size().width() < NARROW, event.oldSize()
        if not before.isValid() or narrow != (before.width() < NARROW):
            self.head.fold.setChecked(not narrow)

    def greet(self, greeting: Greeting, budget: int) -> None:
        """Show what another engine is, which the person has just chosen, in place of the offer.

        Args:
            greeting: of an empty conversation.
            budget: image tokens of its screenshots.
        """
        self.gatherer.budget = budget
        self.welcome.greet(greeting)
        self.screens.practice = greeting.practice
        self.composer.input.setPlaceholderText(greeting.placeholder)
        self.transcript.withdraw_offers()
        if not self.transcript.items:
            self._pages.setCurrentWidget(self.welcome)
        self.composer.input.setFocus()

    # What happens ---------------------------------------------------------------------------------------------------

    def handle(self, event: Happening) -> None:
        """Show one thing that happened."""
        match event:
            case EngineLoading(text=text):
                self.status.loading(text)
                self._loading = True
            case EngineReady(info=info, host=host):
                self.status.ready(info, host)
                self._info = info
                self.transcript.opens_results = info.alone  # it says that it is done; what came of it stands there
                self._set_ready(ready=True)
            case EngineFailed(sentence=sentence, action=action, offer=offer, instead=instead):
                self.status.failed()
                self._loading = False
                self._set_ready(ready=False)
                self.transcript.add_notice("info" if offer else "error", sentence, action, instead)
            case Listed(conversations=conversations):
                self._titles = {each.id: each.title for each in conversations}
                self.draft.keep_only(self._titles)
                self.sidebar.show_conversations(conversations)
                self.sidebar.select(self._conversation)
            case TasksChanged(tasks=tasks):
                self.head.tasks.show_tasks(tasks)
            case Elsewhere() | SecretRequest() | CameBack():
                self._handle_aside(event)
            case Opened():
                self._show_conversation(event)
            case UndoChanged(calls=calls):
                self.transcript.set_undo(calls)
            case TurnFailed(sentence=sentence) | HistoryDamaged(sentence=sentence):
                self._tell_failure(event, sentence)
            case _:
                self._handle_turn(event)

    def _tell_failure(self, event: TurnFailed | HistoryDamaged, sentence: str) -> None:
        if isinstance(event, TurnFailed):
            self._end_turn()
        self.transcript.add_notice("error", sentence, ASK_AGAIN if isinstance(event, TurnFailed) else START_FRESH)

    def _handle_turn(self, event: Event) -> None:
        match event:
            case TurnStarted(conversation=conversation):
                self._conversation = conversation
                self.draft.rename(conversation)
                self.sidebar.select(conversation)
                self._set_running(running=True)
            case Progressed(done=done, total=total) if not self._running:
                if self.talk.active:
                    self.composer.set_read(done, total)
                return  # else reading ahead is nobody's business until somebody waits for it
            case ApprovalRequested(request=request):
                self.transcript.apply(event)
                self.sheets.ask(request, hears=self._hears())
                return
            case ApprovalHeard():
                self.sheets.heard(event)
                return
            case CallEnded(record=record):
                self.sheets.withdraw(record.call.id)
            case Notice():
                QApplication.alert(self)
            case TurnEnded():
                self._end_turn()
            case _:
                pass
        self.transcript.apply(event)

    def _handle_aside(self, event: Elsewhere | SecretRequest | CameBack) -> None:
        """What is shown over whatever conversation is open."""
        match event:
            case SecretRequest():
                self.sheets.ask_secret(event)
            case Elsewhere(event=ApprovalRequested(request=request)):
                self.sheets.ask(request, hears=self._hears())
            case Elsewhere(event=CallEnded(record=record)):
                self.sheets.withdraw(record.call.id)
            case _:
                pass

    def _show_conversation(self, opened: Opened) -> None:
        self._conversation = opened.conversation
        self.draft.show(opened.conversation)
        self.places.show_conversation()
        self.transcript.show_turns(opened.turns)
        name = "New conversation"
        if opened.conversation is not None:
            name = self._titles.get(opened.conversation, "") or "Untitled"
        self.head.name(name)
        self._pages.setCurrentWidget(self.transcript if opened.turns else self.welcome)
        self.sidebar.select(opened.conversation)
        self.composer.input.setFocus()

    def _hears(self) -> bool:
        return self._info is not None and self._info.hears

    def _heard(self, percept: SoundPercept, doubt: str) -> None:
        if doubt or not self.composer.sends_speech:
            self.composer.chips.add(percept, doubt)
        else:
            self.submit("", (*self.composer.percepts, percept))

    def _warn(self, sentence: str) -> None:
        self.transcript.add_notice("warn", sentence)
        self.transcript.follow()

    # States ---------------------------------------------------------------------------------------------------------

    def _set_running(self, *, running: bool) -> None:
        self._running = running
        self.composer.set_running(running)

    def _set_ready(self, *, ready: bool) -> None:
        self._ready = ready
        self.composer.set_ready(ready)

    def _covered(self, covered: bool) -> None:
        for shortcut in self._shortcuts:
            shortcut.setEnabled(not covered)

    def _uncovered(self) -> None:
        """The keyboard goes to the message; on a page it is back where it was."""
        if not self.places.on_page:
            self.composer.input.setFocus()

    def _answered(self, call: str, allowed: bool) -> None:
        self.transcript.set_call(call, "running" if allowed else "denied")

    def _end_turn(self) -> None:
        self.sheets.withdraw()
        self.transcript.end_turn()
        self._set_running(running=False)

    def _settled(self) -> bool:
        if self._running:
            self._warn("A turn is still running. Press Esc to stop it first.")
        return not self._running

    # Places ---------------------------------------------------------------------------------------------------------

    def _moved(self, page: str) -> None:
        self.sidebar.show_page(page)
        if not page:
            self.composer.input.setFocus()

    def _to_composer(self) -> None:
        self.places.show_conversation()

    # Small parts ----------------------------------------------------------------------------------------------------

    def _show_understood(self, file: Path) -> None:
        self.sheets.show_understood(file, self._suggest)

    def _suggest(self, text: str, screenshot: bool = False) -> None:
        self.composer.input.setPlainText(text)
        self.composer.input.selectAll()
        self.composer.input.setFocus()
        if screenshot:
            self.take_screenshot()

    def _attach(self, percept: Percept) -> None:
        self.composer.chips.add(percept)
        if self.sheets.top is None and not self.places.on_page:
            # A window that was hidden while another had the keyboard comes back with it at the next widget.
            self.composer.input.setFocus()

    def _choose_files(self) -> None:
        suffixes = " ".join(f"*{suffix}" for suffix in sorted(SUFFIXES))
        kinds = f"Pictures and sound ({suffixes} *.wav *.mp3 *.ogg *.flac *.m4a *.opus)"
        dialog = QFileDialog(self, "Attach files", str(Path.home()), kinds)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.filesSelected.connect(self._chosen)
        dialog.open()

    def _chosen(self, names: list[str]) -> None:
        self.gatherer.files([Path(name) for name in names])
