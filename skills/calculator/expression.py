"""An expression as people write it, read into a tree: 15% of 80, 3(4+5), √2, 5!, 2 × 3; it is walked, never run.

What can be read in two ways is a sentence and no number: 6/2(1+2), 15% 80, 1,5 + 2.5.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numerals  # pyright: ignore[reportMissingImports] - beside this file, which Deskhand puts on the path

LONGEST = 500
DEEPEST = 60
"""Brackets, signs and powers within each other."""

_WORDS = {
    "plus": "+", "mas": "+", "minus": "-", "moins": "-", "menos": "-", "times": "*", "mal": "*", "fois": "*",
    "por": "*", "x": "*", "divided by": "/", "geteilt durch": "/", "divise par": "/", "dividido por": "/",
    "dividido entre": "/", "entre": "/", "over": "/", "of": "of", "von": "of", "de": "of", "du": "of", "off": "off",
    "percent": "%", "per cent": "%", "prozent": "%", "pour cent": "%", "por ciento": "%", "to the power of": "^",
    "hoch": "^", "puissance": "^", "squared": "^2", "cubed": "^3", "modulo": "mod", "mod": "mod", "square root of": "√",
    "the square root of": "√", "degrees": "°", "grad": "°", "factorial of": "factorial",
}  # fmt: skip
_SPOKEN = re.compile(
    rf"(?<![^\W\d])(?<!\b0(?=x))(?:{'|'.join(sorted(map(re.escape, _WORDS), key=len, reverse=True))})(?![^\W\d])"
)
_TOKEN = re.compile(
    r"\s*(?:(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO][0-7]+)(?![\w.])|([^\W\d]\w*)|(\*\*|//|[-+*/%^()√!°,;]))"
)


@dataclass(frozen=True)
class Number:
    """A number, exactly as written."""

    value: Fraction


@dataclass(frozen=True)
class Name:
    """A constant."""

    name: str


@dataclass(frozen=True)
class Percent:
    """A part of a hundred; behind plus or minus it is one of what stands before."""

    inner: Node


@dataclass(frozen=True)
class Call:
    """A function of some arguments; ``!``, ``°`` and the signs are functions of one."""

    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True)
class Pair:
    """An operation between two."""

    sign: str
    left: Node
    right: Node


Node = Number | Name | Percent | Call | Pair


@dataclass(frozen=True)
class _Token:
    """A piece: ``kind`` is number, name or sign; ``near`` whether nothing parts it from the piece before."""

    kind: str
    text: str
    near: bool = True


def parse(expression: str) -> Node:
    """Read an expression.

    Raises:
        ValueError: it can't be read, or in two ways; a sentence.
        OverflowError: a number is too large.
    """
    if not expression.strip() or len(expression) > LONGEST:
        raise ValueError(f"Give an expression of at most {LONGEST} characters.")
    text = numerals.plain(expression).strip().removeprefix("=").rstrip("=? ")
    tokens = _tokens(text)
    commas = numerals.Commas([token.text for token in tokens if token.kind == "number"])
    reader = _Reader(tokens, commas, expression)
    node = reader.sum()
    if reader.here.kind != "end":
        raise reader.unreadable()
    return node


def _tokens(text: str) -> list[_Token]:
    """The pieces; within the brackets of a function a comma parts arguments, and is no part of a number."""
    text = _spoken(text)
    found: list[_Token] = []
    brackets: list[str] = []
    place = 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        space = re.compile(r"\s*").match(text, place)
        near = space is None or space.end() == place
        if match is None:
            number = numerals.NUMERAL.match(text, space.end() if space else place)
            if number is None:
                if not text[place:].strip():
                    break
                raise ValueError(f"“{text[place:].strip()[:60]}” can't be calculated.")
            written, place = number[0], number.end()
            if "," in written and _parts(text, place, brackets):
                place -= len(written) - written.index(",")
                written = written[: written.index(",")]
            found.append(_Token("number", written, near))
            continue
        place = match.end()
        whole, name, sign = match.groups()
        if sign == "(":
            brackets.append("call" if found and found[-1].kind == "name" and found[-1].text not in _OPERATORS else "(")
        elif sign == ")" and brackets:
            brackets.pop()
        kind = "whole" if whole else "name" if name and name not in _OPERATORS else "sign"
        found.append(_Token(kind, whole or name or sign, near))
    return [*found, _Token("end", "")]


_OPERATORS = frozenset({"mod", "of", "off"})


def _parts(text: str, place: int, brackets: Sequence[str]) -> bool:
    """Whether a comma here parts arguments; it does not where a semicolon does so."""
    if "call" not in brackets:
        return False
    depth = 0
    for char in text[place:]:
        depth += (char == "(") - (char == ")")
        if depth < 0:
            break
        if char == ";":
            return False
    before, depth = text[:place], 0
    for char in reversed(before):
        depth += (char == ")") - (char == "(")
        if depth < 0:
            break
        if char == ";":
            return False
    return True


def _spoken(text: str) -> str:
    """Words for signs as the signs; the others stay, and are names of functions or can't be read."""
    bare = "".join(c for c in unicodedata.normalize("NFD", text.casefold()) if not unicodedata.combining(c))
    return _SPOKEN.sub(lambda match: f" {_WORDS[match[0]]} ".replace(" % ", "% ").replace(" ^", "^"), bare)


class _Reader:
    """Reads pieces by recursive descent."""

    def __init__(self, tokens: list[_Token], commas: numerals.Commas, expression: str) -> None:
        self._tokens = tokens
        self._commas = commas
        self._expression = expression
        self._place = 0
        self._depth = 0

    @property
    def here(self) -> _Token:
        """The next piece."""
        return self._tokens[self._place]

    def unreadable(self) -> ValueError:
        """A sentence about what can't be read."""
        return ValueError(f"“{self._expression.strip()[:80]}” is no expression that can be calculated.")

    def sum(self) -> Node:
        """Terms between plus and minus."""
        node = self._product()
        while sign := self._take("+", "-"):
            right = self._product()
            if isinstance(right, Percent) and not isinstance(node, Percent):
                sign += "%"  # 80 + 15 % are 92, as on every pocket calculator
            node = Pair(sign, node, right)
        return node

    def _product(self) -> Node:
        node = self._signed()
        divided = False
        while True:
            if self._follows():
                if divided:
                    raise ValueError("Put brackets around what is divided by: a/b(c) can be read in two ways.")
                node = Pair("*", node, self._signed())
            elif sign := self._take("*", "**", "/", "//", "%", "mod", "of", "off"):
                divided = divided or sign in {"/", "//"}
                node = self._joined(sign, node)
            else:
                return node

    def _joined(self, sign: str, left: Node) -> Node:
        right = self._signed()
        if sign in {"of", "off"}:
            if not isinstance(left, Percent) and not (isinstance(left, Pair) and left.sign == "/"):
                raise self.unreadable()
            return Pair("*", left, right) if sign == "of" else Pair("-", right, Pair("*", left, right))
        return Pair(sign, left, right)

    def _follows(self) -> bool:
        """Whether what comes is multiplied without a sign: a bracket, a name, a root."""
        before = self._tokens[self._place - 1]
        if self.here.kind == "number" and before.text == ")":
            raise self.unreadable()
        return self.here.kind == "name" or self.here.text in {"(", "√"}

    def _signed(self) -> Node:
        if sign := self._take("-", "+"):
            with self:
                inner = self._signed()
            return Call("-", (inner,)) if sign == "-" else inner
        return self._power()

    def _power(self) -> Node:
        node = self._behind(self._atom())
        if self._take("^", "**"):
            with self:
                return Pair("^", node, self._signed())
        return node

    def _behind(self, node: Node) -> Node:
        """What stands behind a number: a factorial, degrees, a percent sign that is no remainder."""
        while True:
            if self._take("!"):
                if self.here.text == "!":
                    raise ValueError("A double factorial can't be calculated: put brackets around the first.")
                node = Call("factorial", (node,))
            elif self._take("°"):
                node = Call("radians", (node,))
            elif self.here.text == "%" and self._is_percent():
                self._place += 1
                node = Percent(node)
            else:
                return node

    def _is_percent(self) -> bool:
        after = self._tokens[self._place + 1]
        operand = after.kind in {"number", "whole", "name"} or after.text in {"(", "√"}
        if operand and self.here.near and not after.near:
            raise ValueError(
                f"“{self._expression.strip()[:60]}” can be read in two ways: write 15% of 80, or 15 mod 80."
            )
        return not operand

    def _atom(self) -> Node:
        token = self.here
        self._place += 1
        if token.kind == "number":
            return Number(self._commas.value(token.text))
        if token.kind == "whole":
            return Number(Fraction(int(token.text, 0)))
        if token.text == "(":
            with self:
                node = self.sum()
            self._close()
            return node
        if token.text == "√":
            with self:
                return Call("sqrt", (self._behind(self._atom()),))
        if token.kind == "name":
            return self._named(token.text)
        raise self.unreadable()

    def _named(self, name: str) -> Node:
        if not self._take("("):
            if name == "factorial":
                return Call(name, (self._atom(),))
            return Name(name)
        arguments: list[Node] = []
        with self:
            while self.here.text != ")":
                if arguments and not self._take(",", ";"):
                    raise self.unreadable()
                self._check_argument(name, bool(arguments))
                arguments.append(self.sum())
        self._close()
        return Call(name, tuple(arguments))

    def _check_argument(self, name: str, further: bool) -> None:
        """A number that begins with a zero, right behind a comma, is the end of another: sqrt(1,024)."""
        text, before = self.here.text, self._tokens[self._place - 1]
        if further and before.text == "," and self.here.near and re.match(r"0\d", text):
            raise ValueError(
                f"In {name}( ) a comma parts numbers: write thousands without it, and decimals with a point."
            )

    def _close(self) -> None:
        if not self._take(")"):
            raise self.unreadable()

    def _take(self, *signs: str) -> str:
        """The next piece, if it is one of these signs, and go on behind it."""
        token = self.here
        if token.kind == "sign" and token.text in signs:
            self._place += 1
            return token.text
        return ""

    def __enter__(self) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise ValueError("There are too many brackets within each other.")

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
