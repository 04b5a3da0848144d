"""The bridge: a real thread, a real store, an agent that plays events."""

import threading

import pytest

from deskhand.agent.events import (
    Notice,
    Outcome,
    Progressed,
    TextAdded,
    ThoughtAdded,
    TurnEnded,
    TurnStarted,
)
from deskhand.agent.history import Store
from deskhand.agent.percept import SoundPercept
from deskhand.app.bridge import (
    Bridge,
    EngineFailed,
    EngineLoading,
    EngineReady,
    Listed,
    Opened,
    Ready,
    TurnFailed,
    merged,
    title,
)
from deskhand.model.errors import BundleError, EngineDiedError
from deskhand.model.types import Audio, EngineInfo, Text, Usage

INFO = EngineInfo("scripted", "a script", 8192, sees=True, hears=True, drafts=False)


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
     (OSError("no"), "The engine could not be loaded: no. “deskhand doctor” checks what is missing.")],
)  # fmt: skip
def test_an_engine_that_does_not_load_becomes_a_sentence_and_can_be_tried_again(qtbot, store, error, sentence):
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
