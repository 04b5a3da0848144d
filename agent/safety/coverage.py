"""What a grant covers, in words that a person reads before they give it: after “Allow for 30 days:”."""

from __future__ import annotations

OWN = "any note, timer or reminder you add"
"""What one yes covers with the setting ``ask_for_own = "session"``."""

_ANY = {
    "notes_append": "any note you append",
    "notes_edit": "any change of any of your notes",
    "notes_delete": "deleting any of your notes",
    "clock_set_timer": "any timer or reminder you set, with any words",
    "clock_change_timer": "changing any of your timers and reminders",
    "clock_cancel_timer": "cancelling any of your timers and reminders",
    "background_watch": "watching your screen for anything",
    "background_later": "doing anything later, where each step asks as it would now",
    "background_end": "ending anything that goes on in the background",
    "screen_look": "looking at your screen at any time",
    "screen_read": "reading all text on your screen at any time",
    "screen_find": "looking for any text on your screen at any time",
    "clipboard_read": "reading whatever you have copied or selected",
    "selection_read": "reading whatever you have selected or copied",
    "files_list": "listing any folder that you granted",
    "files_read": "reading any file in the folders that you granted",
    "files_search": "searching any folder that you granted",
}
"""Of tools of ours, when their arguments may be any."""

_IN_FOLDER = {
    "edit_write": "writing any text to any file",
    "edit_replace": "changing any text in any file",
    "edit_delete": "deleting any file",
    "edit_move": "moving or renaming any file",
}
"""Likewise, when they stay in one folder."""


def anything(tool: str) -> str:
    """All that a tool can do."""
    return _ANY.get(tool, f"{tool} with any arguments")


def within(tool: str, folder: str) -> str:
    """All that a tool can do in one folder."""
    return f"{_IN_FOLDER.get(tool, f'{tool} with any arguments')} in {folder}"


def pages(tool: str, host: str) -> str:
    """All that a tool can fetch from one host."""
    return f"any page of {host}" if tool == "web_fetch" else f"{tool} from {host}"


def exactly(tool: str, arguments: str) -> str:
    """One call of a tool."""
    return f"exactly this call: {tool} {arguments}"
