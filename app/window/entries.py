"""What the transcript shows, one widget an entry: the person's message, the answer, a thought, a notice."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRect, QSize, Qt, QTimer, Signal, SignalInstance
from PySide6.QtGui import QGuiApplication, QImage, QKeyEvent, QPainter, QPainterPath, QPaintEvent, QPixmap
from PySide6.QtWidgets import (
    QAbstractButton,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from deskhand.agent.waking import told
from deskhand.app.window.fold import Fold, label, named, tip
from deskhand.app.window.prose import Prose
from deskhand.app.window.theme import Theme
from deskhand.model.types import Audio, Image, Part, Text, Usage

BUBBLE = 560
"""The widest bubble of the person's text, logical pixels."""


def picture(image: Image) -> QImage:
    """The pixels as Qt holds them; a copy, so that the part may go away."""
    return QImage(image.pixels, image.width, image.height, image.width * 3, QImage.Format.Format_RGB888).copy()


def clock(seconds: float) -> str:
    """``75.2`` → ``1:15``."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


class Thumbnail(QAbstractButton):
    """A small picture with round corners; a click shows it whole."""

    def __init__(self, image: QImage, width: int = 208, height: int = 130) -> None:
        super().__init__()
        self.setObjectName("thumbnail")
        self.image = image
        size = image.size().scaled(width, height, Qt.AspectRatioMode.KeepAspectRatio).expandedTo(QSize(24, 24))
        self._pixmap = QPixmap.fromImage(
            image.scaled(size * 2, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation)
        )
        self.setFixedSize(size)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setToolTip(tip(f"{image.width()} × {image.height()} pixels: click to see it whole"))
        self.setAccessibleName(f"Picture, {image.width()} by {image.height()} pixels")

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Enter shows it, as Space does."""
        if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            self.click()
        else:
            super().keyPressEvent(event)

    def redraw(self, image: QImage) -> None:
        """Show another picture of the same size."""
        self.image = image
        size = self.size() * 2
        mode = Qt.TransformationMode.SmoothTransformation
        self._pixmap = QPixmap.fromImage(image.scaled(size, Qt.AspectRatioMode.IgnoreAspectRatio, mode))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002, N802 - Qt's signature and name
        """Draw the picture, and a frame that shows the focus."""
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        path = QPainterPath()
        path.addRoundedRect(self.rect().adjusted(1, 1, -1, -1), 8, 8)
        painter.setClipPath(path)
        painter.drawPixmap(QRect(0, 0, self.width(), self.height()), self._pixmap)
        painter.setClipping(False)
        palette = self.palette()
        painter.setPen(palette.highlight().color() if self.hasFocus() else palette.mid().color())
        painter.drawPath(path)


CAME_BACK = {"watch": "Your watch", "later": "What you asked for later", "timer": "Your timer"}
"""Who speaks where the person would, by the kind of task."""


class UserEntry(QWidget):
    """What the person said: a bubble on the right, pictures and sound above the text.

    Args:
        theme: for colours and icons.
        parts: of the message.
        task: the kind of task that speaks in their place, which is said above it; else empty.
    """

    opened = Signal(QImage)

    def __init__(self, theme: Theme, parts: Sequence[Part], task: str = "") -> None:
        super().__init__()
        self.setObjectName("user-entry")
        speaker = CAME_BACK.get(task, "You")
        text = "\n".join(part.text for part in parts if isinstance(part, Text)).strip()
        text = told(text) if task else text
        self.text = text
        self.setAccessibleName(f"{speaker}: {text}")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 10, 0, 2)
        column.setSpacing(6)
        if task:
            column.addWidget(label(speaker, "small", name="speaker"), 0, Qt.AlignmentFlag.AlignRight)
        media = QHBoxLayout()
        media.setSpacing(8)
        media.addStretch()
        for part in parts:
            if isinstance(part, Image):
                thumbnail = Thumbnail(picture(part))
                thumbnail.clicked.connect(lambda _=False, shown=thumbnail: self.opened.emit(shown.image))
                media.addWidget(thumbnail, 0, Qt.AlignmentFlag.AlignBottom)
            elif isinstance(part, Audio):
                media.addWidget(_sound(theme, part), 0, Qt.AlignmentFlag.AlignBottom)
        if media.count() > 1:
            column.addLayout(media)
        if text:
            bubble = QFrame()
            bubble.setProperty("role", "bubble")
            inside = QHBoxLayout(bubble)
            inside.setContentsMargins(15, 10, 15, 7)
            self.prose = Prose(theme, text, markdown=False)
            self.prose.setAccessibleName(speaker if task else "Your message")
            self.prose.setFixedWidth(self.prose.natural_width(BUBBLE - 30))
            inside.addWidget(self.prose)
            column.addWidget(bubble, 0, Qt.AlignmentFlag.AlignRight)


def _sound(theme: Theme, audio: Audio) -> QFrame:
    chip = named(QFrame(), "sound-chip")
    chip.setProperty("role", "bubble")
    row = QHBoxLayout(chip)
    row.setContentsMargins(12, 8, 14, 8)
    row.setSpacing(8)
    mark = QLabel()
    mark.setPixmap(theme.icon("wave", "accent").pixmap(18, 18))
    row.addWidget(mark)
    row.addWidget(label(f"Voice · {clock(audio.seconds)}"))
    chip.setAccessibleName(f"Recording of {audio.seconds:.0f} seconds")
    return chip


class AnswerEntry(QWidget):
    """What the model said; grows while it streams. A row below offers a copy and says what it took."""

    link_clicked = Signal(str)

    def __init__(self, theme: Theme, text: str = "") -> None:
        super().__init__()
        self.setObjectName("answer-entry")
        self._theme = theme
        self.prose = Prose(theme, text)
        self.prose.setObjectName("answer")
        self.prose.setAccessibleName("Answer")
        self.prose.link_clicked.connect(self.link_clicked)
        self._copy = named(QPushButton(), "copy", "Copy the answer")
        self._copy.setProperty("role", "quiet")
        self._copy.clicked.connect(self._to_clipboard)
        self._usage = label("", "small", wrap=True, name="usage")
        self._details = Fold(theme, "Details", self._usage, name="usage-details")
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(self._copy, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self._details, 1)
        self._row = QWidget()
        self._row.setLayout(row)
        self._row.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 2, 0, 2)
        column.setSpacing(6)
        column.addWidget(self.prose)
        column.addWidget(self._row)
        theme.changed.connect(self._draw)
        self._draw()

    def append(self, text: str) -> None:
        """The answer grew."""
        self.prose.append_source(text)

    def tick(self, text: str) -> None:
        """It is a plan: show it with its boxes."""
        self.prose.set_source(text)

    def finish(self, usage: Usage | None = None) -> None:
        """This text is whole; with ``usage`` the turn is over and it may be copied."""
        self.prose.finish()
        if usage is not None:
            self._row.show()
            self._usage.setText(f"{usage_line(usage)}\n{usage_table(usage)}")

    def _draw(self) -> None:
        self._copy.setIcon(self._theme.icon("copy", size=15))

    def _to_clipboard(self) -> None:
        QGuiApplication.clipboard().setText(self.prose.written)
        self._copy.setIcon(self._theme.icon("check", "good", 15))
        QTimer.singleShot(1500, self._copy, self._draw)


class ThoughtEntry(QWidget):
    """What the model thought, folded."""

    def __init__(self, theme: Theme, text: str = "", *, live: bool = False) -> None:
        super().__init__()
        self.setObjectName("thought-entry")
        self.prose = Prose(theme, text, markdown=False)
        self.prose.setObjectName("thought")
        self._fold = Fold(theme, "Thinking…" if live else "Thought", self.prose, name="thought-fold")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._fold)

    def append(self, text: str) -> None:
        """The thought grew."""
        self.prose.append_source(text)

    def finish(self) -> None:
        """The thought is whole."""
        self.prose.finish()
        self._fold.set_title("Thought")


class NoticeEntry(QFrame):
    """One sentence outside the conversation's text: a timer, an error.

    Args:
        kind: ``timer``, ``engine``, ``skill``, ``warn`` or ``error``.
    """

    acted = Signal()
    acted_instead = Signal()

    def __init__(self, theme: Theme, kind: str, text: str, action: str = "", instead: str = "") -> None:
        super().__init__()
        self.setObjectName(f"notice-{kind}")
        self.text = text
        self._theme = theme
        bad = kind == "error"
        self._picture = ("warning", "bad") if bad else ("warning", "warn") if kind == "warn" else ("bell", "accent")
        self.setProperty("role", "notice")
        self.setProperty("kind", kind)
        self.setAccessibleName(text)
        self._icon = QLabel()
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 10, 14, 10)
        row.setSpacing(10)
        row.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        words = label(text, wrap=True, name="notice-text")
        words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        beside = QVBoxLayout()
        beside.setSpacing(6)
        beside.addWidget(words)
        row.addLayout(beside, 1)
        if action and not instead:
            row.addWidget(self._button("notice-action", action, self.acted), 0, Qt.AlignmentFlag.AlignTop)
        elif action:
            # Two stand below the sentence: beside it they would leave it no room in a small window.
            for name, title, pressed in (
                ("notice-action", action, self.acted),
                ("notice-instead", instead, self.acted_instead),
            ):
                button = self._button(name, title, pressed)
                button.setProperty("role", "small")
                beside.addWidget(button, 0, Qt.AlignmentFlag.AlignLeft)
        theme.changed.connect(self._draw)
        self._draw()

    def _button(self, name: str, text: str, pressed: SignalInstance) -> QToolButton:
        made = named(QToolButton(), name)
        made.setText(text)
        made.clicked.connect(pressed)
        return made

    def _draw(self) -> None:
        name, colour = self._picture
        self._icon.setPixmap(self._theme.icon(name, colour).pixmap(18, 18))


def usage_line(usage: Usage) -> str:
    """What a turn took, in a few words."""
    words = [f"{usage.prompt_tokens:,} tokens read"]
    if usage.reused_tokens:
        words[0] += f", {usage.reused_tokens:,} reused"
    words.append(f"{usage.completion_tokens:,} written")
    if usage.drafted:
        words.append(f"{usage.accepted} of {usage.drafted} drafts kept, {usage.tokens_per_step:.1f} tokens a step")
    if usage.ttft_ms:
        words.append(f"first token after {usage.ttft_ms / 1000:.1f} s")
    return " · ".join(words)


def usage_table(usage: Usage) -> str:
    """Every figure of a turn."""
    rate = usage.completion_tokens / usage.decode_ms * 1000 if usage.decode_ms else 0
    return "\n".join((
        f"Prompt: {usage.prompt_tokens:,} tokens ({usage.image_tokens:,} image, {usage.audio_tokens:,} sound)",
        f"Evaluated {usage.evaluated_tokens:,}, reused {usage.reused_tokens:,}, in {usage.prefill_ms / 1000:.2f} s",
        f"Written: {usage.completion_tokens:,} tokens in {usage.decode_ms / 1000:.2f} s ({rate:.1f} a second)",
        f"Drafted {usage.drafted:,}, accepted {usage.accepted:,} ({usage.acceptance:.0%})",
        f"{usage.tokens_per_step:.2f} tokens a step, {usage.forced:,} of all because a tool's form allows no others",
    ))  # fmt: skip
