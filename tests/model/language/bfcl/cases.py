"""The Berkeley Function Calling Leaderboard's cases as tools and calls of ours.

They are read out of the wheel of ``bfcl-eval`` 2026.3.23 (PyPI; Apache-2.0, Gorilla project, UC Berkeley), which
``make calls`` fetches into ``build/bfcl``; without it a selection serves that is committed beside this file under the
same licence. ``python cases.py`` writes the selection from the wheel.
"""

from __future__ import annotations

import itertools
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deskhand.model.types import ToolCall, ToolSpec

WHEEL = "bfcl_eval-2026.3.23-py3-none-any.whl"
FETCHED = Path(__file__).parents[4] / "build" / "bfcl" / WHEEL
SELECTION = Path(__file__).with_name("selection.json")
COUNTS = {"simple_python": 400, "multiple": 200, "irrelevance": 240}
EVERY = 14
"""Of the cases, so many-th are in the selection; and all those whose schemas have something rare in them."""

RARE = ("tuple", "any")

MISFITS = {
    "simple_python_17": "leaves out a parameter that is required",
    "simple_python_149": "an answer has lists of texts in a list of texts",
    "simple_python_200": "leaves out a parameter that is required",
    "simple_python_307": "an answer has a truth value for a text",
    "simple_python_358": "two answers are not among the enum's values",
    "multiple_76": "an answer is not among the enum's values",
}
"""Cases with answers that do not fit the schema which the case itself declares; the grammar refuses those rightly."""


@dataclass(frozen=True)
class Case:
    """One question's tools, and the calls that answer it: none where no tool fits."""

    name: str
    tools: tuple[ToolSpec, ...]
    calls: tuple[ToolCall, ...]


def cases() -> list[Case]:
    """All cases of the wheel if it has been fetched, else those of the selection."""
    return [_case(line) for line in (_fetched() if FETCHED.exists() else json.loads(SELECTION.read_text("utf-8")))]


def _fetched() -> Iterator[dict[str, Any]]:
    with zipfile.ZipFile(FETCHED) as wheel:

        def lines(name: str) -> list[dict[str, Any]]:
            text = wheel.read(f"bfcl_eval/data/{name}.json").decode()
            return [json.loads(line) for line in text.splitlines() if line.strip()]

        for kind, count in COUNTS.items():
            found = lines(f"BFCL_v4_{kind}")
            assert len(found) == count
            answers = {} if kind == "irrelevance" else {a["id"]: a for a in lines(f"possible_answer/BFCL_v4_{kind}")}
            for line in found:
                truth = answers[line["id"]]["ground_truth"] if answers else []
                yield {"id": line["id"], "function": line["function"], "ground_truth": truth}


def _case(line: dict[str, Any]) -> Case:
    tools = tuple(ToolSpec(f["name"], f["description"], f["parameters"]) for f in line["function"])
    calls = [
        ToolCall(f"c{number}", name, _ordered(arguments, tools, name))
        for answer in line["ground_truth"]
        for name, options in answer.items()
        for number, arguments in enumerate(_ways(options))
    ]
    return Case(line["id"], tools, tuple(calls))


def _ordered(arguments: dict[str, Any], tools: tuple[ToolSpec, ...], name: str) -> dict[str, Any]:
    """In the order of the schema, in which a model writes JSON; it means nothing."""
    properties = next(tool.parameters["properties"] for tool in tools if tool.name == name)
    return {key: arguments[key] for key in [*properties, *arguments] if key in arguments}


def _ways(options: dict[str, list[Any]]) -> Iterator[dict[str, Any]]:
    """Arguments that the answer allows: as many as its longest list of options, each option in one of them at least."""
    most = max([len(values) for values in options.values()], default=1)
    for turn in range(most):
        chosen = {name: values[turn % len(values)] for name, values in options.items()}
        yield {name: _plain(value) for name, value in chosen.items() if value != ""}  # "" says that it may be left out


def _plain(value: Any) -> Any:
    """A value of an answer; in objects every member again is a list of options."""
    if isinstance(value, dict):
        inner = {
            name: options[0] if isinstance(options, list) and options else options for name, options in value.items()
        }
        return {name: _plain(option) for name, option in inner.items() if option != ""}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


def _select() -> None:
    lines = list(_fetched())
    rare = [
        line for line in lines if line["id"] in MISFITS or any(f'"type": "{word}"' in json.dumps(line) for word in RARE)
    ]
    chosen = {line["id"]: line for line in itertools.chain(lines[::EVERY], rare)}
    SELECTION.write_text(json.dumps(list(chosen.values()), indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    _select()
