"""What others wrote is plain text wherever it is shown (F16): no label, tooltip or box reads it as HTML."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QTextDocument
from PySide6.QtWidgets import QLabel, QWidget
from pytestqt.qtbot import QtBot

from deskhand.agent.events import ApprovalRequest
from deskhand.agent.origin import Carried, Origin
from deskhand.app.window.approval import ApprovalSheet
from deskhand.app.window.fold import tip
from deskhand.app.window.theme import Theme
from deskhand.model.types import ToolCall

WINDOW = Path(__file__).parents[3] / "app"
HTML = "<b>x</b><img src='file:///etc/passwd'>"


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def name(call: ast.Call) -> str:
    return ast.unparse(call.func).rsplit(".", 1)[-1]


def literal(node: ast.expr) -> bool:
    """Whether a text is ours alone: nothing is put into it."""
    return isinstance(node, ast.Constant)


def sources() -> list[Path]:
    return [path for path in sorted(WINDOW.rglob("*.py")) if not {"demo", "fold.py"} & set(path.parts)]


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(WINDOW)))
def test_no_label_tooltip_or_box_could_take_a_text_for_html(path: Path):
    tree = ast.parse(path.read_text())
    wrong = [f"{path.name}: {made} is given a text: make it with fold.label" for made in unformatted(tree)]
    for call in calls(tree):
        given = call.args[0] if call.args else None
        at = f"{path.name}:{call.lineno}"
        match name(call):
            case "QLabel" if given is not None and not literal(given):
                wrong.append(f"{at}: make the label with fold.label")
            case "setToolTip" | "setWhatsThis" | "setStatusTip" if given is not None and not plain(given):
                wrong.append(f"{at}: give the tooltip with fold.tip")
            case "QMessageBox" | "showText" | "insertHtml" | "setHtml" | "appendHtml" | "setTextFormat":
                wrong.append(f"{at}: {name(call)} reads HTML")
            case _:
                pass
    assert wrong == []


def plain(node: ast.expr) -> bool:
    """Whether a tooltip is ours alone, or was made by what makes any text plain."""
    return literal(node) or (isinstance(node, ast.Call) and name(node) in {"tip", "hint"})


def unformatted(tree: ast.AST) -> set[str]:
    """Names of labels that Qt made, which guess what a text is, and that are given one later."""
    made = {
        ast.unparse(target)
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and name(node.value) == "QLabel"
        for target in node.targets
    }
    told = {ast.unparse(call.func).removesuffix(".setText") for call in calls(tree) if name(call) == "setText"}
    return made & told


@pytest.mark.parametrize("text", [f"{HTML}\nand more", "a < b", "&lt;b&gt;", "a\n  b & c", "plain"])
def test_a_tooltip_shows_what_others_wrote_as_it_is(text: str):
    page = QTextDocument()
    page.setHtml(tip(text))
    assert page.toPlainText() == text or text == tip(text) == "plain"
    assert tip(text).startswith("<div") or not set(text) & set("<&")


def test_every_label_of_a_question_is_plain(qtbot: QtBot, theme: Theme):
    window = QWidget()
    qtbot.addWidget(window)
    page = Origin("web", HTML)
    call = ToolCall("c1", HTML, {HTML: HTML, "x": [HTML]})
    texts = ("read", "command", "diff", "lasting", "session", "always", "phrase", "question", "note")
    given = {"origins": (page,), "carried": (Carried(HTML, HTML, page),), **dict.fromkeys(texts, HTML)}
    request = ApprovalRequest(call, HTML, HTML, (HTML,), **given)
    sheet = ApprovalSheet(window, theme, request, hears=True)
    labels = [each for each in sheet.findChildren(QLabel) if each.text()]
    assert sum(HTML in each.text() for each in labels) > 8
    assert all(each.textFormat() == Qt.TextFormat.PlainText for each in labels)
    assert not any(HTML in each.toolTip() for each in sheet.findChildren(QWidget))
