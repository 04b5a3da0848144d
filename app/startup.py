"""What has to be there before a window can be: the data folder for us alone, the settings and the history.

Whatever is wrong with them opens a window of its own, since from a menu nobody sees what is printed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from deskhand.agent import database
from deskhand.agent.history import DamagedHistoryError, HistoryError, Store
from deskhand.app import settings, terminal, wiring
from deskhand.app.environment import DataFolderError
from deskhand.app.instance import Instance, RunningError, bring_forward
from deskhand.app.settings import Settings, SettingsError, SettingsFileError
from deskhand.app.window.repair import Choice, RepairWindow


@dataclass(frozen=True)
class Begun:
    """All of it."""

    instance: Instance
    settings: Settings
    store: Store


def begin(given: Mapping[str, object]) -> Begun | int:
    """Claim the data folder and read what is in it.

    Args:
        given: settings of the command line.

    Returns:
        The exit code where a window is open already, which is brought forward, or the person gives up.
    """
    while True:
        try:
            instance = Instance()
        except RunningError as error:
            if bring_forward():
                return 0
            choice = _repair(error, RepairWindow(str(error), None, again=True))
        except OSError as error:
            choice = _repair(error, RepairWindow(str(error), None, again=True))
        else:
            found = _read(instance, given)
            if isinstance(found, Begun):
                return found
            instance.close()
            choice = found
        if choice == "quit":
            return 1


def _read(instance: Instance, given: Mapping[str, object]) -> Begun | Choice:
    """Everything else, or what the person wants instead."""
    try:
        return Begun(instance, settings.load(**given), wiring.open_history())
    except SettingsFileError as error:
        window = RepairWindow(error.problem, settings.settings_file().parent, fresh=True, again=True)
        return _repair(error, window, settings.reset)
    except SettingsError as error:  # of the command line: whoever wrote that sees what is printed
        terminal.err.line(error)
        return "quit"
    except DamagedHistoryError as error:
        window = RepairWindow(error.problem, settings.data_folder(), fresh=True, again=True)
        return _repair(error, window, lambda: database.set_aside(wiring.history_file()))
    except (HistoryError, DataFolderError) as error:
        return _repair(error, RepairWindow(str(error), None, again=True))


def _repair(error: Exception, window: RepairWindow, put_aside: Callable[[], object] = lambda: None) -> Choice:
    """Show what is wrong and do what the person chooses."""
    terminal.err.line(error)
    window.exec()
    if window.choice == "fresh":
        try:
            put_aside()
        except (HistoryError, SettingsError) as failure:
            return _repair(failure, RepairWindow(str(failure), None, again=True))
    return window.choice
