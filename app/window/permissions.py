"""The page of permissions: how much may happen unasked, in which folders, and what was granted."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QButtonGroup,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from deskhand.agent.safety.grants import Grant
from deskhand.agent.safety.permissions import Mode
from deskhand.app.permits import Permits, Permitted
from deskhand.app.visible import shown
from deskhand.app.window.fold import label, named
from deskhand.app.window.own import OwnCard, ReadersCard
from deskhand.app.window.page import Page
from deskhand.app.window.sheet import button
from deskhand.app.window.theme import Theme, mono

LEAD = (
    "What Deskhand may do without asking you. Changes count at once, also in the conversation that is open. Whatever "
    "is allowed here, it asks again for everything that acts outside once a conversation holds what others wrote."
)
MODES: tuple[tuple[Mode, str, str], ...] = (
    (
        "ask",
        "Ask",
        "Before a tool acts you see exactly what it would do. Reading your own notes and timers never asks.",
    ),
    ("trusted-folder", "Ask, but not in trusted folders", "Files in the folders below may be changed without asking."),
    ("read-only", "Read only", "Nothing is changed, opened, typed or sent. Tools that act are refused."),
)
_BY_NAME: dict[str, Mode] = {f"mode-{mode}": mode for mode, _, _ in MODES}


class PermissionsPage(Page):
    """Shows `Permits`; whatever reads or writes files is done in the background."""

    def __init__(self, theme: Theme, permits: Permits) -> None:
        super().__init__(theme, "permissions-page", "Permissions", LEAD)
        self._permits = permits
        self._permitted: Permitted | None = None
        self._group: QButtonGroup | None = None

    def look(self) -> None:
        """Read the permissions again."""
        if not self._looking:
            self._looking = True
            self.later(self._read, self._looked)

    def _read(self) -> Permitted | str:
        try:
            return self._permits.look()
        except Exception as error:  # noqa: BLE001 - the page goes on looking, and the person is told once
            return str(error)

    def _looked(self, found: Permitted | str) -> None:
        if self.overtaken():
            return
        if isinstance(found, str):
            if not any(each.text() == shown(found) for each in self.findChildren(QLabel, "told-text")):
                self.tell(found, "error")
        elif found != self._permitted:
            self._permitted = found
            with self.rebuilding():
                self._modes(found)
                self._folders(found)
                self._own(found)
                self._grants(found)

    # What is there --------------------------------------------------------------------------------------------------

    def _modes(self, found: Permitted) -> None:
        self.column.addWidget(label("How much it may do", "small"))
        card, column = _card("modes")
        column.setSpacing(1)
        self._group = QButtonGroup(self)
        for mode, name, told in MODES:
            choice = named(QRadioButton(name), f"mode-{mode}", accessible=name)
            choice.setAccessibleDescription(told)
            choice.setChecked(mode == found.mode)
            self._group.addButton(choice)
            words = label(told, "muted", wrap=True)
            words.setContentsMargins(28, 0, 0, 0)
            if column.count():
                column.addSpacing(9)
            column.addWidget(choice)
            column.addWidget(words)
        self._group.buttonToggled.connect(self._toggled)
        self.column.addWidget(card)

    def _folders(self, found: Permitted) -> None:
        add = button("Add a folder…", "plain", "folder-add")
        add.clicked.connect(self._choose_folder)
        self.column.addWidget(_heading("Trusted folders", add))
        card, column = _card("folders")
        if found.mode != "trusted-folder" and found.trusted:
            column.addWidget(label("They count in the mode “Ask, but not in trusted folders”.", "muted", wrap=True))
        if not found.trusted:
            column.addWidget(label("None. Every change of a file is asked about.", "muted", wrap=True))
        for index, folder in enumerate(found.trusted):
            there = "" if folder.is_dir() else "not there any more"
            act = button("Remove", "link", f"folder-remove-{index}", f"Do not trust {shown(str(folder))} any longer")
            act.clicked.connect(lambda _=False, which=folder: self._do(lambda: self._permits.distrust(which)))
            column.addWidget(_line(shown(str(folder)), there, act, f"folder-{index}"))
        self.column.addWidget(card)

    def _own(self, found: Permitted) -> None:
        self.column.addWidget(_heading("Your notes, timers and reminders"))
        self.column.addWidget(OwnCard(found.own, lambda own: self._do(lambda: self._permits.ask_for_own(own))))
        if found.servers:
            self.column.addWidget(_heading("Tools of MCP servers that only read"))
            self.column.addWidget(ReadersCard(self.theme, found.servers, self._mark))

    def _mark(self, server: str, tool: str, reads: bool) -> None:
        self._do(lambda: self._permits.mark(server, tool, reads=reads))

    def _grants(self, found: Permitted) -> None:
        grants = [*found.session, *found.kept]
        everything = button("Reset all", "plain", "revoke-all", "Reset everything that was allowed or blocked")
        everything.setEnabled(bool(grants))
        everything.clicked.connect(lambda: self._revoke(*(grant.id for grant in grants)))
        self.column.addWidget(_heading("Allowed and blocked", everything))
        card, column = _card("grants")
        if not grants:
            told = "Nothing. What you allow for a session, or always, is listed here until you take it back."
            column.addWidget(label(told, "muted", wrap=True, name="grants-none"))
        for grant in grants:
            act = button("Take back", "link", f"revoke-{grant.id}", f"Take back: {shown(grant.words)}")
            act.clicked.connect(lambda _=False, which=grant.id: self._revoke(which))
            column.addWidget(
                _line(
                    shown(covers(grant)), until(grant), act, f"grant-{grant.id}", "" if grant.own else shown(grant.tool)
                )
            )
        self.column.addWidget(card)

    # What the person does -------------------------------------------------------------------------------------------

    def _toggled(self, choice: QAbstractButton, on: bool) -> None:
        mode = _BY_NAME[choice.objectName()]
        if on:
            self._do(lambda: self._permits.choose(mode))

    def _revoke(self, *identifiers: str) -> None:
        self._do(lambda: self._permits.revoke(*identifiers))

    def trust(self, folder: Path) -> None:
        """Trust one more folder."""
        self._do(lambda: self._permits.trust(folder))

    def _do(self, work: Callable[[], None]) -> None:
        def both() -> str:
            try:
                work()
            except Exception as error:  # noqa: BLE001 - told to the person, in the window's thread
                return str(error)
            return ""

        def done(problem: str) -> None:
            self._permitted = None  # what the person clicked is shown as it is, also if it could not be done
            self.look_again()
            if problem:
                self.tell(problem, "error")

        self.later(both, done)

    def _choose_folder(self) -> None:
        dialog = QFileDialog(self, "Trust a folder", str(Path.home()))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self._chosen)
        dialog.open()

    def _chosen(self, name: str) -> None:
        self.trust(Path(name))


def covers(grant: Grant) -> str:
    """What a grant covers, besides its tool, for a person."""
    if grant.effect == "deny":
        return "never runs"
    if grant.own:
        return grant.words
    if grant.folder:
        return f"any file in {grant.folder}"
    return f"exactly {grant.arguments}" if grant.arguments else "with any arguments"


def until(grant: Grant, now: float | None = None) -> str:
    """How long a grant lasts, for a person."""
    if grant.effect == "deny":
        return "until you take it back"
    if grant.expires == math.inf:
        return "until Deskhand is closed"
    moment = datetime.fromtimestamp(grant.expires).astimezone()
    ended = grant.expires <= (time.time() if now is None else now)
    return f"{'ended on' if ended else 'until'} {moment.day} {moment:%B %Y}"


def _card(name: str) -> tuple[QFrame, QVBoxLayout]:
    card = named(QFrame(), f"{name}-card")
    card.setProperty("role", "card")
    column = QVBoxLayout(card)
    column.setContentsMargins(16, 12, 14, 12)
    column.setSpacing(6)
    return card, column


def _heading(text: str, action: QWidget | None = None) -> QWidget:
    heading = QWidget()
    row = QHBoxLayout(heading)
    row.setContentsMargins(0, 10, 0, 0)
    row.addWidget(label(text, "small"), 0, Qt.AlignmentFlag.AlignBottom)
    row.addStretch()
    if action:
        row.addWidget(action)
    return heading


def _line(text: str, note: str, action: QWidget, name: str, title: str = "") -> QWidget:
    line = named(QWidget(), name, accessible=" ".join(filter(None, (title, text, note))))
    row = QHBoxLayout(line)
    row.setContentsMargins(0, 3, 0, 3)
    row.setSpacing(10)
    words = QVBoxLayout()
    words.setSpacing(2)
    if title:
        head = label(title, "heading", name="line-title")
        head.setFont(mono(0.97))
        words.addWidget(head)
    exact = label(text, wrap=True, name="line-text")
    exact.setFont(mono(0.9))
    words.addWidget(exact)
    if note:
        words.addWidget(label(note, "small", name="line-note"))
    row.addLayout(words, 1)
    row.addWidget(action, 0, Qt.AlignmentFlag.AlignVCenter)
    return line
