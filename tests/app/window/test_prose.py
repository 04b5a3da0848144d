"""Answers: Markdown without HTML, pictures, or links that open by themselves."""

import pytest
from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QTextCursor, QTextTable

from deskhand.app.window.prose import Prose


@pytest.fixture
def prose(qtbot, theme):
    prose = Prose(theme)
    qtbot.addWidget(prose)
    prose.resize(500, 100)
    prose.show()
    return prose


def test_markdown_is_drawn(prose):
    prose.set_source(
        "# Title\n\nSome **bold** and `code`.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```py\nx = 1\ny = 2\n```\n\nend"
    )
    text = prose.toPlainText()
    assert "**" not in text
    assert "```" not in text
    assert "x = 1\ny = 2" in text
    frames = prose.document().rootFrame().childFrames()
    assert [isinstance(frame, QTextTable) for frame in frames] == [True, False]


def test_html_stays_text_and_pictures_are_named(prose, tmp_path, qtbot):
    file = tmp_path / "secret.png"
    file.write_bytes(b"x")
    prose.set_source(f'<b>bold</b> <img src="{file}"> ![chart]({file}) ![](http://192.0.2.1/x.png)')
    text = prose.toPlainText()
    assert "<b>bold</b>" in text
    assert "[picture: chart]" in text
    assert "￼" not in text
    assert prose.loadResource(2, QUrl.fromLocalFile(str(file))) is None


def test_only_web_and_mail_links_are_reported_and_none_opens(prose, qtbot):
    seen = []
    prose.link_clicked.connect(seen.append)
    for address in ("https://example.org/a", "file:///etc/passwd", "javascript:x", "mailto:a@example.org", "ssh://x"):
        prose.anchorClicked.emit(QUrl(address))
    assert seen == ["https://example.org/a", "mailto:a@example.org"]
    assert not prose.openLinks()
    assert not prose.openExternalLinks()


def test_a_stream_ends_with_the_whole_text_and_grows(prose, qtbot):
    before = prose.height()
    for number in range(300):
        prose.append_source(f"word{number} ")
    prose.finish()
    assert prose.toPlainText().split() == [f"word{number}" for number in range(300)]
    assert prose.height() > before * 3
    prose.resize(250, prose.height())
    narrow = prose.height()
    prose.resize(800, prose.height())
    assert prose.height() < narrow


def test_a_selection_survives_the_stream(prose, qtbot):
    prose.set_source("first second")
    cursor = prose.textCursor()
    cursor.setPosition(0)
    cursor.setPosition(5, QTextCursor.MoveMode.KeepAnchor)
    prose.setTextCursor(cursor)
    prose.append_source(" third")
    prose.finish()
    assert prose.textCursor().selectedText() == "first"
    assert prose.toPlainText() == "first second third"


def test_text_of_the_person_is_not_markdown(qtbot, theme):
    prose = Prose(theme, "**not bold** <b>x</b>", markdown=False)
    qtbot.addWidget(prose)
    assert prose.toPlainText() == "**not bold** <b>x</b>"
    assert prose.textInteractionFlags() & Qt.TextInteractionFlag.TextSelectableByMouse


@pytest.mark.parametrize(
    "source",
    ["```\nx", "```", "", "|", "![", "[a](", "- \n- ", "> ```\n> x\n> ```", "1. ```\n   x\n   ```", "\x00\u202e"],
)
def test_half_written_markdown_is_no_trouble(prose, source):
    prose.set_source(source)
    prose.append_source("\n\nmore")
    prose.finish()
    assert "more" in prose.toPlainText()
