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
        ("def f(a: dict[int, int]): ", "understood"),
        ("def f(a: set[int]): ", "understood"),
        ("def f(a: datetime): ", "understood"),
        ("def f(a: Annotated[int, Pattern('x')]): ", "Pattern(…), which is not understood"),
        ("def f(a: Annotated[int, Field(pattern='x')]): ", "bound pattern of a is not understood"),
        ("def f(a: Annotated[str, Field(ge=1)]): ", "needs a number"),
        ("def f(a: Annotated[int, Field(min_length=1)]): ", "needs a text or a list"),
        ("def f(a: Annotated[int, Field(ge=N)]): ", "not a plain value"),
        ("class A(TypedDict):\n    a: 'A'\ndef f(a: A): ", "refers to itself"),
        ("A = B\nB = A\ndef f(a: A): ", "refers to itself"),
        ("class A:\n    a: int\ndef f(a: A): ", "no TypedDict, dataclass or Enum"),
        ("class A(B, TypedDict):\n    a: int\ndef f(a: A): ", "other classes below it"),
        ("class A(Enum):\n    a = 1\n    b = 'x'\ndef f(a: A): ", "all texts or all whole numbers"),
        ("class A(Enum):\n    pass\ndef f(a: A): ", "all texts or all whole numbers"),
        ("@dataclass\nclass A:\n    a: int = f()\ndef f(a: A): ", "not a plain value"),
        ("@dataclass\nclass A:\n    a: int = field()\ndef f(a: A): ", "no default that can be read"),
        ("def f(a: " + "list[" * 40 + "int" + "]" * 40 + "): ", "nested too deeply"),
        ("def f(a: int | str): ", "more than one type"),
        ("def f(*a: int): ", "have no schema"),
        ("def f(**a: int): ", "have no schema"),
        ("def f(a: int, /): ", "have no schema"),
        ("def f(a: int = len('x')): ", "not a plain value"),
        ("def f(a: Literal[1, 'x']): ", "must be all strings"),
        ("def f(a: Literal[1.5]): ", "must be all strings"),
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


CLASSES = '''
from dataclasses import dataclass, field
from enum import Enum, IntEnum, StrEnum, auto
from typing import Annotated, Literal, NotRequired, Required, TypedDict

from annotated_types import Ge, Len, MaxLen
from pydantic import Field

Level = Literal["low", "high"]


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Size(IntEnum):
    S = auto()
    L = 7


class Mood(StrEnum):
    GLAD = auto()


class Place(TypedDict, total=False):
    """A place.

    Attributes:
        name: what people call it.
    """

    name: Required[str]
    floor: int


@dataclass
class Lamp:
    where: Place
    colours: list[Colour]
    size: Size = Size.L
    level: Level = "low"
    notes: dict[str, str] = field(default_factory=dict)
    watts: Annotated[float | None, Ge(0), "power"] = None


'''


def test_classes_bounds_and_names_become_a_schema(tmp_path):
    found, problems = read(
        tmp_path,
        CLASSES
        + '''
def light(lamp: Lamp, twice: list[Lamp], mood: Mood, best: Colour = Colour.RED,
          share: Annotated[float, Field(gt=0, le=1, description="of all")] = 0.5,
          names: Annotated[list[str], Len(1, 3)] = ["a"], code: Annotated[str, MaxLen(4)] = "", any_: dict = {}) -> str:
    """Light."""
    return ""
''',
    )
    assert problems == ()
    (light,) = found
    assert light.shaped
    place = {
        "type": "object",
        "properties": {"name": {"type": "string", "description": "what people call it."}, "floor": {"type": "integer"}},
        "required": ["name"],
        "additionalProperties": False,
    }
    colour = {"type": "string", "enum": ["red", "blue"]}
    lamp = {
        "type": "object",
        "properties": {
            "where": place,
            "colours": {"type": "array", "items": colour},
            "size": {"type": "integer", "enum": [1, 7], "default": 7},
            "level": {"type": "string", "enum": ["low", "high"], "default": "low"},
            "notes": {"type": "object", "additionalProperties": {"type": "string"}},
            "watts": {"type": ["number", "null"], "minimum": 0, "description": "power"},
        },
        "required": ["where", "colours"],
        "additionalProperties": False,
    }
    assert light.parameters == {
        "type": "object",
        "properties": {
            "lamp": lamp,
            "twice": {"type": "array", "items": lamp},
            "mood": {"type": "string", "enum": ["glad"]},
            "best": {**colour, "default": "red"},
            "share": {
                "type": "number", "exclusiveMinimum": 0, "maximum": 1, "description": "of all", "default": 0.5,
            },
            "names": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 3, "default": ["a"]},
            "code": {"type": "string", "maxLength": 4, "default": ""},
            "any_": {"type": "object", "default": {}},
        },
        "required": ["lamp", "twice", "mood"],
    }  # fmt: skip
