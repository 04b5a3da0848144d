"""What the person was shown before a call acted, so that it acts there or not at all."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from deskhand.agent.safety.windows import Area
from deskhand.agent.tools.host import HostError
from deskhand.app.x11.recipient import Recipient

_KEPT = 64
"""Questions that are remembered; a call acts right after its own."""

UNSEEN = "The question could not show where this would act, so nothing was done. Ask again."
CLICKED_ELSEWHERE = "Another window is at that place now, so nothing was done there. Look at the screen again."
MOVED = "The window there has moved or changed its size, so nothing was done there. Look at the screen again."
TYPED_ELSEWHERE = "Another window has the keyboard now, so nothing was typed. Click into the field, then ask again."


@dataclass(frozen=True, slots=True)
class ShownTarget:
    """Where a call would act, as a question showed it.

    Attributes:
        window: its number; 0 where none could be shown.
        place: in physical pixels of the virtual desktop; None where it is about keys.
        area: of that window, where a place is meant: elsewhere the place would be another one in it.
    """

    window: int
    place: tuple[int, int] | None = None
    area: Area | None = None


class Targets:
    """Keeps what was shown, by the id of the call.

    Attributes:
        last: number of the window of another program that was worked in last; 0 if none was.
    """

    def __init__(self) -> None:
        self._shown: OrderedDict[str, ShownTarget] = OrderedDict()
        self.last = 0

    def show(self, call: str, target: ShownTarget) -> None:
        """The question about a call shows this."""
        self._shown[call] = target
        while len(self._shown) > _KEPT:
            self._shown.popitem(last=False)

    def of(self, call: str) -> ShownTarget | None:
        """What was shown; None where nobody was asked."""
        return self._shown.get(call)

    def check(self, call: str, found: Recipient, sentence: str) -> None:
        """Refuse a call that would now act in another window than the one that was shown.

        Raises:
            HostError: with ``sentence``, or because none was shown.
        """
        target = self.of(call)
        if target is not None and target.window != found.number:
            raise HostError(sentence if target.window else UNSEEN)
        if target is not None and target.area not in {None, found.area}:
            raise HostError(MOVED)
