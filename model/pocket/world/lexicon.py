"""The closed lists behind the slots of commands and the words on canonical windows, and how texts are held out."""

from __future__ import annotations

import zlib

_ONES = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    *("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = ("", "", "twenty", "thirty", "forty", "fifty")

NUMBERS = (*range(1, 21), 25, 30, 35, 40, 45, 50, 55)
"""Numbers that are spoken in commands."""

NAMES = (
    *("Anna", "Ben", "Clara", "David", "Emma", "Frank", "Grace"),
    *("Henry", "Julia", "Martin", "Oliver", "Sophie", "Thomas", "Vera"),
)
GOODS = (
    *("milk", "bread", "coffee", "cheese", "apples", "butter"),
    *("flowers", "paper", "batteries", "soap", "tickets", "sugar"),
)
CHORES = (
    "water the plants",
    "take out the trash",
    "walk the dog",
    "pay the rent",
    "wash the car",
    "check the oven",
    "feed the cat",
    "send the report",
    "take a break",
    "close the windows",
)
LABELS = ("tea", "pasta", "egg", "laundry", "pizza", "meeting", "oven", "workout", "nap", "rice")
APPLICATIONS = (
    *("firefox", "calculator", "terminal", "text editor", "music player", "calendar", "camera", "settings"),
    *("file manager", "spreadsheet", "photo viewer", "chess"),
)
SITES = {
    "wikipedia": "https://wikipedia.org",
    "debian": "https://debian.org",
    "python": "https://python.org",
    "the weather": "https://wttr.in",
    "the archive": "https://archive.org",
    "the map": "https://openstreetmap.org",
}
CITIES = ("Paris", "London", "Berlin", "Madrid", "Vienna", "Dublin", "Boston", "Toronto", "Sydney", "Oslo")

BUTTONS = (
    *("OK", "Cancel", "Retry", "Save", "Delete", "Close", "Open", "Help", "Yes", "No", "Apply", "Ignore"),
    *("Install", "Remove", "Continue", "Back", "Next", "Finish", "Print", "Send", "Copy", "Rename", "Update", "Later"),
)
"""What buttons say, in writing and in speech."""

TITLES = (
    *("Error", "Warning", "Disk full", "Update", "Print", "Network", "Backup", "Printer", "Battery", "Download"),
    *("Settings", "Login", "Save file", "Delete file", "New mail", "Sound", "Camera", "Calendar", "Keyboard", "Trash"),
)

SUBJECTS = (
    *("The file", "The disk", "The printer", "The network", "The server", "The battery", "The backup", "The camera"),
    *("The update", "The folder", "The mail", "The program", "The screen", "The mouse", "The cable", "The key"),
)
VERBS = (
    *("is full", "is empty", "is missing", "is ready", "is broken", "was saved", "was deleted", "was moved"),
    *("was not found", "is not open", "has stopped", "is too old", "is in use", "is locked", "can not start", "is low"),
)
QUESTIONS = (
    *("Try again now?", "Save the changes?", "Delete all files?", "Open the folder?", "Restart today?", "Send it?"),
    *("Keep the copy?", "Use the old one?", "Print two pages?", "Install it now?", "Close the window?", "Wait longer?"),
)
THINGS = ("files", "pages", "mails", "photos", "songs", "users", "tasks", "errors", "notes", "jobs")


def words(number: int) -> str:
    """A number from 0 to 59 as it is spoken."""
    if number < 20:
        return _ONES[number]
    tens, one = divmod(number, 10)
    return _TENS[tens] + (f" {_ONES[one]}" if one else "")


def held_out(text: str) -> bool:
    """Whether a text is kept from training: one in ten, by its checksum."""
    return zlib.crc32(text.encode()) % 10 == 0
