"""Practice windows: held-out canonical windows as pictures, with what is on them, for a person to try Pocket on."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image as Picture

from deskhand.model.pocket.world import windows

COUNT = 12
_SEED = 4_000_037


def write(folder: Path, count: int = COUNT) -> None:
    """Draw the windows: ``NN.png``, and ``windows.json`` with each one's file, title, message and buttons.

    A button's ``box`` is left, top, right and bottom in pixels of the picture.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(_SEED)
    listed: list[dict[str, object]] = []
    while len(listed) < count:
        window = windows.draw(rng, held=True)
        if len(window.buttons) < 2:
            continue
        name = f"{len(listed) + 1:02}.png"
        Picture.fromarray(window.render()).save(folder / name, optimize=True)
        buttons = [{"label": button.label, "box": button.edges()} for button in window.buttons]
        listed.append({"file": name, "title": window.title, "message": window.message, "buttons": buttons})
    (folder / "windows.json").write_text(json.dumps(listed, indent=1) + "\n", encoding="utf-8")
