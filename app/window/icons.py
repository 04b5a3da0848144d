"""Line icons drawn by us: 24×24 strokes that take the colour of the theme."""

from __future__ import annotations

from PySide6.QtCore import QByteArray, QRectF, QSize, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

_PATHS = {
    "screen": '<rect x="3" y="4.5" width="18" height="12.5" rx="2"/><path d="M8.5 20.5h7M12 17v3.5"/>',
    "mic": '<rect x="9" y="3" width="6" height="11" rx="3"/><path d="M5.5 11.5a6.5 6.5 0 0 0 13 0M12 18v3"/>',
    "send": '<path d="M12 19.5V5M5.5 11.5 12 5l6.5 6.5"/>',
    "stop": '<rect x="7" y="7" width="10" height="10" rx="1.8" fill="COLOUR"/>',
    "plus": '<path d="M12 5v14M5 12h14"/>',
    "sidebar": '<rect x="3" y="4.5" width="18" height="15" rx="2.5"/><path d="M9.5 4.5v15"/>',
    "copy": '<rect x="8.5" y="8.5" width="11.5" height="11.5" rx="2"/>'
    '<path d="M5.5 15.5a1.5 1.5 0 0 1-1.5-1.5V6a2 2 0 0 1 2-2h8a1.5 1.5 0 0 1 1.5 1.5"/>',
    "check": '<path d="m5 12.5 4.5 4.5L19 7.5"/>',
    "cross": '<path d="m6.5 6.5 11 11M17.5 6.5l-11 11"/>',
    "right": '<path d="m9.5 6 6 6-6 6"/>',
    "left": '<path d="m14.5 6-6 6 6 6"/>',
    "skills": '<rect x="4" y="4" width="7" height="7" rx="1.6"/><rect x="4" y="13.5" width="7" height="7" rx="1.6"/>'
    '<rect x="13.5" y="13.5" width="7" height="7" rx="1.6"/><path d="M17 3.5v7M13.5 7h7"/>',
    "key": '<circle cx="8" cy="15.5" r="4"/><path d="m11 12.5 8-8M15.5 8l3 3M18 5.5l2 2"/>',
    "down": '<path d="m6 9.5 6 6 6-6"/>',
    "lock": '<rect x="5" y="11" width="14" height="9" rx="2"/><path d="M8 11V8a4 4 0 0 1 8 0v3"/>',
    "globe": '<circle cx="12" cy="12" r="8.5"/>'
    '<path d="M3.5 12h17M12 3.5c5 5.5 5 11.5 0 17M12 3.5c-5 5.5-5 11.5 0 17"/>',
    "tool": '<path d="M14.6 6.4a4.2 4.2 0 0 1 5.2-1.2l-2.9 2.9 2 2 2.9-2.9a4.2 4.2 0 0 1-5.9 5.2L8.6 19.7'
    'a2 2 0 0 1-2.9 0l-.4-.4a2 2 0 0 1 0-2.9l7.3-7.3a4.2 4.2 0 0 1 2-2.7Z" transform="translate(-1 0)"/>',
    "thought": '<path d="M12 3.5l1.9 5.1 5.1 1.9-5.1 1.9L12 17.5l-1.9-5.1L5 10.5l5.1-1.9ZM18.5 16v4M16.5 18h4"/>',
    "bell": '<path d="M6 16.5V11a6 6 0 0 1 12 0v5.5l1.5 1.5h-15ZM10 20.5h4"/>',
    "warning": '<path d="M12 4 3 19.5h18ZM12 10v4.5M12 17v.2"/>',
    "wave": '<path d="M4 10v4M8 7v10M12 4v16M16 8v8M20 10.5v3"/>',
    "image": '<rect x="3.5" y="4.5" width="17" height="15" rx="2"/><circle cx="9" cy="10" r="1.6"/>'
    '<path d="m4 17.5 5-4 3.5 2.5 3.5-3.5 4.5 4"/>',
    "shield": '<path d="M12 3.5 19 6v5.5c0 4.5-3 7.5-7 9-4-1.5-7-4.5-7-9V6Z"/>',
    "attach": '<path d="m19 11.5-7.4 7.4a4.6 4.6 0 0 1-6.5-6.5l7.7-7.7a3.1 3.1 0 0 1 4.4 4.4l-7.5 7.5'
    'a1.5 1.5 0 0 1-2.2-2.2l6.9-6.9"/>',
    "retry": '<path d="M19.5 12a7.5 7.5 0 1 1-2.2-5.3L19.5 9M19.5 4.5V9H15"/>',
    "dot": '<circle cx="12" cy="12" r="5" fill="COLOUR"/>',
}


def pixmap(name: str, colour: str, size: int = 18, ratio: float = 2.0) -> QPixmap:
    """One icon of ``size`` logical pixels in ``colour`` (``#rrggbb``), drawn at ``ratio`` device pixels each."""
    body = _PATHS[name].replace("COLOUR", colour)
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="{colour}" stroke-width="1.8" '
        f'stroke-linecap="round" stroke-linejoin="round">{body}</svg>'
    )
    picture = QPixmap(QSize(round(size * ratio), round(size * ratio)))
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    QSvgRenderer(QByteArray(svg.encode())).render(painter, QRectF(picture.rect()))
    painter.end()
    picture.setDevicePixelRatio(ratio)
    return picture


def icon(name: str, colour: str, disabled: str = "", size: int = 18) -> QIcon:
    """An icon for a button; ``disabled`` is its colour when the button is."""
    result = QIcon(pixmap(name, colour, size))
    if disabled:
        result.addPixmap(pixmap(name, disabled, size), QIcon.Mode.Disabled)
    return result
