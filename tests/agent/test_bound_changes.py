"""F8: an approval is for the file that was shown, as it was then; if anything is exchanged, nothing is written."""

from pathlib import Path

import pytest

from deskhand.agent.events import Answer, ApprovalRequested
from deskhand.agent.safety.permissions import Permissions
from deskhand.agent.safety.undo import Undo
from deskhand.agent.skills.loading import load_skills
from deskhand.agent.tools.host import HostError
from deskhand.agent.tools.toolbox import Toolbox
from deskhand.app.host.edits import Edits
from deskhand.app.host.files import Files

SKILLS = Path(__file__).parents[2] / "skills"
CHANGED = "It changed while you were asked; nothing was written."


class Desk:
    """A `Host` that changes files and nothing else."""

    def __init__(self, folder, undo):
        self.edits = Edits(Files([folder]), undo)
        self.plan = self.edits.plan

    def ask(self, asked):
        act = getattr(self.edits, asked.name, None)
        if act is None:
            raise HostError(asked.name)
        return act(asked)


@pytest.fixture
def granted(tmp_path):
    for name in ("one", "two", "spare"):
        (tmp_path / "granted" / name).mkdir(parents=True)
        (tmp_path / "granted" / name / "a.txt").write_text(f"in {name}\n")
    return tmp_path / "granted"


@pytest.fixture
def ask(stage, player, script, granted, tmp_path):
    """Run one call of the skill edit; ``meanwhile`` happens while the person is asked, who then says yes."""
    stage.toolbox = Toolbox(
        load_skills([(SKILLS, "bundled")]), tmp_path / "data", Desk(granted, Undo(tmp_path / "kept"))
    )

    def run(name, meanwhile=lambda: None, **arguments):
        emit = stage.emit

        def told(event):
            if isinstance(event, ApprovalRequested):
                meanwhile()
                stage.answers = [Answer.ONCE]
            emit(event)

        stage.emit = told
        given = {key: str(granted / value) if key in {"path", "target"} else value for key, value in arguments.items()}
        activate = script.calls("activate_skill", name="edit")
        outcome = stage.run(player(activate, script.calls(name, **given), script.says("Done.")))
        stage.emit = emit
        return outcome.calls[-1]

    return run


def state(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


CALLS = [
    ("edit_write", {"path": "one/a.txt", "text": "new"}),
    ("edit_write", {"path": "one/a.txt", "text": "new", "append": True}),
    ("edit_replace", {"path": "one/a.txt", "old": "in", "new": "out"}),
    ("edit_delete", {"path": "one/a.txt"}),
    ("edit_move", {"path": "one/a.txt", "target": "one/b.txt"}),
]


@pytest.mark.parametrize(("name", "arguments"), CALLS)
def test_what_was_shown_is_done(ask, stage, granted, name, arguments):
    record = ask(name, **arguments)
    assert record.error == ""
    assert state(granted)["two/a.txt"] == b"in two\n"
    assert state(granted).get("one/a.txt") != b"in one\n"
    (request,) = [event.request for event in stage.seen(ApprovalRequested)]
    assert str(granted / "one" / "a.txt") in request.diff
    assert request.lasting.startswith("It can be undone")


@pytest.mark.parametrize(("name", "arguments"), CALLS)
@pytest.mark.parametrize("how", ["folder", "file", "content", "gone"])
def test_what_was_exchanged_while_the_person_was_asked_is_not_touched(ask, granted, name, arguments, how):
    def meanwhile():
        file = granted / "one" / "a.txt"
        match how:
            case "folder":
                (granted / "one").rename(granted / "moved")
                (granted / "one").symlink_to(granted / "two")
            case "file":
                file.rename(granted / "one" / "moved.txt")
                file.symlink_to(granted / "two" / "a.txt")
            case "content":
                file.write_text("in haste\n")
            case _:
                file.unlink()
        before.update(state(granted))

    before = {}
    assert ask(name, meanwhile, **arguments).error == CHANGED
    assert state(granted) == before


def test_what_is_said_and_shown_is_the_file_behind_a_link(ask, stage, granted):
    (granted / "link").symlink_to(granted / "two")
    assert ask("edit_delete", path="link/a.txt").error == ""
    (request,) = [event.request for event in stage.seen(ApprovalRequested)]
    assert str(granted / "two" / "a.txt") in request.diff
    assert "two" in request.phrase
    assert "link" not in request.phrase


def test_what_is_written_anew_is_not_written_elsewhere(ask, granted):
    def meanwhile():
        (granted / "one").rename(granted / "moved")
        (granted / "one").symlink_to(granted / "two")

    assert ask("edit_write", meanwhile, path="one/new.txt", text="x").error == CHANGED
    assert not (granted / "two" / "new.txt").exists()


def test_a_folder_that_a_file_is_moved_to_is_bound_too(ask, granted):
    def meanwhile():
        (granted / "two").rename(granted / "moved")
        (granted / "two").symlink_to(granted / "spare")

    assert ask("edit_move", meanwhile, path="one/a.txt", target="two/b.txt").error == CHANGED
    assert not (granted / "spare" / "b.txt").exists()


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (("edit_replace", {"path": "one/a.txt", "old": "out", "new": "x"}), "stands 0 times in a.txt"),
        (("edit_write", {"path": "latin.txt", "text": "😀", "append": True}), "has no “😀”"),
        (("edit_write", {"path": "../outside.txt", "text": "x"}), "in no folder that was granted"),
        (("edit_delete", {"path": "gone.txt"}), "There is no file"),
    ],
)
def test_what_can_not_be_done_is_refused_before_anybody_is_asked(ask, stage, granted, call, sentence):
    (granted / "latin.txt").write_bytes("Grüße\n".encode("cp1252"))
    before = state(granted.parent / "granted")
    record = ask(call[0], **call[1])
    assert sentence in record.error
    assert record.decision == "refused"
    assert stage.seen(ApprovalRequested) == []
    assert state(granted) == before


def test_what_needs_no_question_is_bound_to_where_it_was_decided(ask, stage, granted, monkeypatch):
    """A folder that is trusted may be exchanged between the decision and the act, too."""
    stage.permissions = Permissions(mode="trusted-folder", trusted=[granted / "one"])
    assert ask("edit_write", path="one/a.txt", text="new").error == ""
    assert stage.seen(ApprovalRequested) == []
    plan = stage.toolbox.plan

    def exchanged(tool, *given):
        if tool.name == "edit_write":
            (granted / "one").rename(granted / "moved")
            (granted / "one").symlink_to(granted / "two")
        return plan(tool, *given)

    monkeypatch.setattr(stage.toolbox, "plan", exchanged)
    assert "nothing was written" in ask("edit_write", path="one/a.txt", text="worse").error
    assert (granted / "two" / "a.txt").read_text() == "in two\n"


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("edit_write", {"path": "one/a.txt", "text": "in one\n"}),
        ("edit_write", {"path": "one/a.txt", "text": "", "append": True}),
        ("edit_replace", {"path": "one/a.txt", "old": "one", "new": "one"}),
    ],
)
def test_what_would_change_nothing_asks_nobody_and_does_not_run(stage, ask, granted, name, arguments):
    """WINDOW.md 5: “Nothing would change.” still asked."""
    before = {path: path.stat().st_mtime_ns for path in granted.rglob("*")}
    record = ask(name, **arguments)
    assert (record.error, record.result) == ("", {"told": "Nothing would change."})
    assert stage.seen(ApprovalRequested) == []
    assert {path: path.stat().st_mtime_ns for path in granted.rglob("*")} == before
    stage.permissions = Permissions(mode="read-only")
    assert "read-only mode" in ask(name, **arguments).error
