"""A tool call as a card: what is called, with exactly what, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QVBoxLayout

from deskhand.agent.events import CallRecord, Decision
from deskhand.agent.prompt import SAY
from deskhand.app.undoing import Undoable
from deskhand.app.visible import exact, one_line, shown
from deskhand.app.window.entries import Thumbnail, picture
from deskhand.app.window.fold import Fold, Mono, facts, label, restyle
from deskhand.app.window.prose import Prose
from deskhand.app.window.theme import Theme, mono
from deskhand.app.window.undo_row import UndoRow
from deskhand.model.types import Image, ToolCall

State = Literal["running", "waiting", "done", "failed", "denied"]

_WORDS: dict[State, str] = {
    "running": "Running…",
    "waiting": "Waiting for you",
    "done": "Done",
    "failed": "Failed",
    "denied": "Not allowed",
}
SHORT = 160
"""Characters of an argument that are shown beside its name; longer ones fold."""
MOST_PICTURES = 3
"""Pictures of one result in a row."""


class CallCard(QFrame):
    """One call, from its proposal to its result, and to its undoing.

    Args:
        theme: for colours and icons.
        call: with its arguments.
        opens: whether the result is shown at once, in rows where it can be.
    """

    undo_asked = Signal(bool, bool)
    """The button was pressed: whether to make it again, and whether although the file was changed since."""
    picture_opened = Signal(QImage)

    def __init__(self, theme: Theme, call: ToolCall, *, opens: bool = False) -> None:
        super().__init__()
        self._opens = opens
        self.setObjectName("call-card")
        self.call = call
        self.state: State = "running"
        self._theme = theme
        self._undo: UndoRow | None = None
        self.setProperty("role", "card")
        self.setAccessibleName(f"Tool call {shown(call.name)}")
        self._icon = QLabel()
        name = label(shown(call.name), "heading", name="call-name")
        name.setFont(mono(1.0))
        self._pill = label("", "pill", name="call-state")
        top = QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(self._icon)
        top.addWidget(name)
        top.addStretch()
        top.addWidget(self._pill)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(14, 11, 12, 11)
        self._column.setSpacing(7)
        self._column.addLayout(top)
        self._add_arguments(call.arguments)
        theme.changed.connect(self._draw)
        self.set_state("running")

    def set_state(self, state: State, note: str = "") -> None:
        """Show where the call stands; ``note`` follows the word."""
        self.state = state
        self._pill.setText(_WORDS[state] + note)
        self._pill.setProperty("state", state)
        self.setProperty("state", state)
        restyle(self)
        restyle(self._pill)
        self._draw()

    def finish(self, record: CallRecord) -> None:
        """Show what became of the call."""
        if record.decision in {Decision.DENIED, Decision.REFUSED}:
            self.set_state("denied" if record.decision is Decision.DENIED else "failed")
        else:
            self.set_state(
                "failed" if record.error else "done", f" · {record.seconds:.1f} s" if record.seconds >= 0.05 else ""
            )
        if record.error:
            self.add_error(record.error, "muted" if record.decision is Decision.DENIED else "bad")
        elif record.decision not in {Decision.DENIED, Decision.REFUSED}:
            self.add_result(record.result)

    def set_undo(self, offer: Undoable) -> None:
        """Offer to take back what the call changed, and say what became of that."""
        if self._undo is None:
            self._undo = UndoRow(shown(self.call.name))
            self._undo.asked.connect(self.undo_asked)
        self._column.addWidget(self._undo)  # below the result, whenever that came
        self._undo.show_offer(offer)
        if self.state == "done":
            self._pill.setText("Undone" if offer.undone else _WORDS["done"])
            self._pill.setProperty("state", "denied" if offer.undone else "done")
            restyle(self._pill)

    def add_error(self, sentence: str, role: str = "bad") -> None:
        """One sentence below the arguments."""
        self._column.addWidget(label(shown(sentence), role, wrap=True, name="call-error"))

    def add_result(self, result: object) -> None:
        """What the tool returned, folded below a line of it unless results are shown at once."""
        if result is None or result in ("", {}, []):
            return
        if self._opens:  # the model does not say it, so the card does, and ids are for programs
            result = _said(result) or result
        text = shown(result) if isinstance(result, str) else exact(result)
        rows = _rows(result) if self._opens else {}
        body = facts(rows, "result-{}", ()) if rows else Mono(text, 14, "call-result")
        fold = Fold(self._theme, "Result" if rows else f"Result · {_preview(result)}", body)
        fold.button.setChecked(self._opens)
        self._column.addWidget(fold)

    def add_pictures(self, images: Sequence[Image]) -> None:
        """The pictures of the result, small; a click shows one whole."""
        if not images:
            return
        row = QHBoxLayout()
        row.setSpacing(8)
        for image in images[:MOST_PICTURES]:
            thumbnail = Thumbnail(picture(image))
            thumbnail.clicked.connect(lambda _=False, shown=thumbnail: self.picture_opened.emit(shown.image))
            row.addWidget(thumbnail, 0, Qt.AlignmentFlag.AlignTop)
        if len(images) > MOST_PICTURES:
            row.addWidget(label(f"and {len(images) - MOST_PICTURES} more", "muted"))
        row.addStretch()
        self._column.addLayout(row)

    def _add_arguments(self, arguments: Mapping[str, Any]) -> None:
        if not arguments:
            return
        grid = QGridLayout()
        grid.setHorizontalSpacing(14)
        grid.setVerticalSpacing(4)
        grid.setColumnStretch(1, 1)
        for row, (key, value) in enumerate(arguments.items()):
            name = label(shown(str(key)), "muted")
            name.setFont(mono())
            name.setMaximumWidth(180)
            grid.addWidget(name, row, 0, Qt.AlignmentFlag.AlignTop)
            line = one_line(value)
            if len(line) <= SHORT:
                text = Prose(self._theme, line, markdown=False)
                text.setObjectName(f"argument-{row}")
                text.setAccessibleName(f"{key}: {line}")
                text.setFont(mono())
                grid.addWidget(text, row, 1)
            else:
                whole = Mono(shown(value) if isinstance(value, str) else exact(value), 14, f"argument-{row}")
                grid.addWidget(Fold(self._theme, f"{_preview(value)} ({len(line):,} characters)", whole), row, 1)
        self._column.addLayout(grid)

    def _draw(self) -> None:
        colour = {"running": "accent", "waiting": "warn", "done": "good", "failed": "bad", "denied": "muted"}[
            self.state
        ]
        self._icon.setPixmap(self._theme.icon("tool", colour).pixmap(18, 18))


def _rows(result: object) -> dict[str, str]:
    """A result as keys and short texts; empty if it holds more than that."""
    if not isinstance(result, Mapping):
        return {}
    held = cast("Mapping[str, object]", result)
    lines = {shown(str(key)): one_line(value) for key, value in held.items() if isinstance(value, str | int | float)}
    plain = len(lines) == len(held) and all(len(line) <= SHORT for line in lines.values())
    return lines if plain else {}


def _said(value: object) -> object:
    """The sentence of a result, if it has one."""
    return cast("Mapping[str, object]", value).get(SAY) if isinstance(value, Mapping) else None


def _preview(value: object, length: int = 56) -> str:
    """The beginning of a value in one line; of a result its sentence, if it has one."""
    line = " ".join(one_line(_said(value) or value).split())
    return line if len(line) <= length else line[: length - 1] + "…"
