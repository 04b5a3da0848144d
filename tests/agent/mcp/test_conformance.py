"""Report 9: one odd tool, or one odd part of a result, costs none of the others."""

import json
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mcp import types
from mcp_types import methods
from mcp_types.version import KNOWN_PROTOCOL_VERSIONS

from deskhand.agent.limits import Limits
from deskhand.agent.mcp import config
from deskhand.agent.mcp.conformance import Conformance
from deskhand.agent.mcp.offers import offers
from deskhand.agent.mcp.results import result
from deskhand.model.language.schema import normalise

GOOD = {"name": "good", "inputSchema": {"type": "object", "properties": {"a": {"type": "string"}}}}
SERVER = config.checked("s", {"command": "x"})
SLOWLY = settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats() | st.text(max_size=5) | st.sampled_from(["object"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
KEYS = ["type", "properties", "required", "anyOf", "oneOf", "allOf", "$ref", "items", "enum", "additionalProperties"]
SCHEMAS = JSON | st.dictionaries(st.sampled_from(KEYS), JSON, max_size=4)
TOOLS = JSON | st.fixed_dictionaries(
    {},
    optional={
        "name": st.text(max_size=5) | JSON,
        "title": JSON,
        "description": JSON,
        "inputSchema": SCHEMAS,
        "outputSchema": SCHEMAS,
        "annotations": JSON | st.dictionaries(st.sampled_from(["title", "readOnlyHint", "x"]), JSON),
        "icons": JSON,
        "execution": JSON,
        "_meta": JSON,
    },
)


def listed(tools, version="2025-11-25"):
    """What is offered of a list, as the SDK would read it from a server of this era."""
    made = Conformance()
    made.result("initialize", {"protocolVersion": version})
    answer = made.result("tools/list", {"tools": tools})
    read = methods.parse_server_result("tools/list", version, answer)
    assert isinstance(read, types.ListToolsResult)
    sent = [
        tool.model_copy(update={"input_schema": made.schemas[tool.name]})
        if isinstance(made.schemas[tool.name], dict)
        else tool
        for tool in read.tools
    ]
    return offers(SERVER, sent, made.problems)


@SLOWLY
@given(st.lists(TOOLS, max_size=4), st.sampled_from(KNOWN_PROTOCOL_VERSIONS))
def test_no_tool_costs_another(others, version):
    found = listed([*others, GOOD, *others], version)
    good = [tool for tool in found.tools if tool.original == "good"]
    assert [dict(tool.parameters) for tool in good] == [GOOD["inputSchema"]]
    for tool in found.tools:
        normalise(tool.parameters)


@pytest.mark.parametrize(
    ("odd", "parameters"),
    [
        ({"inputSchema": {"type": "object"}, "outputSchema": {"$id": "x.v1", "description": "d"}}, {}),
        ({}, {}),
        ({"inputSchema": None}, {}),
        ({"inputSchema": True}, {}),
        ({"inputSchema": {"properties": {"a": {"type": "string"}}}}, {"a": {"type": "string"}}),
        ({"inputSchema": {"type": ["object", "null"], "properties": {"a": {}}}}, {"a": {}}),
        ({"inputSchema": {"type": "object", "properties": {"a": {}}, "required": True}}, {"a": {}}),
        ({"inputSchema": {"type": "object", "properties": {"a": True, "b": {}}}}, {"a": {}, "b": {}}),
        ({"inputSchema": {"type": "object", "properties": None}}, {}),
        ({"inputSchema": {"type": "Object", "properties": {"a": {}}}, "title": 5, "icons": 7, "_meta": 3}, {"a": {}}),
        ({"inputSchema": {"type": "object"}, "annotations": {"readOnlyHint": "maybe", "title": "T"}}, {}),
        ({"input_schema": {"type": "object", "properties": {"a": {}}}}, {"a": {}}),
    ],
)
def test_a_tool_that_is_odd_is_mended(odd, parameters):
    for version in KNOWN_PROTOCOL_VERSIONS:
        found = listed([{"name": "odd", **odd}, GOOD], version)
        assert [tool.original for tool in found.tools] == ["odd", "good"], version
        assert found.tools[0].parameters["properties"] == parameters
        assert found.problems == ()


def test_a_tool_that_can_not_be_mended_is_left_out_with_a_sentence():
    found = listed([{"description": "Nameless."}, 5, GOOD])
    assert [tool.original for tool in found.tools] == ["good"]
    assert found.problems == (
        "Tool number 1 of the list is left out: it has no name.",
        "Tool number 2 of the list is left out: it has no name.",
    )


def test_a_list_in_another_form_is_one():
    assert [tool.original for tool in listed({"good": {"inputSchema": GOOD["inputSchema"]}}).tools] == ["good"]
    assert listed(None).tools == ()
    for cursor in (None, "", 0.5, []):
        assert "nextCursor" not in Conformance().result("tools/list", {"tools": [], "nextCursor": cursor})
    assert Conformance().result("tools/list", {"tools": [], "nextCursor": 7})["nextCursor"] == "7"


@SLOWLY
@given(
    st.lists(
        JSON
        | st.fixed_dictionaries(
            {"type": st.sampled_from(["text", "image", "audio", "resource", "resource_link", "x"])},
            optional={"text": JSON, "data": JSON, "mimeType": JSON, "resource": JSON, "annotations": JSON, "uri": JSON},
        ),
        max_size=4,
    ),
    JSON,
    st.sampled_from(KNOWN_PROTOCOL_VERSIONS),
)
def test_no_part_of_a_result_costs_another(parts, structured, version):
    made = Conformance()
    made.result("initialize", {"protocolVersion": version})
    raw = {"content": [*parts, {"type": "text", "text": "the answer"}], "structuredContent": structured}
    read = methods.parse_server_result("tools/call", version, made.result("tools/call", raw))
    assert isinstance(read, types.CallToolResult)
    assert "the answer" in result(read, Limits()).value


def test_the_three_servers_of_the_report_work(desk, tmp_path):
    script = tmp_path / "odd.py"
    script.write_text(
        "import json, sys\n"
        "def say(m): print(json.dumps({'jsonrpc': '2.0', **m}), flush=True)\n"
        "for line in sys.stdin:\n"
        "    m = json.loads(line); i, k = m.get('id'), m.get('method')\n"
        "    if k == 'initialize':\n"
        "        about = {'serverInfo': {'name': 's', 'version': '1'}, 'capabilities': {'tools': {}}}\n"
        "        say({'id': i, 'result': {'protocolVersion': '2025-06-18', **about}})\n"
        "    elif k == 'tools/list':\n"
        "        tools = json.load(open(sys.argv[1]))\n"
        "        say({'id': i, 'result': {'tools': tools}})\n"
        "    elif k == 'tools/call':\n"
        "        say({'id': i, 'result': {'content': [{'type': 'text', 'text': m['params']['name']}]}})\n"
        "    elif i is not None: say({'id': i, 'error': {'code': -32601, 'message': 'no'}})\n"
    )
    union = {"type": "object", "properties": {"a": {}, "b": {}}, "anyOf": [{"required": ["a"]}, {"required": ["b"]}]}
    odd = [
        {"name": "out", "description": "o", "inputSchema": {"type": "object"}, "outputSchema": {"$id": "x.v1"}},
        {"name": "none", "description": "o"},
        {"name": "null", "description": "o", "inputSchema": None},
        {"name": "union", "description": "Finds.", "inputSchema": union},
    ]
    (tmp_path / "tools.json").write_text(json.dumps(odd))
    read = [str(script), str(tmp_path / "tools.json")]
    desk.write(odd={"command": sys.executable, "args": ["-I", "-S", *read], "deskhand": {"read": read}})
    assert desk.connect("odd")["tools"] == ["odd__out", "odd__none", "odd__null", "odd__union"]
    for name in ("out", "none", "null"):
        assert desk.run(f"odd__{name}").value == name
    assert desk.run("odd__union", b=1).value == "union"
    assert desk.tool("odd__union").description == "Finds. Give at least one of these: a; or b."
