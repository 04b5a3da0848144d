"""How many of the secrets in made screenshots are painted over, and how much else: `make redaction`.

Draws the sixty screenshots of `screens`, reads them with the same OCR as the window, and counts. With ``--write`` the
figures go into ``docs/redaction.json`` and the table of ``docs/security.md``.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import screens
from PySide6.QtGui import QGuiApplication

from deskhand.agent.safety import covering, painting
from deskhand.agent.safety.covering import Place
from deskhand.model.cascade.ocr import Reader

SETS = {"fresh": 3, "seen": 0}
"""Seeds of the sets: ``seen`` was looked at while the rules were written, ``fresh`` was not."""
BEGIN, END = "<!-- redaction: made by `make redaction` -->", "<!-- /redaction -->"
HIDDEN = 0.9
"""Of a secret's characters that must lie under paint for it to count as covered."""
OF_ONE = 0.7
"""Likewise, of one character's width."""
ROOT = Path(__file__).parents[2]


@dataclass
class Tally:
    """What was counted.

    Attributes:
        secrets: drawn, by kind.
        covered: of these, painted over.
        missed: each, with the screenshot it stands on.
        decoys: drawn, by kind.
        harmed: of these, those that lost a tenth of their characters or more.
        painted: secrets that were found, rightly or not.
        stray: of these, those that touch none.
    """

    secrets: Counter[str] = field(default_factory=Counter)
    covered: Counter[str] = field(default_factory=Counter)
    missed: list[tuple[str, str, str]] = field(default_factory=list)
    decoys: Counter[str] = field(default_factory=Counter)
    harmed: list[tuple[str, str, str]] = field(default_factory=list)
    painted: int = 0
    stray: int = 0

    @property
    def recall(self) -> float:
        """The share of secrets that were covered."""
        return self.covered.total() / max(1, self.secrets.total())

    @property
    def precision(self) -> float:
        """The share of what was painted over that is a secret or a part of one."""
        return 1 - self.stray / max(1, self.painted)

    def add(self, screen: screens.Screen, places: Sequence[Place]) -> None:
        """Count one screenshot."""
        for mark in screen.marks:
            share = _share(mark, places)
            if mark.secret:
                self.secrets[mark.kind] += 1
                self.covered[mark.kind] += share >= HIDDEN
                if share < HIDDEN:
                    self.missed.append((screen.name, mark.kind, mark.text))
            else:
                self.decoys[mark.kind] += 1
                if share > 1 - HIDDEN:
                    self.harmed.append((screen.name, mark.kind, mark.text))
        secret = [box for mark in screen.marks if mark.secret for box in mark.boxes]
        wholes: list[list[Place]] = []
        for place in places:
            if place.part and wholes:
                wholes[-1].append(place)
            else:
                wholes.append([place])
        self.painted += len(wholes)
        self.stray += sum(not any(_overlap(box, place) > 0.1 for box in secret for place in whole) for whole in wholes)

    def as_json(self) -> dict[str, object]:
        """All of it."""
        return {
            "secrets": {kind: [self.covered[kind], self.secrets[kind]] for kind in sorted(self.secrets)},
            "recall": round(self.recall, 4),
            "precision": round(self.precision, 4),
            "painted": self.painted,
            "stray": self.stray,
            "decoys": self.decoys.total(),
            "harmed": len(self.harmed),
        }


def _share(mark: screens.Mark, places: Iterable[Place]) -> float:
    """The share of a mark's characters that lie under paint."""
    boxes = list(places)
    hidden = sum(any(_overlap(box, place) >= OF_ONE for place in boxes) for box in mark.boxes)
    return hidden / len(mark.boxes)


def _overlap(box: screens.Box, place: Place) -> float:
    """The share of a character's box that one place covers."""
    left, top, right, bottom = box
    wide = min(right, place.right) - max(left, place.left)
    high = min(bottom, place.bottom) - max(top, place.top)
    return max(0.0, wide) * max(0.0, high) / max(1e-6, (right - left) * (bottom - top))


def look_through(drawn: Iterable[screens.Screen]) -> Tally:
    """Read screenshots, find their secrets and count."""
    reader, tally = Reader(), Tally()
    for screen in drawn:
        lines = reader.lines(screen.image, painting.LEAST)
        tally.add(screen, covering.places(lines, painting.bullets(screen.image)))
    return tally


def table(sets: Mapping[str, Mapping[str, Any]]) -> str:
    """The figures as the document shows them."""
    kinds = sorted({kind for each in sets.values() for kind in each["secrets"]})
    rows = [f"| covered of drawn | {' | '.join(sets)} |", f"| --- |{' ---: |' * len(sets)}"]
    for kind in kinds:
        counts = [each["secrets"][kind] for each in sets.values()]
        rows.append(f"| {kind} | {' | '.join(f'{covered} of {drawn}' for covered, drawn in counts)} |")
    for name, words in (("recall", "recall"), ("precision", "precision")):
        rows.append(f"| **{words}** | {' | '.join(f'{each[name]:.1%}' for each in sets.values())} |")
    harm = " | ".join(f"{each['harmed']} of {each['decoys']}" for each in sets.values())
    return "\n".join([*rows, f"| decoys that were covered | {harm} |"])


def main(arguments: Sequence[str]) -> int:
    """Measure, write the figures, and say what was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="into docs/redaction.json and docs/security.md")
    options = parser.parse_args(arguments)
    application = QGuiApplication(sys.argv[:1])
    sets: dict[str, dict[str, object]] = {}
    for name, seed in SETS.items():
        tally = look_through(screens.every(seed))
        sets[name] = tally.as_json()
        for what, marks in (("missed", tally.missed), ("covered though no secret", tally.harmed)):
            for mark in marks:
                sys.stdout.write(f"{name}: {what}: {' '.join(mark)}\n")
    sys.stdout.write(table(sets) + "\n")
    if options.write:
        (ROOT / "docs" / "redaction.json").write_text(json.dumps(sets, indent=1) + "\n")
        page = ROOT / "docs" / "security.md"
        before, _, rest = page.read_text("utf-8").partition(BEGIN)
        page.write_text(f"{before}{BEGIN}\n{table(sets)}\n{END}{rest.partition(END)[2]}", "utf-8")
    del application
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
