"""The one file that builds everything from the settings and puts it together."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from deskhand.agent.background import Background
from deskhand.agent.events import Notice, Progressed, TasksChanged
from deskhand.agent.hearing import Hearing
from deskhand.agent.history import Store
from deskhand.agent.loop import Agent, Limits
from deskhand.agent.mcp.provider import McpServers
from deskhand.agent.safety.audit import Audit, AuditError
from deskhand.agent.safety.grants import Grants
from deskhand.agent.safety.painting import Painter
from deskhand.agent.safety.permissions import Permissions
from deskhand.agent.safety.undo import Undo, UndoError
from deskhand.agent.skills.consents import Consents, ConsentsError
from deskhand.agent.skills.core import CoreOnly
from deskhand.agent.skills.installing import Installer
from deskhand.agent.skills.library import Library
from deskhand.agent.skills.secrets import SecretRequest, Secrets
from deskhand.agent.skills.skill import BUNDLED, Problem
from deskhand.agent.timers import Timers
from deskhand.agent.tools.toolbox import Toolbox
from deskhand.app import errorlog, settings
from deskhand.app.host import AppHost
from deskhand.app.host.web import Web
from deskhand.app.permits import Permits
from deskhand.app.settings import Settings
from deskhand.app.shelf import Shelf
from deskhand.model.cascade.ocr import Reader
from deskhand.model.config import CascadeConfig, EngineConfig, LocalConfig, ScriptedConfig
from deskhand.model.engine import Engine
from deskhand.model.errors import BundleError
from deskhand.model.files import bundle, catalog, hub, shipped
from deskhand.model.files.catalog import Entry
from deskhand.model.files.fingerprint import fingerprint
from deskhand.model.process.client import WorkerEngine
from deskhand.model.tiny.bundle import cached_bundle
from deskhand.model.types import Trained

POCKET_SKILLS = ("clock", "notes", "open", "screen", "input")
"""Pocket was trained to call the tools of these, and no others."""
POCKET_TRAINED = Trained(pictures=1, size=(480, 336), seconds=5.0)
"""Its windows and spoken sentences: assets/pocket/README.md."""
POCKET_IS = "a demo model that comes with Deskhand"

if TYPE_CHECKING:
    from deskhand.app.host.gui import Gui  # Qt, which the command line does not load


@dataclass(frozen=True)
class Desk:
    """Everything of one running application, and how it is taken down."""

    settings: Settings
    engine: Engine
    store: Store
    skills: Library
    permissions: Permissions
    agent: Agent
    host: AppHost
    timers: Timers
    background: Background
    servers: McpServers

    def close(self) -> None:
        """Stop the timers and watches, end the MCP servers and the engine's process, and close the history."""
        self.background.stop()
        self.host.close()
        self.servers.close()
        self.engine.close()
        self.store.close()


def bundle_folders() -> list[Path]:
    """Where bundles are looked for: the person's models folder and what the catalogue has fetched."""
    fetched = [hub.installed(entry) for entry in catalog.CATALOG.values() if entry.job == "bundle"]
    return [settings.models_folder(), *(folder for folder in fetched if folder is not None)]


def sessions_folder() -> Path:
    """Where sessions are kept between two starts, for a person who has switched that on."""
    return settings.data_folder() / "sessions"


def forget_sessions() -> None:
    """Take them away: conversations could be read from them."""
    shutil.rmtree(sessions_folder(), ignore_errors=True)


def local_config(found: bundle.Bundle, chosen: Settings) -> LocalConfig:
    """How a bundle is run with the person's settings."""
    return LocalConfig(
        main=found.main,
        mmproj=found.mmproj,
        drafter=found.drafter,
        context_length=chosen.context_length,
        image_budget=chosen.image_budget,
        kv_type=chosen.kv_type,
        gpu_layers=-1 if chosen.gpu_layers == "auto" else chosen.gpu_layers,
        sessions=sessions_folder() if chosen.keep_session else None,
    )


def engine_config(chosen: Settings) -> EngineConfig:
    """Decide which engine serves: what the person named, else the best bundle found, else the cascade.

    Raises:
        BundleError: the named bundle is missing or broken, or the cascade's models are not here yet.
    """
    if chosen.engine.startswith("scripted:"):
        return ScriptedConfig(script=Path(chosen.engine.removeprefix("scripted:")))
    if chosen.engine == "tiny":
        return local_config(cached_bundle(), chosen)
    if chosen.engine == "pocket":
        trained_on = {"alone": True, "learnt": settings.POCKET / shipped.LEARNT, "trained": POCKET_TRAINED}
        return local_config(shipped.open_shipped(settings.POCKET), chosen).model_copy(update=trained_on)
    if chosen.engine in {"auto", "local"}:
        named = chosen.bundle
        found = bundle.open_bundle(named) if named else bundle.best_bundle(bundle_folders())
        if found is not None:
            return local_config(found, chosen)
        if chosen.engine == "local":
            raise BundleError(
                f"There is no bundle in {settings.models_folder()}. Put a model's GGUF files there in a folder of "
                "their own, name them with --bundle, or fetch one with: deskhand models get gemma-4-12b"
            )
    return cascade_config(chosen)


def cascade_entries(chosen: Settings) -> list[Entry]:
    """What the cascade is made of, from the catalogue."""
    return [catalog.CATALOG[chosen.text_model], catalog.CATALOG[chosen.speech_model]]


def missing_models(chosen: Settings) -> list[Entry]:
    """What has to be fetched before the chosen engine can run; empty when it needs nothing of the catalogue's."""
    if chosen.engine not in {"auto", "cascade"}:
        return []
    if chosen.engine == "auto" and (chosen.bundle or bundle.best_bundle(bundle_folders())):
        return []
    return [entry for entry in cascade_entries(chosen) if hub.installed(entry) is None]


def instead(chosen: Settings) -> str:
    """What a person can do without fetching what is missing, in a sentence; empty where nothing is missing."""
    if not settings.POCKET.is_dir() or not missing_models(chosen):
        return ""
    return f"Or try Pocket, {POCKET_IS}: deskhand --engine pocket"


def used_skills(chosen: Settings) -> tuple[str, ...]:
    """Names of the bundled skills that the chosen engine is held to; empty when it uses whatever is on."""
    return POCKET_SKILLS if chosen.engine == "pocket" else ()


def cascade_config(chosen: Settings) -> CascadeConfig:
    """The embedded default: OCR, speech recognition and a small text model.

    Raises:
        BundleError: a model is not here yet; says how to get it.
    """
    text, speech = (hub.installed(entry) for entry in cascade_entries(chosen))
    if text is None or speech is None:
        raise BundleError(
            "The embedded models are not on this machine yet. Fetch them once with: deskhand models get cascade"
        )
    return CascadeConfig(text=local_config(bundle.open_bundle(text), chosen), speech=speech, language=chosen.language)


def user_skills() -> Path:
    """Where a person puts skills of their own."""
    return settings.data_folder() / "skills"


def consents() -> Consents:
    """What the person agreed to of skills."""
    return Consents(settings.data_folder() / "skills.json", open_audit().tell)


def library(chosen: Settings | None = None) -> Library:
    """All skills: bundled, the person's own, of ``~/.agents/skills``, and of this project if it is trusted.

    Args:
        chosen: the settings; None reads them, and what can't be read switches nothing on.
    """
    agreed = consents()
    places = [
        (settings.BUNDLED_SKILLS, BUNDLED),
        (user_skills(), "user"),
        (Path.home() / ".agents" / "skills", "agents"),
    ]
    held_back: list[Problem] = []
    project = _project()
    if project and project.resolve() != (Path.home() / ".agents" / "skills").resolve():
        try:
            trusted = agreed.trusts(project.parent.parent)
        except ConsentsError as error:
            trusted = False
            held_back.append(Problem(project, str(error)))
        if trusted:
            places.append((project, "project"))
        else:
            text = "This project brings skills, which are not looked at before you trust it: deskhand skills trust"
            held_back.append(Problem(project, text))
    return Library(places, agreed, held_back, () if _web(chosen) else (settings.WEB,))


def _project() -> Path | None:
    """The folder of skills of the project in whose folder we are; None where that has been removed, too."""
    try:
        project = Path.cwd() / ".agents" / "skills"
        return project if project.is_dir() else None
    except OSError:
        return None


def _web(chosen: Settings | None) -> bool:
    try:
        return (chosen or settings.load()).web
    except settings.SettingsError:
        return False


def installer(skills: Library) -> Installer:
    """What changes the person's own skills."""
    trash = settings.data_folder() / "trash" / "skills"
    return Installer(user_skills(), trash, skills, consents(), open_audit().tell, _forget_key)


def _forget_key(name: str, but: str) -> None:
    secrets().forget(name, but=but)


def secrets(ask: Callable[[SecretRequest], None] | None = None) -> Secrets:
    """The person's keys for skills; ``ask`` shows a request to them."""
    return Secrets(settings.data_folder() / "secrets.json", ask)


def shelf(used: Collection[str] = ()) -> Shelf:
    """The skills as a window shows and changes them; ``used`` is that of `used_skills`."""
    return Shelf(library, installer, consents(), secrets(), used)


def own_folders() -> tuple[Path, ...]:
    """Where Deskhand keeps its own files; no server is given them, and nothing in them is a trusted folder.

    Real paths; a link that leads to itself holds nothing and is left out.
    """
    folders = (settings.data_folder(), settings.settings_file().parent, errorlog.place().parent)
    return tuple(Path(os.path.realpath(folder)) for folder in folders if not _loops(folder))


def _loops(folder: Path) -> bool:
    try:
        folder.resolve()
    except (OSError, RuntimeError):  # RuntimeError: what Python 3.11 says of a loop
        return True
    return False


def permits(chosen: Settings) -> Permits:
    """What may run without asking, likewise."""
    return Permits(
        chosen.mode,
        chosen.trusted_folders,
        open_grants(),
        settings.change,
        tell=open_audit().tell,
        private=own_folders(),
        own=chosen.ask_for_own,
    )


def painter_of(chosen: Settings) -> Painter:
    """What paints over secrets; its models are loaded with the first picture that it reads."""
    return Painter(chosen.redaction, Reader())


def app_host(
    chosen: Settings,
    engine: Engine,
    gui: Gui | None = None,
    background: Background | None = None,
    painter: Painter | None = None,
) -> AppHost:
    """What the application does for skills, with what the person granted."""
    web, undo = Web(on=chosen.web), open_undo()
    host = AppHost(
        chosen.image_budget,
        chosen.folders,
        own_folders(),
        gui,
        background=background,
        undo=undo,
        painter=painter,
        web=web,
        hearing=Hearing(engine),
        language=chosen.language,
    )
    host.grant(chosen.trusted_folders)
    return host


def mcp_servers(chosen: Settings, progress: Callable[[Progressed], None] = lambda _event: None) -> McpServers:
    """The MCP servers of the person's configuration; none is started before it is called for."""
    data, file = settings.data_folder(), settings.mcp_file()
    return McpServers(file, data / "mcp", own_folders(), remote=chosen.mcp_remote, progress=progress)


def history_file() -> Path:
    """Where the history of all conversations is."""
    return settings.data_folder() / "history.sqlite"


def open_history() -> Store:
    """The history of all conversations; raises HistoryError with a sentence where it can't be opened."""
    return Store(history_file())


def open_background(tell: Callable[[Notice | TasksChanged], None] = lambda _event: None) -> Background:
    """What goes on behind conversations: timers, watches, what is to be done later; not started."""
    data = settings.data_folder()
    return Background(data, tell)


def open_grants() -> Grants:
    """What the person granted for longer than a session."""
    return Grants(settings.data_folder() / "grants.json")


def open_audit(redacts: Callable[[], bool] = lambda: True) -> Audit:
    """The log of what was asked, decided and done, without secrets while ``redacts`` says so."""
    return Audit(settings.data_folder() / "audit.jsonl", redacts)


def open_undo() -> Undo:
    """What files were before tools changed them. No skill's own folder can have a name with a dot."""
    return Undo(settings.data_folder() / ".undo", open_audit())


def engine_files(config: EngineConfig) -> dict[str, str]:
    """Which weights an engine runs, for the log: a fingerprint of each file of its bundle.

    Raises:
        BundleError: a file can't be read.
    """
    if isinstance(config, ScriptedConfig):
        return {"script": str(config.script)}
    parts = config.text if isinstance(config, CascadeConfig) else config
    files = {"main": parts.main, "mmproj": parts.mmproj, "drafter": parts.drafter}
    return {part: f"{path.name} {fingerprint([path])}" for part, path in files.items() if path}


def _log_engine(audit: Audit, config: EngineConfig, notify: Callable[[Notice], None]) -> None:
    try:
        audit.note("engine", engine=config.kind, **engine_files(config))
    except AuditError as error:
        notify(Notice("audit", str(error)))


def build(
    chosen: Settings,
    store: Store,
    notify: Callable[[Notice | Progressed | TasksChanged], None],
    preapproved: Collection[str] = (),
    *,
    ask: bool = True,
    ask_secret: Callable[[SecretRequest], None] | None = None,
    gui: Gui | None = None,
    painter: Painter | None = None,
) -> Desk:
    """Put one application together. The engine's process starts with the first use.

    Args:
        chosen: the settings.
        store: the history; closed with the desk.
        notify: is told from threads of their own what happens outside of turns, and how far a server's call is.
        preapproved: names of tools and skills that need not be asked about.
        ask: False denies what would be asked.
        ask_secret: shows the person that a skill needs a key; None where nobody can be asked.
        gui: the way into the window's thread, for what only a window can do.
        painter: the window's; one is made where there is none.
    """
    painter = painter or painter_of(chosen)
    config = engine_config(chosen)
    data = settings.data_folder()
    if not chosen.keep_session:
        forget_sessions()
    skills = library(chosen)
    permissions = Permissions(
        preapproved,
        ask=ask,
        mode=chosen.mode,
        trusted=chosen.trusted_folders,
        grants=open_grants(),
        own=chosen.ask_for_own,
    )
    engine = WorkerEngine(config)
    servers = mcp_servers(chosen, notify)
    background = open_background(notify)
    host = app_host(chosen, engine, gui, background, painter)
    used = used_skills(chosen)
    offered = CoreOnly(skills, used) if used else skills
    toolbox = Toolbox(offered, data, host, more=[servers], secrets=secrets(ask_secret))
    audit = open_audit(painter.logs)
    _log_engine(audit, config, notify)
    try:
        open_undo().tidy()
    except UndoError as error:
        notify(Notice("undo", str(error)))
    agent = Agent(
        engine,
        store,
        toolbox,
        permissions,
        Limits(),
        audit=audit,
        background=background,
        painter=painter,
        sight=host.sight,
    )
    return Desk(chosen, engine, store, skills, permissions, agent, host, background.timers, background, servers)
