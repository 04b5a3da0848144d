"""Uses each bundled skill in the real window on a virtual desktop, and leaves a picture of it in docs/skills.

    .venv/bin/python tests/pictures/skills.py [NAME …]

The model is a script, so that the pictures are the same each time; the window, the approvals, the tools, the X server,
the microphone and the page's server are real. A window manager has to be installed (jwm, openbox or icewm).
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from PIL import Image as Picture

ROOT = Path(__file__).parents[2]
TARGET = ROOT / "docs/skills"
SCREEN = (1500, 900)
MOST_BYTES = 120_000
PAGE = b"""<!doctype html><title>Opening hours of the clock museum</title><main><h1>Opening hours</h1><p>Tuesday to
Sunday, 10 to 17 o'clock. Closed on Mondays. The clocks are wound on Sundays at noon, which visitors may watch; the
tower can be climbed in groups of eight at every full hour.</p><p>Entrance: 5 euros, children free.
<a href="/tickets">Tickets</a></p></main>"""


class Site(BaseHTTPRequestHandler):
    """The page of the picture."""

    def do_GET(self) -> None:
        """Answer."""
        found = self.path.partition("?")[0] == "/hours"
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(PAGE if found else b"")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def window_manager() -> Generator[None]:
    """One that is installed; without one nobody can say which windows there are."""
    name = next((each for each in ("jwm", "openbox", "icewm") if shutil.which(each)), None)
    if name is None:
        sys.exit("Please install a window manager first: jwm, openbox or icewm.")
    process = subprocess.Popen([name], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(1)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def letter(text: str = "", *, selected: bool = False, title: str = "Letter") -> Generator[None]:
    """The other program's window."""
    command = [sys.executable, str(Path(__file__).with_name("desk.py")), title, text, "24", "90"]
    process = subprocess.Popen([*command, "selected" if selected else ""], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"shown\n"
        time.sleep(1)
        yield
    finally:
        process.kill()
        process.wait()


def call(name: str, /, **arguments: object) -> dict[str, object]:
    """A turn of the script that calls."""
    return {"steps": [{"call": {"name": name, "arguments": arguments}}]}


def says(text: str) -> dict[str, object]:
    """A turn of the script that answers."""
    return {"steps": [{"text": text}]}


def activate(name: str) -> dict[str, object]:
    """A turn of the script that activates a skill."""
    return call("activate_skill", name=name)


class Stage:
    """The window of one scene."""

    def __init__(self, folder: Path, turns: list[dict[str, object]]) -> None:
        from PySide6.QtWidgets import QApplication

        from deskhand.agent.history import Store
        from deskhand.app.demo.driver import Driver
        from deskhand.app.desktop import open_window
        from deskhand.app.settings import Settings, data_folder
        from deskhand.app.window.theme import Theme

        script = folder / "script.json"
        text = json.dumps({"model": "a script", "turns": turns})
        script.write_text(text.replace("DOCUMENTS", str(folder / "Documents")))
        chosen = Settings(engine=f"scripted:{script}", web=True, folders=(folder / "Documents",))
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        store = Store(data_folder() / "history.sqlite")
        window, bridge = open_window(chosen, store, Theme(application), hide_while_capturing=False)
        window.setGeometry(560, 40, 910, 820)
        self.driver = Driver(window, bridge, folder)
        self.driver.open()

    def ask(self, text: str) -> None:
        """Type and send."""
        self.driver.type(text)
        self.driver.click("send")

    def allow(self) -> None:
        """Say once."""
        self.driver.click("approve-once")

    def picture(self, name: str) -> None:
        """Keep the screen, small, for the docs."""
        path = self.driver.picture(name)
        shot = Picture.open(path).resize((1200, 720), Picture.Resampling.LANCZOS)
        TARGET.mkdir(parents=True, exist_ok=True)
        for colours in (128, 64, 32, 16):
            shot.quantize(colours, dither=Picture.Dither.NONE).save(TARGET / f"{name}.png", optimize=True)
            if (TARGET / f"{name}.png").stat().st_size <= MOST_BYTES:
                break
        print(f"{name}: {(TARGET / f'{name}.png').stat().st_size // 1000} kB")

    def marked(self) -> bool:
        """Whether a place on the screen is marked."""
        from Xlib import display, error

        connection = display.Display()
        found = 0
        for window in connection.screen().root.query_tree().children:
            with contextlib.suppress(error.XError):
                size = window.get_geometry()
                found += (window.get_wm_class() or ("",))[0] == "deskhand" and 4 in {size.width, size.height}
        connection.close()
        return found >= 4


Scene = Callable[[Path], None]


def simple(name: str, question: str, turns: list[dict[str, object]], asked: int, *, at: str = "end") -> Scene:
    """A scene of one question with ``asked`` approvals; the picture is of the last ``approval``, or the ``end``."""

    def play(folder: Path) -> None:
        stage = Stage(folder, turns)
        stage.ask(question)
        for number in range(asked):
            stage.driver.button("approve-once")
            if at == "approval" and number == asked - 1:
                stage.picture(name)
            stage.allow()
        outcome = stage.driver.outcome()
        failed = [record.error for record in outcome.calls if record.error]
        if failed:
            raise SystemExit(f"{name}: {failed}")
        if at == "end":
            stage.picture(name)
        stage.driver.close()

    return play


def marking(name: str, question: str, turns: list[dict[str, object]], title: str) -> Scene:
    """A scene in which a place is marked; the picture is of the mark."""

    def play(folder: Path) -> None:
        with letter("Dear Ann,\n\nthe clock is mended. Come on Tuesday.", title=title):
            stage = Stage(folder, turns)
            stage.ask(question)
            stage.allow()
            stage.driver.until("the place is marked", stage.marked, 60)
            stage.picture(name)
            stage.driver.outcome()
            stage.driver.close()

    return play


def selection(folder: Path) -> None:
    """Translated, then replaced."""
    english = "Dear Ann, the clock is mended. Come on Tuesday."
    turns = [
        activate("selection"),
        call("selection_read"),
        says("Liebe Ann, die Uhr ist repariert. Komm am Dienstag."),
        call("selection_replace", text="Liebe Ann, die Uhr ist repariert. Komm am Dienstag."),
        says("The German text is in its place."),
    ]
    with letter(english, selected=True):
        stage = Stage(folder, turns)
        stage.ask("Translate what I selected into German")
        stage.allow()
        stage.driver.outcome()
        stage.ask("Put it in its place")
        stage.driver.button("approve-once")
        stage.picture("selection-asked")
        stage.allow()
        outcome = stage.driver.outcome()
        if outcome.calls[-1].error:
            raise SystemExit(outcome.calls[-1].error)
        stage.picture("selection")
        stage.driver.close()


def system(folder: Path) -> None:
    """With another program's window to tell of."""
    turns = [
        activate("system"),
        call("system_windows"),
        call("system_volume"),
        says("There is one window beside this one, “Letter”. The volume is at 100 %."),
    ]
    with letter("Dear Ann,"):
        simple("system", "Which windows are open, and how loud is it?", turns, 2)(folder)


def dictation(folder: Path) -> None:
    """Two phrases into the letter."""
    from PySide6.QtTest import QTest
    from PySide6.QtWidgets import QApplication

    from deskhand.app import virtual

    turns = [
        activate("dictation"),
        call("dictation_start", minutes=2),
        says("Dear Ann, new line"),
        says("the clock is mended."),
        says("Stop dictation."),
        says("Done: they said “stop dictation”."),
    ]

    def state() -> str:
        found = [w for w in QApplication.topLevelWidgets() if w.objectName() == "sign" and w.isVisible()]
        return found[0].state.text() if found else ""

    with letter():
        stage = Stage(folder, turns)
        stage.ask("Take dictation into my letter")
        stage.allow()
        stage.driver.until("it listens", lambda: "listening" in state(), 30)
        QTest.qWait(700)
        for number, words in enumerate(("Dear Ann, new line", "the clock is mended", "Stop dictation")):
            wave = virtual.speak(words, folder / f"{number}.wav")
            player = threading.Thread(target=virtual.play, args=(wave,))
            player.start()
            stage.driver.until("it is said", lambda player=player: not player.is_alive(), 30)
            if number == 2:
                break
            QTest.qWait(2500)
            stage.driver.until("it is typed", lambda: state().endswith("listening"), 30)
            QTest.qWait(1500)
            if number == 1:
                stage.picture("dictation")
        outcome = stage.driver.outcome()
        print("dictation:", outcome.calls[-1].result, outcome.calls[-1].error)
        stage.driver.close()


SCENES: dict[str, Scene] = {
    "clock": simple(
        "clock",
        "Remind me every day at 18:00 to water the plants",
        [
            call("clock_set_timer", at="18:00", label="water the plants", repeat="daily"),
            says("I will remind you every day at 18:00 to water the plants."),
        ],
        1,
    ),
    "notes": simple(
        "notes",
        "Take a note: call the doctor on Monday",
        [call("notes_append", text="call the doctor on Monday"), says("Noted.")],
        1,
    ),
    "screen": marking(
        "screen",
        "Where is the Send button?",
        [call("screen_find", text="Send letter"), says("It is marked.")],
        "Letter",
    ),
    "files": simple(
        "files",
        "Add bread to my shopping list",
        [
            activate("edit"),
            call("edit_replace", path="DOCUMENTS/shopping.txt", old="butter", new="butter\nbread"),
            says("Bread is on the list."),
        ],
        1,
        at="approval",
    ),
    "clipboard": simple(
        "clipboard",
        "Copy the address of the museum for me",
        [
            activate("clipboard"),
            call("clipboard_copy", text="Clock Museum, Tower Street 4"),
            says("The address is on your clipboard."),
        ],
        1,
    ),
    "open": simple(
        "open", "Open the letter program", [call("open_application", name="Letter Writer"), says("It is open.")], 1
    ),
    "input": marking(
        "input",
        "Click on Send letter",
        [activate("input"), call("input_click", x=183, y=436), says("The letter was sent.")],
        "Letter",
    ),
    "calculator": simple(
        "calculator",
        "What is 19 % of 1,284.50, and how many miles are 42.195 km?",
        [
            call("calculator_calculate", expression="1284.50 * 19 / 100"),
            call("calculator_convert", value=42.195, source="km", target="mile"),
            says("19 % of 1,284.50 is 244.055. 42.195 km are 26.22 miles."),
        ],
        0,
    ),
    "system": system,
    "background": simple(
        "background",
        "Tell me when the download on the screen is done",
        [
            activate("background"),
            call("background_watch", what="the download is done", minutes=30),
            says("I look every ten seconds, for half an hour, and tell you when it is done."),
        ],
        1,
    ),
    "selection": selection,
    "dictation": dictation,
    "web": simple(
        "web",
        "When is clockmuseum.example open? See http://clockmuseum.example/hours",
        [
            activate("web"),
            call("web_fetch", url="http://clockmuseum.example/hours"),
            says(
                "Tuesday to Sunday from 10 to 17 o’clock; it is closed on Mondays (http://clockmuseum.example/hours)."
            ),
        ],
        1,
    ),
    "web-asked": simple(
        "web-asked",
        "Look that up on the web",
        [
            activate("clipboard"),
            call("clipboard_read"),
            activate("web"),
            call("web_fetch", url="http://clockmuseum.example/hours?q=the+door+code+is+4711+amber"),
            says("."),
        ],
        2,
        at="approval",
    ),
}


def main(names: list[str]) -> int:
    """Play the scenes of these names, or all."""
    for name in names or SCENES:
        if len(names) != 1:  # a process each: PortAudio and Qt keep the devices they began with
            subprocess.run([sys.executable, __file__, name], check=True)
            continue
        with contextlib.ExitStack() as stack:
            home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="deskhand-pictures-")))
            _prepare(home, stack)
            SCENES[name](home)
    return 0


def _prepare(home: Path, stack: contextlib.ExitStack) -> None:
    from deskhand.app import virtual

    (home / "Documents").mkdir()
    (home / "Documents/shopping.txt").write_text("milk\nbutter\neggs\n")
    os.environ |= {f"XDG_{kind}_HOME": str(home / kind.lower()) for kind in ("DATA", "CONFIG", "STATE")}
    entries = home / "data/applications"
    entries.mkdir(parents=True)
    program = Path(__file__).with_name("desk.py")
    written = home / "letter"  # the picture shows where the program is, and need not show where this project is
    written.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{program}" Letter "Dear Ann," 24 90 none\n')
    written.chmod(0o755)
    (entries / "letter.desktop").write_text(f"[Desktop Entry]\nType=Application\nName=Letter Writer\nExec={written}\n")
    os.environ.pop("WAYLAND_DISPLAY", None)
    os.environ["DISPLAY"] = stack.enter_context(virtual.display(*SCREEN))
    os.environ.update(stack.enter_context(virtual.microphone()))
    stack.enter_context(window_manager())
    from deskhand.app.demo import stage

    stack.enter_context(stage._wallpaper())
    from deskhand.app.desktop import application
    from deskhand.app.host import web
    from deskhand.app.host.fetching import Net

    made = application()
    made.clipboard().setText("the door code is 4711 amber")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    stack.callback(server.shutdown)
    here = [("127.0.0.1", server.server_port)]
    web.Net = lambda: Net(resolve=lambda *_: here, admits=lambda _: True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
