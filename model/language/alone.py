"""Turns one by one: for a small model that was trained on single turns, without system text and declared tools."""

from __future__ import annotations

from dataclasses import replace

from deskhand.model.language.dialect import Dialect, Grammar, Parser, Piece
from deskhand.model.types import Image, Message, Request


class AloneDialect:
    """A `Dialect` that shows the model the turn at hand and nothing else, and lets it write freely.

    The tools of a request are known to such a model from its training: they are not declared, and no grammar holds it
    to them. Whether calls are read at all still depends on them, and on the choice.

    Args:
        inner: of the model.
        budget: the most tokens of a picture.
    """

    def __init__(self, inner: Dialect, budget: int) -> None:
        self._inner, self._budget = inner, budget

    def render(self, request: Request) -> tuple[Piece, ...]:
        """The messages from the person's last one on."""
        first = max((at for at, message in enumerate(request.messages) if message.role == "user"), default=0)
        messages = tuple(self._fitting(message) for message in request.messages[first:])
        return self._inner.render(replace(request, messages=messages, tools=(), thinking=False))

    def _fitting(self, message: Message) -> Message:
        parts = (
            replace(part, budget=min(part.budget, self._budget)) if isinstance(part, Image) else part
            for part in message.parts
        )
        return replace(message, parts=tuple(parts))

    def grammar(self, request: Request) -> Grammar | None:
        """Nothing: what is written shows what was learnt."""
        del request
        return None

    def parser(self, request: Request) -> Parser:
        """The inner dialect's."""
        return self._inner.parser(request)
