"""What an engine never learnt: the person is told in a sentence, and nothing is generated for more than it takes."""

import threading

import numpy as np
import pytest

from deskhand.agent import beyond
from deskhand.agent.events import Notice, TextAdded, TurnEnded
from deskhand.agent.percept import ScreenPercept, SoundPercept
from deskhand.model.errors import PromptTooLongError
from deskhand.model.types import Audio, EngineInfo, Image, Text, Trained

TRAINED = Trained(pictures=1, size=(8, 6), seconds=5.0)
POCKET = EngineInfo("local", "Pocket", 1024, sees=True, hears=True, drafts=True, alone=True, trained=TRAINED)
OTHER = EngineInfo("local", "Gemma", 8192, sees=True, hears=True, drafts=True)


def picture(width=8, height=6):
    return Image(bytes(width * height * 3), width, height)


def sound(spoken, silent=0.0):
    tone = 0.3 * np.sin(np.arange(round(spoken * 16_000)) / 9)
    return Audio(np.concatenate([tone, np.zeros(round(silent * 16_000))]).astype(np.float32).tobytes())


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ((picture(), picture(), Text("look")), ("only one picture", "here are 2", "leave out")),
        ((sound(5.5),), ("5 seconds", "5.5", "say it shorter")),
        ((sound(3), sound(3)), ("5 seconds", "6.0")),
    ],
)
def test_more_than_it_learnt_is_refused_in_a_sentence(parts, words):
    said = beyond.refusal(parts, POCKET)
    assert said.startswith("Pocket can ")
    assert all(word in said for word in words)
    assert beyond.refusal(parts, OTHER) == beyond.doubt(parts, OTHER) == ""


def test_what_it_learnt_is_asked_and_silence_at_the_end_is_no_speech():
    parts = (picture(), sound(4.8, silent=2), Text("press the button that says OK"))
    assert beyond.refusal(parts, POCKET) == beyond.doubt(parts, POCKET) == ""
    assert beyond.refusal((), POCKET) == beyond.doubt((), POCKET) == ""


def test_another_kind_of_picture_is_a_guess():
    said = beyond.doubt((picture(12, 6),), POCKET)
    assert "8×6" in said
    assert "12×6" in said
    assert "guess" in said


def test_a_turn_that_is_too_much_ends_before_anything_is_generated_and_keeps_the_question(stage, player, script):
    engine = player(script.says("Sunny."), alone=True, trained=TRAINED)
    outcome = stage.run(engine, "", [SoundPercept(sound(7), source="microphone")])
    assert (outcome.finish, engine.requests) == ("error", [])
    assert "say it shorter" in outcome.error
    assert stage.seen(TurnEnded) == [TurnEnded(outcome)]
    (turn,) = stage.store.turns(stage.conversation)
    assert turn.outcome.error == outcome.error
    assert turn.messages[0].role == "user"
    agent = stage.agent(engine)
    agent.prepare(stage.conversation, [SoundPercept(sound(7), source="microphone")], stage.emit, threading.Event())
    assert engine.requests == []


def test_a_guess_is_told_before_the_answer(stage, player, script):
    engine = player(script.says("It says OK."), alone=True, trained=TRAINED)
    outcome = stage.run(engine, "what does it say", [ScreenPercept(picture(20, 10), source="screen 1")])
    assert outcome.answer == "It says OK."
    kinds = [type(event) for event in stage.events]
    assert kinds.index(Notice) < kinds.index(TextAdded)
    assert "guess" in stage.seen(Notice)[0].text


def test_for_single_turns_there_is_no_earlier_one_to_leave_out(stage, player, script):
    long = "This message takes 2000 tokens and this engine holds 1024. Please say it shorter."
    engine = player(script.says("Noted."), *([PromptTooLongError(long)] for _ in range(6)), alone=True)
    stage.run(engine, "write down milk")
    outcome = stage.run(engine, "and so on " * 300)
    assert outcome.error == long
    assert stage.seen(Notice) == []
