"""The line at the window's lower edge: which engine is in use, and whether anything leaves the machine."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QLabel, QWidget

from deskhand.app.window.fold import label, tip
from deskhand.app.window.theme import Theme
from deskhand.model.types import EngineInfo


class Status(QWidget):
    """Always visible."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("status")
        self._theme = theme
        self._dot = ("faint", "dot")
        self._place = ("muted", "lock")
        self._mark, self._lock = QLabel(), QLabel()
        self.engine = label("Starting…", "small", name="engine")
        self.privacy = label("Stays on this machine", "small", name="privacy")
        self.privacy.setToolTip("The model runs here. No picture, sound or text is sent anywhere.")
        row = QHBoxLayout(self)
        row.setContentsMargins(6, 0, 6, 0)
        row.setSpacing(6)
        row.addWidget(self._mark)
        row.addWidget(self.engine, 1)
        row.addWidget(self._lock)
        row.addWidget(self.privacy)
        theme.changed.connect(self._draw)
        self._draw()

    def loading(self, text: str) -> None:
        """The engine is being loaded."""
        self._dot = ("warn", "dot")
        self.engine.setText(f"{text.rstrip('.…')}…")
        self._draw()

    def ready(self, info: EngineInfo, host: str = "") -> None:
        """The engine's name, what it takes in or that it is one to try things with, and where it runs."""
        trial = ["demo model"] if info.alone else []
        senses = [word for word, has in (("sees", info.sees), ("hears", info.hears), ("drafts", info.drafts)) if has]
        self._dot = ("good", "dot")
        self.engine.setText(" · ".join([info.model, *(trial or ([", ".join(senses)] if senses else []))]))
        self.engine.setToolTip(
            tip("\n".join((f"{info.kind}, {info.context_length:,} tokens of context", *info.details)))
        )
        leaves = info.leaves_machine or bool(host)
        self._place = ("warn", "globe") if leaves else ("muted", "lock")
        self.privacy.setText(f"Leaves this machine: {host or 'remote engine'}" if leaves else "Stays on this machine")
        self.privacy.setProperty("role", "warn" if leaves else "small")
        if leaves:
            self.privacy.setToolTip("Pictures, sound and text of this conversation are sent to what is named here.")
        self.privacy.style().unpolish(self.privacy)
        self.privacy.style().polish(self.privacy)
        self._draw()

    def failed(self) -> None:
        """There is no engine."""
        self._dot = ("bad", "dot")
        self.engine.setText("No engine")
        self._draw()

    def _draw(self) -> None:
        for widget, (colour, name), size in ((self._mark, self._dot, 12), (self._lock, self._place, 14)):
            widget.setPixmap(self._theme.icon(name, colour, size).pixmap(size, size))
