import threading
from pathlib import Path

import pytest

from deskhand.agent.limits import Limits
from deskhand.agent.skills.loading import load_skills
from deskhand.agent.tools.toolbox import Toolbox
from deskhand.model.types import ToolCall

ROOT = Path(__file__).parents[2] / "skills"


@pytest.fixture
def notes(tmp_path):
    box = Toolbox(load_skills([(ROOT, "bundled")]), tmp_path, None)
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
