"""What may run without asking, as a window shows and changes it: at once in what runs, and for the next start."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deskhand.agent.mcp.marks import Reader
from deskhand.agent.mcp.provider import McpServers
from deskhand.agent.safety.grants import Grant, Grants
from deskhand.agent.safety.permissions import Mode, Own, Permissions


class PermitsError(Exception):
    """What the person wants can't be done; the message is a sentence."""


@dataclass(frozen=True)
class Permitted:
    """Everything that is permitted now.

    Attributes:
        mode: of `Permissions`.
        trusted: folders whose files may be changed unasked in the mode ``trusted-folder``.
        session: granted until the program ends, the oldest first.
        kept: granted or forbidden for longer, the oldest first.
        own: of `Permissions`.
        servers: the tools of each MCP server that was agreed to, by its name.
    """

    mode: Mode
    trusted: tuple[Path, ...]
    session: tuple[Grant, ...] = ()
    kept: tuple[Grant, ...] = ()
    own: Own = "session"
    servers: Mapping[str, tuple[Reader, ...]] = field(default_factory=dict[str, tuple[Reader, ...]])


class Permits:
    """Blocking, from any thread.

    Args:
        mode: of the settings.
        trusted: likewise.
        grants: what is kept on disk.
        keep: writes settings by name.
        tell: writes into the log what the person changed.
        private: folders of ours, which are nobody's to trust.
        own: of the settings.
    """

    def __init__(
        self,
        mode: Mode,
        trusted: Sequence[Path],
        grants: Grants,
        keep: Callable[..., None],
        *,
        tell: Callable[..., object],
        private: Sequence[Path] = (),
        own: Own = "session",
    ) -> None:
        self._own: Own = own
        self._servers: McpServers | None = None
        self._mode: Mode = mode
        self._trusted = tuple(folder.expanduser() for folder in trusted)
        self._grants = grants
        self._keep = keep
        self._tell = tell
        self._private = tuple(path.resolve() for path in private)
        self._lock = threading.Lock()
        self._permissions: Permissions | None = None
        self._grant_folders: Callable[[Sequence[Path]], None] = lambda _folders: None

    def serve(
        self,
        permissions: Permissions,
        grant_folders: Callable[[Sequence[Path]], None],
        servers: McpServers | None = None,
    ) -> None:
        """From now on, what is changed here counts there.

        Args:
            permissions: of the agent.
            grant_folders: is given the trusted folders, whose files tools may then reach at all.
            servers: whose tools can be marked as read-only.
        """
        with self._lock:
            self._servers = servers
            self._permissions = permissions
            self._grant_folders = grant_folders
            self._apply()

    def look(self) -> Permitted:
        """What is permitted now.

        Raises:
            GrantsError: the file can't be read; nothing of it counts then.
        """
        with self._lock:
            session = self._permissions.session if self._permissions else ()
            servers = self._servers.agreed if self._servers else {}
            return Permitted(self._mode, self._trusted, session, self._grants.all(), self._own, servers)

    def choose(self, mode: Mode) -> None:
        """Change the mode.

        Raises:
            SettingsError: it counts until the program ends, but could not be written.
        """
        with self._lock:
            self._mode = mode
            self._apply()
            self._tell("permits", did="mode", mode=mode)
            self._keep(mode=mode)

    def ask_for_own(self, own: Own) -> None:
        """Change how often what is only added to the person's own asks; raises as `choose`."""
        with self._lock:
            self._own = own
            self._apply()
            self._tell("permits", did="own", own=own)
            self._keep(ask_for_own=own)

    def mark(self, server: str, tool: str, *, reads: bool) -> None:
        """Mark a tool of a server as one that only reads, or take that back.

        Raises:
            LinkError: it can't be; the message is a sentence.
        """
        with self._lock:
            if self._servers is not None:
                self._servers.mark(server, [tool], reads=reads)
                self._tell("permits", did="reads" if reads else "acts", server=server, tools=tool)

    def trust(self, folder: Path) -> None:
        """Trust one more folder.

        Raises:
            PermitsError: it is none that can be trusted.
            SettingsError: as `choose`.
        """
        with self._lock:
            real = self._checked(folder)
            if str(real) not in [os.path.realpath(each) for each in self._trusted]:
                self._tell("permits", did="trust", folder=str(real))
                self._set_trusted((*self._trusted, real))

    def distrust(self, folder: Path) -> None:
        """Trust a folder no longer; raises as `choose`."""
        with self._lock:
            self._tell("permits", did="distrust", folder=str(folder))
            self._set_trusted(tuple(each for each in self._trusted if each != folder))

    def revoke(self, *identifiers: str) -> None:
        """Take back grants by their names; what is gone already is gone.

        Raises:
            GrantsError: with a sentence.
        """
        with self._lock:
            for identifier in identifiers:
                found = self._permissions.revoke(identifier) if self._permissions else None
                found = found or self._grants.revoke(identifier)
                if found:
                    self._tell("permits", did="revoke", covers=found.words, id=identifier)

    def _set_trusted(self, folders: tuple[Path, ...]) -> None:
        self._trusted = folders
        self._apply()
        self._keep(trusted_folders=[str(each) for each in folders])

    def _apply(self) -> None:
        if self._permissions is not None:
            self._permissions.mode, self._permissions.own = self._mode, self._own
            self._permissions.trust(self._trusted)
            self._grant_folders(self._trusted)

    def _checked(self, folder: Path) -> Path:
        try:
            real = folder.expanduser().resolve(strict=True)
        except (OSError, RuntimeError) as error:
            raise PermitsError(f"There is no folder {folder}.") from error
        if not real.is_dir():
            raise PermitsError(f"{folder} is not a folder.")
        if Path.home().resolve().is_relative_to(real):
            raise PermitsError(f"{folder} holds all your files: trust a folder inside of it.")
        if any(real.is_relative_to(own) or own.is_relative_to(real) for own in self._private):
            raise PermitsError(f"{folder} holds what Deskhand keeps for itself, which no tool may change.")
        return real
