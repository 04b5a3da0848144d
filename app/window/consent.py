"""The question before a skill of somebody else is used: everything that the consent is about; the default is no."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from deskhand.agent import scopes
from deskhand.agent.skills.card import Card, size_words
from deskhand.app.visible import shown
from deskhand.app.window.fold import Mono, facts, label, tip
from deskhand.app.window.middle import Middle
from deskhand.app.window.sheet import Sheet, button
from deskhand.app.window.skill_card import grouped
from deskhand.app.window.theme import Theme


class ConsentSheet(Sheet):
    """Accepted when the person agrees to all ``cards``; Esc and closing do not.

    Args:
        parent: the window.
        theme: for colours and icons.
        cards: one a skill.
        new: they would be installed; else they are there and would be used.
        keyed: names of skills for which a key of the person's is kept.
    """

    def __init__(
        self, parent: QWidget, theme: Theme, cards: Sequence[Card], *, new: bool, keyed: Collection[str] = ()
    ) -> None:
        super().__init__(parent, theme, 600)
        self.setObjectName("consent")
        names = ", ".join(shown(each.skill.name) for each in cards)
        verb = "Install" if new else "Use"
        many = f"{len(cards)} skills" if len(cards) > 1 else f"“{names}”"
        changed = not new and any(each.changed for each in cards)
        question = f"Use the new version of {many}?" if changed else f"{verb} {many}?"
        self.setAccessibleName(question)
        self._head(question)
        self._middle = Middle()
        self.column.addWidget(self._middle, 1)
        for number, each in enumerate(cards):
            self._card(each, number, heading=len(cards) > 1, keyed=each.skill.name in keyed)
        self._middle.fill()
        self._buttons(verb if not changed else "Use it", "Don't install" if new else "Not now")

    def _head(self, question: str) -> None:
        mark = QLabel()
        mark.setPixmap(self.theme.icon("shield", "warn", 26).pixmap(26, 26))
        words = QVBoxLayout()
        words.setSpacing(3)
        words.addWidget(label(question, "title", wrap=True, name="consent-question"))
        told = "You agree to exactly these files. If one changes, it is off until you agree again."
        words.addWidget(label(told, "small", wrap=True))
        row = QHBoxLayout()
        row.setSpacing(14)
        row.addWidget(mark, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(words, 1)
        self.column.addLayout(row)

    def _card(self, each: Card, number: int, *, heading: bool, keyed: bool) -> None:
        column = self._middle.column
        skill = each.skill
        if heading:
            column.addWidget(label(shown(skill.name), "heading"))
        column.addWidget(label(shown(skill.description), wrap=True, name=f"consent-description-{number}"))
        for index, text in enumerate(_warnings(each, keyed=keyed)):
            column.addWidget(label(f"•  {shown(text)}", "warn", wrap=True, name=f"consent-warning-{number}-{index}"))
        column.addWidget(_facts(each, number))
        size = sum(entry.size for entry in each.files)
        column.addWidget(label(f"Files: {len(each.files)}, {size_words(size)} in all", "small"))
        lines = [f"{entry.path}  ({size_words(entry.size)})" for entry in each.files]
        files = Mono(shown("\n".join(lines)), 7, f"consent-files-{number}")
        files.setAccessibleName(f"Files of {shown(skill.name)}")
        column.addWidget(files)

    def _buttons(self, yes: str, no: str) -> None:
        refuse, agree = button(no, "plain", "consent-no"), button(yes, "primary", "consent-yes")
        refuse.setDefault(True)
        refuse.setToolTip(tip(f"{no} (Esc)"))
        refuse.clicked.connect(self.reject)
        agree.clicked.connect(self.accept)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addStretch()
        row.addWidget(refuse)
        row.addWidget(agree)
        self.column.addSpacing(4)
        self.column.addLayout(row)
        self.guard(refuse, refuse, agree)


def _facts(each: Card, number: int) -> QWidget:
    skill = each.skill
    touches = "\n".join(scopes.words(scope) for scope in skill.scopes) or "nothing outside of its sandbox"
    told = {
        "From": each.origin,
        "Licence": skill.license or "not stated",
        "Can change": touches,
        "Tools": ", ".join(tool.name for tool in skill.tools),
        "Asks for": f"{skill.requests} (a request: it grants nothing)" if skill.requests else "",
        "Hash": grouped(each.digest),
    }
    return facts(told, f"consent-{{}}-{number}", {"From", "Hash"})


def _warnings(each: Card, *, keyed: bool) -> list[str]:
    told: list[str] = []
    if each.changed:
        told.append("You agreed to another version of it before.")
    if each.replaces:
        told.append(f"It replaces the skill of that name in {each.replaces}, and gets the files that it kept.")
    if each.skill.metadata.get("require-secret", "").strip().lower() == "true":
        told.append("It will ask you for a key of yours, which its scripts then have.")
    if keyed:
        told.append(
            "It does not get the key that you gave to a skill of that name: if it needs one, it asks for its own."
        )
    return told + [problem.text for problem in each.problems]
