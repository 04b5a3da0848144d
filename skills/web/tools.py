"""Pages of the web: the app fetches, and what it got is taken apart here, in the box."""

from __future__ import annotations

import base64
import codecs
import re
from typing import Any, Protocol

import readable  # pyright: ignore[reportMissingImports] - beside this file, which Deskhand puts on the path

PART = 10_000
"""Characters of text in one result."""
MOST_LINKS = 30


class Host(Protocol):
    """What Deskhand gives a tool."""

    def ask(self, name: str, /, **arguments: Any) -> Any:  # noqa: ANN401 - any JSON value
        """Ask the application."""
        ...


def fetch(host: Host, url: str, part: int = 1) -> dict[str, Any]:
    """Fetch a page of the web as text, with its title and links.

    Args:
        host: given by Deskhand.
        url: the whole address, such as https://example.org/page.
        part: of a long page, from 1.
    """
    found = host.ask("fetch_page", url=url)
    text = _decoded(base64.b64decode(found["body"]), found["charset"])
    title, links = "", []
    if found["kind"] in {"text/html", "application/xhtml+xml"}:
        page = readable.read(text, found["url"])
        title, text, links = page.title, page.text, page.links
    if not text.strip():
        raise ValueError("The page has no text that can be read without running its programs: open it in a browser.")
    parts = max(1, -(-len(text) // PART))
    if not 1 <= part <= parts:
        raise ValueError(f"The page has {parts} {'part' if parts == 1 else 'parts'}.")
    told: dict[str, Any] = {"url": found["url"], "title": title, "text": text[(part - 1) * PART : part * PART]}
    if parts > 1:
        told |= {"part": part, "parts": parts}
    if found["cut"]:
        told["note"] = "The page is longer than is fetched; its end is missing."
    if links and part == 1:
        told["links"] = [{"text": words, "url": target} for words, target in links[:MOST_LINKS]]
    return told


def _decoded(body: bytes, charset: str) -> str:
    """The text of a page: by the server's word, the page's own, or UTF-8."""
    declared = re.search(rb"<meta[^>]{0,200}?charset=[\"']?([\w-]{2,30})", body[:4096], re.IGNORECASE)
    for name in (charset, declared.group(1).decode() if declared else "", "utf-8"):
        try:
            codec = codecs.lookup(name).name if name else ""
            if codec:
                # WHATWG's Encoding standard: pages that say ISO 8859-1 mean Windows-1252.
                return body.decode("cp1252" if codec in {"iso8859-1", "ascii"} else codec, "replace").lstrip("\ufeff")
        except (LookupError, ValueError):
            continue  # nobody's charset, or one of Python's that is none: rot13, idna, undefined
    return body.decode("utf-8", "replace")
