"""GBNF from shapes, in Gemma's notation and as JSON. A grammar writes a call in the one way in which it is rendered.

Facts of llama.cpp's matcher (src/llama-grammar.cpp of the version that llama-cpp-python 0.3.36 vendors) that decide how
the rules look:

- ``<|tool_call>`` outside quotes is that one token. Character rules match the *text* of any token, control tokens
  included. So text is matched by characters, by an automaton that lets no control token's text through: a forgotten
  quote can't swallow ``<tool_call|>``. The price: under the grammar a model can't write such a text as an argument.
- ``!<token>`` refuses tokens that end inside a UTF-8 sequence, so it is joined by a rule for non-ASCII characters.
- A token element that follows a character element is compared in mid-token when candidates are filtered and ignored
  when they are accepted; accepting then aborts the process. It can only happen where a character rule could match the
  beginning of that token's text, so no literal that ends with one stands before a token (`_safe`).
- Repetitions are limited to 2,000 rules, names to letters, digits and ``-``.
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence

from deskhand.model.language.digits import number
from deskhand.model.language.literals import BARE_KEY, CONTROL_TOKENS, QUOTE, scalar
from deskhand.model.language.shape import Scalar, Shape, canonical

ANY_DEPTH = 4
"""Levels of objects and arrays in a value whose schema says nothing."""


def literal(text: str) -> str:
    """A GBNF literal of any text."""

    def escape(match: re.Match[str]) -> str:
        character = match[0]
        named = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
        return named.get(character) or f"\\x{ord(character):02X}"

    return '"' + re.sub(r'[\x00-\x1f\x7f"\\]', escape, text) + '"'


def _class(characters: Iterable[str]) -> str:
    return "".join(f"\\x{ord(character):02X}" for character in sorted(characters))


class Rules:
    """A grammar under construction; rules are shared where they are equal."""

    def __init__(self) -> None:
        self._rules: dict[str, str] = {}
        self._names: dict[str, str] = {}

    def add(self, body: str, name: str = "r") -> str:
        """Name a rule and return the name."""
        known = self._names.get(body)
        if known is None:
            known = f"{name}-{len(self._rules)}"
            self._rules[known] = body
            self._names[body] = known
        return known

    def without(self, words: Sequence[str]) -> str:
        """Any text in which none of the words occurs: Aho and Corasick's automaton, one rule a state."""
        key = f"text without {words}"
        if key in self._names:
            return self._names[key]
        prefixes = {word[:length] for word in words for length in range(len(word))}
        state = {prefix: f"t{len(self._names)}-{index}" for index, prefix in enumerate(sorted(prefixes))}
        self._names[key] = state[""]
        for prefix, name in state.items():
            special = {word[at] for word in words for at in range(len(word))}
            ways: dict[str, str] = {}
            for character in special:
                seen = prefix + character
                if any(seen.endswith(word) for word in words):
                    ways[character] = ""
                    continue
                longest = next(seen[at:] for at in range(len(seen) + 1) if seen[at:] in prefixes)
                if longest:
                    ways[character] = longest
            steps = [f"[{_class(c)}] {state[to]}" for c, to in sorted(ways.items()) if to]
            self._rules[name] = " | ".join([*steps, f"[^\\x00{_class(ways)}] {state['']}", '""'])
        return state[""]

    def text(self, root: str) -> str:
        """The grammar."""
        return "\n".join([f"root ::= {root}", *(f"{name} ::= {body}" for name, body in self._rules.items()), ""])


class Notation(ABC):
    """What the two ways of writing values have in common."""

    comma = '","'

    def __init__(self, rules: Rules) -> None:
        self.rules = rules

    @abstractmethod
    def string(self) -> str:
        """Any text."""

    @abstractmethod
    def scalar(self, value: Scalar) -> str | None:
        """One value, or None if it can't be forced."""

    @abstractmethod
    def key(self, name: str) -> str | None:
        """A key with its colon, or None if it can't be forced."""

    @abstractmethod
    def any_key(self) -> str:
        """Any key with its colon."""

    def order(self, shape: Shape) -> list[str]:
        """Names of an object's properties in the order in which they are written."""
        return [name for name, _ in shape.properties]

    def value(self, shape: Shape) -> str:
        """A rule for values of a shape."""
        body = self._body(shape)
        return self.rules.add(f'{body} | "null"', "nullable") if shape.nullable else body

    def _body(self, shape: Shape) -> str:
        if shape.enum:
            return self._enum(shape)
        if shape.variants:
            return self.rules.add(" | ".join(self.value(variant) for variant in shape.variants), "union")
        kinds: dict[str, Callable[[], str]] = {
            "string": self.string,
            "integer": lambda: self.rules.add(number(shape), "number"),
            "number": lambda: self.rules.add(number(shape), "number"),
            "boolean": lambda: self.rules.add('"true" | "false"', "boolean"),
            "null": lambda: self.rules.add('"null"', "null"),
            "array": lambda: self.array(shape),
            "object": lambda: self.object(shape),
            "any": self.anything,
        }
        return kinds[shape.kind]()

    def _enum(self, shape: Shape) -> str:
        ways = [self.scalar(value) for value in shape.enum]
        forced = [way for way in ways if way is not None]
        if len(forced) < len(ways):  # checked against the schema after parsing, like everything else
            forced = [*(way for way in forced if not way.startswith("<")), self.string()]
        return self.rules.add(" | ".join(forced), "enum")

    def array(self, shape: Shape) -> str:
        """Items between brackets."""
        item = self.anything() if shape.items is None else self.value(shape.items)
        items = self.rules.add(f"{item} ({self.comma} {item})*", "items")
        return self.rules.add(f'"[" {items} "]"' if shape.min_items else f'"[" {items}? "]"', "array")

    def object(self, shape: Shape) -> str:
        """Properties between braces: the required ones and any subset of the others, in order.

        A property whose name can't be forced (it holds a control token's text) can't be written.
        """
        if shape.open:
            return self._open(self.anything() if shape.items is None else self.value(shape.items))
        shapes = dict(shape.properties)
        after = first = self.rules.add('""', "end")
        for name in reversed(self.order(shape)):
            key = self.key(name)
            if key is None:
                continue
            pair = f"{key} {self.value(shapes[name])} {after}"
            more = f"{self.comma} {pair}"
            optional = name not in shape.required
            first = self.rules.add(f"{pair} | {first}" if optional else pair, "first")
            after = self.rules.add(f"{more} | {after}" if optional else more, "more")
        return self.rules.add(f'"{{" {first} "}}"', "object")

    def _open(self, value: str) -> str:
        pair = f"{self.any_key()} {value}"
        return self.rules.add(f'"{{" ({pair} ({self.comma} {pair})*)? "}}"', "open")

    def anything(self, depth: int = ANY_DEPTH) -> str:
        """Any value, nested at most ``depth`` levels."""
        ways = [self.string(), self.rules.add(number(Shape("number")), "number"), '"true"', '"false"', '"null"']
        if depth:
            inner = self.anything(depth - 1)
            ways += [self._open(inner), self.rules.add(f'"[" ({inner} ({self.comma} {inner})*)? "]"', "list")]
        return self.rules.add(" | ".join(ways), "any")


def _safe(text: str) -> bool:
    """Whether a literal may stand inside quoting tokens: no control token in it, none begun at its end."""
    if any(token in text for token in CONTROL_TOKENS):
        return False
    return not any(text.endswith(QUOTE[:length]) for length in range(1, len(QUOTE)))


class GemmaNotation(Notation):
    """Values as `literals` says."""

    def string(self) -> str:
        """Text between two quoting tokens."""
        return self.rules.add(f"{QUOTE} {self.rules.without(CONTROL_TOKENS)} {QUOTE}", "string")

    def scalar(self, value: Scalar) -> str | None:
        """One value."""
        if not isinstance(value, str):
            return literal(scalar(value))
        return f"{QUOTE} {literal(value)} {QUOTE}" if _safe(value) else None

    def key(self, name: str) -> str | None:
        """A bare key, or a quoted one."""
        if BARE_KEY.fullmatch(name):
            return literal(name + ":")
        return f'{QUOTE} {literal(name)} {QUOTE} ":"' if _safe(name) else None

    def any_key(self) -> str:
        """A bare key; or quoted text."""
        return self.rules.add(f'([a-zA-Z_] [a-zA-Z0-9_.-]{{0,63}} | {self.string()}) ":"', "key")

    def order(self, shape: Shape) -> list[str]:
        """Sorted, as they are rendered."""
        return canonical(dict(shape.properties))


class JsonNotation(Notation):
    """Values as Python's ``json.dumps(…, ensure_ascii=False)`` writes them, which chat templates' ``tojson`` is."""

    comma = '", "'

    def string(self) -> str:
        """A JSON string."""
        character = r'[^"\\\x00-\x1F] | "\\" (["\\bfnrt] | "u00" [01] [0-9a-f])'
        return self.rules.add(f'"\\"" ({character})* "\\""', "string")

    def scalar(self, value: Scalar) -> str:
        """One value."""
        return literal(json.dumps(value, ensure_ascii=False))

    def key(self, name: str) -> str:
        """A quoted key."""
        return literal(json.dumps(name, ensure_ascii=False) + ": ")

    def any_key(self) -> str:
        """Any quoted key."""
        return self.rules.add(f'{self.string()} ": "', "key")
