"""Markdown of the model, shown without giving it anything: no HTML, no pictures, no link that opens by itself."""

from __future__ import annotations

import math
import time
from typing import Any

from deskhand.app.theme import Theme, mono
from PySide6.QtCore import QSize, Qt, QTimer, QUrl, Signal
from PySide6.QtGui import (
    QColor,
    QFontMetrics,
    QResizeEvent,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
    QTextFormat,
    QTextImageFormat,
    QTextOption,
    QWheelEvent,
)
from PySide6.QtWidgets import QFrame, QSizePolicy, QTextBrowser, QWidget

_SCHEMES = {"http", "https", "mailto"}
_FEATURES = QTextDocument.MarkdownFeature.MarkdownDialectGitHub | QTextDocument.MarkdownFeature.MarkdownNoHTML


class Prose(QTextBrowser):
    """Selectable text as high as it needs to be; it grows while the answer streams.

    Args:
        theme: for the colours of code.
        markdown: False shows the text as it is.
    """

    link_clicked = Signal(str)
    """An http, https or mailto address that the person clicked; nothing has been opened."""

    def __init__(self, theme: Theme, text: str = "", *, markdown: bool = True, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._markdown = markdown
        self._source = ""
        self._cost = 0.0
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setOpenLinks(False)
        self.setOpenExternalLinks(False)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextBrowserInteraction)
        self.document().setDocumentMargin(0)
        self.document().setUndoRedoEnabled(False)
        self.anchorClicked.connect(self._clicked)
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self._render)
        theme.changed.connect(self._render)
        if text:
            self.set_source(text)

    @property
    def source(self) -> str:
        """The text as the model wrote it."""
        return self._source

    def set_source(self, text: str) -> None:
        """Replace the text and draw it at once."""
        self._source = text
        self._render()

    def append_source(self, text: str) -> None:
        """Add to the text. Drawing waits for more when it has become slow, so that a long answer never holds the window."""
        self._source += text
        if not self._timer.isActive():
            self._timer.start(max(0, round(self._cost * 4000)))

    def finish(self) -> None:
        """Draw what is still waiting."""
        if self._timer.isActive():
            self._timer.stop()
            self._render()

    def loadResource(self, kind: int, name: QUrl) -> Any:  # noqa: ARG002, N802 - Qt's signature and name
        """Give nothing: neither a file nor an address that the model names is ever read."""
        return None

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """As wide as given, as high as the text."""
        return QSize(super().sizeHint().width(), self.height())

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Wrap anew, and take the height that this needs."""
        super().resizeEvent(event)
        self._fit()

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802 - Qt's name
        """Leave the wheel to the transcript."""
        event.ignore()

    def natural_width(self, limit: int) -> int:
        """Width of the longest line, at most ``limit``."""
        metrics = QFontMetrics(self.font())
        return min(limit, max((metrics.horizontalAdvance(line) for line in self._source.split("\n")), default=0) + 4)

    def _clicked(self, url: QUrl) -> None:
        if url.scheme().lower() in _SCHEMES:
            self.link_clicked.emit(url.toString())

    def _fit(self) -> None:
        self.document().setTextWidth(self.viewport().width())
        height = math.ceil(self.document().size().height())
        if height != self.height():
            self.setFixedHeight(max(height, QFontMetrics(self.font()).height()))

    def _render(self) -> None:
        started = time.perf_counter()
        cursor = self.textCursor()
        selection = (cursor.anchor(), cursor.position())
        if self._markdown:
            self.document().setMarkdown(self._source, _FEATURES)
            self._dress()
        else:
            self.setPlainText(self._source)
            _space(self.document())
        if selection[0] != selection[1]:
            end = self.document().characterCount() - 1
            cursor = self.textCursor()
            cursor.setPosition(min(selection[0], end))
            cursor.setPosition(min(selection[1], end), QTextCursor.MoveMode.KeepAnchor)
            self.setTextCursor(cursor)
        self._fit()
        self._cost = time.perf_counter() - started

    def _dress(self) -> None:
        """Give code its font and ground, take pictures out, space paragraphs."""
        document = self.document()
        colours = self._theme.colours
        code = QTextCharFormat()
        code.setFont(mono(), QTextCharFormat.FontPropertiesInheritanceBehavior.FontPropertiesSpecifiedOnly)
        inline = QTextCharFormat(code)
        inline.setBackground(QColor(colours.code))
        block = document.begin()
        while block.isValid():
            cursor = QTextCursor(block)
            form = block.blockFormat()
            fenced = form.hasProperty(QTextFormat.Property.BlockCodeFence) or form.hasProperty(
                QTextFormat.Property.BlockCodeLanguage
            )
            shape = QTextBlockFormat()
            shape.setLineHeight(140, QTextBlockFormat.LineHeightTypes.ProportionalHeight.value)
            if fenced:
                shape.setLineHeight(125, QTextBlockFormat.LineHeightTypes.ProportionalHeight.value)
                shape.setBackground(QColor(colours.code))
                shape.setTextIndent(12)
                shape.setTopMargin(0)
                shape.setBottomMargin(0)
            cursor.mergeBlockFormat(shape)
            spans: list[tuple[int, int, QTextCharFormat]] = []
            fragments = block.begin()
            while not fragments.atEnd():
                piece = fragments.fragment()
                form = piece.charFormat()
                if form.isImageFormat() or (not fenced and form.fontFixedPitch()) or fenced:
                    spans.append((piece.position(), piece.length(), form))
                fragments += 1
            for start, length, form in reversed(spans):
                cursor.setPosition(start)
                cursor.setPosition(start + length, QTextCursor.MoveMode.KeepAnchor)
                if form.isImageFormat():
                    cursor.insertText(f"[picture: {_name(form.toImageFormat())}]", QTextCharFormat())
                else:
                    cursor.mergeCharFormat(code if fenced else inline)
            block = block.next()


def _name(picture: QTextImageFormat) -> str:
    return str(picture.property(QTextFormat.Property.ImageAltText) or picture.name() or "without a name")


def _space(document: QTextDocument) -> None:
    cursor = QTextCursor(document)
    cursor.select(QTextCursor.SelectionType.Document)
    shape = QTextBlockFormat()
    shape.setLineHeight(140, QTextBlockFormat.LineHeightTypes.ProportionalHeight.value)
    cursor.mergeBlockFormat(shape)
