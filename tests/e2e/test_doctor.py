"""`deskhand doctor`, `models` and `skills list`: what they find is what there is."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from deskhand.model.files import hub
from deskhand.model.tiny.bundle import cached_bundle
from tests.e2e.conftest import Run

Command = Callable[..., Run]
PARTS = ["engine", "models", "screen", "microphone", "sandbox", "network", "notices", "log", "disk", "memory"]


def checks(run: Run) -> dict[str, dict[str, object]]:
    found = {check["name"]: check for check in json.loads(run.out)}
    assert list(found) == PARTS
    assert all(set(check) == {"name", "works", "detail", "advice"} for check in found.values())
    return found


def test_without_devices_each_says_what_to_do(deskhand: Command):
    run = deskhand("doctor", "--json", PULSE_SERVER="unix:/nowhere")
    found = checks(run)
    for part in ("screen", "microphone"):
        assert not found[part]["works"]
        assert found[part]["advice"]
    assert found["engine"]["works"]
    assert "card: " in str(found["engine"]["detail"])
    assert run.code == 0


def test_with_devices_all_of_them_work(deskhand: Command, x_display: str, microphone: dict[str, str]):
    found = checks(deskhand("doctor", "--json", DISPLAY=x_display, **microphone))
    assert found["screen"]["works"], found["screen"]
    assert found["microphone"]["works"], found["microphone"]
    assert found["screen"]["advice"] == found["microphone"]["advice"] == ""


def test_without_models_the_doctor_says_how_to_get_them(deskhand: Command, tmp_path: Path):
    run = deskhand("doctor", "--json", XDG_CACHE_HOME=str(tmp_path / "empty"))
    engine = checks(run)["engine"]
    assert not engine["works"]
    assert "deskhand models get cascade" in str(engine["detail"])
    assert "deskhand --engine pocket" in str(engine["advice"])
    assert run.code == 1


def test_a_damaged_model_is_found_and_the_remedy_fetches_it(deskhand: Command, tmp_path: Path):
    """Report 13, with the real models: the doctor, ``verify`` and ``get`` agree; no network is there to fetch it."""
    models = tmp_path / "cache" / "deskhand" / "models"
    shutil.copytree(hub.models_folder(), models, copy_function=os.link)
    whole = models / "speech-tiny" / "model.bin"
    data = bytearray(whole.read_bytes())
    whole.unlink()
    data[len(data) // 2] ^= 1
    whole.write_bytes(data)
    aside = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "PIP_INDEX_URL": "http://127.0.0.1:9"}
    found = checks(deskhand("doctor", "--json", **aside))["models"]
    assert not found["works"]
    assert found["advice"] == "Fetch again what was changed: deskhand models get speech-tiny"
    verified = deskhand("models", "verify", **aside)
    assert verified.code == 1
    assert "To fetch it again: deskhand models get speech-tiny" in verified.out
    fetched = deskhand("models", "get", "speech-tiny", **aside)
    assert fetched.code == 1
    assert "model.bin was changed" in fetched.err
    assert "It is fetched again." in fetched.err
    assert whole.read_bytes() == data


def test_whoever_asks_without_models_is_told_of_pocket(deskhand: Command, tmp_path: Path):
    run = deskhand("ask", "what time is it", XDG_CACHE_HOME=str(tmp_path / "empty"))
    assert run.code == 1
    assert "deskhand models get cascade" in run.err
    assert "deskhand --engine pocket" in run.err
    listed = deskhand("models", "list", XDG_CACHE_HOME=str(tmp_path / "empty")).out
    (line,) = (line for line in listed.splitlines() if "pocket" in line)
    assert line.startswith("✓")
    assert "--engine pocket" in line
    assert "10 MiB" in line


def test_a_bundle_for_an_engine_that_has_its_own_is_refused(deskhand: Command):
    for engine in ("pocket", "tiny", "cascade"):
        run = deskhand("--engine", engine, "--bundle", "/nowhere", "ask", "what time is it")
        assert run.code == 1
        assert f"the engine {engine} has its own" in run.err


def test_skills_that_pocket_does_not_use_are_listed_so(deskhand: Command):
    told = deskhand("--engine", "pocket", "skills", "list").out
    assert told.startswith("Pocket uses only: clock, notes, open, screen, input.\n")
    assert "files (bundled, not used by Pocket): " in told
    assert "clock (bundled): " in told
    rows = json.loads(deskhand("--engine", "pocket", "skills", "list", "--json").out)["skills"]
    assert {row["name"] for row in rows if row["used"]} == {"clock", "notes", "open", "screen", "input"}
    assert "Pocket" not in deskhand("skills", "list").out


def test_the_words_are_the_same_as_the_json(deskhand: Command):
    lines = deskhand("doctor").out.splitlines()
    assert [line.split()[1] for line in lines if line[0] in "✓✗"] == PARTS


def test_models_are_listed_with_licence_and_source(deskhand: Command):
    listed = json.loads(deskhand("models", "list", "--json").out)
    rows = {row["name"]: row for row in listed["catalog"]}
    assert {"text-0.5b", "speech-tiny", "gemma-4-12b"} <= set(rows)
    assert all(row["licence"] and row["source"] and row["bytes"] for row in rows.values())
    assert rows["speech-tiny"]["installed"]


def test_a_bundle_is_listed_with_what_it_would_take(deskhand: Command, own_folders: Path):
    folder = own_folders / "data/deskhand/models/own"
    folder.mkdir(parents=True)
    for path in cached_bundle().files:
        (folder / path.name).symlink_to(path)
    listed = json.loads(deskhand("models", "list", "--json").out)
    ((memory, *_),) = listed["fits"]
    assert memory.startswith("memory: 0.")
    assert len(listed["bundles"]) == 1
    assert f"    {memory[:12]}" in deskhand("models", "list").out


def test_layers_for_cards_are_a_setting_that_is_checked(deskhand: Command, script: Callable[..., str]):
    engine = script([{"text": "Done."}])
    for value, code in (("auto", 0), ("0", 0), ("12", 0), ("many", 1), ("-2", 1)):
        run = deskhand("--set", f"gpu_layers={value}", "ask", "go", "--engine", engine)
        assert run.code == code, run.err
        assert ("The setting “gpu_layers" in run.err) is bool(code)


def test_a_model_that_nobody_knows(deskhand: Command):
    run = deskhand("models", "get", "gpt-17")
    assert run.code == 1
    assert "gpt-17" in run.err
    assert "cascade" in run.err


def test_what_is_installed_is_verified(deskhand: Command):
    run = deskhand("models", "verify", "speech-tiny")
    assert (run.code, run.out) == (0, "speech-tiny: every file is what it should be\n")


def test_a_changed_model_is_found_out(deskhand: Command, tmp_path: Path):
    folder = tmp_path / "deskhand/models/speech-tiny"
    folder.mkdir(parents=True)
    (folder / "model.bin").write_bytes(b"something else")
    run = deskhand("models", "verify", "speech-tiny", XDG_CACHE_HOME=str(tmp_path))
    assert run.code == 1
    assert "model.bin" in run.out


def test_the_tiny_bundle_is_written_on_the_spot(deskhand: Command, tmp_path: Path):
    run = deskhand("models", "get", "tiny", XDG_CACHE_HOME=str(tmp_path))
    assert run.code == 0
    assert len(list(tmp_path.rglob("*.gguf"))) == 3


def test_skills_are_listed_with_their_tools(deskhand: Command):
    listed = json.loads(deskhand("skills", "list", "--json").out)
    tools = {skill["name"]: {tool["name"] for tool in skill["tools"]} for skill in listed["skills"]}
    assert set(tools) >= {"clock", "files", "input", "notes", "open", "screen"}
    assert {"clock_time", "clock_set_timer"} <= tools["clock"]
    assert {"notes_append", "notes_delete", "notes_edit", "notes_list", "notes_search"} == tools["notes"]
    assert listed["problems"] == []
