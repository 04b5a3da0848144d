"""Pages of the web for skills, once the person has switched that on: what may be fetched, and what a site forbids."""

from __future__ import annotations

import base64
import re
import threading
import time

from protego import Protego

from deskhand.agent.safety import addresses
from deskhand.agent.safety.addresses import Address, AddressError
from deskhand.agent.tools.host import Asked, HostError, Told
from deskhand.app.host.fetching import Net, Response, fetch

OFF = "Reading web pages is switched off. The person can switch it on in the settings: web = true."
NAME = "Deskhand"
"""What robots.txt may call us."""

_VERSIONED = re.compile(r"(?im)^(\s*user-agent\s*:\s*[\w-]+)/\S*")
"""A version behind a program's name, which is no part of it (RFC 9309, 2.2.1)."""

KEPT = 3_600.0
"""Seconds until a site's robots.txt is read again; RFC 9309 (2.4) allows a day."""

KINDS = {"text/html", "application/xhtml+xml", "text/plain", "text/markdown", "application/json", "text/xml",
         "application/xml", "text/csv"}  # fmt: skip
"""What can be read as text."""


class Web:
    """What skills may do with the web.

    Args:
        on: the person switched it on.
        net: the way out.
    """

    def __init__(self, *, on: bool, net: Net | None = None) -> None:
        self._on = on
        self._net = net
        self._rules: dict[str, tuple[float, Protego]] = {}

    def fetch_page(self, asked: Asked) -> Told:
        """One page: its bytes as base64 for the tool, which reads them in its box, and what they are."""
        if not self._on:
            raise HostError(OFF)
        try:
            address = addresses.parse(asked.arguments["url"])
        except AddressError as error:
            raise HostError(str(error)) from error
        if not {"network:*", f"network:{address.host}"} & set(asked.scopes):
            raise HostError(f"{asked.skill} may not reach {address.host}.")
        if self._net is None:
            self._net = Net()  # reads the system's certificates, which takes a moment
        if not self._permitted(address, self._net, asked.cancel):
            raise HostError(
                f"{address.host} asks programs to leave this page alone (robots.txt): open it in a browser."
            )
        found = fetch(address, asked.cancel, self._net)
        if not 200 <= found.status < 300:
            raise HostError(f"{address.host} answered with {found.status} instead of the page.")
        if found.kind not in KINDS:
            raise HostError(f"That is no page of text but {found.kind}: open it in a browser.")
        return Told(_told(found))

    def _permitted(self, address: Address, net: Net, cancel: threading.Event) -> bool:
        """Whether the site's robots.txt lets us fetch it (RFC 9309: none allows all, a broken server nothing)."""
        site = f"{address.scheme}://{address.host}"
        kept = self._rules.get(site)
        if kept is None or time.monotonic() - kept[0] > KEPT:
            rules = _rules(fetch(Address(address.scheme, address.host, "/robots.txt"), cancel, net))
            kept = self._rules[site] = (time.monotonic(), Protego.parse(rules))
        return kept[1].can_fetch(address.url, NAME)


def _rules(found: Response) -> str:
    """The text of a robots.txt; empty where there is none."""
    if found.status >= 500:
        raise HostError(f"{found.address.host} is not well: it answered with {found.status}.")
    if found.status != 200 or not found.kind.startswith("text/") or found.kind == "text/html":
        return ""
    return _VERSIONED.sub(r"\1", found.body.decode("utf-8-sig", "replace"))


def _told(found: Response) -> dict[str, object]:
    return {
        "url": found.address.url,
        "kind": found.kind,
        "charset": found.charset,
        "body": base64.b64encode(found.body).decode(),
        "cut": found.cut,
    }
