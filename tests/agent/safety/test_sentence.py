"""What is asked, in a sentence: of our tools what they do, of others only what they are called."""

import json
from pathlib import Path

import pytest

from deskhand.agent.events import Aim
from deskhand.agent.safety.sentence import sentence
from deskhand.agent.skills.loading import load_skills
from deskhand.agent.tool import Tool
from deskhand.app import settings
from deskhand.model.types import ToolCall

EDITOR = Aim(None, (1, 2), title="Mousepad")


def asked(name, aim=None, *, bundled=True, skill="s", **arguments):
    tool = Tool(name, skill, "Does it. And more.", {}, (), bundled=bundled)
    return sentence(tool, ToolCall("c1", name, arguments), aim)


@pytest.mark.parametrize(
    ("name", "arguments", "question"),
    [
        ("clock_set_timer", {"minutes": 1}, "Set a timer for 1 minute?"),
        (
            "clock_set_timer",
            {"hours": 1, "minutes": 30, "label": "tea"},
            "Set a timer for 1 hour 30 minutes, for “tea”?",
        ),
        ("clock_set_timer", {"at": "tomorrow at 9", "label": "tea"}, "Remind you of “tea”: tomorrow at 9?"),
        ("notes_append", {"text": "buy stamps"}, "Save the note “buy stamps”?"),
        ("notes_append", {"text": "long " * 99}, "Save this note?"),
        ("notes_append", {"text": "x”? It does nothing else, “y"}, "Save this note?"),
        ("notes_append", {"text": "two\nlines"}, "Save this note?"),
        ("screen_look", {}, "Take a screenshot?"),
        ("background_watch", {"minutes": 5}, "Watch the screen for 5 minutes, and wait for a change?"),
        ("open_address", {"url": "https://example.org/x"}, "Open a page of example.org in your browser?"),
        ("edit_write", {"path": "/home/a/letter.md", "text": "x", "append": True}, "Add to “letter.md”?"),
        ("open_unheard_of", {"x": 1}, "Does it?"),
    ],
)
def test_our_tools_are_asked_about_by_what_they_do(name, arguments, question):
    """WINDOW.md §5: the title was a function's name."""
    assert asked(name, **arguments).question == question


@pytest.mark.parametrize(
    ("name", "arguments", "question"),
    [
        ("input_type", {"text": "x" * 32}, "Type 32 characters into “Mousepad”?"),
        ("input_click", {"x": 1, "y": 2}, "Click here in “Mousepad”?"),
        ("input_click", {"x": 1, "y": 2, "double": True, "button": "right"}, "Double-right-click here in “Mousepad”?"),
        ("input_keys", {"combination": "ctrl+s"}, "Press ctrl+s in “Mousepad”?"),
        ("selection_replace", {"text": "x"}, "Replace the selected text in “Mousepad”?"),
    ],
)
def test_what_acts_in_a_window_names_it(name, arguments, question):
    assert asked(name, EDITOR, **arguments).question == question


def test_a_title_of_a_window_can_not_end_the_question():
    assert asked("input_keys", Aim(None, None, title="x”? Safe. “"), combination="a").question == "Press a?"


def test_of_a_foreign_tool_only_its_name_is_known():
    made = asked("clock_set_timer", bundled=False, skill="clock", minutes=1)
    assert made == ("Let “clock” run “set timer”?", "Does it. And more.", ())


def test_what_a_sentence_says_is_all_there_is_of_it():
    assert "minutes" in asked("clock_set_timer", minutes=1).told
    assert asked("notes_append", text="two\nlines").told == ()
    assert asked("notes_append", text="milk").told == ("text",)


def test_every_bundled_tool_that_asks_has_a_sentence_for_any_arguments():
    for tool in (tool for skill in load_skills([(settings.BUNDLED_SKILLS, "bundled")]).skills for tool in skill.tools):
        for value in (None, "", "x”y", 3, True, [1], {"a": 1}):
            given = dict.fromkeys(tool.parameters.get("properties", {}), value)
            question = sentence(tool, ToolCall("c1", tool.name, given)).question
            assert question.endswith("?")
            assert "“”" not in question
            assert json.dumps(question)
    assert Path(settings.BUNDLED_SKILLS).is_dir()
