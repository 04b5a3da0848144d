"""Another program's window with an error in it, run as a process of its own: what the demonstration asks about."""

from __future__ import annotations

import sys

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QFrame, QHBoxLayout, QLabel, QPushButton, QStyle, QVBoxLayout, QWidget

TITLE = "Backup failed"
MESSAGE = "The disk ARCHIVE is full: 312 MB are missing.\nThe last 3 files were not copied."


def main() -> int:
    """Show the window at the left of the screen until the process is ended."""
    application = QApplication(sys.argv)
    window = QWidget(windowTitle=TITLE)
    window.setStyleSheet(
        "QWidget { background: #f4f4f4; color: #111; font-size: 17px } QPushButton { padding: 6px 22px }"
    )
    window.setGeometry(60, 90, 540, 230)
    icon = QLabel(pixmap=window.style().standardIcon(QStyle.StandardPixmap.SP_MessageBoxCritical).pixmap(48, 48))
    title = QLabel(f"<b>{TITLE}</b>")
    title.setTextFormat(Qt.TextFormat.RichText)
    message = QLabel(MESSAGE)
    words = QVBoxLayout()
    words.addWidget(title)
    words.addWidget(message)
    words.addStretch()
    top = QHBoxLayout()
    top.setSpacing(18)
    top.addWidget(icon, 0, Qt.AlignmentFlag.AlignTop)
    top.addLayout(words, 1)
    buttons = QHBoxLayout()
    buttons.addStretch()
    for text in ("Retry", "Cancel"):
        buttons.addWidget(QPushButton(text))
    line = QFrame(frameShape=QFrame.Shape.HLine)
    column = QVBoxLayout(window)
    column.setContentsMargins(24, 22, 24, 18)
    column.addLayout(top)
    column.addWidget(line)
    column.addLayout(buttons)
    window.show()
    print("shown", flush=True)
    return application.exec()


if __name__ == "__main__":
    sys.exit(main())
