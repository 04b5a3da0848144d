"""The skills files and edit: real files, only in granted folders, through no link, whole or as before."""

import os
import threading
from pathlib import Path

import pytest

from deskhand.agent.safety.changes import diff, lasting
from deskhand.agent.safety.undo import Undo
from deskhand.agent.skills.loading import load_skills
from deskhand.agent.tools.host import Asked, HostError
from deskhand.app.host import AppHost
from deskhand.app.host.edits import Edits
from deskhand.app.host.files import Files
from deskhand.model.types import ToolCall


@pytest.fixture
def granted(tmp_path):
    folder = tmp_path / "granted"
    (folder / "inner").mkdir(parents=True)
    (folder / "letter.txt").write_text("Dear Anna,\nthe oven is broken.\nYours, Bo\n")
    (folder / "inner" / "recipe.md").write_text("Flour and butter\n")
    (tmp_path / "secret.txt").write_text("mine alone")
    return folder


@pytest.fixture
def files(bundled, granted, tmp_path):
    undo = Undo(tmp_path / "undo")
    return bundled(AppHost(560, [granted, tmp_path / "not there"], [granted / "ours"], undo=undo))


def test_granted_folders_are_named_and_listed(files, granted):
    assert files("files_list").value == {"folders": [str(granted)]}
    listed = files("files_list", path=str(granted)).value
    assert [(entry["name"], entry["kind"]) for entry in listed["entries"]] == [
        ("inner", "folder"),
        ("letter.txt", "file"),
    ]
    assert listed["entries"][1]["bytes"] == 41


def test_a_file_is_read_in_parts(files, granted):
    whole = files("files_read", path=str(granted / "letter.txt")).value
    assert whole["text"] == "Dear Anna,\nthe oven is broken.\nYours, Bo"
    part = files("files_read", path=str(granted / "letter.txt"), first_line=2, lines=1).value
    assert (part["text"], part["of"]) == ("the oven is broken.", 3)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("Grüße".encode(), "Grüße"),
        ("Grüße".encode("utf-16"), "Grüße"),
        ("Grüße".encode("utf-8-sig"), "Grüße"),
        ("Grüße".encode("cp1252"), "Grüße"),
        (b"", ""),
    ],
)
def test_text_is_decoded(files, granted, raw, text):
    (granted / "a.txt").write_bytes(raw)
    assert files("files_read", path=str(granted / "a.txt")).value["text"] == text


def test_what_is_no_text_is_said(files, granted):
    (granted / "b.bin").write_bytes(b"\x7fELF\0\0")
    os.mkfifo(granted / "pipe")
    with (granted / "big.txt").open("wb") as big:
        big.truncate(5 << 20)
    assert files("files_read", path=str(granted / "b.bin")).error == "b.bin is no text."
    assert files("files_read", path=str(granted / "pipe")).error == "pipe is no file with text."
    assert "at most 4 MB" in files("files_read", path=str(granted / "big.txt")).error
    assert "can't be opened" in files("files_read", path=str(granted / "gone.txt")).error
    assert files("files_read", path=str(granted)).error


def test_names_and_texts_are_searched(files, granted):
    found = files("files_search", path=str(granted), query="OVEN broken").value["found"]
    assert found == [{"path": str(granted / "letter.txt"), "in": "text", "line": 2, "text": "the oven is broken."}]
    assert [hit["in"] for hit in files("files_search", path=str(granted), query="recipe").value["found"]] == ["name"]
    assert files("files_search", path=str(granted), query="nothing like it").value["found"] == []
    assert files("files_search", path=str(granted), query=" ").error


def test_nothing_outside_is_reached(files, granted, tmp_path):
    (granted / "link.txt").symlink_to(tmp_path / "secret.txt")
    (granted / "up").symlink_to(tmp_path)
    (granted / "ours").mkdir()
    (granted / "ours" / "history").write_text("x")
    outside = [
        tmp_path / "secret.txt",
        granted / ".." / "secret.txt",
        granted / "link.txt",
        granted / "up" / "secret.txt",
        granted / "ours" / "history",
        Path("/etc/passwd"),
        Path("/proc/self/environ"),
    ]
    for path in outside:
        assert files("files_read", path=str(path)).error, path
        assert files("edit_write", path=str(path), text="x").error, path
    assert files("files_read", path="letter.txt").error.startswith("Give the whole path")
    assert files("files_read", path="a\0b").error
    assert (tmp_path / "secret.txt").read_text() == "mine alone"
    assert files("files_search", path=str(granted), query="mine alone").value["found"] == []


def test_a_link_put_in_after_the_check_is_not_followed(granted, tmp_path, monkeypatch):
    files = Files([granted])
    both = ("files:read", "files:write")
    asked = Asked("read_file", {}, "t", "s", both, threading.Event())
    place = files.place(str(granted / "inner" / "recipe.md"), asked, "files:read")
    (granted / "inner" / "recipe.md").unlink()
    (granted / "inner").rmdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "recipe.md").write_text("stolen")
    (granted / "inner").symlink_to(tmp_path / "elsewhere")
    monkeypatch.setattr(files, "place", lambda *_given: place)
    for name, extra in (("read_file", {}), ("write_file", {"text": "x"})):
        asked = Asked(name, {"path": "x", **extra}, "t", "s", both, threading.Event())
        with pytest.raises(HostError):
            getattr(files if name == "read_file" else Edits(files), name)(asked)
    assert (tmp_path / "elsewhere" / "recipe.md").read_text() == "stolen"


def test_a_skill_that_declares_a_folder_gets_no_other(granted):
    files = Files([granted])
    for path, works in ((granted / "inner" / "recipe.md", True), (granted / "letter.txt", False)):
        scopes = (f"files:read:{granted / 'inner'}", "files:write:/elsewhere")
        asked = Asked("read_file", {"path": str(path), "text": "x"}, "t", "theirs", scopes, threading.Event())
        if works:
            assert files.read_file(asked).value["text"] == "Flour and butter"
        else:
            with pytest.raises(HostError, match="no folder that the skill theirs declares"):
                files.read_file(asked)
        with pytest.raises(HostError, match="no folder that the skill theirs declares"):
            Edits(files).write_file(asked)


def test_files_are_written_whole_and_keep_their_mode(files, granted):
    path = granted / "letter.txt"
    path.chmod(0o640)
    assert files("edit_write", path=str(path), text="Short.\n").value["was"] == "41 bytes"
    assert files("edit_write", path=str(path), text="More. 😀\n", append=True).error == ""
    assert path.read_text() == "Short.\nMore. 😀\n"
    assert path.stat().st_mode & 0o777 == 0o640
    assert files("edit_write", path=str(granted / "new.txt"), text="x").value["was"] == "new"
    assert (granted / "new.txt").stat().st_mode & 0o077 == 0
    assert "its folder is not there" in files("edit_write", path=str(granted / "no" / "new.txt"), text="x").error
    assert sorted(entry.name for entry in granted.iterdir()) == ["inner", "letter.txt", "new.txt"]


def test_one_piece_is_replaced_and_only_one(files, granted):
    path = granted / "letter.txt"
    assert files("edit_replace", path=str(path), old="broken", new="mended").error == ""
    assert "mended" in path.read_text()
    assert "stands 0 times" in files("edit_replace", path=str(path), old="broken", new="x").error
    assert "stands 0 times" in files("edit_replace", path=str(path), old="", new="x").error
    path.write_text("a a")
    assert "stands 2 times" in files("edit_replace", path=str(path), old="a", new="b").error
    assert path.read_text() == "a a"


def test_the_person_sees_the_difference_first(granted):
    skills = load_skills([(Path(__file__).parents[2] / "skills", "bundled")])
    tools = {tool.name: tool for skill in skills.skills for tool in skill.tools}
    assert tools["files_read"].scopes == ("files:read",)
    change = {"path": str(granted / "letter.txt"), "old": "broken", "new": "mended"}
    told = diff(tools["edit_replace"], ToolCall("c", "edit_replace", change))
    assert "-the oven is broken." in told
    assert "+the oven is mended." in told


def test_files_are_deleted_and_moved_and_that_is_undone(files, granted, tmp_path):
    path, target = granted / "letter.txt", granted / "inner" / "Letter to Anna.txt"
    path.chmod(0o644)
    assert files("edit_move", path=str(path), target=str(target)).value["moved_to"] == str(target)
    assert files("edit_delete", path=str(target)).value == {
        "path": str(target), "deleted": True, "can_be_undone": True
    }  # fmt: skip
    assert not path.exists()
    assert not target.exists()
    undo = Undo(tmp_path / "undo")
    assert [(entry.did, entry.by.tool, entry.by.skill, entry.by.call) for entry in undo.entries()] == [
        ("deleted", "edit_delete", "edit", "c"),
        ("moved", "edit_move", "edit", "c"),
    ]
    for entry in undo.entries():
        undo.undo(entry.id)
    assert path.read_text().startswith("Dear Anna")
    assert path.stat().st_mode & 0o777 == 0o644
    assert not target.exists()


def test_what_may_not_be_deleted_or_moved_is_said(files, granted, tmp_path):
    letter = str(granted / "letter.txt")
    (granted / "link.txt").symlink_to(letter)
    (granted / "ours").mkdir()
    (granted / "ours" / "history").write_text("x")
    for name in ("link.txt", "inner", "ours/history", "gone.txt", "../secret.txt"):
        assert files("edit_delete", path=str(granted / name)).error, name
        assert files("edit_move", path=str(granted / name), target=str(granted / "moved")).error, name
    recipe = granted / "inner" / "recipe.md"
    for target in (granted / "inner", recipe, granted / "no" / "x", tmp_path / "x", granted / "ours" / "x"):
        assert files("edit_move", path=letter, target=str(target)).error, target
    assert recipe.read_text() == "Flour and butter\n"
    assert (granted / "letter.txt").read_text().startswith("Dear")
    assert sorted(entry.name for entry in granted.iterdir()) == ["inner", "letter.txt", "link.txt", "ours"]


def test_a_file_too_large_to_be_kept_is_said_before(files, granted, tmp_path):
    with (granted / "film.mkv").open("wb") as big:
        big.truncate(700 << 20)
    skills = load_skills([(Path(__file__).parents[2] / "skills", "bundled")])
    tools = {tool.name: tool for skill in skills.skills for tool in skill.tools}
    told = {name: lasting(tools["edit_delete"], ToolCall("c", "edit_delete", {"path": str(granted / name)}))
            for name in ("film.mkv", "letter.txt")}  # fmt: skip
    assert told["film.mkv"] == "This can't be undone: the file has 700 MB, and at most 64 MB are kept."
    assert told["letter.txt"] == "It can be undone for 30 days."
    assert lasting(tools["files_read"], ToolCall("c", "files_read", {"path": str(granted / "film.mkv")})) == ""
    assert files("edit_delete", path=str(granted / "film.mkv")).value["can_be_undone"] is False
    assert not (granted / "film.mkv").exists()
    assert Undo(tmp_path / "undo").entries() == ()
    move = ToolCall("c", "edit_move", {"path": str(granted / "letter.txt"), "target": "/b"})
    assert diff(tools["edit_move"], move) == f"rename from {granted / 'letter.txt'}\nrename to /b"
    gone = diff(tools["edit_delete"], ToolCall("c", "edit_delete", {"path": str(granted / "letter.txt")}))
    assert "-the oven is broken." in gone
