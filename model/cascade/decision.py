"""How a small text model is brought to call the right tool or none: it begins every reply with its choice.

Small models trained for code call tools for anything: a greeting, a sum, a question about the screen. What works was
found by measuring (`tests/data/decisions.json`, docs/decisions.md): the system message lists the tools as signatures,
examples show one reply for each tool and as many plain answers, and a grammar lets a reply begin only with ``answer: ``
or with the name of a tool and its arguments, which follow the tool's schema. All of it stands before the conversation
and never changes, so it is evaluated once and then reused; decision, arguments and answer are one generation.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from deskhand.model.cascade.examples import EXAMPLES, result_text
from deskhand.model.errors import PromptError
from deskhand.model.language.dialect import Dialect, Grammar, Piece
from deskhand.model.language.grammar import JsonNotation, Rules, literal
from deskhand.model.language.parser import new_call_id
from deskhand.model.language.schema import normalise
from deskhand.model.types import (
    BrokenCall,
    CallDelta,
    Message,
    Request,
    Text,
    TextDelta,
    ThoughtDelta,
    ToolCall,
    ToolSpec,
)

ANSWER = "answer: "
"""What a reply begins with that is no call."""

_RULES = (
    "Reply with a tool's name and its arguments only if the message asks for just what that tool does. Otherwise reply "
    f"with “{ANSWER.strip()}” and a brief answer: to questions about the text on the screen, about the world, to small "
    "talk, and after a result."
)

Parsed = TextDelta | ThoughtDelta | CallDelta | BrokenCall


class DecidingDialect:
    """A `Dialect` that puts decision, examples and tools into the messages and leaves their form to another dialect.

    Args:
        inner: of the model; it is given messages of text and no tools.
    """

    def __init__(self, inner: Dialect) -> None:
        self._inner = inner

    def render(self, request: Request) -> tuple[Piece, ...]:
        """The prompt; without tools it is the inner dialect's own."""
        return self._inner.render(_plain(request))

    def grammar(self, request: Request) -> Grammar | None:
        """A choice between an answer and each tool that was not yet called since the person last spoke.

        Raises:
            SchemaError: a tool's parameters can't be understood.
            PromptError: a call is required and there is no tool.
        """
        if request.tool_choice == "required" and not request.tools:
            raise PromptError("A tool call was demanded, but no tool was given.")
        if not request.tools:
            return None
        rules = Rules()
        notation = JsonNotation(rules)
        ways = [f"{literal(ANSWER)} [^\\x00]*"] if request.tool_choice != "required" else []
        if request.tool_choice != "none":
            done = _called(request.messages) if request.tool_choice == "auto" else frozenset[str]()
            ways += [
                f"{literal(f'{tool.name} ')} {notation.object(normalise(tool.parameters, tool.name))}"
                for tool in request.tools
                if tool.name not in done
            ]
        return Grammar(rules.text(" | ".join(ways)))

    def parser(self, request: Request) -> DecisionParser:
        """A parser for one completion of ``request``."""
        return DecisionParser(decides=bool(request.tools))


class DecisionParser:
    """Reads ``answer: TEXT`` or ``NAME {ARGUMENTS}``.

    Args:
        decides: whether there was a choice; else everything is an answer.
    """

    def __init__(self, *, decides: bool) -> None:
        self._held = ""
        self._answers = not decides

    def feed(self, piece: str, *, special: bool) -> list[Parsed]:
        """Take the text of one token; control tokens are left out."""
        if special:
            return []
        if self._answers:
            return [TextDelta(piece)] if piece else []
        self._held += piece
        if not self._held.startswith(ANSWER):
            return []
        self._answers = True
        text = self._held.removeprefix(ANSWER)
        return [TextDelta(text)] if text else []

    def finish(self) -> list[Parsed]:
        """The call, if it is one."""
        if self._answers or not self._held:
            return []
        name, _, written = self._held.partition(" ")
        try:
            arguments: Any = json.loads(written)
        except ValueError:
            arguments = None
        if not isinstance(arguments, dict):
            return [BrokenCall(self._held, "its arguments are unfinished")]
        return [CallDelta(ToolCall(new_call_id(), name, arguments))]


def signature(tool: ToolSpec) -> str:
    """A tool in one line: ``name(required: type, optional?: type): description``."""
    shape = normalise(tool.parameters, tool.name)
    parameters = ", ".join(
        f"{name}{'' if name in shape.required else '?'}: {'|'.join(map(str, inner.enum)) or inner.kind}"
        for name, inner in shape.properties
    )
    return f"{tool.name}({parameters}): {tool.description}"


def written_call(call: ToolCall) -> str:
    """A call as the grammar writes it."""
    return f"{call.name} {json.dumps(dict(call.arguments), ensure_ascii=False)}"


def _plain(request: Request) -> Request:
    """The request in messages of text."""
    given = request.messages
    if not request.tools:
        return replace(request, messages=tuple(_said(message) for message in given), thinking=False)
    system = [message.text for message in given if message.role == "system"]
    head = "\n\n".join((*system, "Tools:\n" + "\n".join(map(signature, request.tools)), _RULES))
    messages = [Message("system", (Text(head),)), *_examples(request.tools)]
    messages += [_said(message, decides=True) for message in given if message.role != "system"]
    return replace(request, messages=tuple(messages), tools=(), tool_choice="auto", thinking=False)


def _examples(tools: Sequence[ToolSpec]) -> list[Message]:
    names = {tool.name for tool in tools}
    found: list[Message] = []
    for example in EXAMPLES:
        if example.tool and example.tool not in names:
            continue
        reply = ANSWER + example.answer if example.answer else f"{example.tool} {example.arguments}"
        found += [Message("user", (Text(example.said),)), Message("assistant", (Text(reply),))]
    return found


def _said(message: Message, *, decides: bool = False) -> Message:
    if message.role == "tool":
        return Message("user", (Text(result_text(message.text)),))
    if message.role != "assistant":
        return message
    calls = "\n".join(map(written_call, message.calls))
    answer = (ANSWER if decides and not calls else "") + message.text
    return Message("assistant", (Text(calls or answer),))


def _called(messages: Sequence[Message]) -> frozenset[str]:
    """Tools called since the last user message: a small model would call them again and again."""
    last = max((index for index, message in enumerate(messages) if message.role == "user"), default=0)
    return frozenset(call.name for message in messages[last:] for call in message.calls)
