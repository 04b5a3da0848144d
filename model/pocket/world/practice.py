"""Practice windows: dialogs as pictures, with what is on them, for a person to try Pocket on.

They are held out by what is put together: their layouts are those that training never has, and their title stands a row
lower, below a margin, where no trained one does. Titles, labels and lines are those of the whole lexicon, most of which
training has seen, each in other windows. So they are easier than the turns of the model card whose lines are held out
too, and no figure of it is of them.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image as Picture

from deskhand.model.pocket.spec import COLUMNS
from deskhand.model.pocket.world import commands, windows
from deskhand.model.pocket.world.lexicon import BUTTONS, TITLES
from deskhand.model.pocket.world.samples import LIST, PRESS, SAY, TITLE, Sample
from deskhand.model.pocket.world.windows import HELD_OUT_LAYOUTS, THEMES, Window
from deskhand.model.types import Message, Text

COUNT = 12
_SEED = 4_000_037

ORDER = (5, 6, 2, 11, 10, 0, 3, 4, 7, 8, 9, 1)
"""Which of the drawn windows comes when: those first on which the shipped files answer most of what a newcomer tries.

Of the twelve they read every title and every list of buttons, press 29 of 30 buttons (typed), and say what five of the
dialogs say: the first five. The last is the one with the button that is missed. Nothing is left out.
"""


def drawn(count: int = COUNT) -> list[Window]:
    """Different windows with at least two buttons: no title and no line comes twice, no two have the same buttons.

    Every kind of line comes first in two windows or more.
    """
    rng = np.random.default_rng(_SEED)
    titles = [TITLES[int(at)] for at in rng.permutation(len(TITLES))][:count]
    said: set[str] = set()
    pressed: list[set[str]] = []
    found: list[Window] = []
    while len(found) < count:
        arrangement, buttons, row = HELD_OUT_LAYOUTS[int(rng.integers(len(HELD_OUT_LAYOUTS)))]
        labels = [BUTTONS[int(at)] for at in rng.choice(len(BUTTONS), buttons, replace=False)]
        placed = windows.place(labels, arrangement, row)
        second = [windows.sentence(rng)] if rng.random() < 0.5 else []
        lines = (windows.sentence(rng, len(found) % windows.KINDS), *second)
        fits = max(map(len, lines)) < COLUMNS - 1 and len(set(lines)) == len(lines) and not said & set(lines)
        if len(placed) < 2 or not fits or set(labels) in pressed:
            continue
        said.update(lines)
        pressed.append(set(labels))
        theme = THEMES[len(found) % len(THEMES)]
        found.append(Window(titles[len(found)], lines, placed, theme, message_at=(1, 3), title_row=1))
    return found


def asked() -> dict[str, list[Sample]]:
    """What a newcomer asks of every dialog, by kind: its title, its buttons, what it says, and to press each button."""
    found: dict[str, list[Sample]] = {"title": [], "buttons": [], "say": [], "press typed": []}
    for window in drawn():
        pixels = window.render()
        told = {
            "title": (TITLE[0], window.title),
            "buttons": (LIST[0], ", ".join(button.label for button in window.buttons)),
            "say": (SAY[0], " ".join(window.message)),
        }
        for kind, (question, answer) in told.items():
            said = Message("assistant", (Text(answer),))
            found[kind].append(Sample(kind, said, question, pixels, window=window))
        for button in window.buttons:
            click = Message("assistant", calls=(commands.click(*window.middle(button)),))
            press = PRESS[0].format(button=button.label)
            found["press typed"].append(Sample("press typed", click, press, pixels, window=window, button=button))
    return found


def write(folder: Path, count: int = COUNT) -> None:
    """Draw the windows: ``NN.png``, and ``windows.json`` with each one's file, title, message and buttons.

    A button's ``box`` is left, top, right and bottom in pixels of the picture.
    """
    folder.mkdir(parents=True, exist_ok=True)
    every, listed = drawn(), list[dict[str, object]]()
    for window in (every[at] for at in ORDER[:count]):
        name = f"{len(listed) + 1:02}.png"
        Picture.fromarray(window.render()).save(folder / name, optimize=True)
        buttons = [{"label": button.label, "box": button.edges()} for button in window.buttons]
        listed.append({"file": name, "title": window.title, "message": window.message, "buttons": buttons})
    (folder / "windows.json").write_text(json.dumps(listed, indent=1) + "\n", encoding="utf-8")
