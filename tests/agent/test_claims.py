"""Answers that claim what no tool has done (honest words), and answers that repeat instructions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskhand.agent.claims import claims, correction
from deskhand.agent.echo import RUN, Echo
from deskhand.agent.events import Answer, Decision, TextAdded

CLAIMED = (
    "Done.",
    "Saved!",
    "I've set a timer for 10 minutes.",
    "I have saved the file to your Documents.",
    "Okay, I sent the email to Bob.",
    "The timer has been set for 10 minutes.",
    "Your note is saved.",
    "I copied the text to the clipboard.",
    "Sure! I turned up the volume.",
    "The file “budget.txt” was saved in your Documents folder.",
    "Ich habe die Notiz gespeichert.",
    "J'ai enregistré la note.",
    "Fertig.",
    "He guardado la nota.",
    "I wrote down: buy milk.",
    "Deleted.",
    "Timer set for 10 minutes!",
    "**Done.**",
    "✅ Note saved",
    "Got it, saved!",
    "That's done.",
    "I've done it.",
    "Task completed.",
    "Your 10-minute timer has started.",
    "I've made a note of that.",
    "I’ve added milk to your shopping list.",
    "Added to your notes.",
    "I've emailed Anna.",
    "I turned the volume down.",
    "Firefox has been opened.",
    "Der Timer wurde gestellt.",
    "Notiz gespeichert.",
    "Ich hab's gespeichert.",
    "J’ai enregistré la note.",
    "La note a été enregistrée.",
    "C’est fait !",
    "Se ha guardado la nota.",
    "Ya guardé la nota.",
    "¡Listo!",
)
HONEST = (
    "I can't save files here.",
    "I have not sent it.",
    "You could save the file with Ctrl+S.",
    "The capital of Australia is Canberra.",
    "Once I have saved it, you can open it.",
    "Would you like me to set a timer?",
    "I added 17 and 3 in my head? No: 17 and 3 make 20.",
    "The dialog says “The file was saved.”",
    "The window's title is “Saved”.",
    "```python\nprint('Done.')\n```",
    "The set of primes is infinite.",
    "It is set in Vienna, in 1910.",
    "A timer set for 9 am rings at 9 am.",
    "To open a file, press Ctrl+O.",
    "I'll set a timer for you.",
    "Shall I set a timer?",
    "I haven't saved it.",
    "The file was created in 1998.",
    "The message was sent by Anna at 9:30.",
    "The first e-mail was sent in 1971 by Ray Tomlinson.",
    "Your note says that the letter was sent on Monday.",
    "The page is written in German.",
    "I've written a short poem for you:",
    "I've created a recipe for you:",
    "I have updated the text below:",
    "I've moved the comma and removed the second sentence.",
    "I noted three points in the text.",
    "Ich habe keinen Timer gestellt.",
    "Ich werde die Notiz speichern.",
    "Je n'ai pas enregistré la note.",
    "No he guardado la nota.",
    "Voy a guardar la nota.",
)


@pytest.mark.parametrize("text", CLAIMED)
def test_a_claim_of_an_action_is_seen(text):
    assert claims(text)


@pytest.mark.parametrize("text", HONEST)
def test_what_claims_nothing_is_left_alone(text):
    assert not claims(text)


@pytest.mark.parametrize(
    "asked",
    [
        "Translate into English: Ich habe die Datei gespeichert.",
        "Draft an email that says I sent the invoice",
        "Write me a story about a timer",
        "Did you save it?",
        "What does the dialog say?",
    ],
)
def test_texts_and_questions_are_no_reports(asked):
    assert correction("I have saved the file.", asked, [], worked=[], acted=[]) == ""


def test_long_answers_report_at_their_ends_only():
    essay = "The window was closed and the letter was sent. " * 20
    assert not claims(essay)
    assert not claims(f"{essay}\n\nI have saved him, said Ann, and it was true.\n\n{essay}")
    assert claims(f"I've saved this to your notes.\n\n{essay}")
    assert claims(f"{essay}\n\nI've set a timer, too.")


def test_what_a_tool_read_is_told_without_a_correction():
    assert not claims("The rice timer is set for 6:10.", only_deeds=True)
    assert claims("I've set the rice timer for 6:10.", only_deeds=True)


def test_an_answer_that_claims_what_no_tool_did_is_corrected(stage, player, script):
    outcome = stage.run(player(script.says("Saved. I've written it down.")), "note down: call the plumber")
    assert outcome.answer.startswith("Saved. I've written it down.")
    assert outcome.answer.endswith("Correction: this was not done. No tool of Deskhand changed anything.")
    assert "".join(event.text for event in stage.seen(TextAdded)) == outcome.answer
    assert stage.store.messages(stage.conversation)[-1].text == outcome.answer


def test_a_claim_after_a_denial_names_the_denial(stage, player, script):
    stage.answers = [Answer.NO]
    outcome = stage.run(player(script.calls("clock_set_timer", minutes=3), script.says("Your timer is set.")), "timer")
    assert outcome.calls[0].decision is Decision.DENIED
    assert outcome.answer.endswith(f"Correction: this was not done. {outcome.calls[0].error}")


@pytest.mark.parametrize(
    ("tool", "said"), [("screen_look", "Done."), ("clock_time", "Saved."), ("screen_look", "Saved.")]
)
def test_a_claim_after_only_reading_is_corrected(stage, player, script, tool, said):
    """Pocket's “Done.” after a look at the screen, with nothing pressed."""
    stage.answers = [Answer.ONCE]
    outcome = stage.run(player(script.calls(tool), script.says(said)), "press the button that says save")
    assert "Correction: this was not done." in outcome.answer


def test_done_after_a_tool_that_answers_is_no_claim(stage, player, script):
    """Pocket says so of the time as of a timer."""
    outcome = stage.run(player(script.calls("clock_time"), script.says("Done.")), "what time is it")
    assert outcome.answer == "Done."


def test_a_claim_of_what_was_done_stays(stage, player, script):
    stage.answers = [Answer.ONCE]
    outcome = stage.run(player(script.calls("clock_set_timer", minutes=3), script.says("Your timer is set.")), "timer")
    assert outcome.answer == "Your timer is set."


LONG = "Reads and writes the clipboard. " + " ".join(
    f"Rule {number}: do what rule {number} says." for number in range(9)
)


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
def test_instructions_are_not_passed_on(size):
    echo = Echo([LONG])
    shown = "".join(echo.show(LONG[at : at + size]) for at in range(0, len(LONG), size)) + echo.rest()
    assert shown == ""
    assert echo.found


@given(st.text("ab cR\n*:", max_size=60), st.integers(1, 5))
def test_other_text_passes_whole(text, size):
    echo = Echo([LONG])
    shown = "".join(echo.show(text[at : at + size]) for at in range(0, len(text), size)) + echo.rest()
    assert shown == text
    assert not echo.found
    assert len(text) < RUN


def test_instructions_of_a_skill_are_never_an_answer(stage, player, script):
    """``/clipboard …`` printed its instructions: now a call is demanded, and else our sentence stands there."""
    body = next(group.body for group in stage.toolbox.groups if group.name == "clipboard")
    engine = player(script.says(body), script.says(body))
    outcome = stage.run(engine, "/clipboard what did I copy")
    assert [request.tool_choice for request in engine.requests] == ["auto", "required"]
    assert outcome.answer == "I'm ready to use “clipboard”. What should I do?"
    assert "".join(event.text for event in stage.seen(TextAdded)) == outcome.answer
    assert not outcome.error


def test_a_call_after_instructions_were_repeated_runs(stage, player, script):
    body = next(group.body for group in stage.toolbox.groups if group.name == "calculator")
    engine = player(
        script.says(f"Sure. {body}"), script.calls("calculator_calculate", expression="2+2"), script.says("4.")
    )
    outcome = stage.run(engine, "/calculator two plus two")
    assert outcome.answer == "4."
    assert "".join(event.text for event in stage.seen(TextAdded)) == "Sure.4."
