"""Measure how often a cascade's text model decides rightly between tools and an answer; prints a table as it goes.

    OMP_WAIT_POLICY=passive python tests/measure/decisions.py [--model text-0.5b] [--set test] [--all]

Every case of `tests/data/decisions.json` is a conversation of its own behind the same system text and tools, as the
agent would send it. A decision is right if the right tool or none is called; it is wholly right if besides the
arguments, or the answer's words where the case names them, are right.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deskhand.model.cascade.decision import DecidingDialect
from deskhand.model.cascade.recognised import screen_text
from deskhand.model.config import LocalConfig
from deskhand.model.files.catalog import CATALOG
from deskhand.model.files.hub import fetch
from deskhand.model.llama.local import LocalEngine
from deskhand.model.types import CallDelta, Message, Request, Sampling, Text, TextDelta, ToolCall, ToolSpec

DATA = Path(__file__).parent.parent / "data" / "decisions.json"
_UNITS = {"seconds": 1, "minutes": 60, "hours": 3600}


def messages(case: Mapping[str, Any], system: str) -> tuple[Message, ...]:
    """The conversation of one case."""
    found = [Message("system", (Text(system),))]
    for number, earlier in enumerate(case.get("earlier", ())):
        call = ToolCall(f"call_{number}", earlier["call"], earlier["arguments"])
        found.append(Message("user", (Text(earlier["question"]),)))
        found.append(Message("assistant", calls=(call,)))
        found.append(Message("tool", (Text(json.dumps(earlier["result"])),), call_id=call.id, name=call.name))
    if case["text"]:
        text = f"{screen_text(case['screen'])}\n{case['text']}" if "screen" in case else case["text"]
        found.append(Message("user", (Text(text),)))
    return tuple(found)


def right(case: Mapping[str, Any], call: ToolCall | None, answer: str) -> tuple[bool, bool]:
    """Whether the decision is right, and whether everything is."""
    decided = (call.name if call else None) == case["call"]
    if call is None:
        wanted = case.get("answer", [""])
        return decided, decided and any(_bare(words) in _bare(answer) for words in wanted)
    return decided, decided and all(_fits(call.arguments, *item) for item in case.get("arguments", {}).items())


def _fits(arguments: Mapping[str, Any], name: str, wanted: str | float) -> bool:
    if name == "seconds":
        return sum(arguments.get(unit, 0) * length for unit, length in _UNITS.items()) == wanted
    return _bare(str(wanted)) in _bare(str(arguments.get(name, "")))


def _bare(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", " ", text.lower()).strip()


def main() -> None:
    """Measure one model on one half of the set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="text-0.5b")
    parser.add_argument("--set", default="test")
    parser.add_argument("--all", action="store_true", help="show right cases too")
    options = parser.parse_args()
    data = json.loads(DATA.read_text())
    tools = tuple(ToolSpec(**tool) for tool in data["tools"])
    engine = LocalEngine(
        LocalConfig(main=next(fetch(CATALOG[options.model]).glob("*.gguf")), context_length=4096), DecidingDialect
    )
    cases = [case for case in data["cases"] if case["set"] == options.set]
    decisions = whole = 0
    seconds: list[float] = []
    for case in cases:
        request = Request(messages(case, data["system"]), tools, sampling=Sampling(temperature=0), max_tokens=80)
        began = time.perf_counter()
        deltas = list(engine.generate(request))
        seconds.append(time.perf_counter() - began)
        call = next((delta.call for delta in deltas if isinstance(delta, CallDelta)), None)
        answer = "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))
        decided, fully = right(case, call, answer)
        decisions += decided
        whole += fully
        if options.all or not fully:
            said = f"{call.name} {json.dumps(dict(call.arguments))}" if call else answer[:100]
            verdict = "ok" if fully else "ARGUMENTS" if decided else "DECISION"
            print(f"{verdict:10}{case['text'][:48]:50}{said}", flush=True)  # noqa: T201 - its output
    engine.close()
    middle = sorted(seconds)[len(seconds) // 2]
    print(  # noqa: T201 - its output
        f"{options.model} {options.set}: decision right {decisions}/{len(cases)}, wholly right {whole}/{len(cases)}, "
        f"median {middle:.1f} s, first {seconds[0]:.1f} s"
    )


if __name__ == "__main__":
    main()
