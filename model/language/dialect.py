"""How a model family is spoken to: messages → prompt pieces, tools → grammar, generated pieces → deltas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from deskhand.model.types import Audio, BrokenCall, CallDelta, Image, Request, TextDelta, ThoughtDelta


@dataclass(frozen=True, slots=True)
class Control:
    """Prompt text that we wrote: control tokens in it are parsed."""

    text: str


@dataclass(frozen=True, slots=True)
class Plain:
    """Prompt text from anywhere else: tokenised without special tokens, so it can't become one."""

    text: str


@dataclass(frozen=True, slots=True)
class Growing:
    """A recording that goes on: its begin marker and the frames that are whole, and nothing after them."""

    audio: Audio


Piece = Control | Plain | Image | Audio | Growing
"""What a prompt is made of. An `Image` or `Audio` piece brings its begin and end markers itself."""


@dataclass(frozen=True, slots=True)
class Grammar:
    """A GBNF grammar that constrains what is generated.

    Attributes:
        gbnf: the rules; the start rule is ``root``.
        trigger: the text of the control token from which on (itself included, as ``root``'s first symbol) the grammar
            applies; empty means from the first generated token.
    """

    gbnf: str
    trigger: str = ""


class Parser(Protocol):
    """Turns generated pieces into deltas, holding back what may still become a delimiter."""

    def feed(self, piece: str, *, special: bool) -> list[TextDelta | ThoughtDelta | CallDelta | BrokenCall]:
        """Take the text of one token; ``special`` says that it is a control token and not characters that look so."""
        ...

    def finish(self) -> list[TextDelta | ThoughtDelta | CallDelta | BrokenCall]:
        """Give what is still held back; an unfinished call becomes a `BrokenCall`."""
        ...


class Dialect(Protocol):
    """One prompt format."""

    def render(self, request: Request) -> tuple[Piece, ...]:
        """The whole prompt, generation prompt included. Adjacent `Plain` pieces are merged; empty ones are left out.

        Of an unfinished request only what every way to finish it begins with: up to the end of the last message's last
        part, which may be `Growing`.
        """
        ...

    def grammar(self, request: Request) -> Grammar | None:
        """What constrains the completion: nothing, a lazy grammar (auto), or one from the start (required)."""
        ...

    def parser(self, request: Request) -> Parser:
        """A fresh parser for one completion."""
        ...
