"""Any other model: its own chat template, and calls as ``<tool_call>`` JSON.

Untrusted text goes through the template as stand-ins (`stand_ins`), so it can't become a control token in any of them.

A template that knows no tools, or writes calls in a form of its own, gets them explained in the system message, calls
in the assistant's text and results in a user's: the form that Qwen2.5 and Hermes were trained on, and the one that
grammar and parser speak. A model without a template gets ChatML.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from deskhand.model.errors import PromptError
from deskhand.model.language.dialect import Dialect, Grammar, Piece
from deskhand.model.language.grammar import JsonNotation, Rules, literal
from deskhand.model.language.json_parser import JsonParser
from deskhand.model.language.literals import Pieces
from deskhand.model.language.schema import normalise
from deskhand.model.language.stand_ins import StandIns
from deskhand.model.language.template import Gemma4Dialect
from deskhand.model.language.templating import ChatTemplate
from deskhand.model.types import Audio, Image, Message, Request, Text, ToolCall

CHATML = """{% for message in messages %}<|im_start|>{{ message.role }}
{{ message.content }}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""

_INSTRUCTIONS = """# Tools

You may call one or more functions to assist with the user query.

You are provided with function signatures within <tools></tools> XML tags:
<tools>
{}
</tools>

For each function call, return a json object with function name and arguments within <tool_call></tool_call> XML tags:
<tool_call>
{{"name": <function-name>, "arguments": <args-json-object>}}
</tool_call>"""


def dialect_for(
    architecture: str, chat_template: str | None = None, *, bos: str = "", eos: str = "", add_bos: bool = False
) -> Dialect:
    """The dialect of a model file.

    Args:
        architecture: ``general.architecture``; ``gemma4`` gets our own rendering whatever template the file brings.
        chat_template: ``tokenizer.chat_template``, None or empty if there is none.
        bos: text of the token that begins a sequence, for the template.
        eos: text of the token that ends one.
        add_bos: ``tokenizer.ggml.add_bos_token``: a prompt begins with ``bos`` even if the template leaves it out.

    Raises:
        PromptError: the template can't be read.
    """
    if architecture == "gemma4":
        return Gemma4Dialect()
    return JinjaDialect(chat_template or CHATML, bos=bos, eos=eos, add_bos=add_bos)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _functions(request: Request) -> list[dict[str, Any]]:
    return [
        {
            "type": "function",
            "function": {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)},
        }
        for tool in request.tools
    ]


class JinjaDialect:
    """A model that is spoken to through a chat template.

    Pictures stand before a message's text and sound after it; whether the model can take them is not known here.

    Args:
        source: the template.
        bos: text of the token that begins a sequence.
        eos: text of the token that ends one.
        add_bos: begin with ``bos`` even if the template leaves it out.

    Raises:
        PromptError: the template can't be read.
    """

    def __init__(self, source: str = CHATML, *, bos: str = "", eos: str = "", add_bos: bool = False) -> None:
        self._bos, self._eos, self._add_bos = bos, eos, add_bos
        self._stand_ins = StandIns()
        self._template = ChatTemplate(source, self._json_written)
        # Templates of other forms (XML, [TOOL_CALLS]) would show the model calls that the grammar won't let it write.
        self._knows_tools = self._template.uses("tools") and "<tool_call>" in source and '"arguments"' in source

    def _json_written(self, made: str) -> str:
        return self._stand_ins.json_written(made)

    def render(self, request: Request) -> tuple[Piece, ...]:
        """The prompt, with everything it needs: nothing is to be added when it is tokenised.

        An unfinished request ends with the text of the last message that has one; where a template rewrites it, with
        that message.

        Raises:
            PromptError: the template fails or refuses.
        """
        self._stand_ins = StandIns()
        messages = self._messages(request)
        try:
            rendered = self._run(request, messages)
        except PromptError:
            # Some templates know no system message: the first user message takes it along.
            if len(messages) < 2 or messages[0]["role"] != "system" or messages[1]["role"] != "user":
                raise
            first = {**messages[1], "content": f"{messages[0]['content']}\n\n{messages[1]['content']}"}
            rendered = self._run(request, [first, *messages[2:]])
        pieces = Pieces()
        if self._add_bos and self._bos and not rendered.startswith(self._bos):
            pieces.control(self._bos)
        self._stand_ins.cut(rendered, pieces, self._last_text(messages) if request.unfinished else "")
        return pieces.done()

    def _last_text(self, messages: Sequence[Mapping[str, Any]]) -> str:
        """The stand-in with which the last message that has a content ends; empty if that is the system's."""
        contents = [content for message in messages[1:] if (content := str(message["content"]))]
        return self._stand_ins.last_of(contents[-1]) if contents else ""

    def grammar(self, request: Request) -> Grammar | None:
        """Calls as the tools' schemas allow them, written as templates' ``tojson`` renders them.

        ``auto`` gives a lazy grammar from ``<tool_call>`` on; where that is no token of the vocabulary it can't be
        triggered and calls are only parsed. ``required`` gives one from the first token (after a thought, where the
        model thinks). ``none`` gives nothing: the parser refuses the call.

        Raises:
            SchemaError: a tool's parameters can't be understood.
            PromptError: a call is required and there is no tool.
        """
        if request.tool_choice == "required" and not request.tools:
            raise PromptError("A tool call was demanded, but no tool was given.")
        if request.tool_choice == "none" or not request.tools:
            return None
        rules = Rules()
        notation = JsonNotation(rules)
        ways = [
            literal(json.dumps(tool.name, ensure_ascii=False) + ', "arguments": ')
            + " "
            + notation.object(normalise(tool.parameters, tool.name))
            for tool in request.tools
        ]
        begin, end = literal('<tool_call>\n{"name": '), literal("}\n</tool_call>")
        call = rules.add(f"{begin} ({' | '.join(ways)}) {end}", "call")
        calls = f'{call} ("\\n" {call})*'
        if request.tool_choice == "auto":
            return Grammar(rules.text(calls), trigger="<tool_call>")
        thought = f'{rules.without(["</think>"])} "</think>" "\\n"*'
        if self._opens_thought(thinking=request.thinking):
            return Grammar(rules.text(f"{thought} {calls}"))
        return Grammar(rules.text(f'("<think>" {thought})? {calls}' if request.thinking else calls))

    def parser(self, request: Request) -> JsonParser:
        """A parser for one completion of ``request``."""
        return JsonParser(
            request.tools,
            calls_allowed=request.tool_choice != "none",
            in_thought=self._opens_thought(thinking=request.thinking),
        )

    def _opens_thought(self, *, thinking: bool) -> bool:
        return self._thoughts[thinking]

    @cached_property
    def _thoughts(self) -> tuple[bool, bool]:
        """Whether a generation prompt ends with ``<think>``, without and with thinking."""
        ends: list[bool] = []
        for thinking in (False, True):
            request = Request((Message("user", (Text("?"),)),), thinking=thinking)
            try:
                rendered = self._run(request, [{"role": "user", "content": "?"}])
            except PromptError:
                rendered = ""
            ends.append(rendered.rstrip().endswith("<think>"))
        return ends[0], ends[1]

    def _run(self, request: Request, messages: Sequence[Mapping[str, Any]]) -> str:
        tools = _functions(request)
        return self._template.render(
            messages=messages,
            tools=self._stand_ins.hide_all(tools) if tools and self._knows_tools else None,
            documents=None,
            add_generation_prompt=not request.unfinished,
            enable_thinking=request.thinking,
            bos_token=self._bos,
            eos_token=self._eos,
        )

    def _instructions(self, request: Request) -> str:
        return _INSTRUCTIONS.format("\n".join(self._stand_ins.hide(_json(each)) for each in _functions(request)))

    def _call(self, call: ToolCall) -> str:
        body = self._stand_ins.hide(_json({"name": call.name, "arguments": dict(call.arguments)}))
        return f"<tool_call>\n{body}\n</tool_call>"

    def _messages(self, request: Request) -> list[dict[str, Any]]:
        """Messages in the shape that templates expect; system messages in a row and user ones in a row are joined."""
        last_user = max((i for i, message in enumerate(request.messages) if message.role == "user"), default=-1)
        out: list[dict[str, Any]] = []
        if request.tools and not self._knows_tools:
            out.append({"role": "system", "content": self._instructions(request)})
        for index, message in enumerate(request.messages):
            made = self._message(message, thought=index > last_user)
            if out and out[-1]["role"] == made["role"] and made["role"] in ("system", "user"):
                if made["role"] == "system" and len(out) == 1 and request.tools and not self._knows_tools:
                    # The person's own words first, the tools after them.
                    out[-1] = {**made, "content": f"{made['content']}\n\n{out[-1]['content']}"}
                else:
                    out[-1] = {**made, "content": f"{out[-1]['content']}\n\n{made['content']}"}
            else:
                out.append(made)
        return out

    def _message(self, message: Message, *, thought: bool) -> dict[str, Any]:
        content = self._stand_ins.hide(message.text)
        pictures, sound = (self._placed(message, kind) for kind in (Image, Audio))
        if message.role == "assistant":
            made: dict[str, Any] = {"role": "assistant", "content": content}
            if message.calls and self._knows_tools:
                made["tool_calls"] = [
                    {
                        "id": hashlib.sha256(call.id.encode()).hexdigest()[:9],
                        "type": "function",
                        "function": {
                            "name": self._stand_ins.hide_all(call.name),
                            "arguments": self._stand_ins.hide_all(dict(call.arguments)),
                        },
                    }
                    for call in message.calls
                ]
            elif message.calls:
                made["content"] = "\n".join([*([content] if content else []), *map(self._call, message.calls)])
            if thought and message.thought:
                made["reasoning_content"] = self._stand_ins.hide(message.thought)
            return made
        if message.role == "tool":
            if not self._knows_tools:
                return {"role": "user", "content": f"<tool_response>\n{content}\n</tool_response>{pictures}{sound}"}
            return {
                "role": "tool",
                "content": f"{content}{pictures}{sound}",
                "name": self._stand_ins.hide_all(message.name),
                "tool_call_id": hashlib.sha256(message.call_id.encode()).hexdigest()[:9],
            }
        return {"role": message.role, "content": f"{pictures}{content}{sound}"}

    def _placed(self, message: Message, kind: type[Image | Audio]) -> str:
        return "".join(self._stand_ins.place(part) for part in message.parts if isinstance(part, kind))
