"""A skill's HTML file → the scripts and elements that `page.js` runs it with."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from deskhand.agent.skills import contents
from deskhand.agent.tools.modules import ModuleError, Modules, Piece

MOST_SCRIPT = 8 * 1024**2
"""Bytes of all scripts of a page."""
MOST_ELEMENTS = 2_000
_SCRIPTS = {"", "text/javascript", "application/javascript", "module"}
_EMPTY = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


class PageError(Exception):
    """A page that can't be run; the message is a sentence."""


@dataclass
class Page:
    """What a page is made of.

    Attributes:
        scripts: name and text of each, in order.
        elements: tag, attributes and text of each element of the body that has an id, a class or is a canvas.
        modules: of `modules.Modules`.
        entries: numbers of the modules that the page itself names, in order; they run after all scripts.
        missing: addresses of scripts on other machines, which are not loaded.
    """

    scripts: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    elements: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    modules: list[list[Piece]] = field(default_factory=list[list[Piece]])
    entries: list[int] = field(default_factory=list[int])
    missing: list[str] = field(default_factory=list[str])


def read(folder: Path, file: Path) -> Page:
    """Read the page ``file`` of the skill in ``folder``, with its local scripts.

    Raises:
        PageError: it or a script of it can't be read, or leads outside of the folder.
    """
    if file.suffix.lower() == ".js":
        return Page([{"name": file.name, "text": _text(file)}])
    reader = _Reader()
    reader.feed(_text(file))
    reader.close()
    page = Page(elements=reader.elements)
    base = PurePosixPath(file.relative_to(folder.resolve()).parent)

    def local(address: str, asker: str) -> tuple[str, str]:
        path = _joined(PurePosixPath(asker).parent, unquote(urlsplit(address).path))
        try:
            return path, _text(contents.resolve(folder, path))
        except contents.ContentsError as error:
            raise PageError(f"{file.name} asks for a script that is not there: {error}") from error

    modules = Modules(local)
    for number, (source, text, module) in enumerate(reader.scripts):
        address = urlsplit(source or "")
        if address.scheme or address.netloc:
            page.missing.append((source or "")[:200])
            continue
        name = f"{base / file.name} script {number + 1}"
        if source is not None:
            name, text = local(source, str(base / file.name))  # noqa: PLW2901 - the text is the file's
        if module:
            try:
                page.entries.append(modules.add(name, text))
            except ModuleError as error:
                raise PageError(str(error)) from error
        else:
            page.scripts.append({"name": name, "text": text})
    page.modules = modules.made
    size = sum(len(script["text"]) for script in page.scripts)
    size += sum(len(piece) for made in page.modules for piece in made if isinstance(piece, str))
    if size > MOST_SCRIPT:
        raise PageError(f"The scripts of {file.name} are larger than {MOST_SCRIPT >> 20} MB.")
    return page


def _joined(base: PurePosixPath, path: str) -> str:
    """A relative address from the page's own folder; ``..`` is resolved as far as it stays inside."""
    parts: list[str] = []
    for part in (base / path.lstrip("/")).parts if not path.startswith("/") else PurePosixPath(path.lstrip("/")).parts:
        if part == ".." and parts:
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


def _text(file: Path) -> str:
    try:
        if file.stat().st_size > MOST_SCRIPT:
            raise PageError(f"{file.name} is larger than {MOST_SCRIPT >> 20} MB.")
        return file.read_text("utf-8", "replace")
    except OSError as error:
        raise PageError(f"{file.name} can't be read: {error.strerror}.") from error


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.scripts: list[tuple[str | None, str, bool]] = []
        self.elements: list[dict[str, Any]] = []
        self._script: tuple[str | None, list[str], bool] | None = None
        self._open: list[dict[str, Any] | None] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "script":
            kind = given.get("type", "").strip().lower()
            if kind in _SCRIPTS:
                self._script = (given.get("src"), [], kind == "module")
            return
        kept = None
        if (given.keys() & {"id", "class"} or tag == "canvas") and len(self.elements) < MOST_ELEMENTS:
            kept = {"tag": tag, "attributes": given, "text": ""}
            self.elements.append(kept)
        if tag not in _EMPTY:
            self._open.append(kept)

    def handle_endtag(self, tag: str) -> None:
        if tag == "script":
            if self._script is not None:
                self.scripts.append((self._script[0], "".join(self._script[1]), self._script[2]))
            self._script = None
        elif self._open:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        if self._script is not None:
            self._script[1].append(data)
        elif self._open and self._open[-1] is not None:
            self._open[-1]["text"] += data
