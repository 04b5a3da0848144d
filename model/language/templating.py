"""A chat template out of a model file: a foreign program, run in a sandbox, within a budget.

jinja2's immutable sandbox keeps it from Python; the budget keeps it from running or growing for ever: each round of a
loop and each call of a macro is counted, which is woven into the template's syntax tree before it is compiled.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, NoReturn, cast

import jinja2
from jinja2 import meta, nodes
from jinja2.exceptions import SecurityError
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from deskhand.model.errors import PromptError

MAX_STEPS = 200_000
"""Rounds of loops and calls of macros in one rendering; a long conversation with tools takes some thousand."""

MAX_SECONDS = 10.0
"""Of one rendering, looked at with every step."""

MAX_OUTPUT = 4_000_000
"""Characters of a rendering, and of any text that the template makes by ``*`` and ``+``."""

MAX_SOURCE = 1_000_000
"""Characters of a template; the longest in llama.cpp's collection has 30,000."""


class RefusedError(PromptError):
    """The template itself says that it can't say this conversation (``raise_exception``)."""


class _Environment(ImmutableSandboxedEnvironment):
    intercepted_binops = frozenset(["*", "+", "**", "%"])

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:  # noqa: ANN401 - jinja2's own
        """Refuse operations that make huge values out of small ones."""
        sizes = [len(cast("str", side)) for side in (left, right) if isinstance(side, str | list | tuple)]
        numbers = [side for side in (left, right) if isinstance(side, int)]
        if operator == "*" and sizes and numbers and sizes[0] * numbers[0] > MAX_OUTPUT:
            raise SecurityError("it multiplies a text too often")
        if operator == "+" and sum(sizes) > MAX_OUTPUT:
            raise SecurityError("it makes a text that is too long")
        if (operator == "**" and numbers and max(map(abs, numbers)) > 1000) or any(
            n.bit_length() > 4096 for n in numbers
        ):
            raise SecurityError("it computes a number that is too large")
        if operator == "%" and isinstance(left, str) and re.search(r"[0-9]{5}", left):
            raise SecurityError("it pads a text too far")
        return super().call_binop(context, operator, left, right)


class _Generation(Extension):
    """``{% generation %}…{% endgeneration %}``, with which some templates mark for training what the model wrote."""

    tags = {"generation"}  # noqa: RUF012 - jinja2's own declaration

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


class ChatTemplate:
    """One compiled template.

    Args:
        source: jinja2, with transformers' whitespace rules, loop controls and functions.
        to_json: what ``tojson`` does with the JSON that it made.

    Raises:
        PromptError: its syntax is wrong, or it is too long.
    """

    def __init__(self, source: str, to_json: Callable[[str], str] = str) -> None:
        if len(source) > MAX_SOURCE:
            raise PromptError(f"This model's chat template has {len(source)} characters; no real one is so long.")
        self._to_json = to_json
        self._steps = 0
        self._deadline = 0.0
        environment = _Environment(
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.loopcontrols", _Generation],
            autoescape=False,
        )
        environment.filters["tojson"] = self._tojson
        environment.filters[_STEP] = self._step
        functions = {"raise_exception": _refuse, "strftime_now": _strftime_now}
        cast("dict[str, object]", environment.globals).update(functions)
        try:
            tree = environment.parse(source)
            self._names = meta.find_undeclared_variables(tree)
            code = environment.compile(_with_steps(tree))
        except (jinja2.TemplateError, RecursionError, SyntaxError) as error:
            said = str(error).rstrip(".")
            raise PromptError(f"This model's chat template can't be read: {said}.") from error
        self._template = jinja2.Template.from_code(environment, code, environment.globals)

    def uses(self, variable: str) -> bool:
        """Whether the template looks at a variable, ``tools`` for one."""
        return variable in self._names

    def render(self, **variables: object) -> str:
        """Run the template.

        Raises:
            RefusedError: it calls ``raise_exception``.
            PromptError: it fails, or exceeds the budget.
        """
        self._steps = 0
        self._deadline = time.monotonic() + MAX_SECONDS
        out: list[str] = []
        size = 0
        try:
            for text in self._template.generate(**variables):
                out.append(text)
                size += len(text)
                if size > MAX_OUTPUT:
                    raise SecurityError("it writes too much")  # noqa: TRY301 - one place translates
        except RefusedError:
            raise
        except Exception as error:  # a foreign program may raise anything
            said = str(error).rstrip(".") or type(error).__name__
            raise PromptError(f"This model's chat template fails: {said}.") from error
        return "".join(out)

    def _step(self, _: object) -> None:
        self._steps += 1
        if self._steps > MAX_STEPS or time.monotonic() > self._deadline:
            raise SecurityError("it does not come to an end")

    def _tojson(  # the parameters are transformers'
        self,
        value: object,
        ensure_ascii: bool = False,  # noqa: ARG002 - always False: stand-ins must stay readable
        indent: int | None = None,
        separators: tuple[str, str] | None = None,
        sort_keys: bool = False,
    ) -> str:
        made = json.dumps(value, ensure_ascii=False, indent=indent, separators=separators, sort_keys=sort_keys)
        return self._to_json(made)


_STEP = "deskhand_step"


def _with_steps(tree: nodes.Template) -> nodes.Template:
    for block in list(tree.find_all((nodes.For, nodes.Macro, nodes.CallBlock))):
        step = nodes.Filter(nodes.Const(None), _STEP, [], [], None, None, lineno=block.lineno)
        block.body.insert(0, nodes.ExprStmt(step, lineno=block.lineno))
    return tree


def _refuse(message: str) -> NoReturn:
    raise RefusedError(f"This model's chat template refuses the conversation: {message}")


def _strftime_now(form: str) -> str:
    return datetime.now().astimezone().strftime(form)
