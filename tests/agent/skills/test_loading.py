from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deskhand.agent.skills.loading import MAX_DEPTH, load_skills

ROOT = Path(__file__).parents[3] / "skills"


def write(folder, text, **files):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "SKILL.md").write_text(text)
    for name, content in files.items():
        (folder / f"{name}.py").write_text(content)


def load(*folders):
    found = load_skills([(folder, "user") for folder in folders])
    return {skill.name: skill for skill in found.skills}, [problem.text for problem in found.problems]


def test_the_bundled_skills_load_without_a_problem():
    found = load_skills([(ROOT, "bundled")])
    assert found.problems == ()
    tools = [tool for skill in found.skills for tool in skill.tools]
    assert len({tool.name for tool in tools}) == len(tools)
    assert {"clock_time", "notes_append", "screen_look", "open_application"} <= {tool.name for tool in tools}
    core = [skill for skill in found.skills if skill.core]
    assert {"clock", "notes", "open", "screen"} <= {skill.name for skill in core}
    assert {"clock_time", "notes_list"} <= {tool.name for tool in tools if tool.quiet}
    assert {skill.license for skill in found.skills} == {"Apache-2.0"}
    assert all(tool.bundled for skill in found.skills for tool in skill.tools)


def test_a_foreign_skill_of_text_loads(tmp_path):
    write(
        tmp_path / "pdf-forms",
        "---\nname: pdf-forms\ndescription: Fill forms.\nlicense: MIT\nallowed-tools: Bash\nmetadata:\n  version: '1'\n"
        "---\n\n# How\nDo.\n",
    )
    skills, problems = load(tmp_path)
    skill = skills["pdf-forms"]
    assert (skill.description, skill.body, skill.license, skill.source) == ("Fill forms.", "# How\nDo.", "MIT", "user")
    assert skill.tools == ()
    assert problems == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("no frontmatter", "does not begin with a frontmatter"),
        ("---\nname: a\n---\n", "no description"),
        ("---\nname: a\ndescription: [unclosed\n---\n", "not YAML"),
        ("---\n- a\n- b\n---\n", "not a list of keys and values"),
        ("---\ndescription: {a: b}\n---\n", "description is not a text"),
        ("---\ndescription: x\nwhen: 2026-99-99\n? [\n---\n", "not YAML"),
        ("---\ndescription: &a [x]\nmetadata: {b: *a}\n---\n", "aliases are not understood"),
        ("---\nname: Deskhand\ndescription: x\n---\n", "No skill may be called"),
        ("---\na: " + "[" * 5000 + "\n---\n", "not YAML"),
        ("---\ndescription: x\n---\n" + "y" * 300_000, "larger than"),
    ],
)
def test_a_broken_skill_is_a_problem_and_no_crash(tmp_path, text, problem):
    write(tmp_path / "a", text)
    write(tmp_path / "b", "---\nname: b\ndescription: Fine.\n---\n")
    found = load_skills([(tmp_path, "user")])
    assert [skill.name for skill in found.skills] == ["b"]
    assert any(problem in entry.text for entry in found.problems)
    assert any(entry.fatal and entry.path == tmp_path / "a" / "SKILL.md" for entry in found.problems)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.text(st.characters(codec="utf-8"), max_size=80), st.sampled_from(["{}", "description: {}", "{}\ndescription: d"])
)
def test_any_frontmatter_loads_or_is_a_problem(tmp_path, text, frame):
    write(tmp_path / "a", f"---\n{frame.format(text)}\n---\nbody")
    found = load_skills([(tmp_path, "user")])
    assert len(found.skills) + sum(problem.fatal for problem in found.problems) == 1


def test_bytes_that_are_no_text_are_a_problem(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "SKILL.md").write_bytes(b"---\ndescription: \xff\xfe\n---\n")
    skills, problems = load(tmp_path)
    assert skills == {}
    assert "can't be read" in problems[0]


def test_an_unquoted_colon_is_quoted_and_tried_again(tmp_path):
    write(tmp_path / "a", "---\nname: a\ndescription: Use when: it's raining, see: umbrella\n---\n")
    skills, _ = load(tmp_path)
    assert skills["a"].description == "Use when: it's raining, see: umbrella"


def test_what_is_only_unusual_loads_with_a_warning(tmp_path):
    write(tmp_path / "folder", f"---\nname: Other Name\ndescription: {'d' * 2000}\nextra: 1\n---\n")
    skills, problems = load(tmp_path)
    assert len(skills["Other Name"].description) == 1024
    for part in ("lower-case", "differs from its folder", "longer than 1024", "Unknown in the frontmatter: extra"):
        assert any(part in problem for problem in problems)


def test_the_search_is_bounded_and_skips_what_holds_no_skills(tmp_path):
    good = "---\nname: {}\ndescription: d\n---\n"
    deep = tmp_path.joinpath(*[f"d{n}" for n in range(MAX_DEPTH - 1)])
    write(deep / "in", good.format("in"))
    write(deep / "x" / "out", good.format("out"))
    write(tmp_path / "node_modules" / "no", good.format("no"))
    (tmp_path / "loop").symlink_to(tmp_path)
    skills, _ = load(tmp_path)
    assert set(skills) == {"in"}


def test_a_linked_skill_is_found(tmp_path):
    write(tmp_path / "elsewhere" / "linked", "---\nname: linked\ndescription: d\n---\n")
    (tmp_path / "skills").mkdir()
    (tmp_path / "skills" / "linked").symlink_to(tmp_path / "elsewhere" / "linked")
    assert set(load(tmp_path / "skills")[0]) == {"linked"}


def test_too_many_folders_are_said(tmp_path, monkeypatch):
    monkeypatch.setattr("deskhand.agent.skills.loading.MAX_FOLDERS", 5)
    for number in range(9):
        (tmp_path / f"f{number}").mkdir()
    assert "More than 5 folders" in load(tmp_path)[1][0]


def test_a_later_skill_replaces_an_earlier_one_with_a_warning(tmp_path):
    write(tmp_path / "one" / "a", "---\nname: a\ndescription: first\n---\n")
    write(tmp_path / "two" / "a", "---\nname: a\ndescription: second\n---\n")
    skills, problems = load(tmp_path / "one", tmp_path / "two")
    assert skills["a"].description == "second"
    assert "replaces the one in" in problems[0]


def test_a_folder_that_is_not_there_holds_no_skills(tmp_path):
    assert load(tmp_path / "none") == ({}, [])


TOOLS = 'def run(host) -> str:\n    """Run."""\n    return ""\n'
FRONT = "---\nname: {}\ndescription: d\nmetadata:\n  deskhand-tools: {}\n  deskhand-scopes: '{}'\n"
FRONT += "  deskhand-quiet: run\n---\n"


def test_scopes_of_a_foreign_skill_are_limited_and_quiet_is_ignored(tmp_path):
    write(tmp_path / "a", FRONT.format("a", "tools.py", "files:data apps everything"), tools=TOOLS)
    skills, problems = load(tmp_path)
    (tool,) = skills["a"].tools
    assert tool.scopes == skills["a"].scopes == ("files:data",)
    assert not tool.quiet
    assert any("everything" in problem for problem in problems)
    assert any("came with Deskhand" in problem for problem in problems)


@pytest.mark.parametrize(
    ("name", "file", "problem"),
    [
        ("..", "tools.py", "It has no tools"),
        ("../../etc", "tools.py", "It has no tools"),
        ("a", "../b/tools.py", "path inside the skill"),
        ("a", "missing.py", "no file missing.py"),
        ("a", "/etc/passwd", "path inside the skill"),
    ],
)
def test_tools_can_not_leave_the_folder(tmp_path, name, file, problem):
    write(tmp_path / "a", FRONT.format(name, file, "files:data"), tools=TOOLS)
    write(tmp_path / "b", "no", tools=TOOLS)
    skills, problems = load(tmp_path)
    assert skills[name].tools == ()
    assert any(problem in entry for entry in problems)


def test_two_tools_of_one_name_do_not_shadow_each_other(tmp_path):
    write(tmp_path / "a-b", FRONT.format("a-b", "tools.py", ""), tools='def c() -> str:\n    """C."""\n    return ""\n')
    write(tmp_path / "a", FRONT.format("a", "tools.py", ""), tools='def b_c() -> str:\n    """C."""\n    return ""\n')
    skills, problems = load(tmp_path)
    assert [len(skills[name].tools) for name in ("a", "a-b")] == [1, 0]
    assert any("a_b_c is left out" in problem for problem in problems)
