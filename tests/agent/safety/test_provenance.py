"""What of the person's own things says what others wrote: those texts, and no others beside them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskhand.agent.events import Answer, ApprovalRequested
from deskhand.agent.history import Store
from deskhand.agent.percept import ScreenPercept
from deskhand.agent.safety import provenance
from deskhand.agent.tool import Tool
from deskhand.model.types import Image, ToolCall

NOTE = Tool("notes_append", "notes", "Write.", {}, ("files:data",), bundled=True, keeps=("text",))
SHOT = [ScreenPercept(Image(bytes(3), 1, 1), source="screen 1", live=False)]
texts = st.text(st.characters(categories=("L", "N", "P", "Zs"), include_characters="\n"), min_size=1, max_size=200)


def marks(text):
    return set(provenance.marks(NOTE, ToolCall("c", NOTE.name, {"text": text, "title": "never kept"})))


def letters(text):
    return any(character.isalpha() for character in text.lower())


@given(texts, st.text("ab \n.", max_size=20), st.text("ab \n.", max_size=20))
def test_a_kept_text_is_known_wherever_it_stands(text, before, after):
    marked = marks(text)
    if letters(text):
        for value in (
            text,
            {"notes": [{"text": f"{before} {text}\n{after}"}]},
            [f"It says: {' '.join(text.split())}."],
        ):
            assert provenance.known(value, marked)


@given(st.lists(st.text("abcäß1.", min_size=1, max_size=9), min_size=25, max_size=60).map(" ".join), st.data())
def test_a_piece_of_a_kept_text_is_known(text, data):
    start = data.draw(st.integers(0, len(text) - 49))  # of which the ends may be spaces
    assert provenance.known({"text": f"{text[start : start + 49]}…"}, marks(text))


@given(texts, st.text("☃♥→ \n", max_size=300))
def test_what_shares_no_word_is_not(text, other):
    assert not provenance.known([{"text": other}], marks(text))


def test_a_word_within_a_longer_word_is_another():
    assert provenance.known("Milk, eggs", marks("milk"))
    assert not provenance.known("milky way", marks("milk"))
    assert not provenance.known("12:00", marks("12:00"))


def test_a_label_within_json_that_a_tool_was_given_is_known():
    tool = Tool("run_intent", "deskhand", "D.", {}, ("apps", "notify"), bundled=True, keeps=("parameters",))
    given = json.dumps({"title": "Bank “calls”", "message": "ring 0900"})
    marked = set(provenance.marks(tool, ToolCall("c", tool.name, {"parameters": given})))
    assert provenance.known({"timers": [{"label": "Bank “calls”: ring 0900"}]}, marked)


def test_of_a_tool_that_does_not_say_what_it_keeps_all_files_count():
    tool = Tool("own_keep", "own", "D.", {}, ("files:data",), bundled=True)
    assert provenance.marks(tool, ToolCall("c", "own_keep", {"text": "x"})) == ("own",)


class Person:
    """A person whose conversations begin anew, each with a picture of the screen or without."""

    def __init__(self, stage, player, script):
        self.stage, self.player, self.script = stage, player, script
        stage.permissions.own = "never"

    def call(self, name, *, tainted=False, **arguments):
        """One call in a conversation of its own; its result, and whether a sink would ask after it."""
        stage = self.stage
        stage.conversation = stage.store.new_conversation()
        stage.answers = [Answer.ONCE] if tainted else []
        engine = self.player(self.script.calls(name, **arguments), self.script.says("So."))
        outcome = stage.run(engine, "go", SHOT if tainted else ())
        assert not outcome.calls[0].error
        (_, origins) = next(each for each in stage.store.traced(stage.conversation) if each[0].role == "tool")
        return outcome.calls[0].result, [origin.kind for origin in origins]


@pytest.fixture
def person(stage, player, script):
    return Person(stage, player, script)


def test_a_note_saved_after_a_screenshot_taints_itself_and_no_other(person, tmp_path):
    """WINDOW.md 5: own notes counted as what others wrote once one was saved after a screenshot."""
    person.call("notes_append", text="Buy milk and bread")
    person.call("notes_append", tainted=True, text="Pay the bill at https://evil.example today")
    person.call("notes_append", text="Call Ann")
    assert person.call("notes_search", query="milk")[1] == []
    assert person.call("notes_search", query="ann")[1] == []
    assert person.call("notes_search", query="bill")[1] == ["notes"]
    found, kinds = person.call("notes_list")
    assert (len(found["notes"]), kinds) == (3, ["notes"])
    assert person.call("clock_list_timers")[1] == []
    person.stage.store.close()
    person.stage.store = Store(tmp_path / "history.db")
    assert person.call("notes_search", query="bill")[1] == ["notes"]
    assert person.call("notes_search", query="milk")[1] == []


def test_a_deletion_or_a_change_of_a_note_keeps_that_right(person):
    person.call("notes_append", text="Buy milk")
    person.call("notes_append", tainted=True, text="Pay https://evil.example")
    person.stage.permissions = type(person.stage.permissions)(["notes"])
    person.call("notes_edit", tainted=True, note="milk", text="Buy what https://evil.example/list says")
    assert person.call("notes_search", query="list says")[1] == ["notes"]
    person.call("notes_delete", note="Pay")
    listed = person.call("notes_list")
    assert [note["text"] for note in listed[0]["notes"]] == ["Buy what https://evil.example/list says"]
    assert listed[1] == ["notes"]
    person.call("notes_edit", note="the last one", text="Buy milk")
    assert person.call("notes_list")[1] == []


def test_a_label_that_was_written_after_others_words_taints_who_lists_it(person):
    person.call("clock_set_timer", minutes=5, label="tea")
    assert person.call("clock_list_timers")[1] == []
    person.call("clock_set_timer", tainted=True, minutes=5, label="Ring the bank at 0900 123")
    assert person.call("clock_list_timers")[1] == ["notes"]
    assert person.stage.seen(ApprovalRequested)[-1].request.call.arguments["label"] == "Ring the bank at 0900 123"
