"""What the application does for skills: every function that a tool may ask for, in one table by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from deskhand.agent.background import Background
from deskhand.agent.hearing import Hearing
from deskhand.agent.percept import Percept, ScreenPercept
from deskhand.agent.safety.changes import Change
from deskhand.agent.safety.painting import Painter
from deskhand.agent.safety.undo import Undo
from deskhand.agent.tools.host import Asked, HostError, Told
from deskhand.app.host import system
from deskhand.app.host.behind import Behind
from deskhand.app.host.dictation import Dictation
from deskhand.app.host.edits import Edits
from deskhand.app.host.eyes import Eyes
from deskhand.app.host.files import Files
from deskhand.app.host.opening import open_file
from deskhand.app.host.pointer import Pointer
from deskhand.app.host.selection import Selection
from deskhand.app.host.sight import Sight
from deskhand.app.host.target import Targets
from deskhand.app.host.way import Way
from deskhand.app.host.web import Web

if TYPE_CHECKING:
    from deskhand.app.host.clipboard import Clipboard  # Qt, which the command line does not load
    from deskhand.app.host.gui import Gui


_ON_SCREEN = {"click", "scroll", "type_text", "press_keys", "dictate", "replace_selection", "focus_window"}
"""Functions before which a mark of an earlier answer goes."""


class AppHost:
    """The `deskhand.agent.tools.host.Host` of this application.

    Args:
        budget: the most image tokens a screenshot may take.
        folders: granted for files.
        private: folders of ours that no skill may use.
        gui: the way into the window's thread; None where there is no window.
        background: keeps what goes on behind the conversation.
        undo: keeps what files were before a tool changed them; None keeps nothing.
        painter: paints over secrets in what is seen.
        web: the way to pages of the web; off where it is None.
        hearing: writes down what is said.
        language: in which the screen is read aloud.
    """

    def __init__(
        self,
        budget: int,
        folders: Sequence[Path] = (),
        private: Sequence[Path] = (),
        gui: Gui | None = None,
        *,
        background: Background | None = None,
        undo: Undo | None = None,
        painter: Painter | None = None,
        web: Web | None = None,
        hearing: Hearing | None = None,
        language: str = "en",
    ) -> None:
        way, targets = Way(gui), Targets()
        self._eyes = Eyes(budget, painter, language, way)
        self._sight = Sight(self._eyes, painter, way, targets)
        behind = Behind(background, self._eyes.glance)
        pointer = Pointer(self._eyes.area, way, targets)
        self._always = tuple(folders)
        selection = Selection(lambda asked: _clipboard(gui, budget).read(asked), pointer.type_into)
        files = self._files = Files(folders, private)
        edits = self._edits = Edits(files, undo)
        self._functions: Mapping[str, Callable[[Asked], Told]] = {
            "look": self._eyes.look,
            "open_file": open_file,
            "fetch_page": (web or Web(on=False)).fetch_page,
            "list_folder": files.list_folder,
            "read_file": files.read_file,
            "search_files": files.search_files,
            "write_file": edits.write_file,
            "replace_in_file": edits.replace_in_file,
            "delete_file": edits.delete_file,
            "move_file": edits.move_file,
            "change_own_file": edits.change_own_file,
            "find_on_screen": self._eyes.find,
            "read_screen": self._eyes.read,
            "click": pointer.click,
            "scroll": pointer.scroll,
            "type_text": pointer.type_text,
            "dictate": Dictation(hearing, pointer, gui).dictate,
            "press_keys": pointer.press_keys,
            "windows": system.windows,
            "focus_window": system.focus_window,
            "close_window": system.close_window,
            "volume": system.volume,
            "brightness": system.brightness,
            "battery": system.battery,
            "watch": behind.watch,
            "later": behind.later,
            "tasks": behind.tasks,
            "end_task": behind.end_task,
            "read_clipboard": selection.read,
            "replace_selection": selection.replace,
            "write_clipboard": lambda asked: _clipboard(gui, budget).write(asked),
        }

    def grant(self, folders: Sequence[Path]) -> None:
        """Grant these for files besides the first ones, from the next call on, in place of those of an earlier time."""
        self._files.grant((*self._always, *folders))

    @property
    def sight(self) -> Sight:
        """What shows the person where a call would act."""
        return self._sight

    def answered(self) -> None:
        """The turn has ended: what marks the screen for its answer goes soon."""
        self._eyes.mark.fade()

    def close(self) -> None:
        """Leave nothing of ours on the screen."""
        self._eyes.mark.remove()

    def saw(self, percepts: Sequence[Percept]) -> None:
        """What the person attached, before the turn that is about it."""
        self._eyes.mark.remove()
        for percept in percepts:
            if isinstance(percept, ScreenPercept) and percept.live:
                self._eyes.saw(percept)

    def plan(self, asked: Asked) -> Change | None:
        """What a function would change in a file; raises HostError with a sentence where it would be refused."""
        return self._edits.plan(asked)

    def ask(self, asked: Asked) -> Told:
        """Do what a tool asked for; raises HostError with a sentence where that can't be done."""
        function = self._functions.get(asked.name)
        if function is None:
            raise HostError(f"This Deskhand can't do {asked.name}.")
        if asked.name in _ON_SCREEN:
            self._eyes.mark.remove()
        return function(asked)


def _clipboard(gui: Gui | None, budget: int) -> Clipboard:
    from deskhand.app.host.clipboard import Clipboard  # noqa: PLC0415 - as above

    return Clipboard(gui, budget)
