"""One page of the web over a connection of our own: only to public addresses, without anything of the person's.

The name is resolved once, every address that comes of it is checked, and the connection goes to the address that was
checked: a name that leads elsewhere the next time (DNS rebinding) gains nothing. No proxy, no cookies, no redirect to
another host.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urljoin

from deskhand.agent.safety import addresses
from deskhand.agent.safety.addresses import PORTS, Address, AddressError
from deskhand.agent.tools.host import HostError

SECONDS = 20.0
"""For a page with everything that leads to it."""
MOST_BYTES = 2_000_000
REDIRECTS = 5
USER_AGENT = "Deskhand/0.1 (a desktop agent; fetches single pages when its person asks)"
"""Honest: no browser's name in it."""

_HEADERS = {
    "User-Agent": USER_AGENT,
    "Accept": "text/html,application/xhtml+xml,text/plain;q=0.9,*/*;q=0.1",
    "Accept-Encoding": "gzip",
    "Connection": "close",
}
_MOVED = {301, 302, 303, 307, 308}


def resolved(name: str, port: int) -> Sequence[tuple[str, int]]:
    """Addresses and ports of a host, as the system says."""
    found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    return [(str(entry[4][0]), int(entry[4][1])) for entry in found]


@dataclass(frozen=True)
class Net:
    """The way out; tests put a server of their own in its place.

    Attributes:
        resolve: addresses and ports of a host and port.
        admits: whether an address may be connected to.
        context: what TLS trusts.
        seconds: for one page.
    """

    resolve: Callable[[str, int], Sequence[tuple[str, int]]] = resolved
    admits: Callable[[str], bool] = addresses.public
    context: ssl.SSLContext = field(default_factory=ssl.create_default_context)
    seconds: float = SECONDS


@dataclass(frozen=True, slots=True)
class Response:
    """What a server answered.

    Attributes:
        address: of the page itself, after redirects within its host.
        status: of HTTP.
        kind: the content type, in lower case, without parameters.
        charset: as the server says; may be empty.
        body: at most `MOST_BYTES`, unpacked.
        cut: there was more.
    """

    address: Address
    status: int
    kind: str
    charset: str
    body: bytes
    cut: bool


def fetch(address: Address, cancel: threading.Event, net: Net) -> Response:
    """Fetch one page; returns within 50 ms of Stop.

    Raises:
        HostError: it can't be fetched, or may not be; a sentence.
    """
    errand = _Errand(address, net)
    worker = threading.Thread(target=errand.run, name="fetch", daemon=True)
    worker.start()
    end = time.monotonic() + net.seconds
    while not errand.done.wait(0.05):
        if cancel.is_set() or time.monotonic() > end:
            errand.abandon()
            raise HostError(
                "The turn was stopped." if cancel.is_set() else f"{address.host} took longer than {net.seconds:g} s."
            )
    if errand.problem is not None:
        raise errand.problem
    assert errand.response is not None  # noqa: S101 - one of both is set when it is done
    return errand.response


class _Errand:
    """One page, fetched in a thread of its own, so that neither a slow name server nor a slow page holds Stop up."""

    def __init__(self, address: Address, net: Net) -> None:
        self._address = address
        self._net = net
        self._socket: socket.socket | None = None
        self.response: Response | None = None
        self.problem: Exception | None = None
        self.done = threading.Event()

    def run(self) -> None:
        try:
            self.response = self._follow()
        except (HostError, AddressError) as error:
            self.problem = HostError(str(error))
        except ssl.SSLCertVerificationError as error:
            said = f"{self._address.host} can't prove who it is ({error.verify_message})"
            self.problem = HostError(f"{said}, so nothing was fetched.")
        except (OSError, http.client.HTTPException, zlib.error) as error:
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            self.problem = HostError(f"{self._address.host} could not be read: {reason}.")
        except Exception as error:  # noqa: BLE001 - handed to the thread that waits
            self.problem = error
        finally:
            self.done.set()

    def abandon(self) -> None:
        """Break the connection off; the thread ends by itself."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def _follow(self) -> Response:
        at = self._address
        for _ in range(REDIRECTS + 1):
            found = self._get(at)
            if isinstance(found, Response):
                return found
            if found.host != at.host:
                raise HostError(f"{at.host} sends on to another host: {found.url} would have to be asked for itself.")
            if at.scheme == "https" and found.scheme == "http":
                raise HostError(f"{at.host} sends on to an unprotected page, which is not followed.")
            at = found
        raise HostError(f"{at.host} sends on and on; nothing was fetched.")

    def _get(self, at: Address) -> Response | Address:
        """The page, or where it has moved to."""
        connection = http.client.HTTPConnection(at.host, timeout=self._net.seconds)
        connection.sock = self._socket = self._connect(at)
        try:
            connection.request("GET", at.target, headers=_HEADERS)
            answer = connection.getresponse()
            moved = answer.getheader("Location")
            if answer.status in _MOVED and moved:
                return addresses.parse(urljoin(at.url, moved))
            return _response(at, answer)
        finally:
            connection.close()

    def _connect(self, at: Address) -> socket.socket:
        try:
            found = self._net.resolve(at.host, PORTS[at.scheme])
        except (OSError, UnicodeError) as error:
            raise HostError(f"There is no host {at.host}, or no network.") from error
        if not found or not all(self._net.admits(address) for address, _ in found):
            raise HostError(f"{at.host} is not on the open internet but on this machine or a network of yours.")
        plain = self._reach(found)
        if at.scheme == "http":
            return plain
        try:
            return self._net.context.wrap_socket(plain, server_hostname=at.host)
        except BaseException:
            plain.close()
            raise

    def _reach(self, found: Sequence[tuple[str, int]]) -> socket.socket:
        """A connection to the first address that answers; numbers, which nothing resolves again."""
        for index, place in enumerate(found):
            try:
                return socket.create_connection(place, timeout=self._net.seconds / 2)
            except OSError:
                if index + 1 == len(found):
                    raise
        raise AssertionError  # `found` is not empty


def _response(at: Address, answer: http.client.HTTPResponse) -> Response:
    raw = bytearray()
    packed = (answer.getheader("Content-Encoding") or "identity").strip().lower()
    if packed not in {"identity", "gzip"}:
        raise HostError(f"{at.host} packs its pages in a way that was not asked for.")
    unpack = zlib.decompressobj(zlib.MAX_WBITS | 16) if packed == "gzip" else None
    taken = 0
    # A packed page may be small and large at once, so both are counted.
    while len(raw) <= MOST_BYTES and taken <= MOST_BYTES and (piece := answer.read(16_384)):
        taken += len(piece)
        raw += unpack.decompress(piece, MOST_BYTES + 1 - len(raw)) if unpack else piece
    kind = answer.headers.get_content_type().lower()
    if answer.getheader("Content-Type") is None:
        kind = "application/octet-stream"
    charset = (answer.headers.get_content_charset() or "").lower()
    cut = len(raw) > MOST_BYTES or taken > MOST_BYTES
    return Response(at, answer.status, kind, charset, bytes(raw[:MOST_BYTES]), cut)
