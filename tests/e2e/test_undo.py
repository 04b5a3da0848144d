"""`deskhand undo`: takes back what a turn did, says it, and leaves it in the log."""

from __future__ import annotations

import json
import os
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

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

    assert deskhand("undo", "--redo", written).out == f"Changed {letter.name} again.\n"
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


def test_a_file_of_another_encoding_and_an_odd_name_is_found_edited_and_undone(
    deskhand: Command, script: Script, tmp_path: Path
):
    """Reports 18, 19, 21, 22 through the command: bytes around the edit stay, and undo gives all of them back."""
    granted = tmp_path / os.fsdecode(b"r\xe9sum\xe9s")
    granted.mkdir()
    letter = granted / unicodedata.normalize("NFD", "Müller.txt")
    raw = "Größe: 10\r\nfür alle\r\n".encode("latin-1")
    letter.write_bytes(raw)
    shown = f"{tmp_path}/r\\xe9sum\\xe9s/Müller.txt"

    def turn(skill: str, *calls: tuple[str, dict[str, str]]) -> list[dict[str, Any]]:
        steps = [("activate_skill", {"name": skill}), *calls]
        played = [[{"call": {"name": name, "arguments": given}}] for name, given in steps]
        options = ("--approve", skill, "--engine", script(*played, [{"text": "Done."}]), "--json")
        return deskhand("--set", f'folders=["{tmp_path}"]', "ask", "x", *options).turn["tool_calls"][1:]

    search = ("files_search", {"path": str(tmp_path), "query": "MÜLLER"})
    found, read = turn("files", search, ("files_read", {"path": shown}))
    assert [hit["in"] for hit in found["result"]["found"]] == ["name"]
    assert read["result"]["text"] == "Größe: 10\nfür alle"
    edit = {"path": shown, "old": "Größe: 10\nfür", "new": "Größe: 25\nneu\nfür"}
    replaced, again = turn("edit", ("edit_replace", edit), ("edit_replace", {**edit, "new": "x"}))
    assert replaced["error"] == ""
    assert "stands 0 times" in again["error"]
    assert letter.read_bytes() == raw.replace(b"10\r\n", b"25\r\nneu\r\n")
    assert deskhand("undo").out == f"Restored {letter.name}.\n"
    assert letter.read_bytes() == raw
