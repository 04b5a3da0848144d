"""Measure Pocket's files through our own engine in llama.cpp, on held-out turns; writes a report as JSON.

Run as a program: ``python -m deskhand.model.pocket.measuring.evaluation FOLDER REPORT``. FOLDER holds the three files.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from deskhand.model.config import LocalConfig
from deskhand.model.files.bundle import Bundle
from deskhand.model.files.shipped import LEARNT
from deskhand.model.llama.local import LocalEngine
from deskhand.model.pocket import curriculum
from deskhand.model.pocket.measuring.scoring import Answer, Score, score
from deskhand.model.pocket.spec import BUDGET
from deskhand.model.pocket.world import human, practice
from deskhand.model.pocket.world.samples import Sample
from deskhand.model.pocket.world.understood import understood
from deskhand.model.types import BrokenCall, CallDelta, Finish, Sampling, TextDelta, Usage

GREEDY = Sampling(temperature=0)

MAX_TOKENS = 120
"""More than any answer of `samples` takes."""


def bundle_in(folder: Path) -> Bundle:
    """The files in a folder as `writing.write` names them; without a drafter if there is none."""
    drafter = folder / "drafter.gguf"
    return Bundle(folder / "main.gguf", folder / "mmproj.gguf", drafter if drafter.exists() else None)


def engine(bundle: Bundle, *, drafts: bool) -> LocalEngine:
    """The product's engine over the files, with the sentences that are beside them."""
    drafter, learnt = bundle.drafter if drafts else None, bundle.main.with_name(LEARNT)
    return LocalEngine(
        LocalConfig(
            main=bundle.main,
            mmproj=bundle.mmproj,
            drafter=drafter,
            context_length=1024,
            image_budget=BUDGET,
            alone=True,
            learnt=learnt if learnt.exists() else None,
        )
    )


def answer(local: LocalEngine, sample: Sample, limit: int = MAX_TOKENS) -> tuple[Answer, Usage]:
    """What the engine writes for a sample, greedily and without a grammar."""
    text, calls, broken, usage = "", list[Any](), False, Usage()
    for delta in local.generate(replace(sample.request, sampling=GREEDY, max_tokens=limit)):
        match delta:
            case TextDelta(piece):
                text += piece
            case CallDelta(call):
                calls.append(call)
            case BrokenCall():
                broken = True
            case Finish(_, used):
                usage = used
            case _:
                pass
    return Answer(text, tuple(calls), broken), usage


def summary(scores: Sequence[Score]) -> dict[str, float]:
    """Shares of a suite's answers."""
    count = len(scores)
    found = {
        "turns": count,
        "right": sum(each.right for each in scores) / count,
        "exact": sum(each.exact for each in scores) / count,
        "acted": sum(each.acted for each in scores) / count,
    }
    letters = sum(each.letters for each in scores)
    if letters:
        found["character error"] = sum(each.errors for each in scores) / letters
    return found


SMALL = 12
"""Turns of each suite that are run again wherever the files are tested."""

HUMAN = "other sentences, a person's"
"""The suite of `human.clips`."""


def evaluate(bundle: Bundle, count: int, suites: Sequence[str] = (), people: Path | None = None) -> dict[str, Any]:
    """Run held-out suites, and the same with the drafter again.

    Args:
        bundle: of Pocket.
        count: turns of each suite.
        suites: names of `curriculum.HELD_OUT`; none means all.
        people: a folder with recordings of people, which is one more suite.

    Returns:
        ``suites``: by name, `summary`; ``seconds`` that they took; ``drafting``, if there is a drafter: tokens drafted
        and accepted, the share of answers that are the same, tokens a step, seconds; ``practice``: of the practice
        windows how many of each kind of question are right, and how many there are; ``bytes`` of the files.
    """
    drawn = {name: curriculum.held_out_samples(name, count) for name in suites or curriculum.HELD_OUT}
    if people is not None and (recorded := human.clips(people, count)):
        drawn[HUMAN] = recorded
    report: dict[str, Any] = {"suites": {}, "bytes": sum(path.stat().st_size for path in bundle.files)}
    local = engine(bundle, drafts=False)
    plain: dict[str, list[Answer]] = {}
    began = time.monotonic()
    for name, samples in drawn.items():
        plain[name] = [answer(local, sample)[0] for sample in samples]
        report["suites"][name] = summary([score(*pair) for pair in zip(samples, plain[name], strict=True)])
    report["seconds"] = round(time.monotonic() - began, 1)
    report["practice"] = {
        kind: [sum(score(sample, answer(local, sample)[0]).right for sample in asked), len(asked)]
        for kind, asked in practice.asked().items()
    }
    local.close()
    if bundle.drafter is not None:
        report["drafting"] = _drafting(bundle, drawn, plain)
    return report


def _drafting(bundle: Bundle, drawn: dict[str, list[Sample]], plain: dict[str, list[Answer]]) -> dict[str, float]:
    local = engine(bundle, drafts=True)
    used, same, count = Usage(), 0, 0
    began = time.monotonic()
    for name, samples in drawn.items():
        for sample, before in zip(samples, plain[name], strict=True):
            found, usage = answer(local, sample)
            used = used + usage
            same += _comparable(found) == _comparable(before)
            count += 1
    seconds = time.monotonic() - began
    local.close()
    return {
        "drafted": used.drafted,
        "accepted": used.accepted,
        "acceptance": used.acceptance,
        "same answers": same / count,
        "tokens a step": used.tokens_per_step,
        "seconds": round(seconds, 1),
    }


def _comparable(found: Answer) -> tuple[Any, ...]:
    return found.text, [(call.name, dict(call.arguments)) for call in found.calls], found.broken


def main() -> None:
    """Write the report; ``small`` in it are suites of `SMALL` other turns."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("report", type=Path)
    parser.add_argument("--turns", type=int, default=200, help="of each suite")
    parser.add_argument("--people", type=Path, help="a folder with recordings of people")
    options = parser.parse_args()
    understood().write(options.folder / LEARNT)
    bundle = bundle_in(options.folder)
    report = evaluate(bundle, options.turns, people=options.people)
    report["small"] = evaluate(bundle, SMALL)["suites"]
    options.report.parent.mkdir(parents=True, exist_ok=True)
    options.report.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
