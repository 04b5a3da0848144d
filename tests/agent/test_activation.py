"""Skills are disclosed, not dumped: what a conversation activates, and how long that lasts."""

import json

import pytest

from deskhand.agent.events import CallEnded, CallProposed, Decision
from deskhand.agent.history import Store
from deskhand.agent.skills.loading import load_skills
from deskhand.agent.tools.toolbox import Toolbox

CODE = 'def fill(text: str) -> str:\n    """Fill a form."""\n    return text.upper()\n'


@pytest.fixture
def pdf(stage, make_skill):
    """A foreign skill with a tool and a further file."""
    root = make_skill("pdf", CODE, body="Use blue ink.", core=False)
    (root / "pdf" / "form.md").write_text("Field one is the name.")
    stage.toolbox = Toolbox(load_skills([(root, "user")]), stage.data, stage.eyes)
    stage.permissions = type(stage.permissions)(["pdf"])
    return root


def declared(engine):
    return [{tool.name for tool in request.tools} for request in engine.requests]


def test_the_model_activates_a_skill_and_then_has_its_tools(stage, pdf, player, script):
    engine = player(
        script.calls("activate_skill", name="pdf"),
        script.calls("read_skill_file", skill="pdf", path="form.md"),
        script.calls("pdf_fill", text="ann"),
        script.says("Filled."),
    )
    outcome = stage.run(engine, "fill the form")
    assert [record.error for record in outcome.calls] == ["", "", ""]
    assert outcome.calls[2].result == "ANN"
    both = {"activate_skill", "read_skill_file", "pdf_fill"}
    assert declared(engine) == [{"activate_skill"}, both, both, both]
    system = engine.requests[0].messages[0].text
    assert "- pdf: A skill for tests." in system
    assert "blue ink" not in system
    assert engine.requests[1].messages[0].text == system  # what was read of the prompt stays read
    assert json.loads(engine.requests[1].messages[-1].text)["instructions"] == "Use blue ink."


def test_a_tool_of_a_skill_that_is_not_active_does_not_run(stage, pdf, player, script):
    outcome = stage.run(player(script.calls("pdf_fill", text="ann"), script.says("No.")))
    assert outcome.calls[0].decision is Decision.REFUSED
    assert outcome.calls[0].error == "pdf_fill is not active: activate pdf first."


def test_the_person_activates_a_skill_by_its_name(stage, pdf, player, script):
    engine = player(script.says("Which form?"))
    outcome = stage.run(engine, "/pdf please fill")
    assert [record.call.name for record in outcome.calls] == ["activate_skill"]
    assert stage.seen(CallProposed)[0].call.arguments == {"name": "pdf"}
    assert stage.seen(CallEnded)[0].record.decision is Decision.ALLOWED
    assert [message.role for message in engine.requests[0].messages] == ["system", "user", "assistant", "tool"]
    assert engine.requests[0].messages[1].text == "/pdf please fill"
    assert "pdf_fill" in declared(engine)[0]


@pytest.mark.parametrize("text", ["/nothing here", "/etc/hosts is what?", "about /pdf"])
def test_what_names_no_skill_is_only_text(stage, pdf, player, script, text):
    engine = player(script.says("Hm."))
    assert stage.run(engine, text).calls == ()
    assert declared(engine) == [{"activate_skill"}]


def test_what_is_active_belongs_to_the_conversation_and_survives_a_restart(stage, pdf, player, script, tmp_path):
    stage.run(player(script.says("Yes?")), "/pdf")
    stage.store.close()
    stage.store = Store(tmp_path / "history.db")
    engine = player(script.says("Still here."), script.says("Who?"))
    stage.run(engine, "go on")
    stage.conversation = stage.store.new_conversation()
    stage.run(engine, "hello")
    assert declared(engine) == [{"activate_skill", "read_skill_file", "pdf_fill"}, {"activate_skill"}]


def test_a_long_conversation_keeps_what_the_skill_says(stage, pdf, player, script):
    stage.run(player(script.says("Yes?")), "/pdf")
    for _ in range(12):
        stage.run(player(script.says("word " * 60), context_length=2048), "word " * 60)
    engine = player(script.says("ok"), context_length=2048)
    stage.run(engine, "and now?", max_tokens=300)
    messages = engine.requests[0].messages
    assert not any(message.role == "tool" for message in messages)
    assert "Use blue ink." in messages[0].text
    assert "pdf_fill" in declared(engine)[0]


def test_reading_ahead_declares_what_is_active(stage, pdf, player, script):
    stage.run(player(script.says("Yes?")), "/pdf")
    engine = player([], [])
    stage.agent(engine).prepare(stage.conversation, (), stage.emit, stage.cancel)
    stage.agent(engine).prepare(None, (), stage.emit, stage.cancel)
    assert [("pdf_fill" in names) for names in declared(engine)] == [True, False]


def test_e11_a_file_is_found_and_changed_without_a_swap(stage, player, script, tmp_path):
    """Report E11: each activation of files or edit put the other out, and nobody was told."""
    engine = player(
        script.calls("activate_skill", name="files"),
        script.calls("activate_skill", name="edit"),
        script.calls("files_read", path=str(tmp_path / "letter.txt")),
        script.says("Read."),
    )
    stage.permissions = type(stage.permissions)(["files"])
    outcome = stage.run(engine)
    assert [record.error for record in outcome.calls] == ["", "", ""]
    assert {"files_read", "files_search", "edit_write", "edit_replace"} <= declared(engine)[2]
    put_out = declared(engine)[0] - declared(engine)[2]
    told = json.loads(engine.requests[2].messages[-1].text)["waiting"]
    assert put_out
    assert all(name in told for name in put_out)
    assert "waiting" not in json.loads(engine.requests[1].messages[-1].text)


def test_what_had_to_make_room_still_runs_and_comes_back(stage, player, script):
    (gone,) = {"notes_search", "clock_cancel_timer", "notes_list"} & _waiting(stage, player, script)
    arguments = {"query": "x"} if gone == "notes_search" else {}
    engine = player(script.calls(gone, **arguments), script.calls("activate_skill", name=gone), script.says("So."))
    outcome = stage.run(engine)
    assert [record.decision for record in outcome.calls] == [Decision.ALLOWED, Decision.ALLOWED]
    assert gone in declared(engine)[2]


def _waiting(stage, player, script):
    engine = player(
        script.calls("activate_skill", name="files"), script.calls("activate_skill", name="edit"), script.says("So.")
    )
    stage.run(engine)
    return declared(engine)[0] - declared(engine)[2]
