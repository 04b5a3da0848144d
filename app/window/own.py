"""The parts of the permissions page about what is the person's own, and about which tools of servers only read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QButtonGroup, QFrame, QHBoxLayout, QRadioButton, QVBoxLayout, QWidget

from deskhand.agent.mcp.marks import Reader
from deskhand.agent.safety.permissions import Own
from deskhand.app.visible import shown
from deskhand.app.window.fold import label, named
from deskhand.app.window.switch import Switch
from deskhand.app.window.theme import Theme

_OWN: tuple[tuple[Own, str], ...] = (
    ("always", "Ask each time"),
    ("session", "Ask once until Deskhand is closed"),
    ("never", "Do not ask"),
)
_OWN_TOLD = (
    "Adding a note, a timer or a reminder, which you can take back. Changing or deleting one asks you anyway, and so "
    "does all of this once a conversation holds what others wrote."
)
_READS_TOLD = (
    "A tool that you switch on here runs without a question, also after Deskhand has read what others wrote. Switch on "
    "only what changes nothing and sends nothing anywhere. A tool that changes asks again."
)


class OwnCard(QFrame):
    """How often what is added to the person's own asks.

    Args:
        now: what counts.
        choose: is given what the person picks.
    """

    def __init__(self, now: Own, choose: Callable[[Own], None]) -> None:
        super().__init__()
        column = _card(self, "own-card", _OWN_TOLD)
        group = QButtonGroup(self)
        for value, name in _OWN:
            choice = named(QRadioButton(name), f"own-{value}", accessible=f"Notes, timers, reminders: {name}")
            choice.setChecked(value == now)
            choice.toggled.connect(partial(_chosen, choose, value))
            group.addButton(choice)
            column.addWidget(choice)


class ReadersCard(QFrame):
    """A switch for each tool of each server that was agreed to.

    Args:
        theme: for the switches.
        servers: the tools by server.
        mark: is given server, tool and whether it only reads.
    """

    def __init__(
        self, theme: Theme, servers: Mapping[str, tuple[Reader, ...]], mark: Callable[[str, str, bool], None]
    ) -> None:
        super().__init__()
        column = _card(self, "readers-card", _READS_TOLD)
        for server, readers in servers.items():
            column.addWidget(label(shown(server), "heading"))
            for reader in readers:
                column.addWidget(_reader(theme, server, reader, mark))


def _reader(theme: Theme, server: str, reader: Reader, mark: Callable[[str, str, bool], None]) -> QWidget:
    line = QWidget()
    row = QHBoxLayout(line)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(10)
    words = QVBoxLayout()
    words.setSpacing(0)
    words.addWidget(label(shown(reader.tool), wrap=True))
    if reader.claims:
        words.addWidget(label("The server says that it only reads.", "muted", wrap=True))
    row.addLayout(words, 1)
    name = f"reads-{server}-{reader.tool}"
    switch = Switch(theme, name, f"{shown(reader.tool)} of {shown(server)} only reads", on=reader.marked)
    switch.toggled.connect(partial(mark, server, reader.tool))
    row.addWidget(switch, 0, Qt.AlignmentFlag.AlignVCenter)
    return line


def _chosen(choose: Callable[[Own], None], value: Own, on: bool) -> None:
    if on:
        choose(value)


def _card(frame: QFrame, name: str, told: str) -> QVBoxLayout:
    named(frame, name)
    frame.setProperty("role", "card")
    column = QVBoxLayout(frame)
    column.setContentsMargins(16, 12, 14, 12)
    column.setSpacing(6)
    column.addWidget(label(told, "muted", wrap=True))
    return column
