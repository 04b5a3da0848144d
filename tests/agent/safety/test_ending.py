"""What is below a process that ends has ended with it, also where nothing of the system's ends it."""

import subprocess
import time

import anyio
import psutil
import pytest

from deskhand.agent.mcp.box import Command
from deskhand.agent.mcp.stdio import ServerProcess
from deskhand.agent.safety.ending import Inside
from deskhand.agent.tools import boxed


@pytest.fixture
def mark():
    """An argument of sleep that no other test uses."""
    return f"7{time.monotonic_ns() % 10**7:07}"


def sleeping(mark):
    every = psutil.process_iter(["cmdline", "status"])
    found = [process.info for process in every if process.info["cmdline"] == ["sleep", mark]]
    return [info for info in found if info["status"] != psutil.STATUS_ZOMBIE]


def holder(mark, then):
    """A shell with a child in a session of its own, as a box's first process is: killing the group leaves it."""
    return ("/bin/sh", "-c", f"setsid sleep {mark} </dev/null >/dev/null 2>&1 & {then}")


def begun(mark):
    deadline = time.monotonic() + 20
    while not sleeping(mark) and time.monotonic() < deadline:
        time.sleep(0.02)
    return sleeping(mark)


def test_a_boxed_program_has_ended_with_all_that_is_in_its_box(mark):
    process = subprocess.Popen(holder(mark, "wait"), start_new_session=True)
    assert begun(mark)
    boxed.end(process, Inside(process.pid))
    assert sleeping(mark) == []


def test_what_was_held_is_ended_also_behind_a_holder_that_ended_by_itself(mark):
    process = subprocess.Popen(holder(mark, "read x"), stdin=subprocess.PIPE, start_new_session=True)
    assert begun(mark)
    inside = Inside(process.pid)
    inside.look()
    process.communicate(b"\n")
    boxed.end(process, inside)
    assert sleeping(mark) == []


@pytest.mark.parametrize("then", ["cat", "trap '' TERM; sleep 1 & wait; wait"])
def test_a_server_has_ended_with_all_that_is_in_its_box(mark, tmp_path, then):
    async def whole():
        async with ServerProcess(
            Command(holder(mark, then), {"PATH": "/usr/bin:/bin"}, tmp_path), lambda _: False
        ).streams():
            while not sleeping(mark):  # noqa: ASYNC110 - another process
                await anyio.sleep(0.02)
        assert sleeping(mark) == []

    anyio.run(whole)


def test_nothing_is_held_of_a_process_that_is_gone_or_has_none():
    with subprocess.Popen(["/bin/true"]) as process:
        process.wait()
    inside = Inside(process.pid)
    inside.look()
    assert inside.end()
