"""Skills that differ a little from the specification's spelling load, with a word about it (reports 10, 12, E2)."""

import contextlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskhand.agent.skills import contents, manifest
from deskhand.agent.skills.loading import load_skills
from deskhand.agent.skills.manifest import ManifestError


def skill(folder: Path, front: str = "name: s\ndescription: Does it.", file: str = "SKILL.md") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / file).write_text(f"---\n{front}\n---\n\n# Steps\n")
    return folder


def described(tmp_path: Path, front: str) -> str:
    return manifest.read(skill(tmp_path / "s", front) / "SKILL.md", lambda _text: None).description


@pytest.mark.parametrize(
    ("front", "description"),
    [
        (
            'name: s\ndescription:\n  Goes through a plan. Use it for\n  "look at my plan". With it: check\n  first.',
            'Goes through a plan. Use it for "look at my plan". With it: check first.',
        ),
        (
            "name: s\ndescription: Goes through a plan\n  and asks. Note: ask first.\nlicense: MIT",
            "Goes through a plan and asks. Note: ask first.",
        ),
        ('description: "Goes through" and asks: what?', '"Goes through" and asks: what?'),
        ("description: 'It's' quoted: half", "'It's' quoted: half"),
        ("description: Use when: the person asks #1", "Use when: the person asks #1"),
        ("description: |\n  As it: stands\n  here\nlicense: a: b", "As it: stands here"),
        ("description: Does it: well\nmetadata:\n  author: Ann: the one\n  tags:\n    - a", "Does it: well"),
        ("description: @person does it", "@person does it"),
    ],
)
def test_a_colon_or_quote_in_prose_costs_no_skill(tmp_path, front, description):
    """Report 10: on the key's own line or on the lines below it."""
    assert described(tmp_path, front) == description


def test_metadata_is_kept_beside_what_had_to_be_quoted(tmp_path):
    front = "description: Does it: well\nmetadata:\n  author: Ann: the one\n  version: 1.10"
    read = manifest.read(skill(tmp_path / "s", front) / "SKILL.md", lambda _text: None)
    assert read.metadata == {"author": "Ann: the one", "version": "1.10"}


@given(st.lists(st.text("ab: '\"#-[]{}@%&*!|>`,?", min_size=1, max_size=20), min_size=1, max_size=3))
def test_any_prose_is_read_or_refused_in_a_sentence(tmp_path_factory, lines):
    text = "name: s\ndescription: x " + "\n  ".join(lines)
    with contextlib.suppress(ManifestError):
        assert described(tmp_path_factory.mktemp("any"), text)


@pytest.mark.parametrize("name", ["SKILL.MD", "Skill.md", "skill.md", "sKiLl.Md"])
def test_another_case_of_the_name_loads_with_a_word(tmp_path, name):
    """Report 12."""
    skill(tmp_path / "s", file=name)
    found = load_skills([(tmp_path, "user")])
    assert [each.name for each in found.skills] == ["s"]
    assert [problem.text for problem in found.problems] == (
        [] if name == "skill.md" else [f"Its file {name} should be called SKILL.md."]
    )


def test_the_right_name_comes_first(tmp_path):
    skill(tmp_path / "s", "name: s\ndescription: Wrong.", "SKILL.MD")
    skill(tmp_path / "s", "name: s\ndescription: Right.")
    assert load_skills([(tmp_path, "user")]).skills[0].description == "Right."


@pytest.mark.parametrize("name", ["node_modules", ".venv", "venv", "__pycache__"])
def test_what_a_set_up_made_is_not_the_skill(tmp_path, name):
    """Report E2: 2,500 files below node_modules, and a cache that a run left, change nothing."""
    folder = skill(tmp_path / "s")
    before = contents.digest(folder)
    made = folder / "scripts" / name / "deep"
    made.mkdir(parents=True)
    for number in range(30):
        (made / f"{number}.js").touch()
    assert contents.digest(folder) == before
    assert [entry.path for entry in contents.listing(folder)] == ["SKILL.md"]
    assert contents.ignored(folder) == [folder / "scripts" / name]
    with pytest.raises(contents.ContentsError):
        contents.resolve(folder, f"scripts/{name}/deep/1.js")
    assert len(load_skills([(tmp_path, "user")]).skills) == 1


@pytest.mark.parametrize("name", ["node_modules", ".git", "venv", "__pycache__"])
def test_nothing_that_no_consent_covers_can_be_run_by_name_or_through_a_link(tmp_path, name):
    """Report E2: what is left out of the hash is not read, run as a page or script, or taken for typed tools."""
    folder = skill(tmp_path / "s", f"name: s\ndescription: D.\nmetadata:\n  deskhand-tools: {name}/tools.py")
    (folder / name).mkdir()
    (folder / name / "tools.py").write_text('def go() -> str:\n    """Go."""\n    return "gone"\n')
    (folder / "link.py").symlink_to(f"{name}/tools.py")
    (folder / "scripts").symlink_to(name)
    for path in ("link.py", "scripts/tools.py"):
        with pytest.raises(contents.ContentsError, match="not part of the skill"):
            contents.resolve(folder, path)
    for tools in (f"{name}/tools.py", "link.py", "scripts/tools.py"):
        skill(folder, f"name: s\ndescription: D.\nmetadata:\n  deskhand-tools: {tools}")
        found = load_skills([(tmp_path, "user")])
        assert [each.tools for each in found.skills] == [()]
        assert "It has no tools" in found.problems[0].text


def test_a_consent_covers_the_text_of_a_linked_skill_file(tmp_path):
    """Of people who keep their settings elsewhere; what stands there is what was agreed to, not the link alone."""
    elsewhere = tmp_path / "elsewhere.md"
    elsewhere.write_text("---\nname: s\ndescription: D.\n---\nBe kind.\n")
    folder = tmp_path / "skills" / "s"
    folder.mkdir(parents=True)
    (folder / "SKILL.md").symlink_to(elsewhere)
    assert [each.body for each in load_skills([(folder.parent, "user")]).skills] == ["Be kind."]
    digest, stamp = contents.digest(folder), contents.stamp(folder)
    elsewhere.write_text("---\nname: s\ndescription: D.\n---\nBe cruel.\n")
    assert contents.digest(folder) != digest
    assert contents.stamp(folder) != stamp


def test_a_skill_of_many_files_loads_and_says_so(tmp_path):
    folder = skill(tmp_path / "s")
    for number in range(2_100):
        os.close(os.open(folder / f"{number:04}.txt", os.O_CREAT))
    found = load_skills([(tmp_path, "user")])
    assert len(found.skills[0].files) == 2_000
    assert "2,100 files" in found.problems[0].text
    before = contents.digest(folder)
    (folder / "2099.txt").write_text("changed")
    assert contents.digest(folder) != before


def test_a_skill_at_the_root_hides_none_below_it(tmp_path):
    skill(tmp_path, "name: root\ndescription: All.")
    skill(tmp_path / "skills" / "one", "name: one\ndescription: One.")
    skill(tmp_path / "skills" / "one" / "templates" / "two", "name: two\ndescription: A template.")
    assert {each.name for each in load_skills([(tmp_path, "user")]).skills} == {"root", "one"}


@pytest.mark.parametrize(
    "text",
    [
        "---\rname: s\rdescription: Good one.\r---\rBody\r",
        "\ufeff---\r\nname: s\r\ndescription: Good one.\r\n---  \r\nBody\r\n",
        "\u200b---\nname: s\ndescription: Good one.\n---\nBody",
        "---\nname:\ts\ndescription:\tGood one.\n---\nBody",
        "---\nname: s\ndescription: Good one.\nmetadata:\n\tauthor: x\n---\nBody",
        "---\nname: s\ndescription:\xa0Good one.\n---\nBody",
        "---\nname:s\ndescription:Good one.\n---\nBody",
        "---\nName: s\nDescription: Good one.\n---\nBody",
        "---\nname: s\ndescription: Good one.\n...\nBody",
        "-----\nname: s\ndescription: Good one.\n-----\nBody",
        "---\nname: s\ndescription: Good\0 one.\n---\nBody",
        "---\nname: s\ndescription:\n- Good\n- one.\n---\nBody",
    ],
)
def test_other_spellings_of_a_skill_load(tmp_path, text):
    """Reports 10 and 12: line ends, tabs, marks, missing spaces, capitals, other rulers."""
    (tmp_path / "s").mkdir()
    for encoding in ("utf-8", "utf-16"):
        (tmp_path / "s" / "SKILL.md").write_bytes(text.encode(encoding))
        (found,) = load_skills([(tmp_path, "user")]).skills
        assert (found.name, found.description, found.body) == ("s", "Good one.", "Body")


@pytest.mark.parametrize(
    "value", ["*bold* word: x", "[Beta] Good one", "{x} Good one", "| Good one", "> Good: one", "`x` is", "%x", "@you"]
)
def test_a_description_that_begins_with_a_sign_of_yaml_is_its_text(tmp_path, value):
    skill(tmp_path / "s", f"name: s\ndescription: {value}")
    assert [each.description for each in load_skills([(tmp_path, "user")]).skills] == [value]
