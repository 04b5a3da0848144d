"""docs/benchmarks.json, docs/benchmarks.md and the plots, out of the rows."""

from __future__ import annotations

import json
import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil
from plots import bars, lines
from rows import Row

DOCS = Path("docs")
PLOTS = DOCS / "benchmarks"
_ORDER = (
    "evaluated_over_new",
    "reencodes",
    "warm_cold_delta",
    "kv_over_ideal_8k",
    "kv_over_ideal_32k",
    "cpu_us_per_token",
    "tokens_per_step_over_theory",
    "adaptive_over_none",
    "learned_over_none",
    "left_at_end_of_speech",
    "ttft_streaming_over_batch",
    "bitmap_over_png",
    "constrained_over_free",
    "conversation_total",
    "cascade_second_over_first",
    "cascade_prepared_over_first",
)
_NOTES = Path(__file__).with_name("notes.md")


def write(rows: list[Row]) -> None:
    """Put rows into the file, beside those that it holds, and write the page and the plots again."""
    path = DOCS / "benchmarks.json"
    held: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    held |= {row.name: {**row.as_json(), "made": _made()} for row in rows}
    ordered = {name: held[name] for name in (*_ORDER, *(name for name in held if name not in _ORDER)) if name in held}
    whole = path.with_suffix(".part")
    whole.write_text(json.dumps(ordered, indent=2, ensure_ascii=False) + "\n")
    whole.replace(path)  # a run that is broken off here leaves the old file
    PLOTS.mkdir(exist_ok=True)
    figures = {name: value for name, value in ordered.items() if name in _ORDER}
    (DOCS / "benchmarks.md").write_text(_page(figures))
    if "conversation_total" in figures:
        detail = figures["conversation_total"]["detail"]
        lines(PLOTS / "conversation.png", "CPU seconds by turn of the conversation", detail["cpu_seconds_by_turn"])
    if "evaluated_over_new" in figures:
        detail = figures["evaluated_over_new"]["detail"]
        lines(PLOTS / "evaluated.png", "Prompt tokens evaluated, turns 2 to 10", detail)
    if "kv_over_ideal_32k" in figures:
        detail = figures["kv_over_ideal_32k"]["detail"]
        bars(
            PLOTS / "kv.png", "KV cache at 32k, MiB for 6 of 48 layers", {"ideal": detail["ideal_MiB"], **detail["MiB"]}
        )


def _made() -> str:
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {_processor()}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()}, "
        f"Python {platform.python_version()}, llama-cpp-python {version('llama-cpp-python')}, {_server()}"
    )


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    found = [line for line in info.read_text().splitlines() if line.startswith("model name")] if info.exists() else []
    return found[0].partition(": ")[2] if found else platform.machine()


def _server() -> str:
    return Path(__file__).with_name("requirements.lock").read_text().split("#")[0].split()[0]


def _page(figures: dict[str, Any]) -> str:
    table = "\n".join(
        f"| `{name}` | {_number(row['ours'])} | {_number(row['stock_handler'])} | {_number(row['llama_server'])} "
        f"| {row['goal']} |"
        for name, row in figures.items()
    )
    hows = "\n".join(f"- `{name}`: {row['how']}. {_told(row.get('detail', {}))}" for name, row in figures.items())
    made = "\n".join(f"- {made}" for made in sorted({row["made"] for row in figures.values()}))
    return _NOTES.read_text().replace("{table}", table).replace("{hows}", hows).replace("{made}", made)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:g}"


def _told(detail: dict[str, Any]) -> str:
    plain = {name: value for name, value in detail.items() if not isinstance(value, list)}
    plain = {
        name: value
        for name, value in plain.items()
        if not (isinstance(value, dict) and any(isinstance(v, list) for v in value.values()))
    }
    return "; ".join(f"{name.replace('_', ' ')}: {_flat(value)}" for name, value in plain.items())


def _flat(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name.replace('_', ' ')} {_flat(inner)}" for name, inner in value.items())
    return f"{value:g}"
