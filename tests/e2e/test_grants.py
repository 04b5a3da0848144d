"""`deskhand grants`, and what the settings and a tainted turn make of `--approve`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tests.e2e.conftest import Run

Command = Callable[..., Run]
Script = Callable[..., str]

NOTE = {"call": {"name": "notes_append", "arguments": {"text": "buy milk"}}}
OPEN = {"call": {"name": "open_address", "arguments": {"url": "https://a.example"}}}


def test_what_is_forbidden_never_runs_until_it_is_taken_back(deskhand: Command, script: Script):
    assert deskhand("grants", "list").out.startswith("Nothing was granted")
    denied = deskhand("grants", "deny", "notes_append")
    name = denied.out.split()[0]
    (rule,) = json.loads(deskhand("grants", "list", "--json").out)
    assert (rule["id"], rule["tool"], rule["effect"], rule["expires"]) == (name, "notes_append", "deny", None)
    run = deskhand("ask", "note", "--json", "--approve", "notes", "--engine", script([NOTE], [{"text": "No."}]))
    assert run.turn["tool_calls"][0]["decision"] == "denied"
    assert f"grants revoke {name}" in run.turn["tool_calls"][0]["error"]
    assert deskhand("grants", "revoke", "nothing").code == 1
    assert deskhand("grants", "revoke", name).code == 0
    run = deskhand("ask", "note", "--json", "--approve", "notes", "--engine", script([NOTE], [{"text": "Yes."}]))
    assert run.turn["tool_calls"][0]["decision"] == "allowed"


def test_a_damaged_file_is_told(deskhand: Command, own_folders: Path):
    folder = own_folders / "data/deskhand"
    folder.mkdir(parents=True)
    (folder / "grants.json").write_text("{")
    run = deskhand("grants", "list")
    assert run.code == 1
    assert "remove the file" in run.err


def test_read_only_mode_lets_nothing_act(deskhand: Command, script: Script, own_folders: Path):
    folder = own_folders / "config/deskhand"
    folder.mkdir(parents=True)
    (folder / "settings.toml").write_text('mode = "read-only"\n')
    run = deskhand("ask", "note", "--json", "--approve", "notes", "--engine", script([NOTE], [{"text": "No."}]))
    assert "read-only" in run.turn["tool_calls"][0]["error"]


def test_approving_up_front_does_not_cover_what_follows_a_picture(deskhand: Command, script: Script, tmp_path: Path):
    from PIL import Image as Picture

    Picture.new("RGB", (8, 8)).save(tmp_path / "a.png")
    engine = script([OPEN], [{"text": "No."}])
    run = deskhand("ask", "x", "--image", tmp_path / "a.png", "--json", "--approve", "open", "--engine", engine)
    assert run.turn["tool_calls"][0]["decision"] == "denied"
    assert "what others wrote" in run.turn["tool_calls"][0]["error"]
