import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from deskhand.agent.safety.hearback import ASSENTS, NEGATIONS, objection, phrase
from deskhand.agent.safety.spoken import words
from deskhand.agent.tool import Tool
from deskhand.model.types import ToolCall

TEXT, NUMBER, FLAG = {"type": "string"}, {"type": "number"}, {"type": "boolean", "default": False}


def tool(called="files_delete", skill="files", /, *, bundled=True, scopes=("files:write",), **properties):
    parameters = {"type": "object", "properties": properties or {"path": TEXT}}
    return Tool(called, skill, "", parameters, scopes, bundled=bundled)


def say(made, /, *, tainted=False, command="", **arguments):
    return phrase(made, ToolCall("c", made.name, arguments), tainted=tainted, command=command)


TIMER = tool("clock_set_timer", "clock", scopes=(), seconds=NUMBER, minutes=NUMBER, label=TEXT)


@pytest.mark.parametrize(
    ("made", "arguments", "text"),
    [
        (tool(), {"path": "/home/a/Documents/notes.txt"}, "delete notes.txt in Documents"),
        (tool(), {"path": "~/notes.txt"}, "delete notes.txt"),
        (TIMER, {"label": "stretch", "minutes": 10}, "set a ten-minute timer: stretch"),
        (TIMER, {"minutes": 1}, "set a one-minute timer"),
        (TIMER, {"minutes": 45}, "set a 45-minute timer"),
        (TIMER, {"minutes": 1, "seconds": 30}, "set timer 30 seconds 1 minutes"),
        (tool("notes_append", "notes", text=TEXT), {"text": "buy stamps"}, "save note: buy stamps"),
        (tool("background_watch", "background", what=TEXT, minutes=NUMBER, every=NUMBER), {"minutes": 5, "every": 5},
         "watch for five minutes"),
        (tool("notes_append", "notes", bundled=False, text=TEXT), {"text": "buy stamps"}, "notes append buy stamps"),
        (tool("input_click", "input", x=NUMBER, y=NUMBER, double=FLAG), {"x": 3, "y": -4}, "click x 3 y minus 4"),
        (tool("input_click", "input", x=NUMBER, double=FLAG), {"x": 3, "double": True}, "click x 3 double"),
        (tool("input_click", "input", x=NUMBER, double=FLAG), {"x": 3, "double": False}, "click x 3"),
        (tool("open_application", "open", name=TEXT), {"name": "firefox"}, "open application firefox"),
        (tool("system_volume", "system", percent=NUMBER), {"percent": 30}, "system volume 30 percent"),
        (tool("edit_replace", "edit", path=TEXT, old=TEXT, new=TEXT), {"new": "b", "old": "a", "path": "/x/y"},
         "replace y in x old a new b"),
        (tool("screen_look", "screen", x=TEXT), {}, "take a screenshot"),
        (tool("wipe_delete", "wipe", bundled=False), {"path": "/a"}, "wipe delete a"),
    ],
)  # fmt: skip
def test_the_phrase_names_the_act_and_every_object(made, arguments, text):
    assert say(made, **arguments).text == text
    if text:
        assert objection(text, text) == ""


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"tainted": True}, "text of others"),
        ({"command": "sh x.sh"}, "has to be read"),
        ({"path": "/a/b; rm -rf *"}, "symbols"),
        ({"path": "/a/x\u202etxt"}, "symbols"),
        ({"path": "/a/n\u043etes.txt"}, "symbols"),
        ({"path": "/a/../b"}, "few words"),
        ({"path": "/a/do not.txt"}, "taken for an answer"),
        ({"path": "/a/" + "word " * 20}, "too many words"),
        ({"path": ["a", "b"]}, "few words"),
        ({"path": "-5"}, "symbols"),
    ],
)
def test_what_a_voice_cannot_name_exactly_it_cannot_allow(more, why):
    told = say(tool(), **{"path": "/a/b", **more})
    assert told.text == ""
    assert why in told.why_not
    assert objection(told.text, "delete a b")
    assert objection(told.text, "yes")


def test_scripts_are_never_allowed_by_voice():
    assert not say(tool(scopes=("scripts",)), path="/a/b").text


EXPECTED = "delete notes-2.txt in Documents"


@pytest.mark.parametrize(
    "said",
    [
        "Delete notes two dot txt in documents.",
        "delete notes 2 T-X-T in documents please",
        "Delete the note s 2.txt in Documents!",
        "DELETE NOTES2TXT IN DOCUMENTS",
    ],
)
def test_however_it_is_spelt(said):
    assert objection(EXPECTED, said) == ""


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("", "No words"),
        ("…", "No words"),
        ("yes", "isn't enough"),
        ("OK, go ahead, do it!", "isn't enough"),
        ("always", "isn't enough"),
        ("yes delete notes 2 txt in documents", "doesn't match"),
        ("delete notes 2 txt in documents always", "doesn't match"),
        ("don't delete notes 2 txt in documents", "not say yes"),
        ("no", "not say yes"),
        ("delete notes 2 txt in documents wait", "not say yes"),
        ("delete notes 3 txt in documents", "doesn't match"),
        ("delete notes 22 txt in documents", "doesn't match"),
        ("delete notes twenty txt in documents", "doesn't match"),
        ("delete notes 2 txt", "doesn't match"),
        ("notes 2 txt in documents", "doesn't match"),
        ("delete notes 2 txt in documents delete notes 2 txt in documents", "doesn't match"),
        ("delete everything and notes 2 txt in documents", "doesn't match"),
        ("delete in documents notes 2 txt", "doesn't match"),
    ],
)
def test_nothing_less_nothing_more_and_no_yes(said, why):
    assert why in objection(EXPECTED, said)


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("one hundred and five", ["105"]),
        ("two thousand twenty six", ["2026"]),
        ("twenty five", ["25"]),
        ("twenty ten", ["20", "10"]),
        ("one two", ["1", "2"]),
        ("1,000 or 1.5 or -3", ["1000", "or", "1", "point", "5", "or", "minus", "3"]),
        ("hundred and one", ["hundred", "and", "1"]),
        ("zero thousand", ["0", "thousand"]),
        ("30% of mp3", ["30", "percent", "of", "mp", "3"]),
        ("٣ don’t", ["3", "dont"]),
    ],
)
def test_numbers_are_read(said, found):
    assert words(said) == found


NAMES = st.from_regex(r"[a-z]{3,9}( [a-z]{3,9})?(-[0-9]{1,3})?\.(txt|md|pdf)", fullmatch=True)


@given(NAMES, st.one_of(st.text(max_size=60), st.lists(st.sampled_from(sorted(ASSENTS))).map(" ".join)))
def test_no_other_text_allows(name, said):
    told = say(tool(), path=f"/home/a/{name}")
    assume(told.text and "".join(words(told.text)) not in "".join(words(said)))
    assert objection(told.text, said)


@given(NAMES, st.sampled_from(sorted(NEGATIONS | (ASSENTS - {"please"}))), st.booleans())
def test_one_word_more_is_too_much(name, word, first):
    told = say(tool(), path=f"/home/a/{name}")
    assume(told.text)
    assert objection(told.text, told.text) == ""
    assert objection(told.text, f"{word} {told.text}" if first else f"{told.text} {word}")


@given(NAMES, NAMES)
def test_one_file_is_not_another(one, other):
    first, second = (say(tool(), path=f"/home/a/{name}").text for name in (one, other))
    assume(first and second)
    assert (objection(first, second) == "") == ("".join(words(first)) == "".join(words(second)))


@given(st.integers(0, 999_999), st.integers(0, 999_999))
def test_numbers_are_exact(one, other):
    first, second = (say(TIMER, seconds=number).text for number in (one, other))
    assert (objection(first, second) == "") == (one == other)
    assert words(f"{one:,}") == words(str(one))


@given(NAMES, st.data())
def test_every_word_is_needed(name, data):
    told = say(tool(), path=f"/home/folder/{name}")
    assume(told.text)
    said = words(told.text)
    del said[data.draw(st.integers(0, len(said) - 1))]
    assert objection(told.text, " ".join(said))
