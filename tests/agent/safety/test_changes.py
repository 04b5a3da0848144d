import os

import pytest

from deskhand.agent.safety.changes import LARGEST, diff
from deskhand.agent.tool import Tool
from deskhand.model.types import ToolCall

WRITE = Tool("files_write", "files", "Write.", {}, ("files:write",), bundled=True)


def told(tmp_path, name="a.txt", tool=WRITE, **arguments):
    return diff(tool, ToolCall("c", tool.name, {"path": str(tmp_path / name), **arguments})).splitlines()


@pytest.fixture
def letter(tmp_path):
    (tmp_path / "a.txt").write_text("one\ntwo\nthree\n")
    return tmp_path


def test_a_new_text_is_compared_with_the_old(letter):
    path = str(letter / "a.txt")
    assert told(letter, text="one\n2\nthree") == [
        f"--- {path}", f"+++ {path}", "@@ -1,3 +1,3 @@", " one", "-two", "-three", "+2", "+three",
        "\\ No newline at end of file",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ({"text": "four\n", "append": True}, "+four"),
        ({"content": "x\n"}, "+x"),
        ({"old": "two", "new": "zwei"}, "+zwei"),
        ({"text": "one\ntwo\nthree\n"}, "Nothing would change."),
    ],
)
def test_every_way_to_change_a_file(letter, arguments, line):
    assert line in told(letter, **arguments)


def test_deleting_takes_every_line_and_a_new_file_comes_from_nothing(letter):
    delete = Tool("files_delete", "files", "Delete.", {}, ("files:write:/x",), bundled=True)
    assert told(letter, tool=delete)[3:] == ["-one", "-two", "-three"]
    assert told(letter, "new.txt", text="a\n")[:2] == ["--- /dev/null", f"+++ {letter / 'new.txt'}"]


def test_what_changes_no_file_has_no_diff(letter):
    for scopes in ((), ("files:read",), ("nonsense",)):
        assert told(letter, tool=Tool("t", "s", "D.", {}, scopes), text="x") == []
    assert diff(WRITE, ToolCall("c", "files_write", {"text": "x"})) == ""


@pytest.mark.parametrize("kind", ["binary", "large", "folder", "pipe"])
def test_what_is_no_text_is_not_compared_and_nothing_hangs(tmp_path, kind):
    place = tmp_path / "a.txt"
    if kind == "binary":
        place.write_bytes(b"\xff\xfe\0")
    elif kind == "large":
        place.write_text("a" * (LARGEST + 1))
    elif kind == "folder":
        place.mkdir()
    else:
        os.mkfifo(place)
    (line,) = told(tmp_path, text="x")
    assert "can't be compared" in line


def test_a_long_diff_is_cut(tmp_path):
    lines = told(tmp_path, text="a\n" * 5_000)
    assert len(lines) == 2_001
    assert "more lines" in lines[-1]
