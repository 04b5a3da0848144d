"""`deskhand models`: what is on this machine, what can be fetched, and whether it is still what it was."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import psutil

from deskhand.app import settings, terminal, wiring
from deskhand.model.errors import DownloadError, ModelError
from deskhand.model.files import bundle, hub
from deskhand.model.files.card import cards_apart
from deskhand.model.files.catalog import CATALOG, Entry
from deskhand.model.files.memory import fitted
from deskhand.model.files.transfer import Download
from deskhand.model.tiny.bundle import cached_bundle

_MIB = 1 << 20
_READING = "RapidOCR with PP-OCR models, Apache-2.0; inside the Python package rapidocr"
"""Reads the screen for the cascade; installed with Deskhand, so there is nothing to fetch."""
_POCKET = f"Pocket, {wiring.POCKET_IS}, Apache-2.0: deskhand --engine pocket"


def _pocket_bytes() -> int:
    return sum(path.stat().st_size for path in settings.POCKET.glob("*.gguf"))


def _named(names: Iterable[str], given: Mapping[str, object]) -> list[Entry]:
    """Entries of these names; “cascade” stands for what the embedded engine needs with the person's settings."""
    found: list[Entry] = []
    for name in names:
        if name == "cascade":
            found += wiring.cascade_entries(settings.load(**given))
        elif name in CATALOG:
            found.append(CATALOG[name])
        else:
            raise DownloadError(f"There is no model named “{name}”. Known are: cascade, tiny, {', '.join(CATALOG)}.")
    return found


def _row(entry: Entry) -> dict[str, Any]:
    return {
        "name": entry.name,
        "title": entry.title,
        "job": entry.job,
        "installed": hub.installed(entry) is not None,
        "bytes": entry.size,
        "licence": entry.licence,
        "source": entry.source,
    }


def _fits(bundles: Iterable[bundle.Bundle], chosen: settings.Settings) -> list[list[str]]:
    """What each bundle would take of memory and cards if it were loaded now, or why it does not fit; lines for each."""
    if not (bundles := list(bundles)):
        return []
    graphics, available = cards_apart(), psutil.virtual_memory().available
    told: list[list[str]] = []
    for one in bundles:
        try:
            told.append(list(fitted(wiring.local_config(one, chosen), available, cards=graphics).notes))
        except ModelError as error:
            told.append([str(error)])
    return told


def _list(options: argparse.Namespace) -> int:
    rows, chosen = [_row(entry) for entry in CATALOG.values()], settings.load(**options.settings)
    bundles = bundle.find_bundles(wiring.bundle_folders())
    if chosen.bundle and (named := bundle.open_bundle(chosen.bundle)) not in bundles:
        bundles.append(named)
    if options.json:
        found = [[str(path) for path in one.files] for one in bundles]
        included = [_READING, _POCKET] if settings.POCKET.is_dir() else [_READING]
        fits = _fits(bundles, chosen)
        said = {"catalog": rows, "bundles": found, "fits": fits, "included": included}
        terminal.data(said, indent=2)
        return 0
    for row in rows:
        there, size = "✓" if row["installed"] else " ", row["bytes"] / _MIB
        terminal.out.line(f"{there} {row['name']:<13}{size:>7.0f} MiB  {row['title']}")
        terminal.out.line(f"{'':<28}{row['licence']}; {row['source']}")
    terminal.out.line(f"✓ {'reading':<13}{'':>11}  {_READING}")
    if settings.POCKET.is_dir():
        terminal.out.line(f"✓ {'pocket':<13}{_pocket_bytes() / _MIB:>7.0f} MiB  {_POCKET}")
    terminal.out(f"\nBundles in {settings.models_folder()}{f' and {chosen.bundle}' if chosen.bundle else ''}:")
    for one, lines in zip(bundles, _fits(bundles, chosen), strict=True):
        facts = bundle.describe(one)
        terminal.out.line(f"  {facts.name}: {', '.join(path.name for path in one.files)}")
        for line in lines:
            terminal.out.line(f"    {line}")
    if not bundles:
        terminal.out("  none")
    return 0


def _meter() -> Callable[[Download], None]:
    """A progress line that is rewritten on a terminal, and one line in ten seconds elsewhere."""
    live = sys.stderr.isatty()
    last = [0.0, 0.0]

    def show(state: Download) -> None:
        now = time.monotonic()
        if now - last[0] < (0.1 if live else 10) and state.done < state.total:
            return
        speed = "" if not last[0] else f"  {max(0.0, state.done - last[1]) / _MIB / (now - last[0] + 1e-9):.1f} MiB/s"
        last[:] = [now, state.done]
        share = 100 * state.done / max(1, state.total)
        line = f"{state.entry}: {state.stage} {state.item} {share:.0f} % of {state.total / _MIB:.0f} MiB{speed}"
        if live:
            terminal.status(line)
        else:
            terminal.err.line(line)

    return show


def _get(names: Iterable[str], given: Mapping[str, object]) -> int:
    cancel = threading.Event()
    before = signal.signal(signal.SIGINT, lambda _number, _frame: cancel.set())
    try:
        for name in names:
            if name == "tiny":
                made = cached_bundle()
                terminal.out.line(f"tiny: {made.main.parent} (random weights, written here)")
                continue
            for entry in _named([name], given):
                there = hub.installed(entry)
                problems = hub.verify(entry) if there else []
                if there and not problems:
                    terminal.out.line(f"{entry.name}: {there} (was here, and every file is what it should be)")
                    continue
                for problem in problems:
                    terminal.err.line(f"{problem}. It is fetched again.")
                terminal.out.line(f"{entry.name}: {entry.title}. Licence: {entry.licence}. From: {entry.source}")
                folder = hub.fetch(entry, _meter(), cancel, again=bool(problems))
                if sys.stderr.isatty():
                    terminal.err()
                terminal.out.line(f"{entry.name}: {folder}")
    finally:
        signal.signal(signal.SIGINT, before)
    return 0


def _verify(names: list[str], given: Mapping[str, object]) -> int:
    entries = _named(names, given) if names else [entry for entry in CATALOG.values() if hub.installed(entry)]
    wrong = 0
    for entry in entries:
        problems = hub.verify(entry)
        wrong += len(problems)
        terminal.out("\n".join(problems) if problems else f"{entry.name}: every file is what it should be")
        if problems and "models get" not in problems[0]:
            terminal.out.line(f"To fetch it again: deskhand models get {entry.name}")
    if not entries:
        terminal.out("Nothing is installed: deskhand models get cascade")
    return 1 if wrong else 0


def run(options: argparse.Namespace) -> int:
    """Do what the options say; errors are one sentence and exit code 1."""
    try:
        match options.action:
            case "list":
                return _list(options)
            case "get":
                return _get(options.names, options.settings)
            case _:
                return _verify(options.names, options.settings)
    except (ModelError, settings.SettingsError) as error:
        terminal.err.line(error)
        return 1
