"""The tools through which skills of text work: activating one, and reading the further files of an active one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from deskhand.agent.limits import Limits
from deskhand.agent.origin import Origin
from deskhand.agent.skills import contents
from deskhand.agent.skills.skill import BUNDLED, CHANGED, SkillSource
from deskhand.agent.tool import Group, Tool, ToolResult
from deskhand.agent.tools.disclosure import ACTIVATE, LOAD, MOST_TOOLS
from deskhand.model.types import ToolCall

BUILT_IN = "deskhand"
"""What the tools of no skill belong to; no skill may be called so."""

READ = "read_skill_file"

MOST_INSTRUCTIONS = 16_000
"""Bytes of a skill's text that an activation shows: about 5,000 tokens, the specification's own bound."""
MOST_LISTED = 100
"""Skills that the catalogue and the enum hold, and files that an activation lists."""

_PATH = {"type": "string", "description": "as the skill names it, such as references/notes.md"}
_OFFSET = {"type": "integer", "description": "byte to go on from", "default": 0}


class SkillTools:
    """A `Provider` of the tools that belong to no skill.

    Args:
        skills: whose files may be read.
        groups: everything that can be activated now.
        tools: everything else that can be called.
        crowded: names the tools of a group for which a prompt has no room, even with nothing else active.
    """

    def __init__(
        self,
        skills: SkillSource,
        groups: Callable[[], Sequence[Group]],
        tools: Callable[[], Sequence[Tool]] = lambda: (),
        crowded: Callable[[str], Sequence[str]] = lambda _name: (),
    ) -> None:
        self._skills = skills
        self._groups = groups
        self._others = tools
        self._crowded = crowded

    @property
    def groups(self) -> tuple[Group, ...]:
        """None: these tools are declared when an active group needs them."""
        return ()

    @property
    def tools(self) -> tuple[Tool, ...]:
        """With the names that can be given, as far as there are any; a prompt names fewer (`disclosure.disclose`)."""
        groups = self._groups()
        held = {group.name for group in groups}
        names = [group.name for group in groups if not group.core][:MOST_LISTED]
        names += [tool.name for tool in self._others() if tool.skill in held and tool.name not in names]
        tools: list[Tool] = []
        if names:
            told = "Activate a skill: returns its instructions, and declares its tools from then on."
            tools += [
                _tool(ACTIVATE, told, {"name": {"type": "string", "enum": names}}),
                _tool(LOAD, told, {"skillName": {"type": "string", "enum": names}}),
            ]
        if readable := [group.name for group in groups if READ in group.uses][:MOST_LISTED]:
            which = {"type": "string", "enum": readable}
            told = "Read a further text file of an active skill, when its instructions say so."
            tools.append(_tool(READ, told, {"skill": which, "path": _PATH, "offset": _OFFSET}))
        return tuple(tools)

    def touches(self, tool: Tool) -> tuple[str, ...]:
        """Nothing but the texts of skills."""
        return ("instructions of skills",) if tool.name in {ACTIVATE, LOAD} else ("files of skills",)

    def preview(self, tool: Tool, call: ToolCall) -> str:  # noqa: ARG002 - of the protocol
        """Nothing runs."""
        return ""

    def run(self, tool: Tool, call: ToolCall, cancel: threading.Event, limits: Limits) -> ToolResult:  # noqa: ARG002
        """Answer at once; see `Provider.run`."""
        if tool.name == READ:
            given = call.arguments
            return self._read(given["skill"], given["path"], given.get("offset", 0), limits.result_bytes)
        return self._activate(call.arguments.get("name") or call.arguments["skillName"])

    def _activate(self, name: str) -> ToolResult:
        group = next((group for group in self._groups() if group.name == name), None)
        if group is None:
            return ToolResult({"activated": name})  # a tool that had to make room
        text, rest = _piece(group.body.encode("utf-8", "replace"), 0, MOST_INSTRUCTIONS)
        value: dict[str, Any] = {"activated": name, "instructions": text}
        if rest and READ in group.uses:
            value["more"] = f"The text is longer: {READ} with the path SKILL.md goes on."
        if group.files:
            value["files"] = list(group.files[:MOST_LISTED])
        if crowded := self._crowded(name):
            value["no_room"] = (
                f"A prompt declares at most {MOST_TOOLS} tools, so these wait: {', '.join(crowded[:MOST_LISTED])}. "
                f"{ACTIVATE} with the name of one brings it."
            )
        return ToolResult(value, origins=group.origins)

    def _read(self, name: str, path: str, offset: int, most: int) -> ToolResult:
        skill = next((skill for skill in self._skills.skills if skill.name == name), None)
        if skill is None:
            return ToolResult(error=f"{name} is no skill with files.")
        if not self._skills.unchanged(skill):
            return ToolResult(error=CHANGED.format(name=name))
        try:
            file = contents.resolve(skill.folder, path)
            with file.open("rb") as stream:
                stream.seek(max(0, offset))
                # A character may need its last bytes to be read whole.
                raw = stream.read(most - 200)
                size = file.stat().st_size
        except contents.ContentsError as error:
            return ToolResult(error=str(error))
        except OSError as error:
            return ToolResult(error=f"{path} can't be read: {error.strerror}.")
        if b"\0" in raw:
            return ToolResult(error=f"{path} is not a text; it has {size} bytes.")
        text, used = _whole(raw)
        value: dict[str, Any] = {"path": path, "text": text}
        if (end := max(0, offset) + used) < size:
            value |= {"size": size, "next_offset": end}
        return ToolResult(value, origins=() if skill.source == BUNDLED else (Origin("skill", f"{name}: {path}"),))


def _tool(name: str, description: str, properties: dict[str, Any]) -> Tool:
    required = [key for key, schema in properties.items() if "default" not in schema]
    parameters = {"type": "object", "properties": properties, "required": required}
    return Tool(name, BUILT_IN, description, parameters, quiet=True, bundled=True)


def _piece(raw: bytes, start: int, most: int) -> tuple[str, int]:
    """The text of at most ``most`` bytes from ``start``, and how many bytes are left after it."""
    text, used = _whole(raw[start : start + most])
    return text, max(0, len(raw) - start - used)


def _whole(raw: bytes) -> tuple[str, int]:
    """Text of bytes that may end within a character, and how many of the bytes it is made of."""
    for cut in range(min(4, len(raw) + 1)):
        try:
            return raw[: len(raw) - cut].decode("utf-8"), len(raw) - cut
        except UnicodeDecodeError:
            continue
    return raw.decode("utf-8", "replace"), len(raw)
