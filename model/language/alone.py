"""Turns one by one: for a small model that was trained on single turns, without system text and declared tools.

It was trained on short sounds, too. Of what a finger on the button adds, silence at the end confuses it most: of 54
sentences over Pocket's practice windows, recorded with 0.9 s of it, 20 were understood as they were, and 43 with a
tenth of a second, the best of the seven lengths that were tried on them.
"""

from __future__ import annotations

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
        the picture and the sound before it, it said something else in 10 of 18 tries, and in none of them without.
        """
        first = max((at for at, message in enumerate(request.messages) if message.role == "user"), default=0)
        turn = request.messages[first:]
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


def _written(message: Message) -> Message:
    return replace(message, parts=tuple(part for part in message.parts if isinstance(part, Text)))
