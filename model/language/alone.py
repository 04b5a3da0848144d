"""Turns one by one: for a small model that was trained on single turns, without system text and declared tools.

It was trained on short sounds, too. Of what a finger on the button adds, silence at the end confuses it most: of 54
sentences over Pocket's practice windows, recorded with 0.9 s of it, 20 were understood as they were, and 43 with a
tenth of a second, the best of the seven lengths that were tried on them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from deskhand.model.language.dialect import Dialect, Grammar, Parser, Piece
from deskhand.model.language.learnt import Learnt
from deskhand.model.sound import TAIL, without_tail
from deskhand.model.types import Audio, Image, Message, Part, Request, Role, Text


class AloneDialect:
    """A `Dialect` that shows the model the turn at hand and nothing else, and lets it write freely.

    The tools of a request are known to such a model from its training: they are not declared, and no grammar holds it
    to them. Whether calls are read at all still depends on them, and on the choice.

    Args:
        inner: of the model.
        budget: the most tokens of a picture.
        learnt: the sentences of its training, in which it is written to.
    """

    def __init__(self, inner: Dialect, budget: int, learnt: Learnt | None = None) -> None:
        self._inner, self._budget, self._learnt = inner, budget, learnt

    def render(self, request: Request) -> tuple[Piece, ...]:
        """The messages from the person's last one on; once a tool has answered, in writing only.

        What was seen and heard was for the call. Pocket learnt to say whether that worked from written commands: with
        the picture and the sound before it, it said something else in 10 of 18 tries, and in none of them without. A
        look that it asked for is no such answer, but a picture that the person might have attached.
        """
        first = max((at for at, message in enumerate(request.messages) if message.role == "user"), default=0)
        turn = _attached(request.messages[first:])
        answered = any(message.role == "tool" for message in turn)
        messages = tuple(self._fitting(_written(message) if answered else message) for message in turn)
        return self._inner.render(replace(request, messages=messages, tools=(), thinking=False))

    def _fitting(self, message: Message) -> Message:
        return replace(message, parts=tuple(self._part(part, message.role) for part in message.parts))

    def _part(self, part: Part, role: Role) -> Part:
        match part:
            case Text() if self._learnt and role == "user":
                return Text(self._learnt.spelt(part.text))
            case Text() if self._learnt and role == "tool":
                return Text(self._learnt.result(part.text))
            case Image():
                return replace(part, budget=min(part.budget, self._budget))
            case Audio() if not part.growing:
                return without_tail(part, TAIL)
            case _:
                return part

    def grammar(self, request: Request) -> Grammar | None:
        """Nothing: what is written shows what was learnt."""
        del request
        return None

    def parser(self, request: Request) -> Parser:
        """The inner dialect's."""
        return self._inner.parser(request)


def _attached(turn: Sequence[Message]) -> tuple[Message, ...]:
    """A turn in which the picture that a tool took last stands where the person attaches one, and its call nowhere."""
    taken = [
        (message.call_id, part) for message in turn if message.role == "tool" for part in message.parts if _image(part)
    ]
    if not taken or turn[0].role != "user":
        return tuple(turn)
    looks = {call for call, _ in taken}
    asked = replace(turn[0], parts=(taken[-1][1], *(part for part in turn[0].parts if not _image(part))))
    others = (replace(each, calls=tuple(call for call in each.calls if call.id not in looks)) for each in turn[1:])
    return (asked, *(each for each in others if each.call_id not in looks and (each.calls or each.parts)))


def _image(part: Part) -> bool:
    return isinstance(part, Image)


def _written(message: Message) -> Message:
    return replace(message, parts=tuple(part for part in message.parts if isinstance(part, Text)))
