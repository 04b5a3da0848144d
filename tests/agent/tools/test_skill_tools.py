import os
import re
import threading

import pytest

from deskhand.agent.limits import Limits
from deskhand.agent.skills.loading import load_skills
from deskhand.agent.tools.skill_tools import MOST_INSTRUCTIONS
from deskhand.agent.tools.toolbox import Toolbox
from deskhand.model.types import ToolCall


@pytest.fixture
def box(make_skill, tmp_path, eyes):
    root = make_skill("pdf", body="# How\nSee references/long.md.")
    folder = root / "pdf"
    (folder / "references").mkdir()
    (folder / "references" / "long.md").write_text("ä" * 6000)
    (folder / "logo.bin").write_bytes(b"\x89P\0\1")
    (folder / "within.md").symlink_to("references/long.md")
    (folder / "out.md").symlink_to(tmp_path / "private.md")
    (folder / ".git").mkdir()
    (folder / ".git" / "config").write_text("token")
    (tmp_path / "private.md").write_text("mine")
    make_skill("long", body="z" * (MOST_INSTRUCTIONS + 100))
    make_skill("plain")
    return Toolbox(load_skills([(root, "user")]), tmp_path / "data", eyes())


def run(box, tool, /, **arguments):
    return box.run(ToolCall("c", tool, arguments), threading.Event(), Limits(result_bytes=10_200))


def test_an_activation_returns_the_instructions_and_what_else_there_is(box):
    assert run(box, "activate_skill", name="pdf").value == {
        "activated": "pdf",
        "instructions": "# How\nSee references/long.md.",
        "files": ["logo.bin", "out.md", "references/long.md", "within.md"],
    }
    assert run(box, "load_skill", skillName="plain").value == {"activated": "plain", "instructions": "Body."}


def test_the_names_are_an_enum(box):
    tool = box.find("activate_skill")
    assert tool.parameters["properties"]["name"]["enum"] == ["long", "pdf", "plain"]
    assert "must be one of" in run(box, "activate_skill", name="nothing").error
    assert tool.quiet


def test_a_long_text_is_shown_in_pieces(box):
    value = run(box, "activate_skill", name="long").value
    assert len(value["instructions"]) == MOST_INSTRUCTIONS
    assert "SKILL.md goes on" in value["more"]
    rest = run(box, "read_skill_file", skill="long", path="SKILL.md", offset=10_000).value
    assert rest["text"].startswith("z")


def test_a_file_is_read_to_its_end_without_breaking_a_letter(box):
    text, offset = "", 0
    while offset is not None:
        value = run(box, "read_skill_file", skill="pdf", path="./references/long.md", offset=offset).value
        text += value["text"]
        offset = value.get("next_offset")
    assert text == "ä" * 6000
    assert run(box, "read_skill_file", skill="pdf", path="within.md").value["text"].startswith("ä")


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("../../private.md", "inside the skill's folder"),
        ("references/../../../private.md", "inside the skill's folder"),
        ("/etc/passwd", "inside the skill's folder"),
        ("", "inside the skill's folder"),
        ("a\0b", "inside the skill's folder"),
        (".git/config", "inside the skill's folder"),
        ("out.md", "leads outside"),
        ("references", "is not a file"),
        ("missing.md", "has no file"),
        ("logo.bin", "is not a text; it has 4 bytes"),
        ("x" * 5000, "has no file"),
    ],
)
def test_nothing_outside_of_the_folder_is_read(box, path, error):
    assert error in run(box, "read_skill_file", skill="pdf", path=path).error


def test_a_pipe_in_the_folder_makes_it_no_skill(make_skill, tmp_path, eyes):
    root = make_skill("pipe")
    os.mkfifo(root / "pipe" / "queue")
    found = load_skills([(root, "user")])
    assert found.skills == ()
    assert "queue is neither a file nor a folder" in found.problems[0].text


def test_an_activation_says_for_which_tools_a_prompt_has_no_room(make_skill, tmp_path, eyes):
    """A skill of more tools than fit: the model learns which wait, and that each comes by its name."""
    tool = 'def tell_{}() -> int:\n    """Tell a number."""\n    return 1\n\n\n'
    make_skill("core", "".join(tool.format(n) for n in range(20)))
    root = make_skill("big", "".join(tool.format(n) for n in range(30)), core=False)
    box = Toolbox(load_skills([(root, "bundled")]), tmp_path / "data", eyes())
    told = run(box, "activate_skill", name="big").value["no_room"]
    there = {tool.name for tool in box.declared(["big"]) if tool.skill == "big"}
    assert set(re.findall(r"big_\w+", told)) == {f"big_tell_{n}" for n in range(30)} - there
    assert len(there) == 16
    last = "big_tell_29"
    assert last not in there
    assert run(box, "activate_skill", name=last).value == {"activated": last}
    assert last in [tool.name for tool in box.declared(["big", last])]
