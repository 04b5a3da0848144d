"""One skill on its page: what it is, where it comes from, what it may touch, what is wrong with it, and its switch."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from deskhand.agent import scopes
from deskhand.agent.skills.skill import Skill
from deskhand.app.shelf import Row
from deskhand.app.visible import shown
from deskhand.app.window.fold import Fold, facts, label
from deskhand.app.window.sheet import button
from deskhand.app.window.switch import Switch
from deskhand.app.window.theme import Theme

SOURCES = {
    "bundled": "Came with Deskhand",
    "user": "Installed by you",
    "agents": "From ~/.agents/skills",
    "project": "From this project",
}
STATES = {"off": "Off", "new": "Waits for your consent", "changed": "Changed since you agreed"}
UNUSED = "Not used by Pocket"
LOOK = {"new": "Look at it…", "changed": "Look at the new version…"}


class SkillCard(QFrame):
    """Says what the person wants; the page does it."""

    switched = Signal(str, bool)
    looked_at = Signal(str)
    removed = Signal(str)
    secret_forgotten = Signal(str)

    def __init__(self, theme: Theme, row: Row) -> None:
        super().__init__()
        self._theme = theme
        self.row = row
        skill, state = row.held.skill, row.held.state
        self.name = skill.name
        self.setObjectName(f"skill-{skill.name}")
        self.setProperty("role", "card")
        self.setProperty("state", "waiting" if state in LOOK else "done")
        state_told = f"{STATES.get(state, 'on')}{f', {UNUSED}' if row.unused else ''}"
        self.setAccessibleName(f"Skill {shown(skill.name)}, {state_told}")
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 13, 14, 12)
        column.setSpacing(5)
        column.addLayout(self._top())
        column.addWidget(label(shown(skill.description), wrap=True, name="skill-description"))
        column.addWidget(
            label(shown(f"{SOURCES.get(skill.source, skill.source)} · {touches(skill)}"), "small", wrap=True)
        )
        for index, problem in enumerate(row.problems):
            column.addWidget(label(f"•  {shown(problem.text)}", "warn", wrap=True, name=f"skill-problem-{index}"))
        fold = Fold(theme, "Details", self._details(), name=f"details-{skill.name}")
        self.details = fold.button
        column.addLayout(self._foot(fold))
        column.addWidget(fold)
        fold.hide()
        fold.button.toggled.connect(fold.setVisible)

    def _top(self) -> QHBoxLayout:
        name, state = self.name, self.row.held.state
        top = QHBoxLayout()
        top.setSpacing(9)
        top.addWidget(label(shown(name), "heading", name="skill-name"))
        if state in STATES:
            pill = label(STATES[state], "pill", name="skill-state")
            pill.setProperty("state", "waiting" if state in LOOK else "off")
            top.addWidget(pill)
        if self.row.unused:
            unused = label(UNUSED, "pill", name="skill-unused")
            unused.setProperty("state", "off")
            top.addWidget(unused)
        top.addStretch()
        if state not in LOOK:
            switch = Switch(self._theme, f"switch-{name}", f"Use the skill {shown(name)}", on=state == "on")
            switch.toggled.connect(lambda: self.switched.emit(name, switch.isChecked()))
            top.addWidget(switch)
        return top

    def _foot(self, fold: Fold) -> QHBoxLayout:
        """What can be done; the line of the details is among it, and what they are below all of it."""
        name, row = self.name, self.row
        foot = QHBoxLayout()
        foot.setContentsMargins(-5, 0, 0, 0)  # the arrow of the details begins where the text does
        foot.setSpacing(4)
        foot.addWidget(fold.button)
        foot.addStretch()
        acts: list[QPushButton] = []
        if row.secret:
            forget = button(
                "Forget its key", "link", f"forget-{name}", f"Forget the key that you gave to {shown(name)}"
            )
            forget.clicked.connect(lambda: self.secret_forgotten.emit(name))
            acts.append(forget)
        if row.removable:
            remove = button("Remove", "link", f"remove-{name}", f"Remove the skill {shown(name)}")
            remove.clicked.connect(lambda: self.removed.emit(name))
            acts.append(remove)
        if row.held.state in LOOK:
            look = button(LOOK[row.held.state], "plain", f"look-{name}", f"{LOOK[row.held.state]} {shown(name)}")
            look.clicked.connect(lambda: self.looked_at.emit(name))
            acts.append(look)
        high = max((act.sizeHint().height() for act in acts), default=0)
        for act in acts:
            act.setFixedHeight(high)
            foot.addWidget(act)
        return foot

    def _details(self) -> QWidget:
        skill = self.row.held.skill
        told = {
            "Folder": str(skill.folder),
            "Licence": skill.license or "not stated",
            "Tools": ", ".join(tool.name for tool in skill.tools) or "none of its own",
            "Files": str(len(skill.files) + 1),
            "Asks for": skill.requests,
            "Key": "kept on this machine, given to this skill alone" if self.row.secret else "",
            "Hash": self._hash(),
        }
        return facts(told, "detail-{}", {"Folder", "Hash"})

    def _hash(self) -> str:
        held = self.row.held
        if not held.digest:
            return ""  # of what came with Deskhand there is none
        words = {"new": "you have not agreed to it", "changed": "not the one you agreed to"}
        return f"{grouped(held.digest)} ({words.get(held.state, 'as you agreed to it')})"


def touches(skill: Skill) -> str:
    """What a skill can do outside of its sandbox, as the end of a line."""
    words = scopes.able(skill.scopes)
    return f"can {words}" if words else "touches nothing outside of its sandbox"


def grouped(digest: str) -> str:
    """A hash in pieces that a line can break between and an eye can compare."""
    return " ".join(digest[start : start + 16] for start in range(0, len(digest), 16))
