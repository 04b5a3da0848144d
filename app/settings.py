"""One table of options: what a person can choose, where it is kept, and the folders of the application."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator, model_validator

from deskhand import app
from deskhand.agent import private
from deskhand.agent.filename import spelled
from deskhand.agent.safety.redaction import Redaction
from deskhand.agent.text_file import TextError, TextFile
from deskhand.app.environment import DataFolderError
from deskhand.model.files.catalog import CATALOG

ROOT = Path(app.__file__).parent.parent
"""The folder that holds the rooms: the repository, or ``site-packages/deskhand``."""

BUNDLED_SKILLS = ROOT / "skills"
POCKET = ROOT / "assets" / "pocket"
ICON = ROOT / "assets" / "deskhand.svg"


WEB = "web"
"""The bundled skill that is off until the setting of the same name is on."""


class SettingsError(Exception):
    """A setting does not work; the message says which and why."""


class SettingsFileError(SettingsError):
    """The settings file can't be used as it is; `reset` puts it aside.

    Attributes:
        problem: a sentence without the remedy, for where a button offers that.
    """

    def __init__(self, problem: str) -> None:
        super().__init__(f"{problem} Fix it, or start fresh, which keeps the old file, with: deskhand reset settings")
        self.problem = problem


class Settings(BaseModel):
    """What a person can choose. The command line overrides the file, the file overrides the defaults.

    Attributes:
        engine: ``auto`` (the best bundle found, else the cascade), ``local``, ``cascade``, ``pocket``
            (the small trained model that comes with Deskhand), ``tiny`` or ``scripted:FILE``.
        bundle: folder or GGUF file of the local engine; None searches the models folder.
        text_model: catalogue name of the cascade's text model.
        speech_model: catalogue name of the cascade's speech recognition.
        language: of the speech, an ISO 639-1 code.
        context_length: tokens of KV cache.
        kv_type: of the KV cache's elements; ``auto`` is f16, or q8_0 where memory is too short for the context.
        gpu_layers: ``auto`` puts as many layers as fit on graphics cards, where llama.cpp was built for them; a number
            is the most, and 0 leaves the cards alone.
        image_budget: the most image tokens a picture may take; text on a full screen needs 560 or more. 1120 costs the
            12B 0.3 GiB more.
        thinking: whether the model may think before it answers.
        keep_session: whether what the engine has read of the open conversation is kept on disk when Deskhand closes, so
            that the next start need not read it again. Off, since the conversation can be read from it.
        mode: ``ask`` before what could hurt; ``trusted-folder``: as ``ask``, but for files below ``trusted_folders``;
            ``read-only``: nothing acts.
        ask_for_own: how often what only adds something of yours, which you can take back (a note, a timer, a reminder),
            asks: ``always``, once a ``session``, or ``never``. Once a conversation holds what others wrote, it always
            does.
        folders: whose files skills may read and, each time asked, change.
        trusted_folders: in which files may be changed without asking with the mode ``trusted-folder``, unless the
            conversation holds what others wrote.
        redaction: ``log`` keeps secrets (keys, tokens, cards, accounts, passwords) out of the log; ``pixels`` also
            paints them over in every picture before the model, the history or the disk gets it, which takes seconds a
            picture; ``off`` does neither.
        mcp_remote: whether MCP servers on other machines may be used; what they are called with leaves this one.
        sounds: whether a timer or a watch is also heard.
        web: whether the skill web may fetch pages, each time asked; its addresses leave this machine.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    engine: str = Field(default="auto", pattern=r"^(auto|local|cascade|pocket|tiny|scripted:.+)$")
    bundle: Path | None = None
    text_model: str = "text-0.5b"
    speech_model: str = "speech-tiny"
    language: str = "en"
    context_length: int = Field(default=8192, ge=512)
    kv_type: Literal["auto", "f16", "q8_0", "f32"] = "auto"
    gpu_layers: Literal["auto"] | Annotated[int, Field(ge=0)] = "auto"
    image_budget: Literal[70, 140, 280, 560, 1120] = 560
    thinking: bool = False
    keep_session: bool = False
    mode: Literal["ask", "trusted-folder", "read-only"] = "ask"
    ask_for_own: Literal["always", "session", "never"] = "session"
    folders: tuple[Path, ...] = (Path("~/Documents"), Path("~/Downloads"), Path("~/Desktop"))
    trusted_folders: tuple[Path, ...] = ()
    redaction: Redaction = "log"
    mcp_remote: bool = False
    sounds: bool = True
    web: bool = False

    @model_validator(mode="before")
    @classmethod
    def _trained(cls, values: dict[str, object]) -> dict[str, object]:
        # Pocket was trained on pictures of 10×7 patches and on single turns: nothing else can be chosen for it.
        if values.get("engine") == "pocket":
            return {**values, "image_budget": 70, "context_length": 1024}
        return values

    @field_validator("bundle", "folders", "trusted_folders")
    @classmethod
    def _usable(cls, value: Path | tuple[Path, ...] | None) -> Path | tuple[Path, ...] | None:
        for path in value if isinstance(value, tuple) else (value,):
            if path is not None and "\0" in str(path):
                raise ValueError("a path can't hold a NUL")
            try:
                _ = path and path.expanduser()
            except RuntimeError as error:  # ~somebody
                raise ValueError(f"there is no home folder for {spelled(str(path))}") from error
        return value

    @field_validator("text_model", "speech_model")
    @classmethod
    def _known(cls, name: str, info: ValidationInfo) -> str:
        job = "text" if info.field_name == "text_model" else "speech"
        known = [entry.name for entry in CATALOG.values() if entry.job == job]
        if name not in known:
            raise ValueError(f"“{name}” is not one of {', '.join(known)}")
        return name


def data_folder() -> Path:
    """The person's own things: history, notes, timers, skills, bundles. Made on first use.

    Raises:
        DataFolderError: it can't be made.
    """
    folder = platformdirs.user_data_path("deskhand")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataFolderError(folder, error, "XDG_DATA_HOME") from error
    return folder


def models_folder() -> Path:
    """Where bundles are looked for: one folder a bundle."""
    return data_folder() / "models"


def settings_file() -> Path:
    """The TOML file with the person's choices; need not exist."""
    return platformdirs.user_config_path("deskhand") / "settings.toml"


def mcp_file() -> Path:
    """The JSON file with the person's MCP servers; need not exist."""
    return settings_file().with_name("mcp.json")


def load(**overrides: object) -> Settings:
    """Read the settings file and lay what the command line says over it.

    Args:
        overrides: fields of `Settings`; those that are None are left out.

    Raises:
        SettingsFileError: the file is no TOML, or a value in it is not one of those that work.
        SettingsError: a value of ``overrides`` is not.
    """
    path = settings_file()
    values = _read(path)
    values |= {key: value for key, value in overrides.items() if value is not None}
    engine = str(values.get("engine", "auto"))
    if overrides.get("bundle") is not None and engine not in {"auto", "local"}:
        raise SettingsError(
            f"--bundle names a model for the engine local; the engine {engine} has its own. Leave one of them out."
        )
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        name = spelled(".".join(str(part) for part in first["loc"]))
        if name and overrides.get(name.split(".")[0]) is not None:
            raise SettingsError(f"The setting “{name}” does not work: {first['msg']}.") from error
        raise SettingsFileError(f"The setting “{name}” in {path} does not work: {first['msg']}.") from error


def _read(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text("utf-8-sig"))  # some editors begin every file with a mark
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise SettingsFileError(f"Your settings {path} can't be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise SettingsFileError(f"Your settings {path} can't be read: they are not UTF-8.") from error
    except (ValueError, RecursionError) as error:  # of TOML, or a number of thousands of digits
        raise SettingsFileError(f"Your settings {path} can't be read: {str(error) or 'they nest too deep'}.") from error


def reset() -> Path | None:
    """Put the settings file aside, which is kept; returns its new place, None where there was none.

    Raises:
        SettingsError: it can't be renamed.
    """
    path = settings_file()
    try:
        return private.set_aside(path)
    except OSError as error:
        raise SettingsError(f"{path} can't be put aside: {error.strerror}. Check that folder.") from error


def with_pocket(chosen: Settings) -> Settings:
    """These settings with Pocket as the engine; they are written nowhere."""
    return Settings.model_validate({**chosen.model_dump(), "engine": "pocket"})


Value = str | int | bool | Sequence[str]


def change(**values: Value) -> None:
    """Write fields of `Settings` into the settings file; what else stands there, comments too, stays as it is.

    Raises:
        SettingsError: the file can't be read or written, or would not work with these values.
    """
    path = settings_file()
    try:
        with private.held(path.with_suffix(".lock")):
            raw = path.read_bytes() if path.exists() else b""
            raw.decode()
            file = TextFile.of(raw)
            text = file.text
            for name, value in values.items():
                text = _with(text, name, _toml(value))
            Settings.model_validate(tomllib.loads(text))
            # Its mark, its line ends, and the place that a link of the person's leads to stay as they are.
            private.write(path.resolve(), file.rewritten(text))
    # Of TOML, of Unicode and of pydantic are all ValueErrors.
    except (OSError, ValueError, RecursionError, TextError) as error:
        first = spelled((str(error).splitlines() or ["it nests too deep"])[0])
        raise SettingsFileError(f"Your settings {path} can't be changed: {first}.") from error


def switch(skill: str, *, on: bool) -> None:
    """Change the setting that keeps a bundled skill off, where that is not so already; raises like `change`."""
    if skill == WEB and load().web != on:
        change(web=on)


def _toml(value: Value) -> str:
    """A value as TOML writes it; its basic strings are JSON's, but for DEL, which JSON leaves as it is."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")
    if isinstance(value, bool | int):
        return str(value).lower()
    return f"[{', '.join(_toml(entry) for entry in value)}]"


def _with(text: str, name: str, value: str) -> str:
    """``text`` with one assignment put in the place of an earlier one, however many lines that takes, or at the end."""
    line = f"{name} = {value}\n"
    lines = re.findall("[^\n]*\n|[^\n]+", text)
    start = next((n for n, each in enumerate(lines) if re.match(rf"\s*{name}\s*=", each)), None)
    if start is None:
        return text + ("" if not text or text.endswith("\n") else "\n") + line
    for end in range(start + 1, len(lines) + 1):
        try:
            tomllib.loads("".join(lines[start:end]))
        except tomllib.TOMLDecodeError:
            continue
        return "".join([*lines[:start], line, *lines[end:]])
    return text  # damaged: what reads it next says so
