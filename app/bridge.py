"""The only way between the agent's thread and the window: a queue of jobs down, one signal of frozen events up."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot

from deskhand.agent.events import CallEnded, Event, Notice, Progressed, TasksChanged, TurnStarted
from deskhand.agent.history import DamagedHistoryError, HistoryError
from deskhand.agent.limits import Stop
from deskhand.agent.percept import Percept, SoundPercept
from deskhand.agent.skills.secrets import SecretRequest
from deskhand.agent.task import Settled, TaskError, Woken
from deskhand.agent.waking import SETS_TIMERS
from deskhand.app import errorlog
from deskhand.app.ahead import Ahead
from deskhand.app.elsewhere import Aside
from deskhand.app.happenings import (
    CameBack,
    EngineFailed,
    EngineLoading,
    EngineOffer,
    EngineReady,
    Happening,
    HistoryDamaged,
    Listed,
    Opened,
    TurnFailed,
    merged,
)
from deskhand.app.ready import Factory, Ready, Store
from deskhand.app.undoing import Undoing
from deskhand.model.errors import ModelError
from deskhand.model.types import ToolChoice

__all__ = ["Bridge", "Ready", "title"]

FRAME_MS = 16
"""Between two deliveries to the window: at most 60 a second, more can't be seen and PySide6 6.12 dies of it."""

LOOK_SECONDS = 600.0
"""That the model may take to say whether what is watched for is so: a screenshot on two slow cores takes minutes."""

_log = logging.getLogger(__name__)


class Bridge(QObject):
    """Runs the agent in a thread of its own. Every method returns at once; what follows comes through ``happened``.

    Args:
        factory: loads the engine, in the agent's thread.
        store: the history, touched in the agent's thread only.
        undoing: takes back what calls changed; None where nothing is kept.
    """

    happened = Signal(object)
    """Carries one `Happening`, in the GUI thread, in order."""
    _woken = Signal()

    def __init__(
        self, factory: Factory, store: Store, undoing: Undoing | None = None, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._factory = factory
        self._store = store
        self._undoing = undoing
        self._ready: Ready | None = None
        self._conversation: int | None = None
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._cancel = threading.Event()
        self._submitted: set[threading.Event] = set()
        self._back: Woken | None = None
        self._patience = threading.Event()
        self._ahead = Ahead()
        self._pending: deque[Happening] = deque()
        self._armed = False
        self._delivered = 0.0
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self._deliver)
        self._woken.connect(self._wake, Qt.ConnectionType.QueuedConnection)
        self._thread = threading.Thread(target=self._run, name="agent", daemon=True)

    def start(self) -> None:
        """Start the thread; load the engine and list the conversations."""
        self._jobs.put(self._list)
        self._jobs.put(self._load)
        self._thread.start()

    def reload(self) -> None:
        """Try to load the engine again after it failed."""
        self._jobs.put(self._load)

    def submit(self, text: str, percepts: Sequence[Percept] = (), *, tool_choice: ToolChoice = "auto") -> None:
        """Queue a turn in the open conversation; the first turn of a new one creates it."""
        self._ahead.submitted(percepts)
        cancel = self._cancel = threading.Event()
        self._submitted.add(cancel)
        self._patience.set()  # after it can be seen why: the task that comes next would else go before the person
        self._jobs.put(lambda: self._turn(text, tuple(percepts), cancel, tool_choice))

    def prepare(self, percepts: Sequence[Percept] = ()) -> None:
        """Let the engine read what there is of a message that is still being typed or spoken; see `Ahead`.

        Cheap: it may be called with every 200 ms of a recording.
        """
        self._read(self._ahead.want(percepts))

    def _read(self, ticket: int | None) -> None:
        if ticket is not None:
            self._jobs.put(lambda: self._prepare(ticket))

    def stop(self) -> None:
        """Cancel the turn that was submitted last and that of a task that came back; they end shortly after."""
        self._ahead.drop()
        self._cancel.set()
        if woken := self._back:
            woken.cancel.set()

    def stop_all(self) -> None:
        """Cancel everything, and withdraw what would act later; from any thread."""
        self.stop()
        self._last_resort(self._withdraw_all)

    def _withdraw_all(self) -> None:
        if self._ready and self._ready.background:
            count = self._ready.background.clear()
            if count:
                self.notify(Notice("stop", f"Stopped, and withdrawn what was going on behind: {count}."))

    def woken(self, woken: Woken) -> None:
        """Queue the turn of a task that came back, behind whatever runs; from any thread."""
        self._jobs.put(lambda: self._wake_up(woken))

    def withdraw(self, task: str) -> None:
        """End a task that goes on behind, by its id."""
        self._apart("withdraw", lambda: self._withdraw(task))

    def undo(self, call: str, *, redo: bool = False, force: bool = False) -> None:
        """Take back what a call changed, or make it again; also while a turn runs."""
        if undoing := self._undoing:
            self._apart("undo", lambda: self._emit(undoing.turn(call, redo=redo, force=force)))

    def _apart(self, name: str, work: Callable[[], None]) -> None:
        """Do something that may not wait for the turn that runs, in a thread of its own."""
        threading.Thread(target=self._last_resort, args=(work,), name=name, daemon=True).start()

    def new_conversation(self) -> None:
        """Open an empty conversation."""
        self._ahead.drop()
        self._jobs.put(self._new)

    def open(self, conversation: int) -> None:
        """Open a conversation of the history and let the engine read it."""
        self._ahead.drop()
        self._jobs.put(lambda: self._open(conversation))
        self.prepare()

    def show_timer(self, timer: str) -> None:
        """Open the conversation in which a timer was set, if there is one."""

        def show() -> None:
            conversation = self._store.conversation_of(SETS_TIMERS, timer)
            if conversation is not None and conversation != self._conversation:
                self._open(conversation)

        self._jobs.put(show)

    def start_fresh(self) -> None:
        """Put the damaged history aside, which is kept, and go on with an empty one."""
        self._ahead.drop()
        self._jobs.put(self._start_fresh)

    def delete(self, conversation: int) -> None:
        """Delete a conversation for good; if it is the open one, a new one is opened."""
        self._ahead.drop()
        self._jobs.put(lambda: self._delete(conversation))
        self.prepare()

    def notify(self, event: Notice | Progressed | TasksChanged) -> None:
        """Show a notice, how far something is, or what goes on behind; from any thread (a timer's, a server's)."""
        self._emit(event)

    def ask_secret(self, request: SecretRequest) -> None:
        """Show that a skill needs a key of the person's; from the agent's thread, which then waits for the reply."""
        self._emit(request)

    def shutdown(self, seconds: float = 5.0) -> bool:
        """Stop the turn, close the engine, end the thread; wait at most ``seconds``. Says whether it has ended."""
        self.stop()
        self._jobs.put(None)
        if self._thread.ident is not None:
            self._thread.join(seconds)
        return not self._thread.is_alive()

    # In the agent's thread ------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            self._last_resort(job)
        if self._ready:
            self._last_resort(self._ready.close)

    def _last_resort(self, work: Callable[[], None]) -> None:
        """Do a job; whatever it raises is told and written down, and the thread goes on with the next one."""
        try:
            work()
        except HistoryError as error:
            self._tell_history(error)
        except BaseException as error:  # noqa: BLE001 - also what is no Exception: a panic of a native library is none
            self._fault("Something went wrong in Deskhand, which goes on", error)

    def _fault(self, what: str, error: BaseException) -> None:
        _log.error("%s", what, exc_info=error)
        self._emit(Notice("warn", errorlog.sentence(what, error)))

    def _tell_history(self, error: HistoryError) -> None:
        damaged = isinstance(error, DamagedHistoryError)
        self._emit(HistoryDamaged(error.problem) if damaged else Notice("warn", str(error)))

    def _look_for_changes(self, calls: Sequence[str]) -> None:
        if self._undoing and (found := self._undoing.look(calls)).calls:
            self._emit(found)

    def _told(self, event: Happening) -> None:
        """An event of a turn, and behind a call what of it can be taken back."""
        self._emit(event)
        if isinstance(event, CallEnded):
            self._look_for_changes([event.record.call.id])

    def _emit(self, event: Happening) -> None:
        # No lock: append, then look at the flag; the GUI thread clears the flag, then empties the deque. Either way an
        # event is seen by that delivery or asks for the next one.
        self._pending.append(event)
        if not self._armed:
            self._armed = True
            self._woken.emit()

    def _load(self) -> None:
        if self._ready:
            return
        self._emit(EngineLoading("Loading the engine"))
        try:
            self._ready = self._factory(lambda text: self._emit(EngineLoading(text)))
        except EngineOffer as offer:
            self._emit(EngineFailed(str(offer), offer.action, offer=True, instead=offer.instead))
        except ModelError as error:
            self._emit(EngineFailed(str(error)))
        except BaseException as error:  # noqa: BLE001 - edge of the thread: a person must learn of it, whatever it is
            _log.exception("the engine could not be loaded")
            told = errorlog.sentence("The engine could not be loaded", error)
            self._emit(EngineFailed(f"{told} “deskhand doctor” checks what is missing."))
        else:
            self._emit(EngineReady(self._ready.info, self._ready.host))
            self._read(self._ahead.want((), behind=True))

    def _list(self) -> None:
        self._last_resort(lambda: self._emit(Listed(tuple(self._store.conversations()))))

    def _new(self) -> None:
        self._conversation = None
        self._emit(Opened(None))

    def _open(self, conversation: int) -> None:
        def read() -> None:
            turns = tuple(self._store.turns(conversation))
            self._conversation = conversation
            self._emit(Opened(conversation, turns))
            self._look_for_changes([record.call.id for turn in turns for record in turn.calls])

        self._last_resort(read)

    def _delete(self, conversation: int) -> None:
        def away() -> None:
            self._store.delete(conversation)
            if self._conversation == conversation:
                self._new()
            if self._ready:
                self._ready.forget()

        self._last_resort(away)
        self._list()

    def _start_fresh(self) -> None:
        old = self._store.start_fresh()
        self._new()
        self._list()
        self._emit(Notice("history", f"A fresh chat history has begun. The old file is kept: {old}"))

    def _prepare(self, ticket: int) -> None:
        taken = self._ahead.take(ticket)
        if self._ready is None or taken is None:
            return
        percepts, cancel = taken
        try:
            self._ready.agent.prepare(self._conversation, percepts, self._emit, cancel)
        except (ModelError, HistoryError):
            # Only saves time: what is wrong will be wrong again in the turn, and is told there.
            _log.info("nothing could be prepared", exc_info=True)
        except BaseException:  # noqa: BLE001 - likewise, and written down
            _log.exception("nothing could be prepared")

    def _turn(self, text: str, percepts: tuple[Percept, ...], cancel: threading.Event, choice: ToolChoice) -> None:
        self._submitted.discard(cancel)
        if self._ready is None:
            self._emit(TurnFailed("The engine is not ready yet. Wait until the bottom of the window names it."))
            return
        try:
            if self._conversation is None:
                self._conversation = self._store.new_conversation(title(text, percepts))
            self._ready.saw(percepts)
            self._ready.agent.turn(self._conversation, text, percepts, self._told, cancel, tool_choice=choice)
        except (ModelError, HistoryError) as error:
            self._emit(TurnFailed(str(error)))
            if isinstance(error, DamagedHistoryError):
                self._tell_history(error)
        except BaseException as error:  # noqa: BLE001 - edge of the thread: the turn ends with words, the agent goes on
            _log.exception("a turn failed")
            told = errorlog.sentence("The answer could not be finished", error)
            self._emit(TurnFailed(f"{told} What was said before is kept."))
        self._last_resort(self._ready.answered)
        self._list()

    def _wake_up(self, woken: Woken) -> None:
        """Let a task come back; the person's own turn goes first, also before a look that is still going on."""
        settled: Settled = "put off"
        patience = self._patience = Stop(woken.cancel, LOOK_SECONDS)
        self._back = woken
        try:
            if woken.cancel.is_set():
                settled = "done"
            elif self._ready is not None and not self._submitted:
                aside = Aside(self._told, lambda: self._conversation, self._name)

                def told(event: Event) -> None:
                    if isinstance(event, TurnStarted):
                        self._emit(CameBack(woken.task.kind, woken.task.what, event.conversation))
                    aside(event)

                settled = self._ready.agent.wake(woken, told, patience)
        except (ModelError, HistoryError) as error:
            settled = "done"
            self._emit(Notice("warn", str(error)))
        except BaseException as error:  # noqa: BLE001 - edge of the thread, as for the person's turns
            settled = "done"
            self._fault("A timer or watch could not be finished", error)
        finally:
            self._back = None
            if settled == "put off" and woken.task.kind != "watch" and self._ready is not None:
                self.woken(woken)  # its moment has come: behind the person's own turn, and no later
            else:
                woken.settle(settled)
        if settled == "done":
            self._list()

    def _name(self, conversation: int) -> str:
        return next((each.title for each in self._store.conversations() if each.id == conversation), "")

    def _withdraw(self, task: str) -> None:
        if self._ready and self._ready.background:
            try:
                self._ready.background.withdraw(task)
            except TaskError as error:
                self.notify(Notice("warn", str(error)))

    # In the GUI thread ----------------------------------------------------------------------------------------------

    @Slot()
    def _wake(self) -> None:
        wait = FRAME_MS - (time.monotonic() - self._delivered) * 1000
        if wait > 0:
            self._timer.start(int(wait) + 1)
        else:
            self._deliver()

    @Slot()
    def _deliver(self) -> None:
        self._delivered = time.monotonic()
        self._armed = False
        for event in merged(self._drain()):
            self.happened.emit(event)

    def _drain(self) -> Iterator[Happening]:
        while self._pending:
            yield self._pending.popleft()


def title(text: str, percepts: Sequence[Percept] = ()) -> str:
    """A conversation's title: the first line of what was typed, cut at a word, else what was given instead."""
    words = next((line.strip() for line in text.splitlines() if line.strip()), "")
    if not words:
        return "Voice message" if any(isinstance(p, SoundPercept) for p in percepts) else "Screenshot"
    return words if len(words) <= 48 else words[:47].rsplit(" ", 1)[0] + "…"
