"""A real server over streamable HTTP on this machine: off unless it is allowed, bounded, in both eras."""

import json
import socket
import subprocess
import sys
import time

import pytest

SERVER = """
import sys
from mcp.server.mcpserver import MCPServer

server = MCPServer("near")

@server.tool()
def add(a: int, b: int) -> str:
    "Add two numbers."
    return str(a + b)

@server.tool()
def flood() -> str:
    "Say very much."
    return "x" * 40_000_000

server.run(sys.argv[2], host="127.0.0.1", port=int(sys.argv[1]))
"""


@pytest.fixture
def near(request):
    """The address of a server that runs."""
    kind = getattr(request, "param", "streamable-http")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-c", SERVER, str(port), kind], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            time.sleep(0.1)
    yield f"http://127.0.0.1:{port}/{'sse' if kind == 'sse' else 'mcp'}"
    process.kill()
    process.wait()


def test_a_server_on_this_machine_is_called_over_http(desk, near):
    desk.write(near={"url": near})
    assert desk.servers.leaves == ()
    assert desk.connect("near")["tools"] == ["near__add", "near__flood"]
    assert desk.run("near__add", a=40, b=2).value == "42"
    assert "near" in desk.run("near__flood").error
    assert desk.run("near__add", a=1, b=2).value == "3"


def test_nothing_leaves_the_machine_unless_that_is_switched_on(desk):
    desk.write(far={"url": "https://mcp.example.org/mcp"})
    assert desk.servers.tools == ()
    assert "switch mcp_remote on" in desk.servers.problems[0]
    desk.options["remote"] = True
    desk.start()
    assert desk.names() == ["far__connect"]
    assert desk.servers.leaves == ("mcp.example.org",)
    assert "is sent to mcp.example.org" in desk.servers.touches(desk.tool("far__connect"))[0]


def test_nobody_there_is_a_sentence(desk):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    desk.write(near={"url": f"http://127.0.0.1:{port}/mcp", "headers": {"A": "b"}})
    assert desk.run("near__connect").error.startswith("The MCP server near could not be connected")
    desk.write(near={"url": f"http://127.0.0.1:{port}/mcp", "headers": {"A": "${NEVER_SET_HERE}"}})
    assert "needs the variable NEVER_SET_HERE" in desk.run("near__connect").error


def test_a_server_that_is_no_server_is_a_sentence(desk):
    with subprocess.Popen(
        [sys.executable, "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", str(desk.folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"PYTHONUNBUFFERED": "1"},
    ) as process:
        assert process.stdout is not None
        port = json.loads(process.stdout.readline().decode().split("port ")[1].split(" ")[0])
        desk.write(near={"url": f"http://127.0.0.1:{port}/mcp"})
        assert desk.run("near__connect").error.startswith("The MCP server near could not be connected")
        process.kill()


@pytest.mark.parametrize("near", ["sse"], indirect=True)
def test_the_older_transport_is_spoken(desk, near):
    """Report E4."""
    desk.write(near={"type": "SSE", "url": near})
    desk.connect("near")
    assert desk.run("near__add", a=40, b=2).value == "42"
