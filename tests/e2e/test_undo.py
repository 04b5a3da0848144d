"""`deskhand undo`: takes back what a turn did, says it, and leaves it in the log."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tests.e2e.conftest import Run

Command = Callable[..., Run]
Script = Callable[..., str]


def test_what_a_turn_did_is_undone_listed_done_again_and_logged(
    deskhand: Command, script: Script, own_folders: Path, tmp_path: Path
):
    granted = tmp_path / "papers"
    granted.mkdir()
    letter = granted / "letter.txt"
    letter.write_text("Dear Anna\n")
    letter.chmod(0o640)
    calls = [
        {"call": {"name": "activate_skill", "arguments": {"name": "edit"}}},
        {"call": {"name": "edit_write", "arguments": {"path": str(letter), "text": "Dear Bo\n"}}},
        {"call": {"name": "edit_delete", "arguments": {"path": str(letter)}}},
        {"call": {"name": "notes_append", "arguments": {"text": "milk"}}},
    ]
    engine = script(*[[call] for call in calls], [{"text": "Done."}])
    turn = deskhand(
        "--set", f'folders=["{granted}"]', "ask", "write", "--approve", "edit,notes", "--engine", engine, "--json"
    ).turn
    assert [call["error"] for call in turn["tool_calls"]] == [""] * 4
    notes = own_folders / "data/deskhand/notes/notes.md"
    assert not letter.exists()
    assert "milk" in notes.read_text()

    listed = json.loads(deskhand("undo", "--list", "--json").out)
    assert [(each["by"]["tool"], each["did"]) for each in listed] == [
        ("notes_append", "created"),
        ("edit_delete", "deleted"),
        ("edit_write", "changed"),
    ]
    _, deleted, written = (each["id"] for each in listed)
    conflict = deskhand("undo", written)
    assert conflict.code == 1
    assert f"undo that first ({deleted})" in conflict.err
    assert f"deskhand undo {written} --force" in conflict.err

    assert deskhand("undo").out == f"Removed {notes}, which notes_append had created.\n"
    assert not notes.exists()
    both = deskhand("undo", written, deleted, "--json")
    assert [each["id"] for each in json.loads(both.out)["changes"]] == [deleted, written]
    assert letter.read_text() == "Dear Anna\n"
    assert letter.stat().st_mode & 0o777 == 0o640
    nothing = deskhand("undo")
    assert (nothing.code, nothing.err) == (1, "There is nothing to undo.\n")

    assert deskhand("undo", "--redo", written).out == f"Put {letter} back as it was after edit_write.\n"
    assert letter.read_text() == "Dear Bo\n"
    lines = deskhand("undo", "--list").out.splitlines()
    assert [line.endswith("(undone)") for line in lines] == [True, True, False]
    log = [line.split("undo    ", 1)[1] for line in deskhand("audit", "show").out.splitlines() if "undo    " in line]
    assert log[0] == f"You undid what notes_append did (created) to {notes}"
    assert log[-1] == f"You did again what edit_write did (changed) to {letter}"
    assert len(log) == 4
    assert deskhand("undo", "nothing", "--json").code == 1
    assert deskhand("undo", "--forget").err == "Name what shall be forgotten. See: deskhand undo --list\n"
    assert deskhand("undo", "--forget", deleted).code == 0
    assert deleted not in deskhand("undo", "--list").out
