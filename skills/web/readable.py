"""The text of an HTML page that a person would read, with its links; programs and what is hidden are left out."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urldefrag, urljoin

_SILENT = {"script", "style", "template", "svg", "math", "iframe", "object", "canvas", "select", "button", "datalist",
           "dialog"}  # fmt: skip
_CONTROLS = {"button", "select", "datalist"}
"""What a page forgets to close now and then; a heading, a paragraph or the matter of a page ends it."""
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
_HIDDEN = re.compile(
    r"display:none|visibility:(?:hidden|collapse)|opacity:(?:0|\.0|0\.0+|0%)(?![.\d])|font-size:[01](?:px|pt|%)?(?![.\w%])|"
    r"(?:(?<![-\w])(?:left|top|right|bottom)|text-indent):-(?:999|\d{4,})|margin-(?:left|top):-\d{4,}|clip:rect\([01](?:px)?[,)0-9]|"
    r"clip-path:(?:inset\((?:50|100)%|circle\(0)|(?<![-\w])color:(?:transparent|rgba\([^)]{0,60},0(?:\.0+)?\))|"
    r"scale(?:x|y|3d)?\(0(?:\.0+)?[,)]|content-visibility:hidden",
    re.IGNORECASE,
)
"""What an element's own style says when nobody sees its text, without white space and comments."""
_FLAT = re.compile(r"(?<![-\w])(?:max-)?(?:height|width):[01](?:px)?(?![.\w%])", re.IGNORECASE)
_COLOUR = re.compile(r"(?<![-\w])color:([^;!]+)", re.IGNORECASE)
_GROUND = re.compile(r"(?<![-\w])background(?:-color)?:([^;!]+)", re.IGNORECASE)
_COMMENT = re.compile(r"/\*(?:.*?\*/|.*)", re.DOTALL)
_SIMPLE = re.compile(r"\s*([\w-]*)([.#])(-?[A-Za-z_][\w-]*)\s*")
_CSS_ESCAPE = re.compile(r"\\([0-9a-fA-F]{1,6})\s?")
LEAST_MATTER = 200
"""Characters that ``main`` or ``article`` must hold to stand for the page, or another part to be looked at."""
LEAST_SAID = 40
"""Characters outside of links that a page of menus has at most."""
MUCH = 4
"""Times as much text as what was found: then that was a link or a banner, and the other is the page."""
UNSHOWN = "(The page shows this text only once its own program has run.)"
ONLY_MENUS = "(This page has no readable text besides its menus.)"
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


@dataclass(frozen=True)
class _Piece:
    """Text with what it stands in: what surrounds the matter, the matter, what nobody sees, a link."""

    text: str
    around: str
    matter: bool
    hidden: bool
    linked: bool


@dataclass
class _Open:
    """An element that is open: whether it is left out or hidden, around the matter or part of it, and its link."""

    tag: str
    silent: bool
    hidden: bool
    around: str
    matter: bool
    href: str = ""
    words: list[str] = field(default_factory=list)
    link: _Open | None = None


_NOTHING = _Open("", silent=False, hidden=False, around="", matter=False)


def read(html: str, url: str) -> Page:
    """Read a page.

    Args:
        html: as decoded.
        url: of the page, against which its links are resolved.
    """
    reader = _Reader(url)
    reader.feed(html)
    reader.close()
    links = dict.fromkeys((*reader.links["matter"], *reader.links["rest"]))
    text = _chosen(reader.pieces)
    if len(text) < LEAST_MATTER and len(told := _told("".join(reader.data))) >= LEAST_MATTER:
        text = f"{UNSHOWN}\n\n{told}"
    return Page(" ".join("".join(reader.title).split())[:300], text, list(links))


def _told(data: str) -> str:
    """The text of an article that a page tells search engines in JSON-LD (schema.org, ``articleBody``)."""
    at = data.find("{")
    try:
        waiting: list[object] = [json.JSONDecoder(strict=False).raw_decode(data, at)[0]] if at >= 0 else []
    except (ValueError, RecursionError):
        return ""
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if isinstance(body := value.get("articleBody"), str):
                return body.strip()
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
    return ""


def _chosen(pieces: list[_Piece]) -> str:
    """The text that the page is about: its matter, else what nothing surrounds, else the fullest of the rest."""

    def text(where: Callable[[_Piece], bool]) -> str:
        return _tidy([piece.text for piece in pieces if where(piece)])

    matter = text(lambda piece: piece.matter and not piece.hidden)
    if len(matter) >= LEAST_MATTER:
        return matter
    found = text(lambda piece: not piece.around and not piece.hidden)
    parts = {around: text(lambda piece, a=around: piece.around in {"", a} and not piece.hidden) for around in _AROUND}
    fullest = max(parts, key=lambda around: len(parts[around]))
    if _is_more(parts[fullest], found) or not found:
        found = text(lambda piece: not piece.hidden) if fullest == "nav" else parts[fullest]
    unshown = text(lambda piece: piece.hidden and piece.around != "nav")
    if _is_more(unshown, found):
        return f"{UNSHOWN}\n\n{text(lambda piece: not piece.around)}"
    said = text(lambda piece: not piece.hidden and not piece.linked)
    return f"{ONLY_MENUS}\n\n{found}" if found and len(said) < LEAST_SAID and fullest == "nav" else found


def _is_more(text: str, found: str) -> bool:
    return len(text) >= LEAST_MATTER and len(text) >= MUCH * len(found)


class _Reader(HTMLParser):
    def __init__(self, url: str) -> None:
        super().__init__(convert_charrefs=True)
        self._base = url
        self._open: list[_Open] = []
        self._tags: Counter[str] = Counter()
        self._in_title = False
        self._sheets: set[str] = set()
        self._in_data = False
        self.data: list[str] = []
        self.title: list[str] = []
        self.pieces: list[_Piece] = []
        self.links: dict[str, list[tuple[str, str]]] = {"matter": [], "rest": []}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "title" and not self.title:
            self._in_title = True
            return
        self._in_data = tag == "script" and given.get("type", "").strip().lower() == "application/ld+json"
        if tag in _VOID:
            self._write({"br": "\n", "hr": "\n\n"}.get(tag, ""))
            return
        if len(self._open) >= DEEPEST:
            return
        opened = self._opened(tag, given)
        if tag == "a" and given.get("href"):
            opened.href = given["href"].strip()
            opened.link = opened
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

    def _opened(self, tag: str, given: dict[str, str]) -> _Open:
        if tag in _MATTER or tag in _HEADINGS or tag in {"p", "table"}:
            while self._open and self._open[-1].tag in _CONTROLS:
                self._tags[self._open.pop().tag] -= 1
        above = self._open[-1] if self._open else _NOTHING
        matter = above.matter or tag in _MATTER or given.get("role") == "main"
        around = above.around
        if tag in _AROUND and not (tag == "form" and around):
            around = tag
        hidden = above.hidden or tag == "noscript" or _hidden(given) or self._hidden_by_sheet(tag, given)
        silent = above.silent or (tag in _SILENT and not (tag == "template" and "shadowrootmode" in given))
        opened = _Open(tag, silent, hidden, "" if matter else around, matter)
        opened.link = above.link
        return opened

    def _hidden_by_sheet(self, tag: str, given: dict[str, str]) -> bool:
        names = [f".{name}" for name in given.get("class", "").split()] if self._sheets else []
        names += [f"#{given['id']}"] if "id" in given else []
        return any(name in self._sheets or tag + name in self._sheets for name in names)

    def handle_endtag(self, tag: str) -> None:
        self._in_data = False
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
            if closed.href and not closed.silent and not closed.hidden:
                self._link(closed)
            if closed.tag == tag:
                return

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title.append(data)
            return
        if self._in_data:
            self.data.append(data)
        if self._open and self._open[-1].tag == "style":
            self._sheets |= _selectors(data)
        self._write(re.sub(r"\s+", " ", data))

    def _write(self, text: str) -> None:
        top = self._open[-1] if self._open else None
        if not text or (top and top.silent):
            return
        top = top or _NOTHING
        self.pieces.append(_Piece(text, top.around, top.matter, top.hidden, bool(top.link)))
        if top.link:
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
    return "hidden" in given or given.get("aria-hidden") == "true" or _unseen(given.get("style", ""))


def _unseen(style: str) -> bool:
    """Whether a style hides the text of what has it."""
    if not style:
        return False
    style = _COMMENT.sub("", style)
    style = _CSS_ESCAPE.sub(lambda found: chr(min(int(found[1], 16), 0x10FFFF)), style)
    style = re.sub(r"\s", "", style)
    if _HIDDEN.search(style) or (_FLAT.search(style) and re.search(r"overflow(?:-[xy])?:(?:hidden|clip)", style)):
        return True
    colour, ground = _COLOUR.search(style), _GROUND.search(style)
    return bool(colour and ground and colour[1].lower() == ground[1].lower())


def _selectors(sheet: str) -> set[str]:
    """The classes and ids, with their sign and perhaps their tag before them, that a sheet alone hides outright.

    Rules within others (``@media``: for print, for narrow screens) and selectors of several parts say nothing certain.
    """
    found: set[str] = set()
    above: list[str] = []
    text = ""
    for part in re.split(r"([{}])", _COMMENT.sub("", sheet)):
        if part == "{":
            above.append(text.rpartition(";")[2].strip())
        elif part == "}" and above:
            names = above.pop()
            if not above and not names.startswith("@") and _unseen(text):
                found |= {"".join(one.groups()) for name in names.split(",") if (one := _SIMPLE.fullmatch(name))}
        text = "" if part in {"{", "}"} else part
    return found


def _tidy(pieces: list[str]) -> str:
    text = re.sub(r"[ \t\xa0]+", " ", "".join(pieces))
    text = re.sub(r" ?\n ?", "\n", text)
    text = re.sub(r"(?m)^(#+|-|\|)\s*$", "", text)
    return re.sub(r"\n{3,}", "\n\n", text).strip()
