"""`deskhand doctor`: what works on this machine, and what to do about the rest."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

import psutil

from deskhand.agent.safety import network, sandbox
from deskhand.app import capture, errorlog, microphone, notification, settings, terminal, wiring
from deskhand.model.errors import ModelError
from deskhand.model.files import hub
from deskhand.model.process.client import WorkerEngine

_GIB = 1024**3
_ROOM_FOR_HISTORY = 1 * _GIB
"""Screenshots are kept in the history; below this the next days of use may fill the disk."""
_SPARE_MEMORY = 2 * _GIB
"""The cascade takes about 1.5 GiB while it works; a bundle takes more and is checked when it loads."""


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the doctor's report.

    Attributes:
        name: of the part: engine, models, screen, microphone, sandbox, notices, log, disk, memory.
        works: whether it can be used as it is.
        detail: what was found.
        advice: what to do, empty if nothing.
    """

    name: str
    works: bool
    detail: str
    advice: str = ""


def _engine(given: Mapping[str, object]) -> Check:
    advice = ""
    try:
        chosen = settings.load(**given)
        advice = wiring.instead(chosen)
        engine = WorkerEngine(wiring.engine_config(chosen))
        try:
            info = engine.info
        finally:
            engine.close()
    except (ModelError, settings.SettingsError) as error:
        return Check("engine", works=False, detail=str(error), advice=advice)
    senses = [word for word, has in (("sees", info.sees), ("hears", info.hears), ("drafts", info.drafts)) if has]
    place = "leaves this machine" if info.leaves_machine else "stays on this machine"
    measured = [line for line in info.details if line.startswith(("memory:", "card:", "gpu_layers:", "threads:"))]
    if measured and not any(line.startswith("card:") for line in measured):
        measured.append("card: none that this build of llama.cpp can use")
    detail = f"{info.kind}: {info.model}; {', '.join(senses) or 'text only'}; {info.context_length} tokens; {place}"
    detail = "; ".join([detail, *measured])
    return Check("engine", works=True, detail=detail)


def _models(given: Mapping[str, object]) -> Check:
    """Whether the embedded engine's files are what they should be, byte for byte; a second or two."""
    try:
        entries = wiring.cascade_entries(settings.load(**given))
    except settings.SettingsError as error:
        return Check("models", works=False, detail=str(error))
    there = [entry for entry in entries if hub.installed(entry)]
    problems = [(entry.name, problem) for entry in there for problem in hub.verify(entry)]
    if problems:
        names = " ".join(dict.fromkeys(name for name, _ in problems))
        detail = "; ".join(problem for _, problem in problems)
        return Check(
            "models", works=False, detail=detail, advice=f"Fetch again what was changed: deskhand models get {names}"
        )
    words = ", ".join(entry.name for entry in there)
    return Check("models", works=True, detail=f"{words}: every file is what it should be" if words else "none fetched")


def _device(name: str, status: Callable[[], tuple[bool, str]], advice: str) -> Check:
    works, detail = status()
    return Check(name, works=works, detail=detail, advice="" if works else advice)


def _disk() -> Check:
    folder = settings.data_folder()
    free = shutil.disk_usage(folder).free
    works = free > _ROOM_FOR_HISTORY
    advice = "" if works else f"Free some space: history and notes are kept in {folder}."
    return Check("disk", works=works, detail=f"{free / _GIB:.1f} GiB free in {folder}", advice=advice)


def _log() -> Check:
    """Whether something happened that nobody expected; it is written down for whoever mends it."""
    place = errorlog.place()
    try:
        count = sum(b" ERROR: " in line for line in place.read_bytes().splitlines())
    except OSError:
        count = 0
    detail = f"{count} unexpected errors in {place}" if count else f"no unexpected errors; they would be in {place}"
    return Check("log", works=not count, detail=detail, advice="Send this file along with a report." if count else "")


def _memory() -> Check:
    memory = psutil.virtual_memory()
    works = memory.available > _SPARE_MEMORY
    advice = "" if works else "Close other programs, or choose a smaller model in the settings (text_model)."
    detail = f"{memory.available / _GIB:.1f} of {memory.total / _GIB:.1f} GiB available"
    return Check("memory", works=works, detail=detail, advice=advice)


def examine(given: Mapping[str, object]) -> list[Check]:
    """Look at every part for real: load the engine, ask the screen, the microphone and the sandbox.

    Args:
        given: settings of the command line, which the engine is chosen with.
    """
    return [
        _engine(given),
        _models(given),
        _device("screen", capture.status, "Attach pictures with --image, or run Deskhand inside a desktop session."),
        _device("microphone", microphone.status, "Attach recordings with --audio, or plug in a microphone."),
        _device(
            "sandbox", sandbox.status, "Bundled skills still work; skills of other people are refused until it does."
        ),
        _device("network", network.status, "MCP servers without network are not concerned. Else: install slirp4netns."),
        _device("notices", notification.status, notification.NONE),
        _log(),
        _disk(),
        _memory(),
    ]


def run(options: argparse.Namespace) -> int:
    """Print the report; 0 if the engine works, since the rest can be done without."""
    checks = examine(options.settings)
    if options.json:
        terminal.data([asdict(check) for check in checks], indent=2)
    else:
        for check in checks:
            terminal.out.line(f"{'✓' if check.works else '✗'} {check.name:<11}{check.detail}")
            if check.advice:
                terminal.out.line(f"  {'':<11}→ {check.advice}")
    return 0 if checks[0].works else 1
