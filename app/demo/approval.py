"""A picture of the question before a click, for the documentation: ``python -m deskhand.app.demo.approval``.

The screen, the other program's window and the piece that the question shows are real; only the model is not there.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from pathlib import Path

from deskhand.agent.events import ApprovalRequest, ApprovalRequested
from deskhand.agent.origin import Origin
from deskhand.agent.safety.sentence import sentence
from deskhand.agent.tool import Tool
from deskhand.app import capture, virtual
from deskhand.app.demo import stage
from deskhand.model.types import ToolCall

DOCS, BUILD = Path("docs"), Path("build/pictures")
RETRY = (262, 296)
"""Where the other window's button is, in thousandths of the screen."""


def _request() -> ApprovalRequest:
    """What would be asked if the model wanted to click the button."""
    from deskhand.app import settings, wiring  # noqa: PLC0415 - the folders of the demonstration come first

    chosen = settings.load(redaction="pixels")
    painter = wiring.painter_of(chosen)
    seen = capture.grab()
    sight = wiring.AppHost(chosen.image_budget, painter=painter).sight
    x, y = RETRY
    tool = Tool("input_click", "input", "Click at a place of the screen.", {}, ("input",), bundled=True)
    call = ToolCall("c1", tool.name, {"x": x, "y": y})
    aim = sight.aim(tool, call, threading.Event())
    asked = sentence(tool, call, aim)
    return ApprovalRequest(
        call,
        "input",
        tool.description,
        ("mouse and keyboard",),
        origins=(Origin("screen", seen.source, seen.image.digest),),
        picture=painter.painted(seen.image).image,
        aim=aim,
        question=asked.question,
        told=asked.told,
    )


def main() -> int:
    """Make the picture, in both palettes."""
    BUILD.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home, virtual.display(*stage.SCREEN) as name:
        for kind in ("DATA", "CONFIG", "STATE"):
            os.environ[f"XDG_{kind}_HOME"] = f"{home}/{kind.lower()}"
        os.environ.pop("WAYLAND_DISPLAY", None)
        os.environ.pop("QT_QPA_PLATFORM", None)
        os.environ["DISPLAY"] = name
        from PySide6.QtTest import QTest  # noqa: PLC0415 - Qt must find the virtual display

        from deskhand.app import settings, wiring  # noqa: PLC0415
        from deskhand.app.desktop import application, open_window  # noqa: PLC0415
        from deskhand.app.window.theme import Theme  # noqa: PLC0415

        qt = application()
        with stage.foreign_window(Path(home, "foreign.log")):
            for dark in (True, False):
                window, _bridge = open_window(settings.load(engine="tiny"), wiring.open_history(), Theme(qt, dark=dark))
                window.setGeometry(640, 60, 900, 760)
                window.show()
                window.activateWindow()
                QTest.qWait(500)
                window.handle(ApprovalRequested(_request()))
                QTest.qWait(1500)  # until it can be answered
                window.grab().save(str(BUILD / f"approval{'-dark' if dark else ''}.png"))
                window.close()
    (DOCS / "approval.png").write_bytes((BUILD / "approval.png").read_bytes())
    return 0


if __name__ == "__main__":
    sys.exit(main())
