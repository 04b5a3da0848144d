"""What recordings may answer a question: the loop, with an engine whose hearing is written down in the test."""

from datetime import UTC, datetime, timedelta

import pytest

from deskhand.agent.events import Answer, ApprovalHeard, ApprovalRequested, CallEnded, Decision
from deskhand.agent.percept import SoundPercept
from deskhand.model.errors import ModelError
from deskhand.model.types import Audio, TextDelta

PHRASE = "save note: milk"


class Hears:
    """The scripted engine, which understands each recording as the next of ``said``."""

    def __init__(self, player, said):
        self._player = player
        self.said = list(said)
        self.heard = []

    def __getattr__(self, name):
        return getattr(self._player, name)

    def generate(self, request, cancel=None):
        if not request.transcript:
            yield from self._player.generate(request, cancel)
            return
        self.heard.append(request)
        words = self.said.pop(0)
        if isinstance(words, Exception):
            raise words
        yield TextDelta(words)


def recording(*, own=True, ago=-1.0, growing=False):
    taken = datetime.now(UTC) - timedelta(seconds=ago)
    return SoundPercept(Audio(b"\0" * 4 * 1600, growing=growing), own=own, taken=taken)


@pytest.fixture
def ask(stage, player, script):
    """Ask to note something and answer with recordings; a question that is still open then is denied by hand."""

    def ask(said, percepts, name="notes_append", **arguments):
        engine = Hears(player(script.calls(name, **(arguments or {"text": "milk"})), script.says("Done.")), said)
        waiting = list(percepts)
        emit = stage.emit

        def front(event):
            emit(event)
            if isinstance(event, ApprovalRequested):
                stage.request = event.request
            if isinstance(event, ApprovalRequested | ApprovalHeard) and not stage.request.reply.done():
                if waiting:
                    stage.request.said.put(waiting.pop(0))
                else:
                    stage.request.reply.set_result(Answer.NO)

        stage.emit = front
        stage.run(engine)
        return engine, stage.seen(CallEnded)[0].record, stage.seen(ApprovalHeard)

    return ask


def test_the_phrase_allows_once_and_grants_nothing(stage, ask):
    _, record, heard = ask(["yes", "Save note: milk."], [recording(), recording()])
    assert stage.request.phrase == PHRASE
    assert [bool(each.objection) for each in heard] == [True, False]
    assert (record.decision, record.error) == (Decision.APPROVED, "")
    assert stage.permissions.session == ()


def test_who_listens_does_not_know_what_is_asked(ask):
    engine, _, _ = ask([PHRASE], [recording()])
    (request,) = engine.heard
    assert len(request.messages) == 1
    assert "milk" not in request.messages[0].text
    assert request.tools == ()


@pytest.mark.parametrize(
    "percept", [recording(own=False, ago=-60), recording(ago=3600), recording(ago=-60, growing=True)]
)
def test_only_the_open_microphone_counts(ask, percept):
    engine, record, heard = ask([PHRASE], [percept])
    assert engine.heard == []
    assert "while the question is open" in heard[0].objection
    assert record.decision is Decision.DENIED


def test_an_engine_that_fails_to_hear_allows_nothing(ask):
    _, record, heard = ask([ModelError("It broke.")], [recording()])
    assert heard[0].objection == "It could not be understood: It broke."
    assert record.decision is Decision.DENIED


def test_after_what_others_wrote_no_voice_allows_anything(stage, ask):
    heard_on_tape = SoundPercept(Audio(b"\0" * 6400), source="film.wav")
    run = stage.run
    stage.run = lambda engine: run(engine, "hello", (heard_on_tape,))
    engine, record, heard = ask([PHRASE], [recording()])
    assert stage.request.phrase == ""
    assert "text of others" in heard[0].objection
    assert engine.heard == []
    assert record.decision is Decision.DENIED


@pytest.mark.parametrize("how", ["stopped", "answered"])
def test_what_is_understood_too_late_allows_nothing(stage, player, script, how):
    """Stop, or No by hand, while it is written down: the words there are by then are the whole phrase."""

    class Late(Hears):
        def generate(self, request, cancel=None):
            yield from super().generate(request, cancel)
            if request.transcript and how == "stopped":
                stage.cancel.set()
            elif request.transcript:
                stage.request.reply.set_result(Answer.NO)

    emit = stage.emit

    def front(event):
        emit(event)
        if isinstance(event, ApprovalRequested):
            stage.request = event.request
            event.request.said.put(recording())

    stage.emit = front
    stage.run(Late(player(script.calls("notes_append", text="milk"), script.says("Done.")), [PHRASE]))
    assert stage.seen(CallEnded)[0].record.decision is Decision.DENIED
    assert stage.seen(ApprovalHeard) == []
    assert not (stage.data / "notes").exists()
