"""The text of an HTML page that a person would read, with its links; programs and what is hidden are left out."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urldefrag, urljoin

_SILENT = {"script", "style", "noscript", "template", "svg", "math", "iframe", "object", "canvas", "select", "button",
           "datalist", "dialog"}  # fmt: skip
_AROUND = {"nav", "aside", "footer", "header", "form"}
"""What surrounds the matter of a page; a header inside of an article belongs to it."""
_MATTER = {"main", "article"}
_BLOCKS = {
    "p", "div", "section", "article", "main", "ul", "ol", "dl", "dt", "dd", "table", "tr", "blockquote", "pre", "hr",
    "figure", "figcaption", "address", "header", "footer", "nav", "aside", "form", "fieldset", "details", "summary",
    "body",
}  # fmt: skip
_HEADINGS = {f"h{level}": "#" * level for level in range(1, 7)}
_VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
_HIDDEN = re.compile(r"display:none|visibility:hidden|opacity:0(?![.\d])|font-size:0(?![.\d])", re.IGNORECASE)
LEAST_MATTER = 200
"""Characters that ``main`` or ``article`` must hold to stand for the page."""
DEEPEST = 2_000


@dataclass
class Page:
    """What was read.

    Attributes:
        title: of the page.
        text: with Markdown's signs for headings and lists.
        links: words and whole addresses, each once, in the order of the page; of its matter first.
    """

    title: str
    text: str
    links: list[tuple[str, str]]


@dataclass
class _Open:
    """An element that is open: whether it is left out, around the matter, or part of it, and the link it is in."""

    tag: str
    silent: bool
    around: bool
    matter: bool
    href: str = ""
    words: list[str] = field(default_factory=list)
    link: _Open | None = None


def read(html: str, url: str) -> Page:
    """Read a page.

    Args:
        html: as decoded.
        url: of the page, against which its links are resolved.
    """
    reader = _Reader(url)
    reader.feed(html)
    reader.close()
    matter = _tidy(reader.pieces["matter"])
    plain = _tidy(reader.pieces["plain"])
    # A page that is nothing but menus is read whole.
    text = matter if len(matter) >= LEAST_MATTER else _tidy(reader.pieces["plain_and_matter"])
    text = text or plain or _tidy(reader.pieces["all"])
    links = dict.fromkeys((*reader.links["matter"], *reader.links["rest"]))
    return Page(" ".join("".join(reader.title).split())[:300], text, list(links))


class _Reader(HTMLParser):
    def __init__(self, url: str) -> None:
        super().__init__(convert_charrefs=True)
        self._base = url
        self._open: list[_Open] = []
        self._tags: Counter[str] = Counter()
        self._in_title = False
        self.title: list[str] = []
        self.pieces: dict[str, list[str]] = {"matter": [], "plain": [], "plain_and_matter": [], "all": []}
        self.links: dict[str, list[tuple[str, str]]] = {"matter": [], "rest": []}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "title" and not self.title:
            self._in_title = True
            return
        if tag in _VOID:
            self._write({"br": "\n", "hr": "\n\n"}.get(tag, ""))
            return
        if len(self._open) >= DEEPEST:
            return
        above = self._open[-1] if self._open else _Open("", silent=False, around=False, matter=False)
        matter = above.matter or tag in _MATTER or given.get("role") == "main"
        around = above.around or (tag in _AROUND and not matter)
        opened = _Open(tag, above.silent or tag in _SILENT or _hidden(given), around, matter)
        if tag == "a" and given.get("href"):
            opened.href = given["href"].strip()
        opened.link = opened if opened.href else above.link
        self._open.append(opened)
        self._tags[tag] += 1
        if tag in _HEADINGS:
            self._write(f"\n\n{_HEADINGS[tag]} ")
        elif tag == "li":
            self._write("\n- ")
        elif tag in {"td", "th"}:
            self._write(" | ")
        elif tag in _BLOCKS:
            self._write("\n\n" if tag not in {"tr", "dd", "dt"} else "\n")

    def handle_endtag(self, tag: str) -> None:
        if tag == "title":
            self._in_title = False
            return
        if not self._tags[tag]:
            return
        if tag in _HEADINGS or (tag in _BLOCKS and tag not in {"tr", "dd", "dt"}):
            self._write("\n\n")
        while self._open:
            closed = self._open.pop()
            self._tags[closed.tag] -= 1
            if closed.href and not closed.silent:
                self._link(closed)
            if closed.tag == tag:
                return

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title.append(data)
            return
        self._write(re.sub(r"\s+", " ", data))

    def _write(self, text: str) -> None:
        top = self._open[-1] if self._open else None
        if not text or (top and top.silent):
            return
        self.pieces["all"].append(text)
        if top and top.matter:
            self.pieces["matter"].append(text)
        if not (top and top.around):
            self.pieces["plain_and_matter"].append(text)
            if not (top and top.matter):
                self.pieces["plain"].append(text)
        if top and top.link:
            top.link.words.append(text)

    def _link(self, closed: _Open) -> None:
        words = " ".join("".join(closed.words).split())[:100]
        try:
            target = urldefrag(urljoin(self._base, closed.href)).url
        except ValueError:
            return
        if words and target.startswith(("http://", "https://")) and target != self._base and len(target) <= 500:
            self.links["matter" if closed.matter else "rest"].append((words, target))


def _hidden(given: dict[str, str]) -> bool:
    """Whether an element says itself that nobody sees it: where orders to a model hide."""
    style = re.sub(r"\s", "", given.get("style", ""))
    return "hidden" in given or given.get("aria-hidden") == "true" or bool(_HIDDEN.search(style))


def _tidy(pieces: list[str]) -> str:
    text = re.sub(r"[ \t\xa0]+", " ", "".join(pieces))
    text = re.sub(r" ?\n ?", "\n", text)
    text = re.sub(r"(?m)^(#+|-|\|)\s*$", "", text)
    return re.sub(r"\n{3,}", "\n\n", text).strip()
