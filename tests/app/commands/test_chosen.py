"""Every command heeds the settings of its command line: ``--engine``, ``--bundle`` and ``--set`` before its name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from deskhand.app import main, settings
from deskhand.model.tiny.bundle import cached_bundle

Capture = pytest.CaptureFixture[str]


def said(capsys: Capture, *words: str) -> tuple[int, Any]:
    code = main.main(words)
    return code, json.loads(capsys.readouterr().out)


def write(text: str) -> None:
    path = settings.settings_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_the_doctor_tells_of_the_engine_that_was_asked_for(capsys: Capture, tmp_path: Path):
    script = tmp_path / "script.json"
    script.write_text(json.dumps({"model": "a script", "turns": []}))
    code, checks = said(capsys, "--engine", f"scripted:{script}", "doctor", "--json")
    assert (code, checks[0]["works"]) == (0, True)
    assert checks[0]["detail"].startswith("scripted: a script;")
    code, checks = said(capsys, "--engine", f"scripted:{tmp_path}/none.json", "doctor", "--json")
    assert (code, checks[0]["works"]) == (1, False)
    assert "none.json" in checks[0]["detail"]


def test_the_doctor_heeds_a_bundle_and_settings(capsys: Capture):
    main_file = str(cached_bundle().main)
    code, checks = said(
        capsys, "--bundle", main_file, "--set", "context_length=768", "--set", "gpu_layers=0", "doctor", "--json"
    )
    assert (code, checks[0]["works"]) == (0, True), checks[0]
    assert "768 tokens" in checks[0]["detail"]
    code, checks = said(capsys, "--set", "kv_type=nonsense", "doctor", "--json")
    assert code == 1
    assert "“kv_type”" in checks[0]["detail"]


def test_pocket_is_examined_without_the_models_of_the_cascade(
    capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    code, checks = said(capsys, "--engine", "pocket", "doctor", "--json")
    assert (code, checks[0]["works"]) == (0, True), checks[0]
    assert "1024 tokens" in checks[0]["detail"]


def test_models_are_measured_as_they_would_run(capsys: Capture):
    main_file = cached_bundle().main
    code, small = said(capsys, "--bundle", str(main_file), "--set", "context_length=512", "models", "list", "--json")
    assert (code, len(small["bundles"])) == (0, 1)
    assert str(main_file) in small["bundles"][0]
    _, large = said(capsys, "--bundle", str(main_file), "--set", "context_length=131072", "models", "list", "--json")
    assert small["fits"] != large["fits"]
    assert main.main(["--set", "text_model=nonsense", "models", "verify", "cascade"]) == 1
    assert "“text_model”" in capsys.readouterr().err


def test_a_named_bundle_is_listed_where_it_lies(capsys: Capture, tmp_path: Path):
    main_file = cached_bundle().main
    assert main.main(["--bundle", str(main_file), "models", "list"]) == 0
    assert f"Bundles in {settings.models_folder()} and {main_file}:" in capsys.readouterr().out
    assert main.main(["--bundle", str(tmp_path / "none"), "models", "list"]) == 1
    assert "none" in capsys.readouterr().err


def test_skills_are_listed_as_they_would_be_switched(capsys: Capture):
    def state(*words: str) -> str:
        _, listed = said(capsys, *words, "skills", "list", "--json")
        return next(skill["state"] for skill in listed["skills"] if skill["name"] == settings.WEB)

    assert state() == "off"
    assert state("--set", "web=true") == "on"
    write("web = 3")
    assert state() == "off"  # a damaged file hides no skill
    assert main.main(["--set", "web=perhaps", "skills", "list"]) == 1
    assert "“web”" in capsys.readouterr().err


def test_servers_of_other_machines_are_listed_as_they_would_be_allowed(capsys: Capture):
    assert main.main(["mcp", "add", "far", "--url", "https://mcp.example.org/"]) == 0
    capsys.readouterr()
    assert said(capsys, "mcp", "list", "--json")[1]["problems"]
    assert said(capsys, "--set", "mcp_remote=true", "mcp", "list", "--json")[1]["problems"] == []
    _, checked = said(capsys, "mcp", "check", "far", "--json")
    assert "There is no MCP server far that may be used." in checked["problems"]


def test_the_file_is_named_where_it_and_not_the_command_line_is_wrong():
    write('engine = "nonsense"')
    with pytest.raises(settings.SettingsError, match=r"settings\.toml"):
        settings.load(engine=None)
