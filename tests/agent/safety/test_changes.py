import os
import threading

import pytest

from deskhand.agent.safety.changes import LARGEST, diff, lasting, wanted
from deskhand.agent.tool import Tool
from deskhand.agent.tools.host import Asked, HostError
from deskhand.app.host.edits import Edits
from deskhand.app.host.files import Files
from deskhand.model.types import ToolCall

WRITE = Tool("files_write", "files", "Write.", {}, ("files:write",), bundled=True)


def planned(tmp_path, name="a.txt", tool=WRITE, **arguments):
    """What the application makes of a call before it asks."""
    given = {"path": str(tmp_path / name), **arguments}
    function, given = wanted(tool, ToolCall("c", tool.name, given))
    return Edits(Files([tmp_path])).plan(Asked(function, given, tool.name, tool.skill, tool.scopes, threading.Event()))


def told(tmp_path, name="a.txt", tool=WRITE, **arguments):
    return diff(planned(tmp_path, name, tool, **arguments)).splitlines()


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
    delete = Tool("files_delete", "files", "Delete.", {}, ("files:write:/",), bundled=True)
    assert told(letter, tool=delete)[3:] == ["-one", "-two", "-three"]
    assert told(letter, "new.txt", text="a\n")[:2] == ["--- /dev/null", f"+++ {letter / 'new.txt'}"]


def test_what_changes_no_file_has_no_diff(letter):
    for scopes in ((), ("files:read",), ("nonsense",)):
        call = ToolCall("c", "t", {"path": str(letter / "a.txt"), "text": "x"})
        assert wanted(Tool("t", "s", "D.", {}, scopes), call) is None
    assert wanted(WRITE, ToolCall("c", "files_write", {"text": "x"})) is None
    assert wanted(WRITE, ToolCall("c", "files_write", {"path": "/a", "shape": "round"})) is None


@pytest.mark.parametrize("kind", ["binary", "large", "folder", "pipe"])
def test_what_is_no_text_is_refused_before_anybody_is_asked_and_nothing_hangs(tmp_path, kind):
    place = tmp_path / "a.txt"
    if kind == "binary":
        place.write_bytes(b"\x7fELF\0\0")
    elif kind == "large":
        place.write_bytes(b"a" * (5 << 20))
    elif kind == "folder":
        place.mkdir()
    else:
        os.mkfifo(place)
    for arguments in ({"text": "x"}, {"text": "x", "append": True}, {"old": "a", "new": "b"}):
        with pytest.raises(HostError, match=r"no text|at most 4 MB|is no file"):
            planned(tmp_path, **arguments)


def test_what_is_deleted_may_be_no_text(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"\x7fELF\0\0")
    (tmp_path / "b.txt").write_bytes(b"a" * (LARGEST + 1))
    delete = Tool("files_delete", "files", "Delete.", {}, ("files:write",), bundled=True)
    assert told(tmp_path, tool=delete) == [f"{tmp_path / 'a.txt'} (6 bytes) can't be compared: it is no text."]
    assert "can't be compared: it has more than 512 KB" in told(tmp_path, "b.txt", tool=delete)[0]
    assert lasting(planned(tmp_path, tool=delete)) == "It can be undone for 30 days."


def test_a_long_diff_is_cut(tmp_path):
    lines = told(tmp_path, text="a\n" * 5_000)
    assert len(lines) == 2_001
    assert "more lines" in lines[-1]


def test_the_encoding_that_a_file_keeps_is_told(tmp_path):
    """Report 18: the person sees every letter as it stands there, and only what changes is marked."""
    (tmp_path / "a.txt").write_bytes("Grüße\r\nzwei\r\n".encode("cp1252"))
    lines = told(tmp_path, old="zwei", new="drei")
    assert lines[0] == "It is written in ISO 8859-1 (guessed), and stays so."
    assert lines[4:] == [" Grüße", "-zwei", "+drei"]
    (tmp_path / "b.txt").write_bytes(b"a\x0cb\xe2\x80\xa8c\n")
    assert told(tmp_path, "b.txt", old="a", new="A")[2] == "@@ -1 +1 @@"


def test_the_file_behind_a_link_is_named(tmp_path):
    """F8: what the person sees is where it really would be written."""
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.txt").write_text("one\n")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert told(tmp_path, "link/a.txt", text="two\n")[1] == f"+++ {tmp_path / 'real' / 'a.txt'}"
