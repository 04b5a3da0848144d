"""``run_js``: skills of AI Edge Gallery, whose work is a function in an HTML page, run without browser or network.

The page runs in Deno without any permission, in the box. What the function returns is its contract: a JSON text with
``result`` or ``error``, and perhaps ``image.base64`` and ``webview.url`` (AI Edge Gallery, skills/README.md).
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import sysconfig
import threading
from pathlib import Path
from typing import Any, cast

from deskhand.agent.directory import Directory
from deskhand.agent.limits import Limits
from deskhand.agent.origin import Origin
from deskhand.agent.skills import contents
from deskhand.agent.skills.secrets import Secrets, SecretsError, hidden
from deskhand.agent.skills.skill import CHANGED, Skill, SkillSource
from deskhand.agent.tool import Group, Tool, ToolResult
from deskhand.agent.tools import boxed, canvas, folders, page
from deskhand.agent.tools.skill_tools import BUILT_IN, MOST_LISTED
from deskhand.model.types import Image, ToolCall

RUN_JS = "run_js"
PAGE = Path(__file__).resolve().with_name("page.js")
STORAGE = "page-storage.json"
"""In the folder that the skill's scripts may write, too."""
MOST_STORAGE = 1024**2
"""Characters that a skill's pages may keep between calls."""
MOST_OUTPUT = 32 * 1024**2
"""Bytes that a page may print: a picture as base64 among them."""
HEAP = 256
"""MB of JavaScript objects; typed arrays count against the process's memory."""
MEMORY = 1024**3
"""Bytes of the process's data. Its address space can't be bounded: V8 reserves some 100 GB of it without using them."""


class JsError(Exception):
    """A page that can't be run; the message is a sentence."""


def find_deno() -> Path | None:
    """The Deno program: of the package deno, else the system's."""
    if importlib.util.find_spec("deno"):
        program = Path(sysconfig.get_path("scripts")) / "deno"
        if os.access(program, os.X_OK):
            return program.resolve()
    system = shutil.which("deno")
    return Path(system).resolve() if system else None


def has_pages(skill: Skill) -> bool:
    """Whether a skill brings a page to run."""
    return any(path.lower().endswith(".html") and path.startswith("scripts/") for path in skill.files)


def needs_secret(skill: Skill) -> bool:
    """Whether a skill's pages want a secret of the person's."""
    return skill.metadata.get("require-secret", "").strip().lower() == "true"


class Pages:
    """A `Provider` of one tool, which runs the pages of skills.

    Args:
        skills: whose pages.
        data: below which each skill has a folder of its own.
        secrets: of the person.
    """

    def __init__(self, skills: SkillSource, data: Path, secrets: Secrets) -> None:
        self._skills = skills
        self._data = data
        self._secrets = secrets

    @property
    def groups(self) -> tuple[Group, ...]:
        """None: the tool is declared when an active skill has pages."""
        return ()

    @property
    def tools(self) -> tuple[Tool, ...]:
        """`RUN_JS`, if there is any page."""
        names = [skill.name for skill in self._skills.skills if has_pages(skill)][:MOST_LISTED]
        if not names:
            return ()
        properties = {
            "skillName": {"type": "string", "enum": names},
            "scriptName": {"type": "string", "default": "index.html", "description": "in the skill's folder scripts"},
            "data": {"type": "string", "default": "{}", "description": "a JSON text, as the skill's instructions say"},
        }
        parameters = {"type": "object", "properties": properties, "required": ["skillName"]}
        told = "Run the JavaScript of an active skill with the data that its instructions ask for."
        return (Tool(RUN_JS, BUILT_IN, told, parameters, ("scripts",), bundled=True),)

    def touches(self, tool: Tool) -> tuple[str, ...]:  # noqa: ARG002 - of the protocol
        """Where pages run."""
        return ("JavaScript of the skill, in the sandbox: without network, it keeps only what it stores itself",)

    def preview(self, tool: Tool, call: ToolCall) -> str:  # noqa: ARG002 - of the protocol
        """The file that runs; or why it will not."""
        try:
            return str(self._file(self._skill(call), call))
        except JsError as error:
            return str(error)

    def run(self, tool: Tool, call: ToolCall, cancel: threading.Event, limits: Limits) -> ToolResult:  # noqa: ARG002
        """Run the page's function; see `Provider.run`."""
        try:
            skill = self._skill(call)
            made = page.read(skill.folder, self._file(skill, call))
            secret = self._secret(skill, cancel)
            result = self._call(skill, made, call.arguments.get("data") or "{}", secret, cancel, limits)
        except (JsError, page.PageError, folders.FolderError, boxed.NoBoxError, SecretsError) as error:
            result = ToolResult(error=str(error))
        except OSError as error:
            result = ToolResult(error=f"The script could not be started: {error.strerror or error}.")
        return result

    def _skill(self, call: ToolCall) -> Skill:
        name = call.arguments["skillName"]
        skill = next((skill for skill in self._skills.skills if skill.name == name), None)
        if skill is None or not has_pages(skill):
            raise JsError(f"{name} is no skill with a page to run.")
        if not self._skills.unchanged(skill):
            raise JsError(CHANGED.format(name=name))
        return skill

    def _file(self, skill: Skill, call: ToolCall) -> Path:
        name = (call.arguments.get("scriptName") or "index.html").strip().removeprefix("scripts/")
        try:
            return contents.resolve(skill.folder, f"scripts/{name}")
        except contents.ContentsError as error:
            raise JsError(str(error)) from error

    def _secret(self, skill: Skill, cancel: threading.Event) -> str:
        if not needs_secret(skill):
            return ""
        described = skill.metadata.get("require-secret-description", "")
        secret = self._secrets.of(skill.name, contents.digest(skill.folder), described, cancel)
        if not secret:
            raise JsError(f"{skill.name} needs a secret of yours, and none was given.")
        return secret

    def _call(  # noqa: PLR0917 - what one call consists of
        self, skill: Skill, made: page.Page, data: str, secret: str, cancel: threading.Event, limits: Limits
    ) -> ToolResult:
        deno = find_deno()
        if deno is None:
            raise JsError("JavaScript of skills needs Deno, which is not installed: pip install deno")
        folder = folders.own(self._data, skill.name, self._skills.skills)
        told = {
            "scripts": made.scripts,
            "modules": made.modules,
            "entries": made.entries,
            "elements": made.elements,
            "data": data,
            "secret": secret,
            "storage": _storage(folder),
            "most_storage": MOST_STORAGE,
            "language": "en",
        }
        flags = ["--no-prompt", "--no-config", "--no-remote", "--no-npm", "--quiet"]
        program = boxed.Program(
            [str(deno), "run", *flags, f"--v8-flags=--max-old-space-size={HEAP}", str(PAGE)],
            Path("/tmp"),  # noqa: S108 - the box's own
            read=[deno, PAGE],
            environment={"DENO_DIR": "/tmp/deno", "DENO_NO_UPDATE_CHECK": "1", "NO_COLOR": "1"},  # noqa: S108 - likewise
            stdin=json.dumps(told).encode(),
            limits={"as": -1, "data": MEMORY, "fsize": 0},
        )
        ended = boxed.run(program, cancel=cancel, seconds=limits.tool_seconds, most=MOST_OUTPUT)
        if ended.stopped:
            return ToolResult(error=ended.stopped)
        answer = _answer(ended, secret)
        _keep(folder, answer.get("storage"))
        return _result(answer, made.missing, secret, skill, limits.result_bytes)


def _storage(folder: Path) -> dict[str, str]:
    """What pages stored; nothing where the skill's scripts have put something else in its place."""
    try:
        with Directory.open(folder) as own:
            data = json.loads(own.read(STORAGE, 4 * MOST_STORAGE) or b"{}")
    except (OSError, ValueError, RecursionError):
        return {}
    entries = cast("dict[str, Any]", data) if isinstance(data, dict) else {}
    return {key: value for key, value in entries.items() if isinstance(value, str)}


def _keep(folder: Path, storage: object) -> None:
    """Write what the page stored, whole or not at all."""
    raw = json.dumps(storage).encode()
    if not isinstance(storage, dict) or len(raw) > 4 * MOST_STORAGE:
        return
    with Directory.open(folder) as own:
        if storage or own.status(STORAGE) is not None:
            own.write(STORAGE, raw)


def _answer(ended: boxed.Ended, secret: str) -> dict[str, Any]:
    """The one line that the page printed."""
    try:
        answer = json.loads(ended.stdout)
    except (ValueError, RecursionError):
        answer = None
    if isinstance(answer, dict):
        return cast("dict[str, Any]", answer)
    noise = hidden(ended.stderr.decode(errors="replace"), secret)
    if "out of memory" in noise:
        raise JsError("The script needed more memory than it may have.")
    reason = next((line.strip() for line in noise.splitlines() if line.strip()), "")
    raise JsError(f"The script ended without a result{f': {reason[:300]}' if reason else '.'}")


def _result(answer: dict[str, Any], missing: list[str], secret: str, skill: Skill, most: int) -> ToolResult:
    origins = (Origin("program", skill.name),)
    absent = (
        f" It asks for scripts of other machines, which are not loaded: {', '.join(missing[:3])}." if missing else ""
    )
    if "returned" not in answer:
        reason = hidden(str(answer.get("failed", "")), secret)
        return ToolResult(error=f"The script failed: {reason}.{absent}", origins=origins)
    told = _parsed(str(answer["returned"]))
    if told.get("error"):
        return ToolResult(error=hidden(_text(told["error"]), secret)[:1000] + absent, origins=origins)
    images: tuple[Image, ...] = ()
    value: dict[str, Any] = {
        "result": hidden(_text(told.get("result", "")), secret).encode()[:most].decode("utf-8", "ignore")
    }
    match told.get("image"):
        case {"base64": str(data)}:
            try:
                images = (canvas.picture(data),)
            except canvas.PictureError as error:
                value["image"] = str(error)
        case _:
            pass
    match told.get("webview"):
        case {"url": str(address)}:
            # Deskhand shows no foreign page: the model and the person learn that there is one.
            value["page"] = f"The skill would show a page, which is not opened: {hidden(address, secret)[:300]}"
        case _:
            pass
    return ToolResult(value, images=images, origins=origins)


def _parsed(text: str) -> dict[str, Any]:
    """What the function returned by its contract; a plain text counts as its result."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        data = None
    return cast("dict[str, Any]", data) if isinstance(data, dict) else {"result": text}


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
