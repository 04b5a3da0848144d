"""The process in which one tool call runs. A script of its own: it imports nothing of ours and little of Python's.

It is started with ``-I -S``. On standard input comes one JSON line with the call (`tools.py` writes it); on standard
output go JSON lines: ``{"ask": "look", "arguments": {}}`` for what only the app can do, answered on standard input, and
at the end ``{"value": …}`` or ``{"error": sentence}``. What the tool prints goes to standard error.
"""

from __future__ import annotations

import json
import os
import resource
import sys

TYPE_CHECKING = False  # typing's own costs start time
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_EXPECTED = (ValueError, RuntimeError)
"""Errors whose message is a sentence for the person; of others the type is said too."""


class Host:
    """What a tool receives as ``host``.

    Attributes:
        data: the skill's own folder.
    """

    def __init__(self, data: str, ask: Callable[[str, dict[str, Any]], Any]) -> None:
        from pathlib import Path  # noqa: PLC0415 - after the limits are set and only where a tool runs

        self.data = Path(data)
        self._ask = ask

    def look(self) -> dict[str, Any]:
        """Take a screenshot: it is shown to the model; returned is where it is from (width, height, source …)."""
        return self._ask("look", {})

    def ask(self, name: str, /, **arguments: Any) -> Any:  # noqa: ANN401 - any JSON value
        """Ask the application for one of the functions of its host; RuntimeError with a sentence if it says no."""
        return self._ask(name, arguments)


def main() -> None:
    """Run the call that standard input names."""
    # The tool and what it starts must not read or write our two pipes.
    reading = os.fdopen(os.dup(0), "rb")
    writing = os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(2, 1)

    def say(message: dict[str, Any]) -> None:
        # Half surrogate pairs become question marks here: nothing behind this pipe could encode them.
        writing.write(json.dumps(message, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace") + b"\n")
        writing.flush()

    def ask(name: str, arguments: dict[str, Any]) -> Any:  # noqa: ANN401 - any JSON value
        say({"ask": name, "arguments": arguments})
        reply = json.loads(reading.readline())
        if "error" in reply:
            raise RuntimeError(reply["error"])
        return reply["value"]

    call = json.loads(reading.readline())
    for name, most in {**call["limits"], "core": 0}.items():
        resource.setrlimit(getattr(resource, f"RLIMIT_{name.upper()}"), (most, most))
    try:
        value = run(call, ask)
        say({"value": cut(value, call["result_bytes"])})
    except MemoryError:
        say({"error": "The tool needed more memory than it may have."})
    except BaseException as error:  # noqa: BLE001 - whatever a tool raises, SystemExit included, is data for the model
        text = " ".join(str(error).split())[:1000]
        say({"error": text if text and type(error) in _EXPECTED else f"{type(error).__name__}: {text}".rstrip(": ")})


def run(call: dict[str, Any], ask: Callable[[str, dict[str, Any]], Any]) -> object:
    """Load the tool's file and call its function."""
    from importlib.util import module_from_spec, spec_from_file_location  # noqa: PLC0415 - within the limits too

    sys.dont_write_bytecode = True
    sys.path += [os.path.dirname(call["file"]), *call["libraries"]]  # noqa: PTH120 - pathlib costs start time
    spec = spec_from_file_location("skill_tools", call["file"])
    if spec is None or spec.loader is None:
        raise RuntimeError("The tool's file is not Python.")
    module = module_from_spec(spec)
    sys.modules["skill_tools"] = module
    spec.loader.exec_module(module)
    function = module.EXACT[call["function"]] if call["exact"] else getattr(module, call["function"])
    arguments = dict(call["arguments"])
    if call["shaped"]:
        from typing import get_type_hints  # noqa: PLC0415 - costs start time

        hints = get_type_hints(function)
        arguments = {name: shaped(value, hints[name]) for name, value in arguments.items()}
    if call["host"]:
        arguments["host"] = Host(call["data"], ask)
    return function(**arguments)


def shaped(value: Any, kind: Any) -> Any:  # noqa: ANN401 - any JSON value, any annotation
    """A JSON value as its annotation says: a dataclass, a member of an Enum, or lists and mappings of these."""
    from dataclasses import is_dataclass  # noqa: PLC0415 - costs start time
    from enum import Enum  # noqa: PLC0415
    from typing import get_args, get_type_hints  # noqa: PLC0415

    parts = get_args(kind)
    if type(None) in parts:
        rest = [part for part in parts if part is not type(None)]
        return None if value is None else shaped(value, rest[0])
    if isinstance(value, list) and parts:
        return [shaped(item, parts[0]) for item in value]
    if isinstance(value, dict) and len(parts) == 2:
        return {name: shaped(item, parts[1]) for name, item in value.items()}
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(value)
    if isinstance(value, dict) and isinstance(kind, type) and hasattr(kind, "__annotations__"):
        hints = get_type_hints(kind)
        made = {name: shaped(item, hints[name]) for name, item in value.items()}
        return kind(**made) if is_dataclass(kind) else made
    return value


def cut(value: object, limit: int) -> object:
    """Cut a result at the source: a value of more than ``limit`` bytes becomes the beginning of its text."""
    try:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise RuntimeError(f"The tool returned what is not JSON: {error}") from error
    raw = text.encode("utf-8", "replace")
    if len(raw) <= limit:
        return value
    head = raw[:limit].decode("utf-8", "ignore")
    return f"{head}\n[cut: the first {limit} of {len(raw)} bytes]"


if __name__ == "__main__":
    main()
