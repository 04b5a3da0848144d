"""The bridge: a real thread, a real store, an agent that plays events."""

import threading
import time

import numpy as np
import pytest

from deskhand.agent.background import Background
from deskhand.agent.events import (
    ApprovalRequest,
    ApprovalRequested,
    Notice,
    Outcome,
    Progressed,
    TextAdded,
    ThoughtAdded,
    TurnEnded,
    TurnStarted,
)
from deskhand.agent.history import Store
from deskhand.agent.percept import ScreenPercept, SoundPercept
from deskhand.agent.task import Task, Woken
from deskhand.app import errorlog
from deskhand.app.ahead import Ahead, continues
from deskhand.app.bridge import Bridge, Ready, title
from deskhand.app.elsewhere import Elsewhere
from deskhand.app.happenings import (
    EngineFailed,
    EngineLoading,
    EngineReady,
    HistoryDamaged,
    Listed,
    Opened,
    TurnFailed,
    merged,
)
from deskhand.model.errors import BundleError, EngineDiedError
from deskhand.model.types import Audio, EngineInfo, Image, Text, ToolCall, Usage

INFO = EngineInfo("scripted", "a script", 8192, sees=True, hears=True, drafts=False)


LOG = "THE LOG"
FAILED = (
    f"The engine could not be loaded (OSError: no). The details are in {LOG}. “deskhand doctor” checks what is missing."
)


class Reading:
    """One reading that goes on until the test says, or until it is given up."""

    def __init__(self, percepts, cancel):
        self.percepts, self.cancel, self.goes_on = percepts, cancel, threading.Event()

    def __repr__(self):
        return f"{[percept.audio.seconds for percept in self.percepts]}"


class Reader:
    """An agent whose readings last."""

    def __init__(self):
        self.readings, self.turns = [], []

    def prepare(self, conversation, percepts, emit, cancel):
        if not percepts:
            return
        reading = Reading(percepts, cancel)
        self.readings.append(reading)
        while not cancel.is_set() and not reading.goes_on.wait(0.005):
            pass

    def turn(self, conversation, text, percepts, emit, cancel, *, tool_choice="auto"):
        self.turns.append((percepts, [reading.cancel.is_set() for reading in self.readings]))
        outcome = Outcome("done", (), "stop", Usage())
        emit(TurnEnded(outcome))
        return outcome


class Waker:
    """An agent whose looks and turns of tasks last until the test says."""

    def __init__(self):
        self.order, self.goes_on = [], threading.Event()

    def prepare(self, conversation, percepts, emit, cancel):
        pass

    def turn(self, conversation, text, percepts, emit, cancel, *, tool_choice="auto"):
        self.order.append(text)
        emit(TurnStarted(conversation, text, (Text(text),)))
        outcome = Outcome("done", (), "stop", Usage())
        emit(TurnEnded(outcome))
        return outcome

    def wake(self, woken, emit, patience):
        self.order.append(f"look for {woken.task.what}")
        while not patience.is_set() and not self.goes_on.is_set():
            time.sleep(0.005)
        if woken.cancel.is_set():
            return "done"
        if patience.is_set():
            return "put off"
        self.order.append(woken.task.what)
        call = ToolCall("c", "x", {})
        emit(TurnStarted(woken.task.conversation, "w", (Text("!"),), woken.task.kind))
        emit(TextAdded("seen"))
        emit(ApprovalRequested(ApprovalRequest(call, "s", "", ())))
        emit(TurnEnded(Outcome("It is done.", (), "stop", Usage())))
        return "done"


class Player:
    """An agent that says a thousand words, or waits for the stop, or fails, as it is asked."""

    def __init__(self):
        self.threads = set()
        self.conversations = []
        self.prepared = []

    def prepare(self, conversation, percepts, emit, cancel):
        emit(Progressed("reading the prompt", 1, 2))
        self.prepared.append((conversation, percepts))
        if percepts:
            cancel.wait(30)
            self.prepared.append("cancelled")

    def turn(self, conversation, text, percepts, emit, cancel, *, tool_choice="auto"):
        self.threads.add(threading.current_thread().name)
        self.conversations.append(conversation)
        emit(TurnStarted(conversation, "t", (Text(text),)))
        if text == "wait":
            cancel.wait(30)
        if text == "die":
            raise EngineDiedError("The engine ended. A new one is started with the next question.")
        if text == "break":
            raise KeyError("x")
        for number in range(1000):
            emit(TextAdded(f"{number} "))
        outcome = Outcome("done", (), "cancelled" if cancel.is_set() else "stop", Usage())
        emit(TurnEnded(outcome))
        return outcome


@pytest.fixture
def player():
    return Player()


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "history.sqlite")
    yield store
    store.close()


@pytest.fixture
def bridge(qapp, player, store):
    bridge = Bridge(lambda _say: Ready(player, INFO), store)
    bridge.seen = []
    bridge.happened.connect(bridge.seen.append)
    yield bridge
    assert bridge.shutdown()


def of(bridge, kind):
    return [event for event in bridge.seen if isinstance(event, kind)]


def test_loads_the_engine_off_the_gui_thread_and_says_so(qtbot, store):
    threads, closed = [], threading.Event()

    def factory(say):
        threads.append(threading.current_thread())
        say("Reading 6.7 GB")
        return Ready(Player(), INFO, close=closed.set)

    bridge = Bridge(factory, store)
    seen = []
    bridge.happened.connect(seen.append)
    bridge.start()
    qtbot.waitUntil(lambda: EngineReady(INFO) in seen)
    assert threads[0] is not threading.current_thread()
    assert EngineLoading("Reading 6.7 GB") in seen
    assert bridge.shutdown()
    assert closed.is_set()


@pytest.mark.parametrize(
    ("error", "sentence"),
    [(BundleError("The file x.gguf is cut off. Fetch it again."), "The file x.gguf is cut off. Fetch it again."),
     (OSError("no"), FAILED)],
)  # fmt: skip
def test_an_engine_that_does_not_load_becomes_a_sentence_and_can_be_tried_again(qtbot, store, error, sentence):
    sentence = sentence.replace(LOG, str(errorlog.place()))
    outcomes = [error, None]

    def factory(_say):
        if problem := outcomes.pop(0):
            raise problem
        return Ready(Player(), INFO)

    bridge = Bridge(factory, store)
    seen = []
    bridge.happened.connect(seen.append)
    bridge.start()
    qtbot.waitUntil(lambda: EngineFailed(sentence) in seen)
    bridge.submit("too early")
    qtbot.waitUntil(lambda: any(isinstance(event, TurnFailed) for event in seen))
    bridge.reload()
    qtbot.waitUntil(lambda: EngineReady(INFO) in seen)
    assert bridge.shutdown()


def test_a_turn_arrives_in_order_and_whole_in_few_pieces(qtbot, bridge, player):
    bridge.start()
    bridge.submit("count", ())
    qtbot.waitUntil(lambda: bool(of(bridge, TurnEnded)))
    assert "".join(event.text for event in of(bridge, TextAdded)) == "".join(f"{n} " for n in range(1000))
    assert len(of(bridge, TextAdded)) < 200
    kinds = [type(event) for event in bridge.seen]
    assert kinds.index(TurnStarted) < kinds.index(TextAdded) < kinds.index(TurnEnded)
    assert player.threads == {"agent"}


def test_the_first_turn_makes_the_conversation_and_later_ones_stay_in_it(qtbot, bridge, player, store):
    bridge.start()
    bridge.submit("What is\nthis?")
    bridge.submit("And that?")
    qtbot.waitUntil(lambda: len(of(bridge, TurnEnded)) == 2)
    assert player.conversations == [1, 1]
    bridge.new_conversation()
    bridge.submit("", (SoundPercept(Audio(bytes(4))),))
    qtbot.waitUntil(lambda: len(of(bridge, TurnEnded)) == 3)
    assert player.conversations == [1, 1, 2]
    qtbot.waitUntil(lambda: len(of(bridge, Listed)[-1].conversations) == 2)
    assert {each.title for each in store.conversations()} == {"What is", "Voice message"}
    bridge.open(1)
    qtbot.waitUntil(lambda: any(event.conversation == 1 for event in of(bridge, Opened)))
    bridge.submit("back")
    qtbot.waitUntil(lambda: len(of(bridge, TurnEnded)) == 4)
    assert player.conversations[-1] == 1


def test_a_deleted_conversation_is_gone_and_the_open_one_makes_room_for_a_new_one(qtbot, bridge, player, store):
    bridge.start()
    bridge.submit("one")
    qtbot.waitUntil(lambda: bool(of(bridge, TurnEnded)))
    bridge.new_conversation()
    bridge.submit("two")
    qtbot.waitUntil(lambda: len(of(bridge, TurnEnded)) == 2)
    bridge.delete(1)
    qtbot.waitUntil(lambda: [each.id for each in of(bridge, Listed)[-1].conversations] == [2])
    opened = len(of(bridge, Opened))
    bridge.delete(2)
    qtbot.waitUntil(lambda: of(bridge, Listed)[-1].conversations == ())
    assert [event.conversation for event in of(bridge, Opened)[opened:]] == [None]
    bridge.submit("three")
    qtbot.waitUntil(lambda: len(of(bridge, TurnEnded)) == 3)
    assert player.conversations == [1, 2, 3]
    assert [each.id for each in store.conversations()] == [3]


def test_stop_reaches_the_turn_that_runs_and_not_the_next_one(qtbot, bridge):
    bridge.start()
    bridge.submit("wait")
    qtbot.waitUntil(lambda: bool(of(bridge, TurnStarted)))
    bridge.stop()
    qtbot.waitUntil(lambda: len(of(bridge, TurnEnded)) == 1)
    bridge.submit("count")
    qtbot.waitUntil(lambda: len(of(bridge, TurnEnded)) == 2)
    assert [event.outcome.finish for event in of(bridge, TurnEnded)] == ["cancelled", "stop"]


def test_a_turn_that_raises_becomes_a_sentence_and_the_next_one_runs(qtbot, bridge, caplog):
    bridge.start()
    bridge.submit("die")
    bridge.submit("break")
    bridge.submit("count")
    qtbot.waitUntil(lambda: bool(of(bridge, TurnEnded)))
    first, second = of(bridge, TurnFailed)
    assert first.sentence == "The engine ended. A new one is started with the next question."
    assert "could not be finished" in second.sentence
    assert "a turn failed" in caplog.text


def test_shutdown_ends_a_running_turn(qtbot, bridge):
    bridge.start()
    bridge.submit("wait")
    qtbot.waitUntil(lambda: bool(of(bridge, TurnStarted)))
    assert bridge.shutdown()


def test_notices_come_from_any_thread(qtbot, bridge):
    bridge.start()
    threads = [threading.Thread(target=bridge.notify, args=(Notice("timer", f"{n}"),)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    qtbot.waitUntil(lambda: len(of(bridge, Notice)) == 20)


def test_neighbours_merge_and_nothing_else_does():
    events = [
        TextAdded("a"), TextAdded("b"), ThoughtAdded("c"), TextAdded("d"),
        Progressed("x", 1, 9), Progressed("x", 5, 9), Notice("timer", "n"), Notice("timer", "n"),
    ]  # fmt: skip
    assert list(merged(iter(events))) == [
        TextAdded("ab"), ThoughtAdded("c"), TextAdded("d"), Progressed("x", 5, 9), *[Notice("timer", "n")] * 2,
    ]  # fmt: skip


def test_titles():
    assert title("  \n  What is this?\nmore") == "What is this?"
    assert title("word " * 30) == "word word word word word word word word word…"
    assert title("", ()) == "Screenshot"


def test_the_engine_reads_the_system_text_as_soon_as_it_is_ready(qtbot, bridge, player):
    bridge.start()
    qtbot.waitUntil(lambda: player.prepared == [(None, ())])
    qtbot.waitUntil(lambda: Progressed("reading the prompt", 1, 2) in bridge.seen)


def test_what_is_attached_is_read_while_the_person_types_and_given_up_when_it_changes(qtbot, bridge, player):
    clip = SoundPercept(Audio(bytes(64)))
    bridge.start()
    bridge.prepare((clip,))
    qtbot.waitUntil(lambda: (None, (clip,)) in player.prepared)
    bridge.submit("hello")
    qtbot.waitUntil(lambda: any(isinstance(event, TurnEnded) for event in bridge.seen))
    assert player.prepared[-1] == "cancelled"


def test_a_turn_with_just_what_is_being_read_waits_for_it_and_stop_ends_both(qtbot, bridge, player):
    clip = SoundPercept(Audio(bytes(64)))
    bridge.start()
    bridge.prepare((clip,))
    qtbot.waitUntil(lambda: (None, (clip,)) in player.prepared)
    bridge.submit("hello", (clip,))
    qtbot.wait(200)
    assert "cancelled" not in player.prepared
    bridge.stop()
    qtbot.waitUntil(lambda: any(isinstance(event, TurnEnded) for event in bridge.seen))
    assert "cancelled" in player.prepared


def test_an_opened_conversation_is_read(qtbot, bridge, player, store):
    conversation = store.new_conversation("old")
    bridge.start()
    bridge.open(conversation)
    qtbot.waitUntil(lambda: (conversation, ()) in player.prepared)


NOISE = np.random.default_rng(3).normal(0, 0.1, 64_000).astype("<f4").tobytes()
PICTURE = ScreenPercept(Image(bytes(range(48)), 4, 4))


def spoken(seconds, *, growing=True):
    return SoundPercept(Audio(NOISE[: int(seconds * 16_000) * 4], growing=growing), taken=PICTURE.taken)


@pytest.fixture
def reader():
    return Reader()


@pytest.fixture
def listening(qapp, qtbot, reader, store):
    bridge = Bridge(lambda _say: Ready(reader, INFO), store)
    bridge.start()
    yield bridge
    assert bridge.shutdown()


def begun(qtbot, reader, count):
    qtbot.waitUntil(lambda: len(reader.readings) == count)
    return reader.readings[-1]


def test_a_newer_piece_of_speech_waits_and_only_the_newest_is_read(qtbot, listening, reader):
    listening.prepare((PICTURE,))
    first = begun(qtbot, reader, 1)
    for tenths in range(2, 21, 2):
        listening.prepare((PICTURE, spoken(tenths / 10)))
    assert not first.cancel.is_set()
    first.goes_on.set()
    second = begun(qtbot, reader, 2)
    assert second.percepts == (PICTURE, spoken(2))
    listening.prepare((PICTURE, spoken(2.2)))
    listening.submit("", (PICTURE, spoken(2.3, growing=False)))
    qtbot.wait(50)
    assert not second.cancel.is_set()
    assert reader.turns == []
    second.goes_on.set()
    qtbot.waitUntil(lambda: bool(reader.turns))
    # What waited is in the turn; no reading was given up, and none comes after it.
    assert reader.turns == [((PICTURE, spoken(2.3, growing=False)), [False, False])]
    qtbot.wait(50)
    assert len(reader.readings) == 2


@pytest.mark.parametrize("how", ["thrown away", "another picture", "typed instead", "stop", "new", "open"])
def test_whatever_does_not_go_on_from_it_ends_a_reading(qtbot, listening, reader, store, how):
    conversation = store.new_conversation("old")
    listening.prepare((PICTURE, spoken(1)))
    reading = begun(qtbot, reader, 1)
    listening.prepare((PICTURE, spoken(1.2)))
    {
        "thrown away": lambda: listening.prepare((PICTURE,)),
        "another picture": lambda: listening.prepare((ScreenPercept(Image(bytes(48), 4, 4)), spoken(1.4))),
        "typed instead": lambda: listening.submit("hello", (PICTURE,)),
        "stop": listening.stop,
        "new": listening.new_conversation,
        "open": lambda: listening.open(conversation),
    }[how]()
    assert reading.cancel.is_set()
    qtbot.wait(50)
    # What waited was given up too.
    assert all(spoken(1.2) not in reading.percepts for reading in reader.readings)


def test_what_goes_on_from_what():
    other = ScreenPercept(Image(bytes(48), 4, 4))
    assert continues((), (PICTURE, spoken(1)))
    assert continues((PICTURE,), (PICTURE, other))
    assert continues((PICTURE,), (spoken(1), PICTURE))  # pictures come first, however they were made
    assert continues((PICTURE, spoken(1)), (PICTURE, spoken(1.1, growing=False)))
    assert continues((spoken(1, growing=False),), (spoken(1, growing=False), spoken(2)))
    assert not continues((PICTURE, spoken(1)), (PICTURE, other, spoken(1)))
    assert not continues((spoken(1, growing=False),), (spoken(1.1),))  # it had ended
    assert not continues((spoken(1),), (spoken(0.9),))
    assert not continues((spoken(1),), ())
    assert not continues((PICTURE,), (other,))


@pytest.fixture
def waker():
    return Waker()


@pytest.fixture
def waking(qapp, waker, store, tmp_path):
    kept = Background(tmp_path, lambda _event: None)
    bridge = Bridge(lambda _say: Ready(waker, INFO, background=kept), store)
    bridge.seen = []
    bridge.happened.connect(bridge.seen.append)
    bridge.start()
    yield bridge
    waker.goes_on.set()
    assert bridge.shutdown()


def back(what, kind="watch", conversation=1):
    settled = []
    return Woken(
        Task(what, kind, what, 0, conversation=conversation), None, 0, threading.Event(), settled.append
    ), settled


def test_a_look_makes_way_for_the_person_and_a_moment_comes_after_them(qtbot, waking, waker):
    watch, watched = back("a")
    later, done = back("b", "later")
    waking.woken(watch)
    waking.woken(later)
    qtbot.waitUntil(lambda: waker.order == ["look for a"])
    waking.submit("mine")
    qtbot.waitUntil(lambda: "look for b" in waker.order)
    assert waker.order == ["look for a", "mine", "look for b"]
    assert watched == ["put off"]
    waker.goes_on.set()
    qtbot.waitUntil(lambda: done == ["done"])
    assert waker.order[-1] == "b"


def test_a_task_that_comes_while_a_message_is_submitted_sees_it(waking, monkeypatch):
    seen = []

    class Patience(threading.Event):
        def set(self):  # here the look that makes way ends, and what comes next asks whether the person waits
            seen.append(len(waking._submitted))

    monkeypatch.setattr(waking, "_patience", Patience())
    waking.submit("mine")
    assert seen == [1]


def test_what_a_conversation_begins_with_does_not_replace_what_is_spoken():
    ahead, clip = Ahead(), (SoundPercept(Audio(bytes(64))),)
    ticket = ahead.want(clip)
    assert ahead.want((), behind=True) is None
    assert ahead.take(ticket)[0] == clip
    ticket = ahead.want((), behind=True)
    assert ahead.take(ticket)[0] == ()


def test_stop_ends_the_turn_of_a_task_and_one_that_was_withdrawn_does_not_begin(qtbot, waking, waker):
    first, ended = back("a", "later")
    second, gone = back("b")
    second.cancel.set()
    waking.woken(first)
    waking.woken(second)
    qtbot.waitUntil(lambda: waker.order == ["look for a"])
    waking.stop()
    qtbot.waitUntil(lambda: (ended, gone) == (["done"], ["done"]))
    assert waker.order == ["look for a"]
    assert first.cancel.is_set()


def test_a_task_of_the_conversation_on_the_screen_is_shown_there_and_of_another_beside_it(qtbot, waking, waker, store):
    waker.goes_on.set()
    waking.submit("mine")
    qtbot.waitUntil(lambda: len(of(waking, TurnEnded)) == 1)
    other = store.new_conversation("The build")
    waking.woken(back("a")[0])
    qtbot.waitUntil(lambda: len(of(waking, TurnEnded)) == 2)
    assert of(waking, TurnStarted)[-1].task == "watch"
    waking.seen.clear()
    waking.woken(back("b", conversation=other)[0])
    qtbot.waitUntil(lambda: bool(of(waking, Notice)))
    assert of(waking, Notice)[0].text == "In the conversation “The build”: It is done."
    assert [event.event.request.call.name for event in of(waking, Elsewhere)] == ["x"]
    assert of(waking, TurnStarted) == of(waking, TextAdded) == of(waking, TurnEnded) == []


def test_stop_for_all_withdraws_what_goes_on_behind(qtbot, waking):
    qtbot.waitUntil(lambda: bool(of(waking, EngineReady)))
    kept = waking._ready.background
    kept.begin(Task("l", "later", "x", time.time() + 60))
    kept.begin(Task("m", "later", "y", time.time() + 60))
    waking.withdraw("m")
    qtbot.waitUntil(lambda: [task.id for task in kept.all()] == ["l"])
    waking.withdraw("m")
    qtbot.waitUntil(lambda: any("no task named m" in event.text for event in of(waking, Notice)))
    waking.stop_all()
    assert kept.all() == ()
    qtbot.waitUntil(lambda: any("withdrawn what was going on behind: 1" in event.text for event in of(waking, Notice)))


class Panic(BaseException):
    """What a native library raises that is no Exception (pyo3's PanicException)."""


class BrokenStore:
    """A history whose every use fails in its own way, until it is mended."""

    def __init__(self, store):
        self.store, self.broken = store, True
        self.errors = iter(
            [KeyError("x"), Panic("y"), UnicodeEncodeError("utf-8", "\udce9", 0, 1, "no"), MemoryError()]
        )

    def __getattr__(self, name):
        if self.broken:
            raise next(self.errors)
        return getattr(self.store, name)


def test_the_thread_goes_on_whatever_a_job_raises(qtbot, player, store, caplog):
    """Report 28: the window was dead after one damaged record."""
    broken = BrokenStore(store)
    bridge = Bridge(lambda _say: Ready(player, INFO), broken)
    bridge.seen = []
    bridge.happened.connect(bridge.seen.append)
    bridge.start()  # lists: a KeyError
    bridge.open(7)  # a panic
    bridge.submit("hello")  # a UnicodeEncodeError, and at its end a MemoryError for the list
    qtbot.waitUntil(lambda: len(of(bridge, Notice)) == 3 and bool(of(bridge, TurnFailed)))
    told = [event.text for event in of(bridge, Notice)] + [event.sentence for event in of(bridge, TurnFailed)]
    assert all(str(errorlog.place()) in text and "\udce9" not in text for text in told)
    assert [any(name in text for text in told) for name in ("KeyError", "Panic", "UnicodeEncode", "Memory")] == [
        True
    ] * 4
    assert all(record.exc_info for record in caplog.records if record.levelname == "ERROR")
    broken.broken = False
    bridge.submit("hello")
    qtbot.waitUntil(lambda: bool(of(bridge, TurnEnded)))
    assert bridge.shutdown()


def test_what_runs_beside_the_thread_tells_its_faults_too(qtbot, bridge, monkeypatch):
    class Undoing:
        def look(self, calls):
            return None

        def turn(self, call, *, redo, force):
            raise ZeroDivisionError

    monkeypatch.setattr(bridge, "_undoing", Undoing())
    bridge.undo("c")
    qtbot.waitUntil(lambda: any("ZeroDivisionError" in event.text for event in of(bridge, Notice)))


def test_a_damaged_history_is_offered_a_fresh_one_and_the_old_file_is_kept(qtbot, player, tmp_path):
    path = tmp_path / "history.sqlite"
    store = Store(path)
    store.new_conversation("old")
    store.close()
    data = bytearray(path.read_bytes())
    data[4096:] = bytes(len(data) - 4096)
    path.write_bytes(data)
    store = Store(path)
    bridge = Bridge(lambda _say: Ready(player, INFO), store)
    bridge.seen = []
    bridge.happened.connect(bridge.seen.append)
    bridge.start()
    qtbot.waitUntil(lambda: bool(of(bridge, HistoryDamaged)))
    assert of(bridge, HistoryDamaged)[0].sentence.startswith("Your chat history")
    bridge.start_fresh()
    qtbot.waitUntil(lambda: any("A fresh chat history has begun" in event.text for event in of(bridge, Notice)))
    bridge.submit("hello")
    qtbot.waitUntil(lambda: bool(of(bridge, TurnEnded)))
    qtbot.waitUntil(lambda: [each.title for each in of(bridge, Listed)[-1].conversations] == ["hello"])
    assert bridge.shutdown()
    (kept,) = tmp_path.glob("history.sqlite.*.old")
    assert kept.read_bytes()[4096:] == bytes(len(data) - 4096)
    store.close()
