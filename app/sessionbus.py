"""The desktop's session bus over its socket: calls with exact types, and signals.

QtDBus would be the way, but PySide6 gives it every number as an ``i``, and org.freedesktop.Notifications wants a
``u`` (docs/adr/0040). The format is that of the D-Bus Specification, 0.41.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

PATIENCE = 5.0
"""Seconds for an answer; a service may have to be started for it."""
MOST_BYTES = 1 << 20
"""Of a message that is read; a signal of a few words is meant for us."""

_CALL, _REPLY, _ERROR, _SIGNAL = 1, 2, 3, 4
_PATH, _INTERFACE, _MEMBER, _ERROR_NAME, _REPLY_SERIAL, _TO, _FROM, _SIGNATURE = range(1, 9)
_FIXED = {"y": "B", "b": "I", "n": "h", "q": "H", "i": "i", "u": "I", "x": "q", "t": "Q", "d": "d"}


class BusError(Exception):
    """There is no session bus, or what was called is not there; the message says which."""


@dataclass(frozen=True, slots=True)
class BusMessage:
    """What came: the kind, the names in its head, and its values."""

    kind: int
    head: dict[int, Any]
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Peer:
    """Whom a call is for: the name of a service, one of its objects, one of its interfaces."""

    name: str
    path: str
    interface: str


BUS = Peer("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus")
"""The bus itself."""


class _Writer:
    """Values as D-Bus has them on the wire, little-endian; each kind is aligned to its own size."""

    def __init__(self) -> None:
        self.data = bytearray()

    def pad(self, size: int) -> None:
        self.data += bytes(-len(self.data) % size)

    def put(self, kind: str, value: Any) -> None:  # noqa: ANN401 - of the kind
        """One value of a complete type, as the specification spells it."""
        if kind in _FIXED:
            self.pad(struct.calcsize(_FIXED[kind]))
            self.data += struct.pack("<" + _FIXED[kind], value)
        elif kind in "sog":
            raw = str(value).encode("utf-8", "replace").replace(b"\0", b"")
            self.put("y" if kind == "g" else "u", len(raw))
            self.data += raw + b"\0"
        elif kind == "v":
            inner, held = value
            self.put("g", inner)
            self.put(inner, held)
        elif kind.startswith("a"):
            self._array(kind[1:], value)
        else:  # (…) or {…}
            self.pad(8)
            for each, part in zip(_split(kind[1:-1]), value, strict=True):
                self.put(each, part)

    def _array(self, kind: str, values: Sequence[Any]) -> None:
        self.put("u", 0)
        at = len(self.data)
        self.pad(_alignment(kind))
        start = len(self.data)
        for value in values:
            self.put(kind, value)
        self.data[at - 4 : at] = struct.pack("<I", len(self.data) - start)


class _Reader:
    """The other way; what does not fit raises ValueError."""

    def __init__(self, data: bytes, order: str) -> None:
        self._data = data
        self._order = order
        self.at = 0

    def pad(self, size: int) -> None:
        self.at += -self.at % size

    def get(self, kind: str, depth: int = 0) -> Any:  # noqa: ANN401 - of the kind
        if depth > 32:
            raise ValueError("nested too deep")
        if kind in _FIXED:
            size = struct.calcsize(_FIXED[kind])
            self.pad(size)
            return struct.unpack(self._order + _FIXED[kind], self._take(size))[0]
        if kind in "sog":
            size = self.get("y" if kind == "g" else "u")
            return self._take(size + 1)[:-1].decode("utf-8", "replace")
        if kind == "v":
            (inner,) = _split(self.get("g"))
            return self.get(inner, depth + 1)
        if kind.startswith("a"):
            end_of = self.get("u")
            self.pad(_alignment(kind[1:]))
            end, found = self.at + end_of, list[Any]()
            while self.at < min(end, len(self._data)):
                before = self.at
                found.append(self.get(kind[1:], depth + 1))
                if self.at == before:
                    raise ValueError("an array of nothing")
            return found
        self.pad(8)
        return tuple(self.get(each, depth + 1) for each in _split(kind[1:-1]))

    def _take(self, size: int) -> bytes:
        piece = self._data[self.at : self.at + size]
        if len(piece) != size:
            raise ValueError("cut off")
        self.at += size
        return piece


def _alignment(kind: str) -> int:
    if kind[0] in _FIXED:
        return struct.calcsize(_FIXED[kind[0]])
    return {"s": 4, "o": 4, "a": 4, "(": 8, "{": 8}.get(kind[0], 1)


def _split(signature: str) -> list[str]:
    """The complete types of a signature."""
    found: list[str] = []
    at = 0
    while at < len(signature):
        end = _end(signature, at)
        found.append(signature[at:end])
        at = end
    return found


def _end(signature: str, at: int) -> int:
    while signature[at : at + 1] == "a":
        at += 1
    if signature[at : at + 1] not in {"(", "{"}:
        if not signature[at : at + 1] or signature[at] not in {*_FIXED, *"sogv"}:
            raise ValueError(f"no D-Bus type: {signature[:40]!r}")
        return at + 1
    depth = 0
    for place in range(at, len(signature)):
        depth += {"(": 1, "{": 1, ")": -1, "}": -1}.get(signature[place], 0)
        if depth == 0:
            return place + 1
    raise ValueError("a bracket is not closed")


def parsed(head: bytes, rest: bytes) -> BusMessage:
    """A message from its first 16 bytes and what follows them; raises ValueError where it is none."""
    order = {ord("l"): "<", ord("B"): ">"}.get(head[0])
    if order is None:
        raise ValueError("neither byte order")
    reader = _Reader(head + rest, order)
    reader.at = 12
    fields = dict(reader.get("a(yv)"))
    reader.pad(8)
    body = _Reader((head + rest)[reader.at :], order)
    return BusMessage(head[1], fields, tuple(body.get(each) for each in _split(str(fields.get(_SIGNATURE, "")))))


def _places() -> list[bytes]:
    """Where the bus may listen: paths, and names of the abstract kind, which begin with a NUL."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    given = os.environ.get("DBUS_SESSION_BUS_ADDRESS") or (f"unix:path={runtime}/bus" if runtime else "")
    found: list[bytes] = []
    for address in given.split(";"):
        kind, _, rest = address.partition(":")
        for option in rest.split(",") if kind == "unix" else ():
            name, _, value = option.partition("=")
            if name in {"path", "abstract"}:
                found.append((b"" if name == "path" else b"\0") + unquote_to_bytes(value))
    return found


class SessionBus:
    """One connection; `call` from any thread but the one that `heard` is called in.

    Args:
        heard: called in a thread of its own with every signal.

    Raises:
        BusError: there is no bus.
    """

    def __init__(self, heard: Callable[[BusMessage], None]) -> None:
        self._heard = heard
        self._serial = 0
        self._lock = threading.Lock()
        self._waiting: dict[int, tuple[threading.Event, list[BusMessage]]] = {}
        self.closed = threading.Event()
        self._socket = _connected()
        self._thread = threading.Thread(target=self._read, name="session bus", daemon=True)
        self._thread.start()
        try:
            self.call(BUS, "Hello")
        except BusError:
            self.close()
            raise

    def call(self, on: Peer, member: str, signature: str = "", values: Sequence[Any] = ()) -> tuple[Any, ...]:
        """Call a method of ``on`` with ``values`` of these types and return what it returns.

        Raises:
            BusError: nobody is there, it refuses, or it does not answer in time.
        """
        event, box = threading.Event(), list[BusMessage]()
        with self._lock:
            self._serial += 1
            serial = self._serial
            self._waiting[serial] = (event, box)
            head = {
                _PATH: ("o", on.path),
                _INTERFACE: ("s", on.interface),
                _MEMBER: ("s", member),
                _TO: ("s", on.name),
            }
            try:
                self._socket.sendall(_encoded(serial, head, signature, values))
            except OSError as error:
                self._waiting.pop(serial, None)
                raise BusError(f"The session bus is gone: {error.strerror}.") from error
        event.wait(PATIENCE)
        with self._lock:
            self._waiting.pop(serial, None)
        if not box:
            raise BusError(f"{on.name} does not answer.")
        if box[0].kind == _ERROR:
            said = box[0].values[0] if box[0].values else box[0].head.get(_ERROR_NAME, "")
            raise BusError(f"{on.name} refuses: {str(said)[:200]}")
        return box[0].values

    def close(self) -> None:
        """Hang up; safe to call twice."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        if threading.current_thread() is not self._thread:
            self._thread.join()
        self._socket.close()

    def _read(self) -> None:
        try:
            while (message := self._next()) is not None:
                answered = self._waiting.get(message.head.get(_REPLY_SERIAL, 0)) if message.kind != _SIGNAL else None
                if answered:
                    answered[1].append(message)
                    answered[0].set()
                elif message.kind == _SIGNAL:
                    self._heard(message)
        except (OSError, ValueError, LookupError, struct.error, RecursionError):
            pass  # the bus has ended, or is none
        finally:
            self.closed.set()
            for event, _ in list(self._waiting.values()):
                event.set()

    def _next(self) -> BusMessage | None:
        head = self._exactly(16)
        order = "<" if head[:1] == b"l" else ">"
        body, fields = struct.unpack_from(order + "I", head, 4)[0], struct.unpack_from(order + "I", head, 12)[0]
        size = fields + -fields % 8 + body
        if size > MOST_BYTES:
            raise ValueError("a message too large")
        return parsed(head, self._exactly(size))

    def _exactly(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            piece = self._socket.recv(size - len(data))
            if not piece:
                raise ConnectionResetError("the bus hung up")
            data += piece
        return bytes(data)


def _encoded(serial: int, head: dict[int, tuple[str, str]], signature: str, values: Sequence[Any]) -> bytes:
    body = _Writer()
    for kind, value in zip(_split(signature), values, strict=True):
        body.put(kind, value)
    if signature:
        head = {**head, _SIGNATURE: ("g", signature)}
    whole = _Writer()
    for kind, value in (("y", ord("l")), ("y", _CALL), ("y", 0), ("y", 1), ("u", len(body.data)), ("u", serial)):
        whole.put(kind, value)
    whole.put("a(yv)", list(head.items()))
    whole.pad(8)
    return bytes(whole.data + body.data)


def _connected() -> socket.socket:
    """A socket of the bus that knows who we are (SASL EXTERNAL)."""
    for place in _places():
        line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            line.settimeout(PATIENCE)
            line.connect(place)
            line.sendall(b"\0AUTH EXTERNAL " + str(os.getuid()).encode().hex().encode() + b"\r\n")
            if line.recv(512).startswith(b"OK"):
                line.sendall(b"BEGIN\r\n")
                line.settimeout(None)
                return line
        except OSError:
            pass
        line.close()
    raise BusError("There is no session bus (DBUS_SESSION_BUS_ADDRESS).")
