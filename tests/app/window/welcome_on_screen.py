"""Shows the window at its smallest size on a real display and prints what of each greeting can be reached by keys.

A JSON object a greeting: its texts, those that were seen whole, and whether they had to be scrolled to.
"""

from __future__ import annotations

import json
import sys

from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QPushButton

from deskhand.app.window.theme import Theme
from deskhand.app.window.welcome import POCKET, USUAL, Welcome
from deskhand.app.window.window import LEAST, Window
from tests.app.conftest import HandDesk


def _whole(welcome: Welcome) -> set[str]:
    """Texts of which every line is on the screen now."""
    seen: set[str] = set()
    view = welcome.viewport()
    for each in (*welcome.findChildren(QLabel), *welcome.findChildren(QPushButton)):
        place = QRect(each.mapTo(view, QPoint(0, 0)), each.size())
        needed = each.heightForWidth(each.width()) if each.hasHeightForWidth() else each.sizeHint().height()
        wide = each.hasHeightForWidth() or each.width() >= each.sizeHint().width()
        if view.rect().contains(place) and each.height() >= needed and wide:
            seen.add(each.text())
    return seen


def main() -> None:
    """Do it for both palettes and all greetings."""
    qt = QApplication(sys.argv[:1])
    for dark in (False, True):
        theme = Theme(qt, dark=dark)
        for greeting in (USUAL, POCKET):
            window = Window(HandDesk(), theme, greeting=greeting)  # pyright: ignore[reportArgumentType]
            window.resize(*LEAST)
            window.show()
            window.activateWindow()
            QTest.qWait(300)
            welcome = window.welcome
            seen = first = _whole(welcome)
            welcome.setFocus(Qt.FocusReason.TabFocusReason)
            for _ in range(12):
                QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Down)
                seen = seen | _whole(welcome)
            shown = [each.text() for each in (*welcome.findChildren(QLabel), *welcome.findChildren(QPushButton))]
            size = [window.width(), window.height()]
            told = {"size": size, "texts": shown, "first": sorted(first), "seen": sorted(seen)}
            sys.stdout.write(f"{json.dumps(told)}\n")
            window.close()


if __name__ == "__main__":
    main()
