"""`deskhand audit`: what a run of the command leaves in the log, and what is found when somebody changed it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tests.e2e.conftest import Run

Command = Callable[..., Run]
Script = Callable[..., str]

NOTE = {"call": {"name": "notes_append", "arguments": {"text": "my password is swordfish"}}}


def test_a_run_is_in_the_log_and_the_log_is_whole(deskhand: Command, script: Script, own_folders: Path):
    deskhand("ask", "note", "--approve", "notes", "--engine", script([NOTE], [{"text": "Noted."}]))
    lines = [json.loads(line) for line in deskhand("audit", "show", "--json").out.splitlines()]
    assert [line["kind"] for line in lines] == ["engine", "turn", "prompt", "call", "result", "prompt"]
    assert lines[3]["fields"]["arguments"] == {"text": "my password is ⟨password⟩"}
    shown = deskhand("audit", "show", "--last", "3").out
    assert len(shown.splitlines()) == 3
    assert "swordfish" not in shown
    assert deskhand("audit", "verify").out == "The log is whole: 6 entries.\n"
    log = own_folders / "data/deskhand/audit.jsonl"
    log.write_bytes(log.read_bytes().replace(b'"allowed"', b'"denied"'))
    found = deskhand("audit", "verify", "--json")
    assert found.code == 1
    assert json.loads(found.out)["problem"] == "Line 4 (entry 4) was changed after it was written."
