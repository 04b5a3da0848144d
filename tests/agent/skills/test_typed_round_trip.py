"""Any signature of typed Python: its schema, a grammar, a call under it, its arguments, and what the function gets."""

import importlib.util
import itertools
import sys
import threading
from dataclasses import asdict, is_dataclass
from enum import Enum
from typing import get_type_hints

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deskhand.agent.limits import Limits
from deskhand.agent.skills import signatures
from deskhand.agent.skills.loading import load_skills
from deskhand.agent.tools import arguments, runner
from deskhand.agent.tools.toolbox import Toolbox
from deskhand.model.language.chat_template import JinjaDialect
from deskhand.model.language.template import Gemma4Dialect
from deskhand.model.llama import native  # noqa: F401 - silences llama.cpp, whose log is no text
from deskhand.model.types import Message, Request, Text, ToolCall, ToolSpec
from tests.agent.skills.test_signatures import CLASSES
from tests.model.language.made_calls import rendered, texts
from tests.model.language.test_grammar import matches
from tests.model.language.test_round_trip import read as parsed
from tests.model.language.test_round_trip import vocabulary  # noqa: F401 - a fixture

COUNT = itertools.count()

colours = st.sampled_from(["red", "blue"])
places = st.fixed_dictionaries({"name": texts}, optional={"floor": st.integers(-9, 99)})
lamps = st.fixed_dictionaries(
    {"where": places, "colours": st.lists(colours, max_size=2)},
    optional={
        "size": st.sampled_from([1, 7]),
        "level": st.sampled_from(["low", "high"]),
        "notes": st.dictionaries(st.sampled_from(["a", "b_c"]), texts, max_size=2),
        "watts": st.none() | st.integers(0, 100),
    },
)
LEAVES = [
    ("str", texts),
    ("int", st.integers(-(10**9), 10**9)),
    ("float", st.integers(-1000, 1000).map(lambda n: n / 4)),
    ("bool", st.booleans()),
    ('Literal["x", "say \\"no\\""]', st.sampled_from(["x", 'say "no"'])),
    ("Literal[1, -2]", st.sampled_from([1, -2])),
    ("Colour", colours),
    ("Size", st.sampled_from([1, 7])),
    ("Mood", st.just("glad")),
    ("Level", st.sampled_from(["low", "high"])),
    ("Place", places),
    ("Lamp", lamps),
    ("Annotated[int, Ge(3), Field(lt=9)]", st.integers(3, 8)),
    ('Annotated[list[int], Len(1, 3), "some"]', st.lists(st.integers(0, 9), min_size=1, max_size=3)),
]


def wider(inner):
    return st.one_of(
        inner.map(lambda pair: (f"list[{pair[0]}]", st.lists(pair[1], max_size=2))),
        inner.map(lambda p: (f"dict[str, {p[0]}]", st.dictionaries(st.sampled_from(["k", "l_2"]), p[1], max_size=2))),
    )


kinds = st.recursive(st.sampled_from(LEAVES), wider, max_leaves=3)
nullable = kinds.map(lambda pair: (f"{pair[0]} | None", st.none() | pair[1]))


def plain(value):
    """What a function got, as JSON says it."""
    if is_dataclass(value):
        return plain(asdict(value))
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


def loaded(path):
    name = f"typed_{next(COUNT)}"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    finally:
        del sys.modules[name]
    return module


@pytest.mark.parametrize("dialect", [Gemma4Dialect(), JinjaDialect()], ids=["gemma", "json"])
@settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))
@given(st.lists(kinds | nullable, min_size=1, max_size=3), st.data())
def test_what_a_model_writes_reaches_the_function_as_it_was_meant(tmp_path, vocabulary, dialect, wanted, data):  # noqa: F811 - a fixture
    head = ", ".join(f"{name}: {kind}" for name, (kind, _) in zip("abc", wanted, strict=False))
    path = tmp_path / "tools.py"
    path.write_text(f'{CLASSES}def go({head}):\n    """Go."""\n    return locals()\n')
    (go,), problems = signatures.read(path)
    assert problems == ()
    given_ = {name: data.draw(values) for name, (_, values) in zip("abc", wanted, strict=False)}
    tool = ToolSpec("go", go.description, go.parameters)
    written = rendered(dialect, (tool,), (ToolCall("c", "go", given_),))
    ((name, read),) = parsed(dialect, tool, written)
    exact = arguments.fit(go.parameters, read)
    assert (name, exact) == ("go", given_)
    function = loaded(path).go
    hints = get_type_hints(function)
    got = function(**{key: runner.shaped(value, hints[key]) for key, value in exact.items()})
    for key, value in given_.items():
        assert contains(plain(got[key]), value)


def contains(got, value):
    """Whether a value is all there; a dataclass adds what it has by default."""
    if isinstance(value, dict):
        return set(value) <= set(got) and all(contains(got[key], item) for key, item in value.items())
    if isinstance(value, list):
        return len(got) == len(value) and all(map(contains, got, value))
    return got == value


@pytest.mark.parametrize("dialect", [Gemma4Dialect(), JinjaDialect()], ids=["gemma", "json"])
@settings(deadline=None, max_examples=25, suppress_health_check=list(HealthCheck))
@given(kinds, st.data())
def test_the_grammar_of_a_signature_lets_such_a_call_through(tmp_path, vocabulary, dialect, wanted, data):  # noqa: F811 - a fixture
    path = tmp_path / "tools.py"
    path.write_text(f'{CLASSES}def go(a: {wanted[0]}):\n    """Go."""\n')
    (go,), _ = signatures.read(path)
    tool = ToolSpec("go", go.description, go.parameters)
    value = ordered(go.parameters["properties"]["a"], data.draw(wanted[1]))
    written = rendered(dialect, (tool,), (ToolCall("c", "go", {"a": value}),))
    grammar = dialect.grammar(Request((Message("user", (Text("?"),)),), (tool,), "required"))
    assert matches(vocabulary, grammar.gbnf, written), written


def ordered(schema, value):
    """In the order of the schema, which is the order in which a model writes JSON."""
    if isinstance(value, list):
        return [ordered(schema["items"], item) for item in value]
    if isinstance(value, dict) and schema.get("properties"):
        return {k: ordered(inner, value[k]) for k, inner in schema["properties"].items() if k in value}
    if isinstance(value, dict):
        return {key: ordered(schema["additionalProperties"], item) for key, item in value.items()}
    return value


def test_a_tool_in_its_process_gets_objects_of_its_own_classes(make_skill, tmp_path, eyes):
    code = CLASSES.replace("from annotated_types import Ge, Len, MaxLen\nfrom pydantic import Field\n", "").replace(
        '    watts: Annotated[float | None, Ge(0), "power"] = None\n', ""
    ) + '''
def light(lamp: Lamp, best: Colour = Colour.RED) -> list[str]:
    """Light."""
    return [type(lamp).__name__, lamp.colours[0].name, lamp.size.name, lamp.where["name"], best.name]
'''  # fmt: skip
    box = Toolbox(load_skills([(make_skill("lamps", code), "bundled")]), tmp_path / "data", eyes())
    call = ToolCall("c", "lamps_light", {"lamp": {"where": {"name": "hall"}, "colours": ["blue"], "size": 1}})
    assert box.run(call, threading.Event(), Limits()).value == ["Lamp", "BLUE", "S", "hall", "RED"]
    wrong = {"lamp": {"where": {"name": "hall", "street": "x"}, "colours": ["blue"]}}
    error = box.run(ToolCall("c", "lamps_light", wrong), threading.Event(), Limits()).error
    assert error == "In lamp: In where: There is no parameter street; known are: name, floor."
