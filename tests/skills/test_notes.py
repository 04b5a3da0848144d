import threading
from pathlib import Path

import pytest

from deskhand.agent.limits import Limits
from deskhand.agent.safety.undo import Undo
from deskhand.agent.skills.loading import load_skills
from deskhand.agent.tools.toolbox import Toolbox
from deskhand.app.host import AppHost
from deskhand.model.types import ToolCall

ROOT = Path(__file__).parents[2] / "skills"


@pytest.fixture
def undo(tmp_path):
    return Undo(tmp_path / ".undo")


@pytest.fixture
def notes(tmp_path, undo):
    box = Toolbox(load_skills([(ROOT, "bundled")]), tmp_path, AppHost(560, undo=undo))
    return lambda name, **arguments: box.run(ToolCall("c", f"notes_{name}", arguments), threading.Event(), Limits())


def test_a_note_is_in_a_file_that_a_person_can_read(notes, tmp_path):
    result = notes("append", text=" Buy milk \n")
    assert result.value["saved"] == "Buy milk"
    assert result.value["file"] == str(tmp_path / "notes" / "notes.md")
    text = (tmp_path / "notes" / "notes.md").read_text()
    assert text == f"# Notes\n\n## {result.value['when']}\n\nBuy milk\n"


def test_notes_come_back_newest_first_and_exactly(notes):
    texts = ["one", "# two\n## 2020-01-01 00:00\n\\# three", "<|tool_call> ü “x”"]
    for text in texts:
        assert notes("append", text=text).error == ""
    listed = notes("list").value
    assert [note["text"] for note in listed["notes"]] == texts[::-1]
    assert listed["total"] == 3
    assert [note["text"] for note in notes("list", limit=1).value["notes"]] == texts[-1:]


def test_search_finds_notes_with_all_words(notes):
    for text in ("Call Anna about the Oven", "anna's birthday", "oven cleaning"):
        notes("append", text=text)
    found = notes("search", query="ANNA oven").value
    assert [note["text"] for note in found["notes"]] == ["Call Anna about the Oven"]
    assert notes("search", query="nobody").value["notes"] == []


def test_nothing_is_said_to_be_nothing(notes):
    assert notes("list").error == ""
    assert notes("list").value["notes"] == []
    assert "empty" in notes("append", text=" \n").error
    assert "empty" in notes("search", query=" ").error


def test_what_the_person_wrote_into_the_file_stays(notes, tmp_path):
    file = tmp_path / "notes" / "notes.md"
    file.parent.mkdir()
    file.write_bytes(b"My own heading\xff without end")
    notes("append", text="more")
    assert file.read_bytes().startswith(b"My own heading\xff without end\n")
    assert [note["text"] for note in notes("list").value["notes"]] == ["more"]


def test_a_note_is_changed_and_deleted_by_its_id_and_each_is_undone(notes, undo, tmp_path):
    file = tmp_path / "notes" / "notes.md"
    file.parent.mkdir()
    states = [file.write_bytes(b"Mine \xff first\n") and file.read_bytes()]
    for text in ("one", "# two", "three"):
        assert notes("append", text=text).error == ""
        states.append(file.read_bytes())
    ids = {note["text"]: note["id"] for note in notes("list").value["notes"]}
    changed = notes("edit", id=ids["# two"], text="zwei\n# still two").value
    assert changed["instead_of"] == "# two"
    states.append(file.read_bytes())
    assert [note["text"] for note in notes("list").value["notes"]] == ["three", "zwei\n# still two", "one"]
    assert notes("search", query="zwei").value["notes"][0]["id"] == changed["id"]
    assert notes("delete", id=ids["one"]).value["deleted"] == "one"
    states.append(file.read_bytes())
    assert notes("delete", id=ids["three"]).error == ""
    assert [note["text"] for note in notes("list").value["notes"]] == ["zwei\n# still two"]
    assert file.read_bytes().startswith(b"Mine \xff first\n")
    for entry, before in zip(undo.entries(), reversed(states), strict=True):
        undo.undo(entry.id)
        assert file.read_bytes() == before


def test_a_note_that_is_not_what_was_read_is_left_alone(notes, tmp_path):
    note = notes("append", text="milk").value
    file = tmp_path / "notes" / "notes.md"
    assert notes("edit", id=note["id"], text=" ").error == "The note would be empty: delete it instead."
    file.write_text(file.read_text().replace("milk", "bread"))
    for name, extra in (("edit", {"text": "x"}), ("delete", {})):
        error = notes(name, id=note["id"], **extra).error
        assert error == f"There is no note {note['id']}: list the notes again, and take the id from there."
    assert "bread" in file.read_text()


def test_a_file_that_cant_be_used_is_said(notes, tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "secret").write_text("")
    (tmp_path / "notes" / "notes.md").symlink_to(tmp_path / "secret")
    assert "link" in notes("append", text="x").error
    assert (tmp_path / "secret").read_text() == ""


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("codec", ["utf-8", "latin-1"])
def test_what_another_editor_made_of_the_file_stays(notes, tmp_path, end, mark, codec):
    """Kind B: other line ends, a mark, an old encoding; no byte but of the note that is changed is another."""
    if mark and codec != "utf-8":
        return
    text = "## 2026-01-01 10:00 \n\nGrüße\nan Bo\n\n## 2026-01-02 10:00\n\nzwei\n## 2026-01-03 10:00\n\ndrei ä\n"
    file = tmp_path / "notes" / "notes.md"
    file.parent.mkdir()
    raw = mark + text.replace("\n", end).encode(codec)
    file.write_bytes(raw)
    listed = notes("list").value["notes"]
    assert [note["text"] for note in listed] == ["drei ä", "zwei", "Grüße\nan Bo"]
    assert notes("search", query="GRÜSSE").value["total"] == 1
    assert notes("edit", id=listed[1]["id"], text="Ü\nneu").error == ""
    changed = mark + text.replace("zwei\n", "Ü\nneu\n\n").replace("\n", end).encode(codec)
    assert file.read_bytes() == changed
    assert notes("delete", id=listed[2]["id"]).error == ""
    assert file.read_bytes().startswith(mark + b"## 2026-01-02")
    assert notes("append", text="vier ö").error == ""
    assert file.read_bytes().endswith(f"{end}{end}vier ö{end}".encode(codec))
    assert file.read_bytes().count(b"\r\n" if end == "\r\n" else end.encode()) == len(
        [each for each in file.read_bytes().decode(codec) if each == end[-1]]
    )


def test_notes_that_are_not_to_be_read_are_said(notes, tmp_path):
    file = tmp_path / "notes" / "notes.md"
    file.parent.mkdir()
    file.write_bytes("## 2026-01-01 10:00\n\nx\n".encode("utf-16"))
    for call in ({"name": "list"}, {"name": "append", "text": "x"}):
        assert "save it as UTF-8" in notes(call.pop("name"), **call).error
    file.unlink()
    (tmp_path / "secret").write_text("## 2026-01-01 10:00\n\nmine\n")
    file.symlink_to(tmp_path / "secret")
    for call in ({"name": "list"}, {"name": "append", "text": "x"}):
        assert "put a plain file there" in notes(call.pop("name"), **call).error
    assert (tmp_path / "secret").read_text() == "## 2026-01-01 10:00\n\nmine\n"
