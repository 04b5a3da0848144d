import pytest

from deskhand.agent.skills import signatures


def read(tmp_path, source):
    (tmp_path / "tools.py").write_text(source)
    return signatures.read(tmp_path / "tools.py")


def test_every_supported_annotation_becomes_a_schema(tmp_path):
    found, problems = read(
        tmp_path,
        '''
from typing import Literal, Optional

LEVELS = 3

def go(host: "Host", a: str, b: int = 3, c: float = -1.5, d: "bool" = False, e: Literal["x", "y"] = "x",
       f: list[list[int]] = [], g: str | None = None, h: Optional[int] = None, *,
       i: None | float, j: Literal[1, 2] = 1):
    """Go there.
    And back.

    More words.

    Args:
        host: not shown.
        a: the first
            in two lines.
        b (int): the second: with a colon.
        nobody: not a parameter.

    Returns:
        c: nothing.
    """
''',
    )
    assert problems == ()
    (go,) = found
    assert (go.name, go.function, go.description, go.host) == ("go", "go", "Go there. And back.", True)
    assert go.parameters == {
        "type": "object",
        "properties": {
            "a": {"type": "string", "description": "the first in two lines."},
            "b": {"type": "integer", "default": 3, "description": "the second: with a colon."},
            "c": {"type": "number", "default": -1.5},
            "d": {"type": "boolean", "default": False},
            "e": {"type": "string", "enum": ["x", "y"], "default": "x"},
            "f": {"type": "array", "items": {"type": "array", "items": {"type": "integer"}}, "default": []},
            "g": {"type": "string"},
            "h": {"type": "integer"},
            "i": {"type": ["number", "null"]},
            "j": {"type": "integer", "enum": [1, 2], "default": 1},
        },
        "required": ["a", "i"],
    }


def test_private_functions_classes_and_nested_ones_are_no_tools(tmp_path):
    found, problems = read(
        tmp_path,
        'def _hidden(): ...\nclass A:\n    def of(self): ...\ndef list_():\n    """List."""\n    def inner(x): ...\n',
    )
    assert [(entry.name, entry.function) for entry in found] == [("list", "list_")]
    assert not found[0].host
    assert problems == ()


@pytest.mark.parametrize(
    ("head", "problem"),
    [
        ("def f(a): ", "parameter a has no annotation"),
        ("def f(a: dict[str, int]): ", "understood"),
        ("def f(a: int | str): ", "more than one type"),
        ("def f(*a: int): ", "have no schema"),
        ("def f(**a: int): ", "have no schema"),
        ("def f(a: int, /): ", "have no schema"),
        ("def f(a: int = len('x')): ", "not a plain value"),
        ("def f(a: Literal[1, 'x']): ", "must be all strings"),
        ("def f(a: Literal[1.5]): ", "must be all strings"),
        ("def f(a: list[int | None]): ", "may not be None"),
        ("def f(a: 'in('): ", "not Python"),
        ("async def f(): ", "async"),
        ("def Big(): ", "a–z"),
    ],
)
def test_what_has_no_schema_is_a_problem_and_the_rest_stays(tmp_path, head, problem):
    found, problems = read(tmp_path, f'{head}\n    """Does."""\n\ndef good():\n    """Good."""\n')
    assert [entry.name for entry in found] == ["good"]
    assert problem in problems[0]


def test_a_function_without_a_docstring_is_a_problem(tmp_path):
    assert "no docstring" in read(tmp_path, "def f(): ...")[1][0]


@pytest.mark.parametrize("source", ["def f(:", "x = '\0'", "(" * 3000, "#" * 600_000])
def test_a_file_that_is_not_python_is_said(tmp_path, source):
    with pytest.raises(signatures.UnsupportedError):
        read(tmp_path, source)


def test_reading_does_not_run_the_code(tmp_path):
    found, _ = read(tmp_path, f'open({str(tmp_path / "ran")!r}, "w")\ndef f():\n    """F."""\n')
    assert len(found) == 1
    assert not (tmp_path / "ran").exists()
