"""Large pictures go beside the socket, and whatever happens to either side, nothing is left of them."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from deskhand.model import types
from deskhand.model.process import channel, wire

PIXELS = os.urandom(1920 * 1080 * 3)
SCREEN = types.Image(PIXELS, 1920, 1080)
SMALL = types.Image(bytes(range(48)), 4, 4)


@pytest.fixture
def line() -> Iterator[tuple[Connection, Connection]]:
    ours, theirs = (Connection(end.detach()) for end in socket.socketpair())
    yield ours, theirs
    ours.close()
    theirs.close()


def descriptors() -> int:
    """Of memory without a name, in this process; others come and go with what tests before this one left behind."""
    found = 0
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # that of the listing itself is gone
            found += str(entry.readlink()).startswith("/memfd:")
    return found


def received(connection: Connection) -> wire.Message | None:
    """The next message, None when the other side is gone."""
    try:
        return channel.receive(connection)
    except (EOFError, OSError):
        return None


def sizes(connection: Connection) -> list[int]:
    """What crosses the socket itself, in bytes a message."""
    seen: list[int] = []
    original = connection.send_bytes

    def counted(data: bytes) -> None:
        seen.append(len(data))
        original(data)

    connection.send_bytes = counted  # type: ignore[method-assign]
    return seen


def test_large_pictures_go_beside_the_socket_and_come_whole(line: tuple[Connection, Connection]) -> None:
    ours, theirs = line
    crossed, before = sizes(ours), descriptors()
    block = wire.Block(PIXELS[: wire.BLOCK_BYTES])
    other = types.Image(PIXELS[::-1], 1080, 1920, 70)
    for keep in (wire.Keep((SCREEN, SMALL, block, other), ("x",)), wire.Keep((SMALL,), ())):
        channel.send(ours, keep)
        assert channel.receive(theirs) == keep
    assert max(crossed) < 20_000
    assert descriptors() == before


def test_messages_of_both_kinds_keep_their_order(line: tuple[Connection, Connection]) -> None:
    """The receiver is behind: descriptors wait in the socket between the messages."""
    ours, theirs = line
    messages: list[wire.Message] = []
    for number in range(5):
        messages += [
            wire.Cancel(number),
            wire.Keep((types.Image(bytes([number]) * 300_000, 1000, 100),), ()),
            wire.Deltas(number, (types.TextDelta("sea"),)),
            wire.Generate(number, types.Request((types.Message("user", (types.Audio(PIXELS[:64_000]),)),))),
        ]
    writer = threading.Thread(target=lambda: [channel.send(ours, message) for message in messages])
    writer.start()
    assert [channel.receive(theirs) for _ in messages] == messages
    writer.join()


@pytest.mark.parametrize("missing", ["no such call", "no memory", "no descriptors"])
def test_without_shared_memory_pictures_cross_the_socket(
    line: tuple[Connection, Connection], monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    ours, theirs = line
    before = descriptors()

    def refused(*_: object) -> int:
        raise OSError(12, "Cannot allocate memory")

    if missing == "no such call":
        monkeypatch.delattr(os, "memfd_create")
    else:
        monkeypatch.setattr(os, "write" if missing == "no memory" else "memfd_create", refused)
    keep = wire.Keep((SCREEN,), ())
    writer = threading.Thread(target=channel.send, args=(ours, keep))
    writer.start()
    assert channel.receive(theirs) == keep
    writer.join()
    assert descriptors() == before


def test_a_named_picture_needs_no_segment(line: tuple[Connection, Connection]) -> None:
    ours, theirs = line
    order = wire.Generate(1, types.Request((types.Message("user", (SCREEN,)),)))
    channel.send(ours, order, {SCREEN.digest})
    assert channel.receive(theirs, {SCREEN.digest: SCREEN}) == order


def segments(pid: int) -> list[str]:
    found: list[str] = []
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # the one of this listing
            found.append(str(link.readlink()))
    return [target for target in found if "deskhand picture" in target]


RECEIVER = """
import os, signal, socket, sys
from multiprocessing.connection import Connection
from deskhand.model.process import channel
connection = Connection(int(sys.argv[1]))
connection.recv_bytes()  # and is killed before it takes the descriptor
print("there", flush=True)
signal.pause()
"""


def test_nothing_is_left_when_the_receiver_is_killed(line: tuple[Connection, Connection]) -> None:
    ours, theirs = line
    named = {*Path("/dev/shm").iterdir()}
    child = subprocess.Popen(
        [sys.executable, "-c", RECEIVER, str(theirs.fileno())],
        pass_fds=[theirs.fileno()],
        stdout=subprocess.PIPE,
    )
    theirs.close()
    channel.send(ours, wire.Keep((SCREEN,), ()))
    assert child.stdout
    assert child.stdout.readline() == b"there\n"
    assert segments(os.getpid()) == []
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    with pytest.raises((BrokenPipeError, ConnectionResetError)):
        channel.send(ours, wire.Keep((SCREEN,), ()))
    assert segments(os.getpid()) == []
    assert {*Path("/dev/shm").iterdir()} <= named


SENDER = """
import socket, sys
from multiprocessing.connection import Connection
from deskhand.model import types
from deskhand.model.process import channel, wire
connection = Connection(int(sys.argv[1]))
while True:
    channel.send(connection, wire.Keep((types.Image(bytes(6_220_800), 1920, 1080),), ()))
"""


def test_nothing_is_left_when_the_sender_is_killed(line: tuple[Connection, Connection]) -> None:
    ours, theirs = line
    named, before = {*Path("/dev/shm").iterdir()}, descriptors()
    child = subprocess.Popen([sys.executable, "-c", SENDER, str(theirs.fileno())], pass_fds=[theirs.fileno()])
    theirs.close()
    first = channel.receive(ours)
    assert isinstance(first, wire.Keep)
    child.send_signal(signal.SIGKILL)
    child.wait()
    last: wire.Message | None = first
    while last is not None:
        assert last == first
        last = received(ours)
    assert segments(os.getpid()) == []
    assert descriptors() == before
    assert {*Path("/dev/shm").iterdir()} <= named
