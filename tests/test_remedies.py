"""Every command that a sentence tells a person to type exists (kind G: a remedy that is named works)."""

import argparse
import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from deskhand.app import cli

ROOT = Path(__file__).parents[1]
NO_COMMANDS = {"picture"}
"""What names something else: a block of shared memory."""

COMMAND = re.compile(r"(?<![\w./~-])deskhand((?: +[\w=.…{}<>|\[\]-]+)+)")


def sentences(path: Path) -> Iterator[str]:
    """Texts of a source file, with an X for what is filled in; lines of a document."""
    if path.suffix != ".py":
        yield from re.findall(r"`[^`]+`|^[ $]*deskhand .*$", path.read_text(), re.MULTILINE)
        return
    tree = ast.parse(path.read_bytes())
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "X" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            yield node.value


def actions(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    found = next((each for each in parser._actions if isinstance(each, argparse._SubParsersAction)), None)
    return dict(found.choices) if found else {}


def problem(words: list[str]) -> str:
    """What is wrong with a command of the person's; empty if it can be typed."""
    parser, typed = cli._parser(), []
    while words:
        word = words.pop(0)
        choices = actions(parser)
        known = parser._option_string_actions.get(word.partition("=")[0])
        if word.startswith("--") and word != "--":
            if known is None:
                return f"{' '.join(typed)} has no option {word}"
            if (
                known.nargs is None
                and not isinstance(known, argparse._StoreTrueAction | argparse._HelpAction)
                and words
            ):
                words.pop(0)
        elif choices and word in choices:
            parser = choices[word]
            typed.append(word)
        elif choices and re.fullmatch(r"[a-z][a-z-]*", word) and typed:
            return f"{' '.join(typed)} has no action {word}"
        else:
            return ""  # what the command is given, or prose behind it
    return ""


FILES = [
    *(path for room in ("app", "agent", "model", "skills") for path in sorted((ROOT / room).rglob("*.py"))),
    *sorted((ROOT / "docs").rglob("*.md")),
    ROOT / "README.md",
]
NAMED = [
    (path.relative_to(ROOT).as_posix(), match.group(1).strip())
    for path in FILES
    for text in sentences(path)
    for match in COMMAND.finditer(text)
]


@pytest.mark.parametrize(("path", "named"), dict.fromkeys(NAMED))
def test_a_command_that_is_named_can_be_typed(path, named):
    first = named.split()[0]
    known = first.startswith("--") or first in actions(cli._parser()) or not re.fullmatch("[a-z]+", first)
    assert known or named in NO_COMMANDS, f"{path}: there is no command “deskhand {named}”"
    assert problem(named.split()) == "", path


def test_the_commands_are_found_and_wrong_ones_seen():
    assert len(NAMED) > 40
    assert problem(["models", "mend", "x"])
    assert problem(["doctor", "--hard"])
    assert not problem(["--engine", "pocket", "doctor"])
    assert not problem(["models", "get", "cascade"])
