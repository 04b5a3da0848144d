"""Pictures of the pages and of what asks the person, for the documentation, in the light and the dark palette.

``python -m deskhand.app.demo.pictures`` writes ``docs/*.png`` (light) and ``build/pictures/*.png`` (both). They show
the very windows of the application, over skills, consents, grants and settings in folders made for it.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from deskhand.agent.safety.grants import DAYS, Grant
from deskhand.agent.skills.secrets import SecretRequest
from deskhand.app import virtual

DOCS, BUILD = Path("docs"), Path("build/pictures")
SIZE = (1040, 760)

_WEATHER = """---
name: weather
description: Tells the weather of the next days at a place. Use it when the person asks whether to take an umbrella.
license: Apache-2.0
metadata:
  require-secret: "true"
  require-secret-description: {why}
---
Call `run_js` with the place.
"""
_WHY = "A free key of the weather service. Make one under Account → API keys, and paste it here."
_PAGE = """<!DOCTYPE html><script>
window.ai_edge_gallery_get_result = async (data, secret) => JSON.stringify({ result: 'Sunny.' });
</script>"""
_LETTERS = """---
name: letters
description: Writes formal letters in the usual layout. Use it for applications, complaints and notices.
license: MIT
metadata:
  deskhand-scopes: "files:read files:write clipboard:write"
  audience: 3
---
Begin with the sender's address.
"""
_DICE = """---
name: dice
description: Rolls dice. Use it when the person wants a random number.
license: CC0-1.0
---
Roll.
"""


def _write(folder: Path, text: str, **files: str) -> Path:
    folder.mkdir(parents=True)
    (folder / "SKILL.md").write_text(text, "utf-8")
    for name, content in files.items():
        path = folder / name.replace("__", "/").replace("_html", ".html").replace("_md", ".md")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")
    return folder


def _furnish(home: Path) -> Path:
    """Skills, grants and folders; returns the folder of one more skill that is not installed."""
    from deskhand.app import settings, wiring  # noqa: PLC0415 - the folders of the demonstration come first

    shelf = wiring.shelf()
    for text, name in ((_LETTERS, "letters"), (_DICE, "dice")):
        shelf.offer(_write(home / "new" / name, text, references__layout_md="# Layout\n")).accept()
    with (wiring.user_skills() / "dice" / "SKILL.md").open("a") as file:
        file.write("Always roll a six.\n")
    grants, now = wiring.open_grants(), time.time()
    grants.add(Grant("open_application", "p", arguments='{"name": "gedit"}', made=now, expires=now + DAYS * 86_400))
    grants.add(Grant("edit_write", "p", folder=str(home / "Documents/letters"), made=now, expires=now + 9 * 86_400))
    grants.add(Grant("input_type", effect="deny", made=now))
    trusted = home / "Documents" / "drafts"
    trusted.mkdir(parents=True)
    settings.change(mode="trusted-folder", trusted_folders=[str(trusted)])
    return _write(
        home / "new" / "weather",
        _WEATHER.format(why=_WHY),
        scripts__index_html=_PAGE,
        references__cities_md="Oslo\n" * 400,
    )


def _play(weather: Path, dark: bool, keep: Callable[[str, object], None]) -> None:
    from PySide6.QtCore import Qt  # noqa: PLC0415 - Qt must find the virtual display
    from PySide6.QtTest import QTest  # noqa: PLC0415
    from PySide6.QtWidgets import QApplication, QWidget  # noqa: PLC0415

    from deskhand.app import settings, wiring  # noqa: PLC0415
    from deskhand.app.desktop import application, open_window  # noqa: PLC0415
    from deskhand.app.window.theme import Theme  # noqa: PLC0415

    theme = Theme(QApplication.instance() or application(), dark=dark)  # pyright: ignore[reportArgumentType]
    window, _bridge = open_window(settings.load(engine="tiny"), wiring.open_history(), theme)
    window.resize(*SIZE)
    window.show()
    window.activateWindow()
    QTest.qWait(200)

    def until(name: str) -> None:
        for _ in range(400):
            QTest.qWait(25)
            if any(each.isVisible() for each in window.findChildren(QWidget, name)):
                QTest.qWait(200)
                return
        raise RuntimeError(f"“{name}” did not appear.")

    def esc() -> None:
        QTest.keyClick(window.focusWidget() or window, Qt.Key.Key_Escape)
        QTest.qWait(100)

    window.places.go("skills")
    until("skill-letters")
    keep("skills", window)
    window._skills.install(weather)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage, reportOptionalMemberAccess]
    until("consent")
    keep("consent", window)
    esc()
    window.places.go("permissions")
    until("modes-card")
    keep("permissions", window)
    window.places.show_conversation()
    window.handle(SecretRequest("weather", _WHY))
    until("secret")
    keep("secret", window)
    esc()
    window.composer.input.setFocus()
    QTest.keyClicks(window.composer.input, "/", delay=5)
    until("completion")
    keep("completion", window)
    window.close()
    QTest.qWait(200)


@contextmanager
def _home() -> Generator[Path]:
    """A home whose name does not change from one making of the pictures to the next."""
    home = Path(tempfile.gettempdir()) / "ann"
    home.mkdir(mode=0o700)
    try:
        yield home
    finally:
        shutil.rmtree(home)


def main() -> int:
    """Make all pictures."""
    shutil.rmtree(BUILD, ignore_errors=True)
    BUILD.mkdir(parents=True)
    with _home() as home, virtual.display() as name:
        folder = str(home)
        os.environ.update(
            DISPLAY=name,
            HOME=folder,
            XDG_DATA_HOME=f"{folder}/.local/share",
            XDG_CONFIG_HOME=f"{folder}/.config",
            XDG_STATE_HOME=f"{folder}/.local/state",
        )
        os.environ.pop("WAYLAND_DISPLAY", None)
        os.environ.pop("QT_QPA_PLATFORM", None)
        weather = _furnish(home)
        for dark in (False, True):

            def keep(what: str, window: object, dark: bool = dark) -> None:
                path = BUILD / f"{what}{'-dark' if dark else ''}.png"
                window.grab().save(str(path))  # pyright: ignore[reportAttributeAccessIssue]
                if not dark:
                    shutil.copy(path, DOCS / path.name)

            _play(weather, dark, keep)
    print(f"{', '.join(sorted(path.name for path in BUILD.iterdir()))} in {BUILD}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
