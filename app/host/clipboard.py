"""The clipboard and the selection, for skills, through Qt in the window's thread."""

from __future__ import annotations

from typing import Literal

from PySide6.QtGui import QClipboard, QGuiApplication, QImage

from deskhand.agent.tools.host import Asked, HostError, Told
from deskhand.app.host.gui import Gui
from deskhand.model.types import Image

MOST_READ = 15_000
"""Characters of text that are read."""
MOST_WRITTEN = 1_000_000
MOST_PIXELS = 32_000_000

Place = Literal["clipboard", "selection"]
_MODES = {"clipboard": QClipboard.Mode.Clipboard, "selection": QClipboard.Mode.Selection}


class Clipboard:
    """What skills may do with the clipboard.

    Args:
        gui: of the window; None where there is none.
        budget: image tokens of a picture.
    """

    def __init__(self, gui: Gui | None, budget: int) -> None:
        self._gui = gui
        self._budget = budget

    def read(self, asked: Asked) -> Told:
        """The text, or the picture, of the clipboard or of what is selected with the mouse."""
        place: Place = "selection" if asked.arguments.get("place") == "selection" else "clipboard"
        found = self._window().call(lambda: _read(place), asked.cancel)
        if isinstance(found, QImage):
            image = _pixels(found, self._budget)
            return Told({"picture": "copied"}, (image,))
        if not found:
            raise HostError(
                "Nothing is selected."
                if place == "selection"
                else "There is neither text nor a picture on the clipboard."
            )
        return Told({"text": found[:MOST_READ], "characters": len(found)})

    def write(self, asked: Asked) -> Told:
        """Put text on the clipboard."""
        text: str = asked.arguments["text"]
        if len(text) > MOST_WRITTEN:
            raise HostError(f"That is more than {MOST_WRITTEN:,} characters.")
        kept = text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
        self._window().call(lambda: _write(kept), asked.cancel)
        return Told({"copied": len(kept)})

    def _window(self) -> Gui:
        if self._gui is None:
            raise HostError("The clipboard can be used from Deskhand's window only: open it and ask there.")
        return self._gui


def _read(place: Place) -> str | QImage:
    board = QGuiApplication.clipboard()
    if place == "selection" and not board.supportsSelection():
        raise HostError("This desktop does not tell what is selected: copy it and ask about the clipboard.")
    mode = _MODES[place]
    data = board.mimeData(mode)
    if data is None:  # pyright: ignore[reportUnnecessaryComparison] - what Qt gives for a clipboard without an owner
        return ""
    if data.hasText() or not data.hasImage():
        return data.text()
    picture = board.image(mode)
    return picture if not picture.isNull() else ""


def _write(text: str) -> None:
    QGuiApplication.clipboard().setText(text)


def _pixels(picture: QImage, budget: int) -> Image:
    if picture.width() * picture.height() > MOST_PIXELS:
        raise HostError("The picture on the clipboard is too large.")
    rgb = picture.convertToFormat(QImage.Format.Format_RGB888)
    rows = rgb.constBits()
    line, wide = rgb.bytesPerLine(), rgb.width() * 3
    raw = b"".join(bytes(rows[at * line : at * line + wide]) for at in range(rgb.height()))
    return Image(raw, rgb.width(), rgb.height(), budget)
