"""Ship what a run has made: copy the files, write their hashes, and the card with the measured numbers.

Run as a program: ``python -m deskhand.model.pocket.measuring.card RUN ASSETS``. RUN is the folder of `training` with
``report.json`` of `evaluation` in it.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deskhand.model.files.shipped import LEARNT, state
from deskhand.model.pocket.measuring.evaluation import HUMAN, bundle_in
from deskhand.model.pocket.world import practice
from deskhand.model.pocket.world.commands import INTENTS, SLOTS
from deskhand.model.pocket.world.lexicon import BUTTONS
from deskhand.model.pocket.world.understood import ABOUT_WINDOWS
from deskhand.model.pocket.world.voices import ACCENTS, HELD_OUT_VARIANTS, VARIANTS

GOALS: Mapping[str, tuple[str, float]] = {
    "commands": ("right", 0.95),
    "commands, noise 20 dB": ("right", 0.90),
    "reading": ("character error", 0.05),
}
"""What was aimed at; everything else is reported as it is."""

_TEXT = Path(__file__).with_name("card.md")


_PEOPLE = """ "{}" are {} prompts of a telephone system, 8 kHz, one speaker (Debian's
asterisk-core-sounds-en-wav, CC-BY-SA-3.0, used for measuring only): none is a command, so right is to say so."""


def commands() -> str:
    """Rows of what can be said, and the tool that it calls."""
    rows = (f"| {' · '.join(intent.patterns)} | `{intent.tool}` |" for intent in INTENTS)
    return "\n".join(rows)


def slots() -> str:
    """What may stand in braces."""
    named = {"button": BUTTONS, **{name: values for name, values in SLOTS.items() if not name.startswith("digit")}}
    return "\n".join(f"- {name}: {', '.join(map(str, values))}" for name, values in named.items())


def missed(report: Mapping[str, Any]) -> str:
    """The goals that were not reached, in a sentence; nothing if all were."""
    names = [name for name, aim in GOALS.items() if not _reached(report["suites"][name], *aim)]
    return f"Not reached: {'; '.join(names)}.\n" if names else ""


def _reached(found: Mapping[str, float], measure: str, goal: float) -> bool:
    return found[measure] >= goal if measure == "right" else found[measure] <= goal


def table(report: Mapping[str, Any]) -> str:
    """Rows of the measured suites."""
    rows: list[str] = []
    for name, found in report["suites"].items():
        error = f"{found['character error']:.1%}" if "character error" in found else "–"
        measure, goal = GOALS.get(name, ("", 0.0))
        aimed = f"{'≥' if measure == 'right' else '≤'} {goal:.0%}" if measure else "–"
        shares = " | ".join(f"{found[key]:.1%}" for key in ("right", "exact", "acted"))
        rows.append(f"| {name} | {shares} | {error} | {aimed} |")
    return "\n".join(rows)


def practised(report: Mapping[str, Any]) -> str:
    """How it does on the windows that come with it."""
    shares = {kind: f"{right} of {asked}" for kind, (right, asked) in report["practice"].items()}
    return (
        "The dialogs in `practice/` are easier: held out are their layouts and where their title stands, but not\n"
        f"every line. Of them it reads {shares['title']} titles and {shares['buttons']} lists of buttons, says what "
        f"{shares['say']} say, and\npresses {shares['press typed']} buttons when that is typed.\n"
    )


def drafting(report: Mapping[str, Any]) -> str:
    """What the drafter saves, if there is one."""
    found = report.get("drafting")
    if not found:
        return ""
    return (
        f"The drafter was trained on the target's own states. Of {found['drafted']} drafted tokens "
        f"{found['acceptance']:.1%} are accepted\n(aimed at: 60 %), {found['tokens a step']:.2f} tokens a step; "
        f"{found['same answers']:.1%} of the answers are the same with and without it. All turns of the\n"
        f"table take {found['seconds']:.0f} s with it and {report['seconds']:.0f} s without, reading of prompts "
        "included: a step of so\nsmall a model costs too little for drafting to save time.\n"
    )


def card(run: Path, report: Mapping[str, Any]) -> str:
    """The card of a run; ``notes.txt`` in its folder says what was particular to it, if anything was."""
    log = [json.loads(line) for line in (run / "run" / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    last = [entry["loss"] for entry in log[-50:]]
    notes = run / "run" / "notes.txt"
    suites = report["suites"]
    return _TEXT.read_text(encoding="utf-8").format(
        megabytes=report["bytes"] / 1e6,
        commands=suites["commands"]["right"],
        commands_goal=GOALS["commands"][1],
        typed=suites["typed commands"]["right"],
        errors=suites["reading"]["character error"],
        errors_goal=GOALS["reading"][1],
        says=suites["what it says"]["right"],
        press=suites["press, typed"]["right"],
        unknown=suites["unknown commands"]["right"],
        acts=suites["unknown commands"]["acted"],
        understood=commands(),
        slots=slots(),
        windows=", ".join(f'"{sentence}"' for sentence in ABOUT_WINDOWS),
        missed=missed(report),
        voices=len(HELD_OUT_VARIANTS),
        turns=next(iter(report["suites"].values()))["turns"],
        people=_PEOPLE.format(HUMAN, report["suites"][HUMAN]["turns"]) if HUMAN in report["suites"] else "",
        table=table(report),
        practice=practised(report),
        drafting=drafting(report),
        steps=len(log),
        minutes=sum(entry["seconds"] for entry in log) / 60,
        loss=sum(last) / len(last),
        trained=len(VARIANTS),
        accents=len(ACCENTS),
        history=f" {notes.read_text(encoding='utf-8').strip()}" if notes.exists() else "",
    )


def ship(run: Path, assets: Path) -> None:
    """Copy the files of a run with their manifest, card and plots.

    Raises:
        OSError: something is missing or can't be written.
    """
    assets.mkdir(parents=True, exist_ok=True)
    report = json.loads((run / "report.json").read_text(encoding="utf-8"))
    for path in (*bundle_in(run / "model").files, run / "model" / LEARNT):
        shutil.copyfile(path, assets / path.name)
    (assets / "report.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    ship_practice(assets)
    for name in ("loss.png", "held-out.png"):
        shutil.copyfile(run / name, assets / name)
    (assets / "README.md").write_text(card(run, report), encoding="utf-8")


def ship_practice(assets: Path) -> None:
    """Draw the practice windows beside the files of a bundle, and name all of them in the manifest.

    Raises:
        OSError: something can't be read or written.
    """
    practice.write(assets / "practice")
    state(assets, (*bundle_in(assets).files, assets / LEARNT, *sorted((assets / "practice").iterdir())))


def main() -> None:
    """Ship a run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("assets", type=Path)
    options = parser.parse_args()
    ship(options.run, options.assets)


if __name__ == "__main__":
    main()
