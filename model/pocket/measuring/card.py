"""Ship what a run has made: copy the files, write their hashes, and the card with the measured numbers.

Run as a program: ``python -m deskhand.model.pocket.measuring.card RUN ASSETS``. RUN is the folder of `training` with
``report.json`` of `evaluation` in it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deskhand.model.files.shipped import MANIFEST
from deskhand.model.pocket.measuring.evaluation import HUMAN, bundle_in
from deskhand.model.pocket.world import practice
from deskhand.model.pocket.world.commands import INTENTS
from deskhand.model.pocket.world.voices import ACCENTS, HELD_OUT_VARIANTS, VARIANTS

GOALS: Mapping[str, tuple[str, float]] = {
    "commands": ("right", 0.95),
    "commands, noise 20 dB": ("right", 0.90),
    "reading": ("character error", 0.05),
}
"""What was aimed at; everything else is reported as it is."""

_TEXT = """# Pocket

A model of Gemma 4's encoder-free architecture, {megabytes:.1f} MB in three files, trained from nothing by `make pocket`
on one machine's processor. It reads pictures as 48 px patches and sound as raw 640-sample frames, and calls tools in
Gemma's wire format, within a small closed world. It is no assistant: it shows, with nothing to download, that this path
works with learned weights, and lets tests and benchmarks measure it.

## Its world
- {intents} spoken or typed English commands with slots (numbers, names, goods, places, applications from fixed lists).
- Canonical windows: 480×336 pixels, a title, one or two lines, one to three buttons, one monospaced face on a grid.
  "Read the window.", "What does the dialog say?", "What is the title?", "Which buttons are there?", "Which button
  is OK?" (answered with a box), "press the button that says OK" (answered with a click), typed or spoken.
- Everything else should be answered with a sentence that says so, and no call.
Each turn stands alone: no system text, no tool declarations, at most one picture and five seconds of sound.

## Measured
Held-out turns through our own engine in llama.cpp, decoded greedily, without a grammar. Training never had their
{voices} voices (variants of espeak-ng, with the accents of training, at speeds and pitches between those of training),
their kind of noise, their lines of text, layouts and shifts of windows, nor most of the sentences outside Pocket's
world. It did have what is said in spoken commands, in other voices; typed commands with names or numbers only as
speech; and the titles, labels and questions. {turns} turns of each.

| turns | right | exact | calls a tool | character error | aimed at |
| --- | --- | --- | --- | --- | --- |
{table}

A click is right inside its button, a box from half an overlap; of what can't be done any abstention is right. "No
speech" is silence, noise or tones; "unknown commands" are sentences outside the world; "other pictures" are patterns
and pages of small text.{people}

{drafting}
## Training
{steps} steps in {minutes:.0f} minutes, loss {loss:.3f} at the end (`loss.png`, `held-out.png`). Besides the answers,
middle layers were told which letters stand on a patch, which are spoken, which button is meant, and where an answer is
read off.{history}
Everything was made for it: speech by espeak-ng ({trained} voices, {accents} accents, speeds, pitches, rooms, noise),
windows drawn with DejaVu Sans Mono (a few with DejaVu Sans), commands from templates. No recording of a person and no
text of others is in it.

## Limits
It knows no voice but espeak-ng's, no face but two, and no sentence outside its templates. It can be wrong with
confidence: do not let it act without the approvals that Deskhand asks for. After a tool it says whether that worked,
which it learnt from typed commands only.

## Licence
Apache-2.0, as the code that made it. `manifest.json` holds size and SHA-256 of each file.
"""


_PEOPLE = """ "{}" are {} prompts of a telephone system, 8 kHz, one speaker (Debian's
asterisk-core-sounds-en-wav, CC-BY-SA-3.0, used for measuring only): none is a command, so right is to say so."""


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
        "included.\n"
    )


def card(run: Path, report: Mapping[str, Any]) -> str:
    """The card of a run; ``notes.txt`` in its folder says what was particular to it, if anything was."""
    log = [json.loads(line) for line in (run / "run" / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    last = [entry["loss"] for entry in log[-50:]]
    notes = run / "run" / "notes.txt"
    return _TEXT.format(
        megabytes=report["bytes"] / 1e6,
        intents=len(INTENTS),
        voices=len(HELD_OUT_VARIANTS),
        turns=next(iter(report["suites"].values()))["turns"],
        people=_PEOPLE.format(HUMAN, report["suites"][HUMAN]["turns"]) if HUMAN in report["suites"] else "",
        table=table(report),
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
    manifest: dict[str, dict[str, Any]] = {}
    for path in bundle_in(run / "model").files:
        data = path.read_bytes()
        manifest[path.name] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        shutil.copyfile(path, assets / path.name)
    (assets / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    (assets / "report.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    practice.write(assets / "practice")
    for name in ("loss.png", "held-out.png"):
        shutil.copyfile(run / name, assets / name)
    (assets / "README.md").write_text(card(run, report), encoding="utf-8")


def main() -> None:
    """Ship a run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("assets", type=Path)
    options = parser.parse_args()
    ship(options.run, options.assets)


if __name__ == "__main__":
    main()
