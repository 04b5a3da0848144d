"""Another text in the place of the selected one, typed into the window that it is selected in (X11)."""

from __future__ import annotations

from collections.abc import Callable

from Xlib import X, Xatom, display

from deskhand.agent.tools.host import Asked, HostError, Told
from deskhand.app.host.pointer import bring, clients, connected, is_ours

CHANGED = "What is selected is not what was read: read the selection again first."


class Selection:
    """Types over what is selected.

    Args:
        read: reads the selection, as `Clipboard.read` does.
        type_text: types into the field that has the keyboard.
    """

    def __init__(self, read: Callable[[Asked], Told], type_text: Callable[[Asked], Told]) -> None:
        self._read = read
        self._type = type_text
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
        with connected() as connection:
            _bring(connection)
        told = self._type(asked)
        del self._seen[asked.skill]
        return Told({"replaced": now.value["characters"], **told.value})


def _bring(connection: display.Display) -> None:
    """Give the keyboard to the window of the program that owns the selection.

    All that a program makes in the X server has identifiers of one range (X11 protocol, connection setup), so its
    hidden window that owns the selection tells which of the windows are its.
    """
    owner = connection.get_selection_owner(Xatom.PRIMARY)
    if isinstance(owner, int):  # nobody
        raise HostError(CHANGED)
    mask = ~connection.display.info.resource_id_mask
    for window in reversed(clients(connection)):
        if window.id & mask == owner.id & mask and window.get_attributes().map_state == X.IsViewable:
            if is_ours(window):
                break
            bring(connection, window)
            return
    raise HostError("The window in which that is selected can't be typed into.")
