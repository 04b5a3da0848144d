"""A change of the person's own notes is tried before they are asked; what can't be done asks nobody."""

import pytest

from deskhand.agent.events import Answer, ApprovalRequested, Decision
from deskhand.agent.safety.undo import Undo
from deskhand.agent.skills.loading import load_skills
from deskhand.agent.tools.toolbox import Toolbox
from deskhand.model.types import ToolCall
from tests.agent.conftest import SKILLS
from tests.agent.test_bound_changes import Desk


@pytest.fixture
def notes(stage, player, script, tmp_path):
    """``call(name, …)`` runs one call, to which the person says yes; two notes are there."""
    desk = Desk(tmp_path, Undo(tmp_path / "kept"))
    stage.toolbox = Toolbox(load_skills([(SKILLS, "bundled")]), stage.data, desk)
    stage.permissions.own = "never"

    def call(name, **arguments):
        stage.answers = [Answer.ONCE]
        stage.events.clear()
        return stage.run(player(script.calls(name, **arguments), script.says("So."))).calls[0]

    for text in ("Buy milk", "Call Ann at noon"):
        call("notes_append", text=text)
    call.file = stage.data / "notes" / "notes.md"
    return call


def test_f10_the_question_shows_which_note_would_be_deleted(stage, notes):
    """F10: “the note about milk” does not say what goes, so the question shows the words that would."""
    assert notes("notes_delete", note="milk").decision is Decision.APPROVED
    (asked,) = stage.seen(ApprovalRequested)
    gone = [line for line in asked.request.diff.splitlines() if line.startswith("-")]
    assert "-Buy milk" in gone
    assert not any("Ann" in line for line in gone)
    assert "undone" in asked.request.lasting
    assert "Buy milk" not in notes.file.read_text()


def test_a_note_that_would_stay_as_it_is_asks_nobody(stage, notes):
    before = notes.file.read_bytes()
    record = notes("notes_edit", note="milk", text="Buy milk")
    assert (record.result, record.error) == ({"told": "Nothing would change."}, "")
    assert stage.seen(ApprovalRequested) == []
    assert notes.file.read_bytes() == before


def test_what_can_not_be_done_asks_nobody(stage, notes):
    record = notes("notes_delete", note="the one about cheese")
    assert record.decision is Decision.REFUSED
    assert record.error
    assert stage.seen(ApprovalRequested) == []


def test_a_note_that_changed_while_the_person_was_asked_stays(stage, notes):
    emit = stage.emit

    def told(event):
        if isinstance(event, ApprovalRequested):
            notes.file.write_text(notes.file.read_text().replace("noon", "one"))
        emit(event)

    stage.emit = told
    record = notes("notes_edit", note="milk", text="Buy bread")
    assert "changed" in record.error
    assert "Buy milk" in notes.file.read_text()


def test_trying_changes_nothing(stage, notes):
    before = notes.file.read_bytes()
    call = ToolCall("c", "notes_delete", {"note": "milk"})
    change = stage.toolbox.plan(stage.toolbox.find(call.name), call, stage.cancel)
    assert change.before.raw == before != change.after.raw
    assert notes.file.read_bytes() == before
