"""Which addresses of the web a skill may reach: public hosts over http and https, nothing near this machine."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import quote, urlsplit, urlunsplit

PORTS = {"http": 80, "https": 443}
LONGEST = 2_000
"""Characters of an address."""

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
"""RFC 6052: the last four bytes are an IPv4 address behind a translator."""

_KEPT = "!#$%&'()*+,/:;=?@[]~"
"""Characters that an address may hold beside letters, digits and ``_.-`` (RFC 3986, 2.2), and the percent sign."""


class AddressError(ValueError):
    """An address that is not fetched; the message is a sentence."""


@dataclass(frozen=True, slots=True)
class Address:
    """An address taken apart.

    Attributes:
        scheme: ``http`` or ``https``.
        host: in lower case, other alphabets as punycode, so that it can't look like another.
        target: path and query as they are sent, percent-encoded; without the fragment, which no server gets.
    """

    scheme: str
    host: str
    target: str

    @property
    def url(self) -> str:
        """The whole of it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}{self.target}"


def parse(text: str) -> Address:
    """Take an address apart; one without a scheme gets https.

    Raises:
        AddressError: it is none, of another scheme, names a person or another port than the usual one.
    """
    given = text.strip()
    if not given or len(given) > LONGEST:
        raise AddressError(f"Give an address of at most {LONGEST} characters, such as https://example.org/page.")
    if re.search(r"[\s\x00-\x1f\x7f\\]", given):
        raise AddressError("An address holds no spaces and no backslashes.")
    if re.fullmatch(r"[\w.-]+\.\w+([/?#].*)?", given):
        given = f"https://{given}"
    try:
        parts = urlsplit(given)
        port, host = parts.port, parts.hostname or ""
    except ValueError as error:
        raise AddressError(f"“{given[:100]}” is no address.") from error
    if parts.scheme not in PORTS:
        raise AddressError("Only addresses that begin with https:// or http:// are fetched.")
    if parts.username is not None or parts.password is not None:
        raise AddressError("An address with a name or a password in it is not fetched.")
    if port not in {None, PORTS[parts.scheme]}:
        raise AddressError(f"Only the usual port of {parts.scheme} is used, not {port}.")
    path = quote(parts.path or "/", safe=_KEPT)
    return Address(parts.scheme, _host(host), urlunsplit(("", "", path, quote(parts.query, safe=_KEPT), "")))


def host(text: str) -> str:
    """The host that an address names; empty if it is none that could be fetched."""
    try:
        return parse(text).host
    except AddressError:
        return ""


def public(address: str) -> bool:
    """Whether an IP address is one of the open internet: not this machine's, a private network's, or a special one.

    What an IPv6 address wraps (IPv4-mapped, 6to4, Teredo, NAT64) must be public too.
    """
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    inner: list[ipaddress.IPv4Address] = []
    if isinstance(found, ipaddress.IPv6Address):
        if found.is_site_local:
            return False
        inner = [each for each in (found.ipv4_mapped, found.sixtofour, *(found.teredo or ())) if each is not None]
        if found in _NAT64:
            inner.append(ipaddress.IPv4Address(found.packed[-4:]))
        if found.ipv4_mapped is not None:
            return public(str(found.ipv4_mapped))
    plain = found.is_global and not (found.is_multicast or found.is_reserved or found.is_unspecified)
    return (plain or bool(inner and found in _NAT64)) and all(public(str(each)) for each in inner)


def _host(name: str) -> str:
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        pass
    try:
        plain = name.encode("idna").decode("ascii").lower().rstrip(".")
    except UnicodeError as error:
        raise AddressError(f"“{name[:100]}” is no host.") from error
    if not re.fullmatch(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9])?)*", plain):
        raise AddressError("The address names no host, as https://example.org does.")
    return plain
