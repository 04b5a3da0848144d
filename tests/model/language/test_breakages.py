"""Every way in which Gemma 4 has been seen to break a tool call (docs/tool-calls.md), streamed with every cut."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskhand.model.language.literals import CONTROL_TOKENS
from deskhand.model.language.parser import GemmaParser, Parsed
from deskhand.model.types import BrokenCall, CallDelta, TextDelta, ThoughtDelta, ToolSpec

TOKEN = re.compile("|".join(map(re.escape, CONTROL_TOKENS)))


def tool(name: str, required: tuple[str, ...], **properties: str) -> ToolSpec:
    schema = {key: {"type": kind} for key, kind in properties.items()}
    return ToolSpec(name, "does it", {"type": "object", "properties": schema, "required": list(required)})


TOOLS = (
    tool("remember", ("memory",), memory="string", weight="integer", sure="boolean"),
    tool("write", ("path", "content"), path="string", content="string"),
    tool("grep", ("pattern",), pattern="string", path="string", include="string"),
    tool("bash", ("command",), command="string"),
    tool("read_files", ("files",), files="array"),
    tool("clock.time", ()),
    tool("odd", (), **{"c d": "array", "type": "string"}),
)


def pieces(text: str, size: int) -> list[tuple[str, bool]]:
    """Control tokens whole, everything else cut every ``size`` characters."""
    out: list[tuple[str, bool]] = []
    at = 0
    for found in [*TOKEN.finditer(text), None]:
        plain = text[at : found.start() if found else len(text)]
        out += [(plain[cut : cut + size], False) for cut in range(0, len(plain), size)]
        if found:
            out.append((found[0], True))
            at = found.end()
    return out


def parse(text: str, size: int = 1, tools: tuple[ToolSpec, ...] = TOOLS, **options: Any) -> list[Any]:
    parser = GemmaParser(tools, **options)
    deltas: list[Parsed] = []
    for piece, special in pieces(text, size):
        deltas += parser.feed(piece, special=special)
    out: list[Any] = []
    for delta in [*deltas, *parser.finish()]:
        if isinstance(delta, CallDelta):
            out.append((delta.call.name, dict(delta.call.arguments)))
        elif isinstance(delta, BrokenCall) or not out or type(out[-1]) is not type(delta):
            out.append(delta)
        else:
            out[-1] = type(delta)(out[-1].text + delta.text)
    return out


CUTS = pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 10_000])
MANY_LINES = '# Guide\n\nA *list*, with {braces}, [brackets] and `code`:\n- it\'s "quoted": yes\n' * 40


@CUTS
@pytest.mark.parametrize(
    ("inside", "arguments"),
    [
        # llama.cpp 22786: plain quotes
        ('{memory: "likes tea"}', {"memory": "likes tea"}),
        ('{memory:"likes tea"}', {"memory": "likes tea"}),
        ('{"memory": "likes tea", "weight": 3}', {"memory": "likes tea", "weight": 3}),
        ('{memory: "says \\"no\\", often", sure: true}', {"memory": 'says "no", often', "sure": True}),
        ('{memory: "says "no", often", sure: true}', {"memory": 'says "no", often', "sure": True}),
        ('{memory: "a\nb\\nc"}', {"memory": "a\nb\nc"}),
        ('{memory: ""}', {"memory": ""}),
        ('{\n  memory: "likes tea",\n  weight: 3\n}', {"memory": "likes tea", "weight": 3}),
        # ollama 15315: single quotes, with a quoting token that dangles
        ("{memory:'likes tea'}", {"memory": "likes tea"}),
        ("{memory:'it's tea'}", {"memory": "it's tea"}),
        ("{memory:'likes tea'<|\"|>}", {"memory": "likes tea"}),
        ("{memory:'likes tea'<|\"|>,weight:3}", {"memory": "likes tea", "weight": 3}),
        # ollama 15315: raw text
        ("{memory:likes tea}", {"memory": "likes tea"}),
        ("{memory:likes tea, and coffee,weight:3}", {"memory": "likes tea, and coffee", "weight": 3}),
        ("{memory:see https://a.b/c?d=e,f:g,weight:3}", {"memory": "see https://a.b/c?d=e,f:g", "weight": 3}),
        ("{memory:uses {x} and [y],sure:false}", {"memory": "uses {x} and [y]", "sure": False}),
        (f"{{memory:{MANY_LINES}}}", {"memory": MANY_LINES.strip()}),
        # sglang 39240: the first or the last quoting token is missing
        ('{memory:likes tea<|"|>}', {"memory": "likes tea"}),
        ('{memory:Paris, France<|"|>,weight:5}', {"memory": "Paris, France", "weight": 5}),
        ('{memory:<|"|>likes tea}', {"memory": "likes tea"}),
        ('{memory:<|"|>likes tea,weight:5}', {"memory": "likes tea", "weight": 5}),
        # vLLM 44715: quoting tokens for the quotes inside of a text
        ('{memory:<|"|>he said <|"|>no<|"|> twice<|"|>}', {"memory": 'he said "no" twice'}),
        ('{memory:<|"|>f(<|"|><|"|><|"|>x<|"|><|"|><|"|>)<|"|>,weight:1}', {"memory": 'f("""x""")', "weight": 1}),
        # yzma 243: a comma is missing
        ('{memory:<|"|>likes tea<|"|>weight:90}', {"memory": "likes tea", "weight": 90}),
        # ollama 17565: the last brace is missing
        ('{memory:<|"|>likes tea<|"|>', {"memory": "likes tea"}),
        ('{memory:<|"|>likes tea<|"|>,weight:3', {"memory": "likes tea", "weight": 3}),
        ('{memory: "likes tea"', {"memory": "likes tea"}),
        ("{memory:likes tea", {"memory": "likes tea"}),
        # Python's words, a comma too many, white space
        ('{memory:<|"|>x<|"|>,sure:True}', {"memory": "x", "sure": True}),
        ('{memory:<|"|>x<|"|>,sure:None,}', {"memory": "x", "sure": None}),
        (' {memory : <|"|>x<|"|> , weight : -2 }', {"memory": "x", "weight": -2}),
        ('{memory:<|"|>x<|"|>}}', {"memory": "x"}),
        # omlx 1846: parentheses and equal signs
        ('(memory="likes tea", weight=3)', {"memory": "likes tea", "weight": 3}),
        ('(memory=<|"|>likes tea<|"|>)', {"memory": "likes tea"}),
        # ollama 18275: the 12B's own form, with empty thoughts in it
        (":\nBEGIN_ARG:\nlikes tea\nEND_ARG", {"memory": "likes tea"}),
        (":\nBEGIN_ARG likes tea END_ARG\n", {"memory": "likes tea"}),
        (":\nBEGIN_ARG:\n<|channel>thought\n<channel|>likes\ntea\nEND_ARG\n<|channel>thought\n<channel|>",
         {"memory": "likes\ntea"}),
    ],
)  # fmt: skip
def test_repaired(inside: str, arguments: dict[str, Any], size: int) -> None:
    assert parse(f"<|tool_call>call:remember{inside}<tool_call|>", size) == [("remember", arguments)]


@CUTS
@pytest.mark.parametrize(
    ("written", "call"),
    [
        (
            "call:grep{include:<|\"|>*.py<|\"|>,path:<|\"|>/data/x<|\"|>,pattern:':\\s*\\w+'<|\"|>}",
            ("grep", {"include": "*.py", "path": "/data/x", "pattern": ":\\s*\\w+"}),
        ),
        (f'call:write{{content:{MANY_LINES}<|"|>,path:<|"|>a.md<|"|>}}',
         ("write", {"content": MANY_LINES.strip(), "path": "a.md"})),
        (f'call:write{{content:<|"|>{MANY_LINES}<|"|>,path:a.md}}', ("write", {"content": MANY_LINES, "path": "a.md"})),
        (
            'call:read_files{files:[{path:<|"|>c:\\Users\\a.json<|"|>,start_line:1}]',
            ("read_files", {"files": [{"path": "c:\\Users\\a.json", "start_line": 1}]}),
        ),
        (
            "call:read_files{files:[\"a\", 'b', c, {\"path\": \"d\"}, {path: e, n: 2}, [], {}, 1.5, null]}",
            ("read_files", {"files": ["a", "b", "c", {"path": "d"}, {"path": "e", "n": 2}, [], {}, 1.5, None]}),
        ),
        ('call:files:read_files{files:["a"]}', ("read_files", {"files": ["a"]})),
        ("call:clock:time{}", ("clock.time", {})),
        ("call:clock.time", ("clock.time", {})),
        ('call:odd{"c d": [1], type: "b"}', ("odd", {"c d": [1], "type": "b"})),
        ("clock.time{}", ("clock.time", {})),
        ('bash{command: "ls"}', ("bash", {"command": "ls"})),
        ('{"name": "bash", "arguments": {"command": "ls -l"}}', ("bash", {"command": "ls -l"})),
        ('{"name": "bash", "parameters": {"command": "ls -l"}}', ("bash", {"command": "ls -l"})),
    ],
)  # fmt: skip
def test_other_tools_are_repaired(written: str, call: tuple[str, dict[str, Any]], size: int) -> None:
    assert parse(f"<|tool_call>{written}<tool_call|>", size) == [call]


@CUTS
@pytest.mark.parametrize(
    "inside",
    [
        "call:nothing{memory: x}",  # no such tool
        'call:remember{memory: "x", other: 1}',  # no such parameter
        "call:remember{memory:}",
        "call:remember{:x}",
        'call:remember{memory: "x", memory: "y"}',
        "call:remember{memory: x} and then {weight: 1}}{",
        "call:write:\nBEGIN_ARG:\na.md\nEND_ARG\nBEGIN_ARG:\ntext\nEND_ARG",  # which is which?
        "call:remember:\nBEGIN_ARG:\nx",
        "call:remember: likes tea",
        "call:odd{type:" + "[" * 5000,
        "{not json}",
        '{"name": "nothing", "arguments": {}}',
        "",
    ],
)
def test_where_it_can_not_be_told_the_model_is_asked_again(inside: str, size: int) -> None:
    written = f"<|tool_call>{inside}<tool_call|>"
    (found,) = parse(written, size)
    assert isinstance(found, BrokenCall)
    assert found.raw == written
    assert found.problem


@CUTS
@pytest.mark.parametrize(
    ("text", "found"),
    [
        # vLLM 54256: the call's first token is missing
        ('<|channel>thought\nhm\n<channel|>call:bash{command: "ls"}',
         [ThoughtDelta("hm"), ("bash", {"command": "ls"})]),
        ('<|channel>thought\n<channel|>call:bash{command:<|"|>ls<|"|>}<tool_call|>', [("bash", {"command": "ls"})]),
        ('call:bash{command:<|"|>ls<|"|>}', [("bash", {"command": "ls"})]),
        ("call:bash:\nBEGIN_ARG:\nls\nEND_ARG\n", [("bash", {"command": "ls"})]),
        ("call:bash:\nBEGIN_ARG:\nls\nEND_ARG\n<|channel>thought\n<channel|><|tool_call>call:clock.time{}<tool_call|>",
         [("bash", {"command": "ls"}), ("clock.time", {})]),
        # the token that ends a call is missing, and the call is whole
        ('<|tool_call>call:bash{command:<|"|>ls<|"|>}', [("bash", {"command": "ls"})]),
        ('<|tool_call>call:bash{command:<|"|>ls<|"|>}<|tool_call>call:clock.time{}<tool_call|>',
         [("bash", {"command": "ls"}), ("clock.time", {})]),
        # what is no call stays text, whole
        ("call: me", [TextDelta("call: me")]),
        ("call:bashful{}", [TextDelta("call:bashful{}")]),
        ("calling home", [TextDelta("calling home")]),
        ("call:bash", [TextDelta("call:bash")]),
        ("Use call:bash{command: x}", [TextDelta("Use call:bash{command: x}")]),
        ("call:bash{command: x} is how it is written.", [TextDelta("call:bash{command: x} is how it is written.")]),
        # llama.cpp 22371: the token in prose
        ("The token <|tool_call> begins it, and\nmore.", [TextDelta("The token <|tool_call> begins it, and\nmore.")]),
        ("`<|tool_call>` and `<tool_call|>`: so.", [TextDelta("`<|tool_call>` and ``: so.")]),
    ],
)  # fmt: skip
def test_tokens_that_are_missing_or_out_of_place(text: str, found: list[Any], size: int) -> None:
    assert parse(text, size) == found


@CUTS
@pytest.mark.parametrize(
    "inside",
    [
        'call:remember{memory:<|"|>likes te',
        'call:remember{memory:<|"|>likes tea<|"|>',
        "call:remember{memory:likes te",
        'call:remember{memory: "likes tea", wei',
        "call:remember:\nBEGIN_ARG:\nlikes te",
        "call:remember",
        "call:rem",
    ],
)
def test_a_call_that_was_cut_off_never_runs(inside: str, size: int) -> None:
    (found,) = parse(f"<|tool_call>{inside}", size)
    assert found == BrokenCall(f"<|tool_call>{inside}", "The call was not finished.")


@pytest.mark.parametrize("inside", ['call:bash{command: "ls"}', 'call:bash{command:<|"|>ls<|"|>}'])
def test_where_no_tool_may_be_called_a_repaired_call_is_broken_too(inside: str) -> None:
    for written in (f"<|tool_call>{inside}<tool_call|>", inside):
        (found,) = parse(written, calls_allowed=False)
        assert isinstance(found, BrokenCall)
        assert found.problem == "No tool may be called now."


noise = st.lists(
    st.sampled_from(
        [*CONTROL_TOKENS, "call:", "remember", "bash", "{", "}", "(", ")", "memory", ":", "=", ",", '"', "'"]
    )
    | st.sampled_from(["BEGIN_ARG", "END_ARG", "\n", " ", "[", "]", "true", "-1", "\\", "x", "ü", '{"name":"bash"'])
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=3),
    max_size=40,
)


@given(noise, st.integers(1, 9))
def test_whatever_is_written_nothing_is_raised_and_no_text_is_doubled_by_the_cuts(parts: list[str], size: int) -> None:
    text = "".join(parts)

    def plain(found: list[Any]) -> list[Any]:
        return [item if not isinstance(item, BrokenCall) else ("broken", item.raw) for item in found]

    whole = plain(parse(text, 10_000))
    assert plain(parse(text, size)) == whole
    for item in whole:
        if isinstance(item, tuple) and item[0] != "broken":
            assert item[0] in {spec.name for spec in TOOLS} or isinstance(item[1], dict)


@CUTS
@pytest.mark.parametrize(
    ("text", "found"),
    [
        # vllm-mlx 622, tensai 217: a fenced block with Python in it
        ('```tool_code\nbash(command="ls")\n```', [("bash", {"command": "ls"})]),
        ('```tool_code\nprint(bash(command="ls"))\n```', [("bash", {"command": "ls"})]),
        ('```tool_code\nprint(default_api.bash(command="ls"))\n```', [("bash", {"command": "ls"})]),
        ('```tool_code\nout = bash(command="ls")\nprint(out)\n```', [("bash", {"command": "ls"})]),
        ('```python\nbash("ls")\n```', [("bash", {"command": "ls"})]),
        ('```python\nremember(memory="a", weight=2, sure=true)\n```',
         [("remember", {"memory": "a", "weight": 2, "sure": True})]),
        ('[bash(command="ls"), clock.time()]', [("bash", {"command": "ls"}), ("clock.time", {})]),
        ('```json\n{"name": "bash", "arguments": {"command": "ls"}}\n```', [("bash", {"command": "ls"})]),
        # the whole answer is JSON
        ('{"name": "bash", "arguments": {"command": "ls"}}', [("bash", {"command": "ls"})]),
        ('{"name": "bash", "parameters": {"command": "ls"}}', [("bash", {"command": "ls"})]),
        ("{'name': 'bash', 'arguments': {'command': 'ls'}}", [("bash", {"command": "ls"})]),
        ("{“name”: “bash”, “arguments”: {“command”: “ls”}}", [("bash", {"command": "ls"})]),
        ("{&quot;name&quot;: &quot;bash&quot;, &quot;arguments&quot;: {&quot;command&quot;: &quot;ls&quot;}}",
         [("bash", {"command": "ls"})]),
        # Rapid-MLX 1102: its own spelling without the marker, or with one that is spelt out
        ('bash{command:<|"|>ls<|"|>}', [("bash", {"command": "ls"})]),
        ('I look.\nbash{command:<|"|>ls<|"|>}', [TextDelta("I look."), ("bash", {"command": "ls"})]),
        ('I look.\n\ncall:bash{command:<|"|>ls<|"|>}<tool_call|>', [TextDelta("I look."), ("bash", {"command": "ls"})]),
        ('<|tool_call|>call:bash{command:<|"|>ls<|"|>}', [("bash", {"command": "ls"})]),
        ('<|tool_call>:bash{command:<|"|>ls<|"|>}<tool_call|>', [("bash", {"command": "ls"})]),
        ('<function=bash>{"command": "ls"}</function>', [("bash", {"command": "ls"})]),
        # ollama 18354: two calls behind one marker
        ('<|tool_call>call:clock.time{}call:bash{command:<|"|>ls<|"|>}<tool_call|>',
         [("clock.time", {}), ("bash", {"command": "ls"})]),
        # what prose follows is an example, and so is what no tool is named in
        ('Like this:\n```tool_code\nbash(command="ls")\n```\nTry it.',
         [TextDelta('Like this:\n```tool_code\nbash(command="ls")\n```\nTry it.')]),
        ('You can say bash(command="ls") there.', [TextDelta('You can say bash(command="ls") there.')]),
        ("bash(command) runs it.\nSo.", [TextDelta("bash(command) runs it.\nSo.")]),
        ("```python\nimport os\nprint(os.name)\n```", [TextDelta("```python\nimport os\nprint(os.name)\n```")]),
        ('{"name": "Ada", "age": 3}', [TextDelta('{"name": "Ada", "age": 3}')]),
        ("print is a word.\n\n[1] and\n`code`\n", [TextDelta("print is a word.\n\n[1] and\n`code`\n")]),
        ("open_door {}", [BrokenCall("open_door {}", "There is no tool open_door.")]),
    ],
)  # fmt: skip
def test_other_envelopes(text: str, found: list[Any], size: int) -> None:
    """Report E10 and its kind: what differs a little from the notation is that call, or seen to be none."""
    assert parse(text, size) == found


@CUTS
@pytest.mark.parametrize(
    ("inside", "arguments"),
    [
        ("{memory:&quot;likes tea&quot;,weight:3}", {"memory": "likes tea", "weight": 3}),
        ("{memory:“likes tea”}", {"memory": "likes tea"}),
        ("{memory:‘likes tea’,sure:true}", {"memory": "likes tea", "sure": True}),
        ("{memory:`likes tea`}", {"memory": "likes tea"}),
        ('{memory:<|"likes tea<|",weight:1}', {"memory": "likes tea", "weight": 1}),
    ],
)
def test_other_quotes(inside: str, arguments: dict[str, Any], size: int) -> None:
    assert parse(f"<|tool_call>call:remember{inside}<tool_call|>", size) == [("remember", arguments)]


@CUTS
@pytest.mark.parametrize(
    "inside",
    [
        '{path:<|"|>a.txt,content:<|"|>hello<|"|>}',  # a missing quoting token would swallow the next argument
        '{path:<|"|>a.txt,content:<|"|>hello}',
        "{path:'a.txt,content:hello}",  # one quote alone: forgotten, or an apostrophe
        "{path:a.txt,content:hello'}",
        '{path:a.txt,content:say <|" there}',
        "{path:STRING a.txt,content:x}",
    ],
)
def test_what_has_two_readings_is_asked_again(inside: str, size: int) -> None:
    """The attack's parser lines: never a wrong value instead of a re-ask."""
    (broken,) = parse(f"<|tool_call>call:write{inside}<tool_call|>", size)
    assert isinstance(broken, BrokenCall)


def test_a_key_with_spaces_is_the_parameter_that_it_means() -> None:
    tools = (tool("send", ("due_date",), due_date="string", to="string"),)
    assert parse('<|tool_call>call:send{due date: "today", to: "Ann"}<tool_call|>', tools=tools) == [
        ("send", {"due_date": "today", "to": "Ann"})
    ]
