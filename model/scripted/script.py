"""The transcripts that the scripted engine plays.

The script is JSON::

    {"model": "a name for the person", "words_per_second": 0, "context_length": 32768,
     "turns": [{"when": "regular expression, optional",
                "steps": [{"text": "…"}, {"thought": "…"}, {"call": {"name": "…", "arguments": {}}},
                          {"broken": {"raw": "…", "problem": "…"}}, {"wait": 1.5},
                          {"progress": {"stage": "…", "done": 1, "total": 2}},
                          {"raise": {"error": "PromptError", "sentence": "…"}}, {"hang": 60}, {"crash": "SIGKILL"}]}]}

Which turn answers a request: the first whose ``when`` is found in the last message's text (such a turn can be played
again and again), else the next turn without ``when`` that this engine has not played yet. ``{"wait": …}`` ends early
when the generation is cancelled, ``{"hang": …}`` does not. ``{"crash": …}`` sends the named signal to the engine's own
process, or with a number ends it with that code.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from deskhand.model.errors import BundleError


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Call(_Model):
    """A tool call."""

    name: str
    arguments: dict[str, Any] = Field(default_factory=dict)


class _Broken(_Model):
    raw: str
    problem: str


class _Progress(_Model):
    stage: str
    done: int
    total: int


class Raise(_Model):
    """An error of the errors tree, or of another kind if ``error`` names none."""

    error: str = "ModelError"
    sentence: str


class Step(_Model):
    """One thing a turn does; exactly one field is set."""

    text: str | None = None
    thought: str | None = None
    call: Call | None = None
    broken: _Broken | None = None
    wait: float | None = Field(default=None, ge=0)
    hang: float | None = Field(default=None, ge=0)
    progress: _Progress | None = None
    failure: Raise | None = Field(default=None, alias="raise")
    crash: str | int | None = None


class Turn(_Model):
    """What answers one request."""

    when: re.Pattern[str] | None = None
    steps: tuple[Step, ...]


class Script(_Model):
    """A whole transcript; the module's docstring shows one."""

    model: str = "script"
    words_per_second: float = Field(default=0, ge=0)
    context_length: int = Field(default=32768, ge=1)
    turns: tuple[Turn, ...]


def read_script(path: Path) -> Script:
    """The script in ``path``.

    Raises:
        BundleError: it can't be read or is not a script.
    """
    try:
        return Script.model_validate_json(path.read_bytes())
    except OSError as error:
        raise BundleError(f"The script {path} can't be read: {error.strerror}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise BundleError(f"{path} is not a script for the scripted engine: {place}: {first['msg']}.") from error


_PLAIN: Mapping[str, Any] = {"integer": 1, "number": 1.0, "boolean": False, "null": None, "string": "x"}


def sample(schema: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a JSON value
    """A plain value that is valid under a tool's JSON schema: objects, arrays, enums, minimums, nullables."""
    choices = schema.get("anyOf") or schema.get("oneOf")
    if choices:
        return sample(choices[0])
    if "const" in schema or schema.get("enum"):
        return schema["const"] if "const" in schema else schema["enum"][0]
    kinds = schema.get("type", "object")
    kind = kinds if isinstance(kinds, str) else kinds[0]
    if kind == "object":
        properties = schema.get("properties", {})
        return {name: sample(properties.get(name, {"type": "string"})) for name in schema.get("required", ())}
    if kind == "array":
        return [sample(schema.get("items", {"type": "string"}))] * schema.get("minItems", 0)
    if kind in {"integer", "number"} and "minimum" in schema:
        return schema["minimum"]
    return _PLAIN[kind] * schema.get("minLength", 1) if kind == "string" else _PLAIN[kind]
