import threading
import unicodedata
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from deskhand.agent import prompt
from deskhand.agent.limits import Limits
from deskhand.agent.safety.undo import Undo
from deskhand.agent.skills.loading import load_skills
from deskhand.agent.tools.toolbox import Toolbox
from deskhand.app.host import AppHost
from deskhand.model.types import ToolCall
from tests.skills.conftest import skill_module

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
    changed = notes("edit", note=ids["# two"], text="zwei\n# still two").value
    assert changed["instead_of"] == "# two"
    states.append(file.read_bytes())
    assert [note["text"] for note in notes("list").value["notes"]] == ["three", "zwei\n# still two", "one"]
    assert notes("search", query="zwei").value["notes"][0]["id"] == changed["id"]
    assert notes("delete", note=ids["one"]).value["deleted"] == "one"
    states.append(file.read_bytes())
    assert notes("delete", note=ids["three"]).error == ""
    assert [note["text"] for note in notes("list").value["notes"]] == ["zwei\n# still two"]
    assert file.read_bytes().startswith(b"Mine \xff first\n")
    for entry, before in zip(undo.entries(), reversed(states), strict=True):
        undo.undo(entry.id)
        assert file.read_bytes() == before


def test_a_note_that_is_not_what_was_read_is_left_alone(notes, tmp_path):
    note = notes("append", text="milk").value
    file = tmp_path / "notes" / "notes.md"
    assert notes("edit", note=note["id"], text=" ").error == "The note would be empty: delete it instead."
    file.write_text(file.read_text().replace("milk", "bread"))
    for name, extra in (("edit", {"text": "x"}), ("delete", {})):
        assert (
            notes(name, note=note["id"], **extra).error == f"No note is like “{note['id']}”. The newest say: “bread”."
        )
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
    assert notes("edit", note=listed[1]["id"], text="Ü\nneu").error == ""
    changed = mark + text.replace("zwei\n", "Ü\nneu\n\n").replace("\n", end).encode(codec)
    assert file.read_bytes() == changed
    assert notes("delete", note=listed[2]["id"]).error == ""
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


@pytest.fixture
def several(notes):
    """Notes of which some have words in common."""
    for text in (
        "buy milk",
        "milk the cow",
        "Résumé an Müller schicken",
        "call the plumber",
        "the first of May: İstanbul",
    ):
        assert notes("append", text=text).error == ""
    return notes


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("the note about the plumber", "call the plumber"),
        ("buy milk", "buy milk"),
        ("BUY MILK", "buy milk"),
        ("the milk note about the cow", "milk the cow"),
        ("the last one", "the first of May: İstanbul"),
        ("the latest note", "the first of May: İstanbul"),
        ("the second one", "call the plumber"),
        ("number 3", "Résumé an Müller schicken"),
        ("the oldest note", "buy milk"),
        ("the note from today about the plumber", "call the plumber"),
        ("die Notiz an Müller", "Résumé an Müller schicken"),
        ("la note sur le résumé", "Résumé an Müller schicken"),
        ("la última nota", "the first of May: İstanbul"),
        ("istanbul", "the first of May: İstanbul"),
        ("the note with the first of May", "the first of May: İstanbul"),
    ],
)
def test_what_the_person_says_is_deleted_when_it_is_clear(several, words, text):
    result = several("delete", note=words)
    assert result.error == ""
    assert result.value["deleted"] == text
    assert result.value["say"] == f"Deleted: {text}"
    assert several("list").value["total"] == 4


def test_what_can_be_several_notes_is_asked_about(several):
    for words in ("the note about milk", "the first one", "all notes", "the note"):
        assert several("delete", note=words).error.startswith("Several notes can be meant: “")
    assert several("delete", note="the note about milk").error == (
        "Several notes can be meant: “milk the cow”; “buy milk”. Ask which."
    )
    assert several("delete", note="the note about cheese").error.startswith("No note is like “the note about cheese”.")
    assert several("edit", note="Muller", text="x").error.startswith("No note is like")  # another name
    assert several("list").value["total"] == 5
    assert several("edit", note="the plumber", text="call the roofer").value["say"] == (
        "Changed: “call the plumber” now says “call the roofer”."
    )


def test_notes_are_read_out_without_ids_and_paths(several, tmp_path):
    """WINDOW.md 2: small models told the path and the id."""
    result = several("list", limit=2)
    said = prompt.tool_message(ToolCall("c", "t", {}), result).text
    first, second, third = said.split("\n")
    assert first == "There are 5 notes, the newest first:"
    assert second.startswith("1. the first of May: İstanbul (today at ") or "(yesterday at " in second
    assert third.startswith("2. call the plumber (")
    assert str(tmp_path) not in said
    assert result.value["notes"][0]["id"] not in said
    assert several("append", text="call Anna").value["say"] == "Saved: call Anna"
    assert several("search", query="nobody").value["say"] == "No note has “nobody”."
    assert several("search", query="milk").value["say"].startswith("2 notes have “milk”:\n1. milk the cow (")


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("résumé", "RÉSUMÉ"), ("Müller", "müller"), ("한글 노트", "한글"), ("STRASSE", "straße"), ("Straße", "STRASSE"),
        ("İstanbul", "istanbul"), ("istanbul", "İSTANBUL"), ("ISPARTA", "ısparta"), ("Isparta", "ısparta"),
        ("Ǆungla", "ǆ"), ("Ὀδυσσεύς", "ὀδυσσεύσ"), ("5 µm", "5 μm"), ("ﬁne Å", "fine å"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("there", ["NFC", "NFD"])
@pytest.mark.parametrize("asked", ["NFC", "NFD"])
def test_notes_are_found_in_either_form_of_their_letters(text, query, there, asked):
    """Report 21."""
    choice = skill_module("notes", "choice")
    words = choice.folded(unicodedata.normalize(asked, query)).split()
    assert choice.has(f"before {unicodedata.normalize(there, text)} after", words)


def test_the_box_finds_what_another_system_wrote(notes):
    """Report 21."""
    notes("append", text=unicodedata.normalize("NFD", "Résumé an Müller"))
    assert notes("search", query=unicodedata.normalize("NFC", "résumé müller")).value["total"] == 1
    assert notes("search", query=unicodedata.normalize("NFD", "RÉSUMÉ")).value["total"] == 1


@pytest.mark.parametrize(("text", "query"), [("schön", "schon"), ("5 m²", "m2"), ("Müller", "Muller"), ("½ l", "1/2")])
def test_other_letters_and_symbols_are_others(text, query):
    choice = skill_module("notes", "choice")
    assert not choice.has(text, choice.folded(query).split())


@settings(deadline=None)
@given(st.text(min_size=1, max_size=30), st.sampled_from(["NFC", "NFD"]), st.sampled_from(["NFC", "NFD"]))
def test_every_text_is_found_in_both_forms_and_both_cases(text, there, asked):
    choice = skill_module("notes", "choice")
    for query in (text, text.upper(), text.lower()):
        assume(choice.folded(query) == choice.folded(text))  # a few letters have a case that does not lead back
        words = choice.folded(unicodedata.normalize(asked, query)).split()
        assert choice.has(unicodedata.normalize(there, text), words)


def test_the_persons_own_link_to_where_notes_are_kept_is_followed(notes, tmp_path):
    (tmp_path / "cloud").mkdir()
    (tmp_path / "notes").symlink_to(tmp_path / "cloud")
    assert notes("append", text="milk").error == ""
    assert [note["text"] for note in notes("list").value["notes"]] == ["milk"]
    assert "milk" in (tmp_path / "cloud" / "notes.md").read_text()
