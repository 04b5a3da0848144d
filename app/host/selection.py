"""Another text in the place of the selected one, typed into the window that it is selected in (X11)."""

from __future__ import annotations

from collections.abc import Callable

from deskhand.agent.tools.host import Asked, HostError, Told
from deskhand.app.x11 import recipient
from deskhand.app.x11.recipient import Recipient
from deskhand.app.x11.windows import Windows

CHANGED = "What is selected is not what was read: read the selection again first."
CLOSED = "The window in which that is selected can't be typed into."


class Selection:
    """Types over what is selected.

    Args:
        read: reads the selection, as `Clipboard.read` does.
        type_into: types into a window (`deskhand.app.host.pointer.Pointer.type_into`).
    """

    def __init__(
        self, read: Callable[[Asked], Told], type_into: Callable[[Asked, Callable[[Windows], Recipient]], Told]
    ) -> None:
        self._read = read
        self._type = type_into
        self._seen: dict[str, object] = {}

    def read(self, asked: Asked) -> Told:
        """Read, and remember what for: only that may be typed over."""
        told = self._read(asked)
        if asked.arguments.get("place") == "selection":
            self._seen[asked.skill] = told.value
        return told

    def replace(self, asked: Asked) -> Told:
        """Type a text over the selection that this skill read last, if that still is what is selected."""
        seen = self._seen.get(asked.skill)
        now = self._read(Asked("read_clipboard", {"place": "selection"}, asked.tool, asked.skill, (), asked.cancel))
        if not seen or "characters" not in now.value or now.value != seen:
            raise HostError(CHANGED)
        told = self._type(asked, selected)
        del self._seen[asked.skill]
        return Told({"replaced": now.value["characters"], **told.value})


def selected(windows: Windows) -> Recipient:
    """The window in which text is selected.

    Raises:
        HostError: there is none of another program's that can be typed into.
    """
    found = recipient.selecting(windows)
    if found is None or found.ours:
        raise HostError(CLOSED)
    return found
