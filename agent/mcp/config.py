"""Which MCP servers there are: the `mcpServers` JSON that other programs read and write too.

What a server may touch is an extension of ours, in an object ``deskhand`` of its entry, where others ignore it. Without
it a server reads the system and its own folder, and has no network. A broken entry never stops the others.
"""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal, cast
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from deskhand.agent import private
from deskhand.agent.directory import hold
from deskhand.agent.mcp import entries
from deskhand.agent.mcp.errors import ConfigError

MAX_BYTES = 1 << 20
_VARIABLE = re.compile(r"\$\{(?:env:)?([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
_INPUT = re.compile(r"\$\{input:([^}]{1,60})\}")
"""What VS Code asks for when it starts a server; we ask for nothing."""
_SAME = {"userHome": "HOME"}
"""What other programs call a variable."""
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def _folder(path: Path) -> Path:
    return Path(os.path.normpath(path.expanduser()))


def _whole(path: Path) -> Path:
    found = _folder(path)
    if not found.is_absolute():
        raise ValueError(f"“{path}” must begin with / or ~")
    if found == Path("/"):
        raise ValueError("the whole disk can't be given: name folders")
    return found


_Folder = Annotated[Path, AfterValidator(_whole)]


class Access(BaseModel):
    """What a server may touch, besides the system's programs (read) and its own folder (read and write).

    Attributes:
        read: files and folders it may read.
        write: folders it may read and write.
        network: whether it may speak to other machines; ``machine`` is to services on this one too.
        tools: the only tools of it that are offered, by the server's own names; None offers all, up to a limit.
        description: what it is for, in the person's words; the model decides by it when to connect.
        seconds: wall time of one call.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    read: tuple[_Folder, ...] = ()
    write: tuple[_Folder, ...] = ()
    network: bool | Literal["machine"] = False
    tools: tuple[str, ...] | None = None
    description: str = Field(default="", max_length=300)
    seconds: float = Field(default=60, ge=1, le=3600)


class Entry(BaseModel):
    """One server as the file says it; keys of other programs (``autoApprove`` …) are ignored, see also `entries`.

    Attributes:
        command: a program on the PATH or its whole path; of a server on this machine.
        args: of the program.
        env: of the program; ``${NAME}`` is replaced by the person's variable of that name.
        cwd: the folder it starts in.
        url: of a server that is spoken to over HTTP.
        headers: sent with every request; ``${NAME}`` as above.
        kind: ``type`` in the file.
        disabled: kept in the file and not offered.
        access: ``deskhand`` in the file.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    command: str = ""
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = Field(default_factory=dict[str, str])
    cwd: _Folder | None = None
    url: str = ""
    headers: Mapping[str, str] = Field(default_factory=dict[str, str])
    kind: Literal["", "stdio", "http", "sse"] = Field(default="", alias="type")
    disabled: bool = False
    access: Access = Field(default_factory=Access, alias="deskhand")

    @model_validator(mode="after")
    def _one_way(self) -> Entry:
        if bool(self.command) == bool(self.url):
            raise ValueError("it needs either a command or a url")
        if self.url:
            place = urlsplit(self.url)
            plain = place.scheme == "http" and place.hostname in _LOOPBACK
            if not place.hostname or (place.scheme != "https" and not plain):
                raise ValueError("its url must begin with https:// (http:// only for this machine)")
            if place.username or place.password:
                raise ValueError("a password belongs into headers, not into the url")
        if any("\0" in text for text in (self.command, *self.args, *self.env, *self.env.values())):
            raise ValueError("its command line holds a NUL character")
        return self


@dataclass(frozen=True)
class ServerConfig:
    """One server that can be used.

    Attributes:
        name: letters, digits, - and _, unique whatever the file calls it.
        entry: what the file says.
        private: our folders, which it must not see.
        given: what the file calls it, where that is another name.
    """

    name: str
    entry: Entry
    private: tuple[Path, ...] = ()
    given: str = ""

    @property
    def remote(self) -> bool:
        """Whether it is spoken to over HTTP."""
        return bool(self.entry.url)

    @property
    def host(self) -> str:
        """Where a remote one runs, empty for one on this machine's own network."""
        place = urlsplit(self.entry.url).hostname or ""
        return "" if place in _LOOPBACK else place

    def expanded(self, texts: Mapping[str, str]) -> dict[str, str]:
        """Values with ``${NAME}`` replaced.

        Raises:
            ConfigError: a variable is not set.
        """
        return {key: _expand(self.name, value) for key, value in texts.items()}


def _expand(server: str, text: str) -> str:
    if asked := _INPUT.search(text):
        raise ConfigError(
            f"The MCP server {server} wants to be given “{asked[1]}” when it starts, which Deskhand does not ask for: "
            "put it into a variable of yours, and write ${NAME} instead."
        )

    def value(match: re.Match[str]) -> str:
        found = os.environ.get(_SAME.get(match[1], match[1]), cast("str | None", match[2]))
        if found is None:
            raise ConfigError(f"The MCP server {server} needs the variable {match[1]}, which is not set.")
        return found

    return _VARIABLE.sub(value, text)


@dataclass(frozen=True)
class Configuration:
    """What the file says.

    Attributes:
        servers: those that can be used or are switched off, in the file's order.
        problems: a sentence for each entry that can't be used, by its name.
    """

    servers: tuple[ServerConfig, ...] = ()
    problems: Mapping[str, str] = field(default_factory=dict[str, str])


def read(path: Path, private: tuple[Path, ...] = ()) -> Configuration:
    """Read the configuration; a file that is not there holds no server.

    Args:
        path: of the JSON file.
        private: folders of ours, which no server may be given: they hold the history, grants and this file.

    Raises:
        ConfigError: the file can't be read or is not JSON with an object `mcpServers`.
    """
    servers: list[ServerConfig] = []
    problems: dict[str, str] = {}
    found = _entries(_load(path)[0])
    for given, name in entries.names(found).items():
        try:
            server = checked(name, found[given], private)
            servers.append(server if given == name else replace(server, given=given))
        except ConfigError as error:
            problems[given[:60]] = str(error)
    return Configuration(tuple(servers), problems)


def checked(name: str, value: object, private: tuple[Path, ...] = ()) -> ServerConfig:
    """One entry, checked.

    Raises:
        ConfigError: it can't be used; says why.
    """
    if not entries.NAME.fullmatch(name):
        raise ConfigError(
            f"The name “{name[:60]}” does not work: at most 32 letters, digits, - and _, the first one no sign."
        )
    try:
        entry = Entry.model_validate(entries.plain(value) if isinstance(value, Mapping) else value)
    except ValueError as error:
        if not isinstance(error, ValidationError):
            raise ConfigError(f"The MCP server {name} can't be used: {error}.") from error
        first = error.errors()[0]
        where = ".".join(str(step) for step in first["loc"])
        reason = str(first["msg"]).removeprefix("Value error, ")
        raise ConfigError(f"The MCP server {name} can't be used: {f'{where}: ' if where else ''}{reason}.") from error
    for given in (*entry.access.read, *entry.access.write):
        for own in private:
            if own.is_relative_to(given.resolve()) or given.resolve().is_relative_to(own):
                raise ConfigError(
                    f"The MCP server {name} can't be given {given}: Deskhand keeps its own files in {own}. "
                    "Name folders beside it."
                )
        _no_link(name, given)
    return ServerConfig(name, entry, private)


def _no_link(server: str, given: Path) -> None:
    """Refuse a path with a link in it: what it leads to could be exchanged after the person has agreed."""
    try:
        hold(given).close()
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise ConfigError(
                f"The MCP server {server} can't be given {given}: {error.strerror}. Name the folder that it leads to: "
                f"{given.resolve()}"
            ) from error


def put(path: Path, name: str, value: Mapping[str, Any] | None) -> bool:
    """Write one entry, or remove it with None; everything else in the file stays. Says whether it was there before.

    Raises:
        ConfigError: the file can't be read or written.
    """
    whole, commented = _load(path)
    servers = dict(_entries(whole))
    known = next((given for given, clean in entries.names(servers).items() if name in {given, clean}), name)
    before = servers.pop(known, None) is not None
    if value is not None:
        servers[known] = dict(value)
    elif not before:
        return False
    if commented:
        raise ConfigError(
            f"{path} holds comments, which would be lost if Deskhand wrote it. Edit the file yourself, or remove them."
        )
    text = json.dumps(_with(whole, entries.place(whole), servers), ensure_ascii=False, indent=2) + "\n"
    try:
        private.write(path, text.encode())
    except OSError as error:
        raise ConfigError(f"{path} can't be written: {error.strerror or error}.") from error
    return before


def _with(whole: Mapping[str, Any], place: tuple[str, ...], servers: dict[str, Any]) -> dict[str, Any]:
    """The whole file with other servers in their place."""
    if not place:
        return servers
    key, *rest = place
    return {**whole, key: _with(whole.get(key, {}), tuple(rest), servers) if rest else servers}


def _load(path: Path) -> tuple[dict[str, Any], bool]:
    """What the file holds, and whether it has comments."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return {}, False
    except OSError as error:
        raise ConfigError(f"{path} can't be read: {error.strerror or error}.") from error
    if len(raw) > MAX_BYTES:
        raise ConfigError(f"{path} is larger than {MAX_BYTES >> 20} MB.")
    try:
        whole, commented = entries.loaded(raw)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is not JSON: {error}. Fix or delete it.") from error
    if not isinstance(whole, dict):
        raise ConfigError(f"{path} must hold an object with {entries.KEY}.")
    return cast("dict[str, Any]", whole), commented


def _entries(whole: Mapping[str, Any]) -> dict[str, Any]:
    found: Any = whole
    place = entries.place(whole)
    for key in place:
        found = found.get(key, {})
    if not isinstance(found, dict):
        raise ConfigError(f"{'.'.join(place)} must be an object: a name and an entry for each server.")
    return cast("dict[str, Any]", found)
