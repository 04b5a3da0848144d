"""Pictures of a run: its loss, and how much of the held-out turns is right."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw

_WIDTH, _HEIGHT, _EDGE = 900, 420, 50
_COLOURS = (
    *("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22", "#17becf"),
    *("#393b79", "#637939", "#8c6d31", "#843c39", "#7b4173", "#3182bd", "#e6550d"),
)


def read(path: Path) -> list[dict[str, float]]:
    """The entries of a log."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def smoothed(values: Sequence[float], over: int) -> list[float]:
    """The running mean of the last ``over`` values."""
    return [sum(values[max(0, i - over + 1) : i + 1]) / min(i + 1, over) for i in range(len(values))]


def plot(path: Path, title: str, lines: dict[str, Sequence[tuple[float, float]]], highest: float) -> None:
    """Draw lines of (x, y) from 0 to ``highest``, with their names."""
    canvas = Image.new("RGB", (_WIDTH + 260, _HEIGHT), "white")
    draw = ImageDraw.Draw(canvas)
    right = max((x for line in lines.values() for x, _ in line), default=1.0) or 1.0

    def at(x: float, y: float) -> tuple[float, float]:
        return _EDGE + x / right * (_WIDTH - 2 * _EDGE), _HEIGHT - _EDGE - min(y / highest, 1) * (_HEIGHT - 2 * _EDGE)

    for tenth in range(0, 11, 2):
        y = highest * tenth / 10
        draw.line([at(0, y), at(right, y)], fill="#dddddd")
        draw.text((4, at(0, y)[1] - 6), f"{y:.3g}", fill="black")
    draw.text((_EDGE, 12), f"{title}, {right:.0f} steps", fill="black")
    for index, (name, line) in enumerate(lines.items()):
        colour = _COLOURS[index % len(_COLOURS)]
        if len(line) > 1:
            draw.line([at(x, y) for x, y in line], fill=colour, width=2)
        draw.text((_WIDTH - 20, 30 + 20 * index), name, fill=colour)
    canvas.save(path)


def draw_run(folder: Path, into: Path) -> None:
    """Draw ``loss.png`` and ``held-out.png`` of a run."""
    log, looks = read(folder / "log.jsonl"), read(folder / "looks.jsonl")
    losses = smoothed([entry["loss"] for entry in log], 50)
    steps = [entry["step"] for entry in log]
    plot(into / "loss.png", "Loss of the answers' tokens, nats", {"loss": list(zip(steps, losses, strict=True))}, 3.0)
    names = [name for name in (looks[-1] if looks else {}) if name not in {"step", "percent"} and ": " not in name]
    lines = {name: [(entry["step"], entry[name]) for entry in looks] for name in names}
    plot(into / "held-out.png", "Held-out turns that are right", lines, 1.0)
