"""Markdown of the model, shown without giving it anything: no HTML, no pictures, no link that opens by itself."""

from __future__ import annotations

import math
import time

from PySide6.QtCore import QSize, Qt, QTimer, QUrl, Signal
from PySide6.QtGui import (
    QColor,
    QFontMetrics,
    QResizeEvent,
    QTextBlock,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
    QTextFormat,
    QTextFrameFormat,
    QTextImageFormat,
    QTextOption,
    QTextTable,
    QTextTableFormat,
    QWheelEvent,
)
from PySide6.QtWidgets import QFrame, QSizePolicy, QTextBrowser, QWidget

from deskhand.app.window import markdown
from deskhand.app.window.theme import Theme, mono

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
    def written(self) -> str:
        """The text as the model wrote it."""
        return self._source

    def set_source(self, text: str) -> None:
        """Replace the text and draw it at once."""
        self._source = text
        self._render()

    def append_source(self, text: str) -> None:
        """Add to the text. Drawing waits for more once it is slow: a long answer must not hold the window."""
        self._source += text
        if not self._timer.isActive():
            self._timer.start(max(0, round(self._cost * 4000)))

    def finish(self) -> None:
        """Draw what is still waiting."""
        if self._timer.isActive():
            self._timer.stop()
            self._render()

    def loadResource(self, kind: int, name: QUrl | str) -> object:  # noqa: ARG002, N802 - Qt's signature and name
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
            self.document().setMarkdown(markdown.meant(self._source), _FEATURES)
            self._unmark()
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

    def _unmark(self) -> None:
        """Take out what only emphasis needed."""
        found = self.document().find(markdown.MARK)
        while not found.isNull():
            found.removeSelectedText()
            found = self.document().find(markdown.MARK, found)

    def _dress(self) -> None:
        """Give code its font and ground, take pictures out, space paragraphs, draw tables calmly."""
        document = self.document()
        document.setIndentWidth(24)
        code = QTextCharFormat()
        code.setFont(mono(), QTextCharFormat.FontPropertiesInheritanceBehavior.FontPropertiesSpecifiedOnly)
        inline = QTextCharFormat(code)
        inline.setBackground(QColor(self._theme.colours.code))
        quote = QTextCharFormat()
        quote.setForeground(QColor(self._theme.colours.muted))
        fenced: list[tuple[int, int]] = []
        block = document.begin()
        while block.isValid():
            is_code = _is_code(block)
            cursor = QTextCursor(block)
            cursor.mergeBlockFormat(self._shape(block))
            for start, length, form in reversed(_spans(block)):
                cursor.setPosition(start)
                cursor.setPosition(start + length, QTextCursor.MoveMode.KeepAnchor)
                if form.isImageFormat():
                    cursor.insertText(f"[picture: {_name(form.toImageFormat())}]", QTextCharFormat())
                elif is_code or form.fontFixedPitch():
                    cursor.mergeCharFormat(code if is_code else inline)
                elif block.blockFormat().intProperty(QTextFormat.Property.BlockQuoteLevel):
                    cursor.mergeCharFormat(quote)
            if is_code:
                end = block.position() + block.length() - 1
                if fenced and fenced[-1][1] == block.position() - 1:
                    fenced[-1] = (fenced[-1][0], end)
                else:
                    fenced.append((block.position(), end))
            block = block.next()
        self._frame(fenced)
        for frame in document.rootFrame().childFrames():
            if isinstance(frame, QTextTable):
                frame.setFormat(self._table(frame.format()))

    def _shape(self, block: QTextBlock) -> QTextBlockFormat:
        old = block.blockFormat()
        shape = QTextBlockFormat()
        if _is_code(block):
            shape.setTopMargin(0)
            shape.setBottomMargin(0)
            shape.setLeftMargin(0)
            return shape
        shape.setLineHeight(135, QTextBlockFormat.LineHeightTypes.ProportionalHeight.value)
        if QTextCursor(block).currentTable():
            shape.setLineHeight(110, QTextBlockFormat.LineHeightTypes.ProportionalHeight.value)
        elif old.headingLevel():
            shape.setTopMargin(10 if block.blockNumber() else 0)
            shape.setBottomMargin(4)
        else:
            shape.setBottomMargin(3 if block.textList() else 8)
        if old.intProperty(QTextFormat.Property.BlockQuoteLevel):
            shape.setLeftMargin(18)
        return shape

    def _frame(self, spans: list[tuple[int, int]]) -> None:
        """Put each run of code lines into a box of its own; from the end, so that positions stay right."""
        colours = self._theme.colours
        box = QTextFrameFormat()
        box.setBackground(QColor(colours.code))
        box.setBorder(1)
        box.setBorderBrush(QColor(colours.border))
        box.setBorderStyle(QTextFrameFormat.BorderStyle.BorderStyle_Solid)
        box.setPadding(9)
        box.setTopMargin(2)
        box.setBottomMargin(8)
        for start, end in reversed(spans):
            cursor = QTextCursor(self.document())
            cursor.setPosition(start)
            cursor.setPosition(end, QTextCursor.MoveMode.KeepAnchor)
            cursor.insertFrame(box)
            # Qt leaves an empty line on both sides of a frame.
            _collapse(self.document().findBlock(start))
            _collapse(self.document().findBlock(end + 2))

    def _table(self, form: QTextFrameFormat) -> QTextTableFormat:
        table = QTextTableFormat(form.toTableFormat())
        table.setBorderCollapse(True)
        table.setBorder(1)
        table.setBorderStyle(QTextFrameFormat.BorderStyle.BorderStyle_Solid)
        table.setBorderBrush(QColor(self._theme.colours.border))
        table.setCellPadding(6)
        table.setCellSpacing(0)
        table.setTopMargin(2)
        table.setBottomMargin(10)
        return table


def _is_code(block: QTextBlock) -> bool:
    form = block.blockFormat()
    fence, language = QTextFormat.Property.BlockCodeFence, QTextFormat.Property.BlockCodeLanguage
    return form.hasProperty(fence) or form.hasProperty(language)


def _spans(block: QTextBlock) -> list[tuple[int, int, QTextCharFormat]]:
    """Position, length and format of a block's pieces of one format."""
    spans: list[tuple[int, int, QTextCharFormat]] = []
    pieces = block.begin()
    while not pieces.atEnd():
        piece = pieces.fragment()
        spans.append((piece.position(), piece.length(), piece.charFormat()))
        pieces += 1
    return spans


def _collapse(block: QTextBlock) -> None:
    """Take the height of an empty line that Qt needs around a frame."""
    if block.isValid() and not block.text():
        shape = QTextBlockFormat()
        shape.setLineHeight(1, QTextBlockFormat.LineHeightTypes.FixedHeight.value)
        shape.setBottomMargin(0)
        shape.setTopMargin(0)
        QTextCursor(block).mergeBlockFormat(shape)


def _name(picture: QTextImageFormat) -> str:
    return str(picture.property(QTextFormat.Property.ImageAltText) or picture.name() or "without a name")


def _space(document: QTextDocument) -> None:
    cursor = QTextCursor(document)
    cursor.select(QTextCursor.SelectionType.Document)
    shape = QTextBlockFormat()
    shape.setLineHeight(125, QTextBlockFormat.LineHeightTypes.ProportionalHeight.value)
    cursor.mergeBlockFormat(shape)
