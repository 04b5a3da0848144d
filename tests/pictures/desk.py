"""Another program on the desk of the pictures: a letter that can be written, selected and sent."""

import sys

from PySide6.QtWidgets import QApplication, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget


def main() -> int:
    """Show the window; arguments: title, text, left, top, and ``selected`` to select the text."""
    title, text, left, top, state = sys.argv[1:6]
    application = QApplication(["letter"])
    window = QWidget(windowTitle=title)
    window.setStyleSheet("QWidget { background: #fbfbf8; color: #111; font-size: 19px }")
    edit = QPlainTextEdit(text)
    send = QPushButton("Send letter")
    send.clicked.connect(lambda: edit.setPlainText("The letter was sent."))
    column = QVBoxLayout(window)
    column.addWidget(edit)
    column.addWidget(send)
    window.setGeometry(int(left), int(top), 500, 330)
    window.show()
    edit.setFocus()
    if state == "selected":
        application.processEvents()
        edit.selectAll()
        application.clipboard().setText(edit.toPlainText(), application.clipboard().Mode.Selection)
    print("shown", flush=True)
    return application.exec()


if __name__ == "__main__":
    sys.exit(main())
