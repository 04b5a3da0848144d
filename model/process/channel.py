"""Sending and receiving messages; large pictures go beside the socket, in memory that both sides map.

A 1080p screenshot of 6 MB takes 15 ms of processor time on both sides through the socket, 8 by way of a named segment
of `multiprocessing.shared_memory`, and 5 by an anonymous one whose descriptor goes through the socket (docs/adr/0014).
That one has no name that could be left behind: whatever ends whichever side, the kernel frees it with its last
descriptor.
"""

from __future__ import annotations

import mmap
import os
import pickle
import socket
import struct
from collections.abc import Container, Mapping, Sequence
from contextlib import ExitStack
from multiprocessing.connection import Connection

from deskhand.model.process import wire

SHARED_BYTES = 256 << 10
"""Of a picture from which on it goes beside the socket; smaller ones are through it before a segment is made."""

_TAG = b"s"  # neither a pickle's first byte nor one of wire's own
_COUNT = struct.Struct("<cB")
_SIZE = struct.Struct("<Q")


def send(connection: Connection, message: wire.Message, held: Container[str] = ()) -> None:
    """Send ``message``; media in ``held`` are only named. Not for two threads at a time.

    Raises:
        OSError: the other side is gone, or takes nothing (`BlockingIOError`).
    """
    buffers: list[memoryview] = []

    def take(buffer: pickle.PickleBuffer) -> bool:
        view = buffer.raw()
        if view.nbytes < SHARED_BYTES or len(buffers) >= 255:
            return True  # within the message
        buffers.append(view)
        return False

    data = wire.encode(message, held, take)
    descriptor = _segment(buffers) if buffers else None
    if descriptor is None:
        connection.send_bytes(wire.encode(message, held) if buffers else data)
        return
    try:
        sizes = b"".join(_SIZE.pack(view.nbytes) for view in buffers)
        connection.send_bytes(_COUNT.pack(_TAG, len(buffers)) + sizes + data)
        with socket.socket(fileno=os.dup(connection.fileno())) as line:
            socket.send_fds(line, [_TAG], [descriptor])
    finally:
        os.close(descriptor)


def receive(connection: Connection, held: Mapping[str, wire.Kept] | None = None) -> wire.Message:
    """The next message; waits for it.

    Args:
        connection: to the other side.
        held: what it may only name.

    Raises:
        EOFError: the other side is gone; so does any OSError.
        MemoryError: there is no room for a picture.
        pickle.UnpicklingError: it names a class that is not one of the messages' parts.
    """
    data = connection.recv_bytes()
    if data[:1] != _TAG:
        return wire.decode(data, held)
    _, count = _COUNT.unpack_from(data)
    at = _COUNT.size + count * _SIZE.size
    sizes = [size for (size,) in _SIZE.iter_unpack(data[_COUNT.size : at])]
    with socket.socket(fileno=os.dup(connection.fileno())) as line:
        tag, descriptors, _, _ = socket.recv_fds(line, 1, 1)
    if not tag or not descriptors:
        raise EOFError
    with ExitStack() as stack:
        stack.callback(os.close, descriptors[0])
        try:
            mapped = stack.enter_context(mmap.mmap(descriptors[0], sum(sizes), prot=mmap.PROT_READ))
        except OSError as error:
            raise MemoryError("a picture could not be mapped") from error
        whole = stack.enter_context(memoryview(mapped))
        ends = [sum(sizes[: index + 1]) for index in range(count)]
        views = [stack.enter_context(whole[end - size : end]) for end, size in zip(ends, sizes, strict=True)]
        return wire.decode(memoryview(data)[at:], held, views)


def _segment(buffers: Sequence[memoryview]) -> int | None:
    """The descriptor of memory without a name that holds all buffers; None where the system gives none."""
    if not hasattr(os, "memfd_create"):
        return None
    try:
        descriptor = os.memfd_create("deskhand picture")
    except OSError:
        return None
    try:
        for view in buffers:
            written = 0
            while written < view.nbytes:
                written += os.write(descriptor, view[written:])
    except OSError:
        os.close(descriptor)
        return None
    return descriptor
