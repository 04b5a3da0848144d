"""Say where an address leads that is opened in a program of the person's: the real host, and what looks like another.

What is fetched by ourselves is judged in `addresses`; here nothing is refused, only named, for the question before it.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import unicodedata
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from deskhand.agent.safety.addresses import PORTS, public

_TOGETHER = frozenset({"CJK", "IDEOGRAPHIC", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "HANGUL", "BOPOMOFO"})
"""Scripts that are written together."""


_DRAFT = ("to", "cc", "bcc", "subject", "body")
"""Header fields of a draft (RFC 6068, 4); mail programs take others, which attach files."""


class Destination(NamedTuple):
    """Where an address leads.

    Attributes:
        host: as the network knows it, with a port that is not the usual one; empty if there is none.
        notes: what a person could overlook, a line each.
    """

    host: str = ""
    notes: tuple[str, ...] = ()


def of(text: str) -> Destination:
    """Where ``text`` leads when it is opened; anything is taken."""
    given = text.strip()
    if re.fullmatch(r"[\w.-]+\.\w+([/?#:].*)?", given):
        given = f"https://{given}"
    try:
        parts = urlsplit(given)
        host, port = unquote(parts.hostname or ""), parts.port
    except ValueError:
        return Destination()
    if parts.scheme == "mailto":
        return Destination(notes=tuple(_mail(parts.path, parts.query)))
    if not host:
        return Destination()
    plain, notes = _host(host)
    if parts.username is not None or parts.password is not None:
        before = unquote(parts.netloc.rpartition("@")[0])
        notes.insert(0, f"leads to {plain}; “{before}” before the @ is a name, and no part of the host")
    if parts.scheme not in PORTS:
        notes.append(f"is opened by whichever program takes {parts.scheme}: addresses")
    usual = PORTS.get(parts.scheme)
    return Destination(plain if port in {None, usual} else f"{plain}:{port}", tuple(notes))


def harmless(text: str) -> str:
    """An address as it may be opened: of a draft only what begins a text, so that it attaches no file."""
    try:
        parts = urlsplit(text.strip())
    except ValueError:
        return text
    if parts.scheme != "mailto":
        return text
    fields = [(name, value) for name, value in parse_qsl(parts.query) if name.strip().lower() in _DRAFT]
    kept = [f"{quote(name)}={quote(value)}" for name, value in fields if not _ATTACHES.search(value)]
    return f"mailto:{parts.path}{'?' if kept else ''}{'&'.join(kept)}"


_ATTACHES = re.compile(r"attach(ment)?s?\s*=", re.IGNORECASE)
"""How an old mail program is made to attach a file by what it takes for a subject."""


def _host(name: str) -> tuple[str, list[str]]:
    """A host in ASCII, and what is odd about how it is written."""
    address = _address(name)
    if address:
        near = [] if public(address) else ["leads to this machine or its network"]
        return address, [*([f"“{name}” is the address {address}"] if address != name else []), *near]
    try:
        plain = name.encode("idna").decode("ascii").lower().rstrip(".")
        written = plain.encode("ascii").decode("idna")
    except UnicodeError:
        return name, ["its host is written in a way that hosts are not"]
    notes: list[str] = []
    if written != plain:
        labels = [{_script(sign) for sign in label if sign.isalpha()} for label in written.split(".")]
        letters = ", ".join(sorted(script.capitalize() for script in set().union(*labels) if script))
        notes.append(f"leads to {plain}, which is shown as “{written}” in {letters} letters")
        if any(len(scripts - _TOGETHER) + bool(scripts & _TOGETHER) > 1 for scripts in labels):
            notes.append("its letters are of several alphabets, as in names that are made to look like another")
    if plain == "localhost" or plain.endswith((".localhost", ".local", ".internal", ".lan")) or "." not in plain:
        notes.append("leads to this machine or its network")
    return plain, notes


def _address(name: str) -> str:
    """The IP address that a browser takes a host for: also 2130706433, 0x7f.1 and 127.1."""
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        pass
    if not re.fullmatch(r"(0[xX])?[0-9a-fA-F]+(\.(0[xX])?[0-9a-fA-F]+){0,3}\.?", name) or not name[0].isdigit():
        return ""
    try:
        return socket.inet_ntoa(socket.inet_aton(name.rstrip(".")))
    except OSError:
        return ""


def _script(sign: str) -> str:
    return unicodedata.name(sign, "").partition(" ")[0]


def _mail(path: str, query: str) -> list[str]:
    """What a draft would hold: to whom, and what is written already."""
    found: dict[str, list[str]] = {"to": [each for each in unquote(path).split(",") if each.strip()]}
    for name, value in parse_qsl(query, keep_blank_values=True):
        found.setdefault(name.lower(), []).append(value)
    words = {"to": "a draft to", "cc": "with a copy to", "bcc": "with a hidden copy to", "subject": "about"}
    lines = [f"{words.get(name, f'sets {name}:')} {', '.join(values)}" for name, values in found.items() if values]
    notes: list[str] = []
    for each in (*found["to"], *found.get("cc", []), *found.get("bcc", [])):
        host = each.rpartition("@")[2].strip()
        notes += [f"{each.strip()}: {note}" for note in _host(host)[1]] if host and not host.isascii() else []
    return [*lines, *notes]
