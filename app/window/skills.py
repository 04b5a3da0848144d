"""The page of skills: what there is, what is wrong with it, and everything a person can do about it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent
from PySide6.QtWidgets import QFileDialog, QLabel, QMenu, QPushButton, QWidget
from shiboken6 import isValid

from deskhand.agent.skills.archives import ENDINGS
from deskhand.agent.skills.card import Card
from deskhand.app.shelf import Offer, Removed, Row, Shelf, Shelved
from deskhand.app.visible import shown
from deskhand.app.window import background
from deskhand.app.window.consent import ConsentSheet
from deskhand.app.window.fold import label, named, restyle
from deskhand.app.window.page import Page, Told
from deskhand.app.window.skill_card import SkillCard
from deskhand.app.window.theme import Theme

LEAD = (
    "A skill is a folder of instructions and tools. Skills of other people are used only in the version you agreed to. "
    "To add one, drop its folder or archive here."
)
_GROUPS = ("Waiting for you", "Yours", "Came with Deskhand")


class SkillsPage(Page):
    """Shows a `Shelf`; whatever reads or writes files is done in the background."""

    def __init__(self, theme: Theme, shelf: Shelf) -> None:
        super().__init__(theme, "skills-page", "Skills", LEAD)
        self._shelf = shelf
        self._shelved: Shelved | None = None
        self._offer: Offer | None = None
        self.setAcceptDrops(True)
        self.add = named(QPushButton("Add a skill"), "skill-add")
        self.add.setProperty("role", "plain")
        menu = QMenu(self.add)
        menu.addAction("From a folder…").triggered.connect(self._choose_folder)
        menu.addAction("From an archive…").triggered.connect(self._choose_archive)
        self.add.setMenu(menu)
        self.buttons.addWidget(self.add)
        self._busy = label("", "small", name="skills-busy")
        self.buttons.insertWidget(0, self._busy)

    # What is there --------------------------------------------------------------------------------------------------

    def look(self) -> None:
        """Read the skills again."""
        if not self._looking:
            self._looking = True
            if self._shelved is None:
                self._busy.setText("Reading…")
            self.later(self._read, self._looked)

    def _read(self) -> Shelved | str:
        try:
            return self._shelf.look()
        except Exception as error:  # noqa: BLE001 - the page goes on looking, and the person is told once
            return str(error)

    def _looked(self, found: Shelved | str) -> None:
        if self.overtaken():
            return
        if not self._offering:
            self._busy.clear()
        if isinstance(found, str):
            if not self._told(found):
                self.tell(found, "error")
        elif found != self._shelved:
            self._shelved = found
            self._fill(found)

    def _told(self, sentence: str) -> bool:
        return any(each.text() == shown(sentence) for each in self.findChildren(QLabel, "told-text"))

    def _fill(self, shelved: Shelved) -> None:
        opened = {each.name for each in self.findChildren(SkillCard) if each.details.isChecked()}
        with self.rebuilding():
            if shelved.used:
                names = ", ".join(shelved.used)
                sentence = f"Pocket uses only: {names}. The other switches count for other engines."
                self.column.addWidget(Told(self.theme, sentence, "info", closes=False))
            for problem in shelved.loose:
                what = "Not loaded: " if problem.fatal else ""
                self.column.addWidget(Told(self.theme, f"{what}{problem.path}: {problem.text}", "warn", closes=False))
            for name in shelved.orphans:
                self.column.addWidget(self._orphan(name))
            heading = ""
            for row in shelved.rows:
                if (group := _group(row)) != heading:
                    heading = group
                    self.column.addSpacing(6)
                    self.column.addWidget(label(group, "small", name="skill-group"))
                card = self._card(row)
                card.details.setChecked(row.held.skill.name in opened)
                self.column.addWidget(card)

    def _orphan(self, name: str) -> QWidget:
        sentence = f"A key of yours is kept for {name}, a skill that is not here any more."
        return Told(self.theme, sentence, "info", "Forget it", lambda: self._forget(name), closes=False)

    def _card(self, row: Row) -> SkillCard:
        made = SkillCard(self.theme, row)
        made.switched.connect(self._switch)
        made.looked_at.connect(self._look_at)
        made.removed.connect(self._remove)
        made.secret_forgotten.connect(self._forget)
        return made

    # What the person does -------------------------------------------------------------------------------------------

    def _switch(self, name: str, on: bool) -> None:
        self.later(lambda: self._shelf.switch(name, on=on), lambda _: self.look_again())

    def _look_at(self, name: str) -> None:
        def read() -> tuple[Card, bool]:
            return self._shelf.card(name), self._shelf.has_secret(name)

        self.later(read, lambda found: self._ask_to_use(*found))

    def _ask_to_use(self, card: Card, keyed: bool) -> None:
        sheet = ConsentSheet(self.window(), self.theme, [card], new=False, keyed=[card.skill.name] if keyed else [])
        sheet.accepted.connect(lambda: self.later(lambda: self._shelf.agree(card), lambda _: self.look_again()))
        self.ask(sheet)

    def _remove(self, name: str) -> None:
        self.later(lambda: self._shelf.remove(name), self._removed)

    def _removed(self, removed: Removed) -> None:
        self.look_again()
        self.tell(f"{removed.name} was removed.", "info", "Undo", lambda: self._restore(removed))

    def _restore(self, removed: Removed) -> None:
        def done(_: None) -> None:
            self.look_again()
            self.tell(f"{removed.name} is back.")

        self.later(lambda: self._shelf.restore(removed), done)

    def _forget(self, name: str) -> None:
        def done(_: None) -> None:
            self.look_again()
            self.tell(f"The key of {name} was forgotten. The skill asks again when it needs one.")

        self.later(lambda: self._shelf.forget_secret(name), done)

    # Installing -----------------------------------------------------------------------------------------------------

    @property
    def _offering(self) -> bool:
        return not self.add.isEnabled()

    def install(self, source: Path) -> None:
        """Look at what a folder or archive holds, and ask whether to install it."""
        if self._offering:
            return
        self.add.setEnabled(False)
        self._busy.setText(f"Looking at {shown(source.name)}…")
        background.run(lambda: self._offered_by(source), self._offered, self._refuse)

    def _offered_by(self, source: Path) -> tuple[Offer, Sequence[str]]:
        offer = self._shelf.offer(source)
        try:
            return offer, [each.skill.name for each in offer.cards if self._shelf.has_secret(each.skill.name)]
        except BaseException:
            offer.close()
            raise

    def _refuse(self, sentence: str) -> None:
        if isValid(self):
            self._busy.clear()
            self.add.setEnabled(True)
            self.tell(sentence, "error")

    def _offered(self, found: tuple[Offer, Sequence[str]]) -> None:
        offer, keyed = found
        if not isValid(self):
            offer.close()  # the window was closed meanwhile
            return
        self._busy.clear()
        self._offer = offer
        sheet = ConsentSheet(self.window(), self.theme, offer.cards, new=True, keyed=keyed)
        sheet.accepted.connect(self._install)
        sheet.rejected.connect(self.withdraw)
        self.ask(sheet)

    def _install(self) -> None:
        offer, self._offer = self._offer, None
        self.add.setEnabled(True)
        if offer is not None:
            self.later(offer.accept, self._installed)

    def _installed(self, names: tuple[str, ...]) -> None:
        self.look_again()
        self.tell(f"Installed: {', '.join(names)}. Begin a message with /{names[0]}, or let the model find it.")

    def withdraw(self) -> None:
        """Nothing is installed; what was copied to look at it goes."""
        offer, self._offer = self._offer, None
        self.add.setEnabled(True)
        if offer is not None:
            self.later(offer.close, lambda _: None)

    def _choose_folder(self) -> None:
        self._dialog("Choose the folder of a skill", QFileDialog.FileMode.Directory, "")

    def _choose_archive(self) -> None:
        kinds = f"Archives ({' '.join(f'*{ending}' for ending in ENDINGS)})"
        self._dialog("Choose an archive", QFileDialog.FileMode.ExistingFile, kinds)

    def _dialog(self, title: str, mode: QFileDialog.FileMode, kinds: str) -> None:
        dialog = QFileDialog(self, title, str(Path.home()), kinds)
        dialog.setFileMode(mode)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self._chosen)
        dialog.open()

    def _chosen(self, name: str) -> None:
        self.install(Path(name))

    # Drag and drop --------------------------------------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802 - Qt's name
        """Take a folder or a file."""
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()
            self._mark(dropping=True)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:  # noqa: N802 - Qt's name
        """Back to normal."""
        self._mark(dropping=False)
        super().dragLeaveEvent(event)

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802 - Qt's name
        """Offer what was dropped; one thing at a time."""
        self._mark(dropping=False)
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        event.acceptProposedAction()
        if len(paths) == 1:
            self.install(paths[0])
        else:
            self.tell("Drop one folder or archive at a time: each is asked about by itself.", "warn")

    def _mark(self, *, dropping: bool) -> None:
        self.area.setProperty("dropping", dropping)
        restyle(self.area)


def _group(row: Row) -> str:
    if row.held.state in {"new", "changed"}:
        return _GROUPS[0]
    return _GROUPS[2] if row.held.skill.source == "bundled" else _GROUPS[1]
