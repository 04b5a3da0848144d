"""The page of skills: every state and problem, every act by mouse and keyboard, nothing in the window's thread."""

import threading
import zipfile

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QTimer, QUrl
from PySide6.QtGui import QAccessible, QDropEvent
from PySide6.QtWidgets import QLabel, QPlainTextEdit, QPushButton

from deskhand.agent.skills.secrets import Secrets
from deskhand.app import settings, wiring
from tests.app.window.conftest import TEXT, write_skill


@pytest.fixture
def installed(own_folders, tmp_path):
    """A skill that was installed from a folder."""
    wiring.shelf().offer(write_skill(tmp_path / "new", "shout", references="x")).accept()
    return wiring.user_skills() / "shout"


def drop(page, *paths):
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    action, buttons, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    page.dropEvent(QDropEvent(QPointF(9, 9), action, mime, buttons, none))


def texts(widget):
    return [each.text() for each in widget.findChildren(QLabel)]


def test_every_skill_is_there_with_what_it_may_touch_and_its_problems(paged, own_folders):
    front = 'metadata:\n  deskhand-scopes: "clipboard:read input nonsense"\n'
    wiring.shelf().offer(write_skill(own_folders / "new", "odd", front)).accept()
    broken = wiring.user_skills() / "broken"
    broken.mkdir()
    (broken / "SKILL.md").write_text("no front")
    paged.click("go-skills")
    said = texts(paged.wait("skill-odd"))
    assert "Says it odd." in said
    assert "Installed by you · can read the clipboard" in said
    assert sum(text.startswith("•") for text in said) == 2  # one scope is for bundled skills only, one is none
    assert any("nonsense" in text for text in said)
    paged.says("Not loaded")
    names = {row.held.skill.name for row in paged.shelf.look().rows}
    assert {"clock", "files", "odd"} <= names
    for name in names:
        assert paged.window.findChild(object, f"skill-{name}") is not None


def test_a_switch_counts_at_once_by_keyboard_too(paged, installed, qtbot):
    library = wiring.library()
    paged.click("go-skills")
    switch = paged.wait("switch-shout")
    assert QAccessible.queryAccessibleInterface(switch).text(QAccessible.Text.Name) == "Use the skill shout"
    switch.setFocus()
    qtbot.keyClick(switch, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: paged.state("shout") == "off", timeout=20_000)
    library.refresh()  # as a running agent does before its next turn
    assert "shout" not in [skill.name for skill in library.skills]
    # The page is built anew, and the keyboard stays where it was.
    qtbot.waitUntil(lambda: (s := paged.find("switch-shout")) is not None and not s.isChecked() and s.hasFocus())
    qtbot.keyClick(paged.find("switch-shout"), Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: paged.state("shout") == "on", timeout=20_000)


def test_a_folder_is_installed_only_after_an_act_of_the_persons(paged, tmp_path, qtbot):
    source = write_skill(tmp_path / "new", "shout", "allowed-tools: Bash\n", **{"loud.sh": "echo LOUD"})
    paged.click("go-skills")
    page = paged.wait("skills-page")
    drop(page, source)
    sheet = paged.wait("consent")
    said = texts(sheet)
    digest = said[next(i for i, text in enumerate(said) if text == "Hash") + 1]
    for text in ("Install “shout”?", str(source), "MIT", "nothing outside of its sandbox"):
        assert text in said
    assert any("Bash" in text and "grants nothing" in text for text in said)
    assert sheet.findChild(QPlainTextEdit, "consent-files-0").toPlainText().splitlines()[1] == "loud.sh  (9 bytes)"
    # Enter on what came up means no.
    qtbot.waitUntil(lambda: paged.readable() and paged.wait("consent-no").hasFocus())
    assert paged.find("consent-no").isDefault()
    qtbot.keyClick(sheet, Qt.Key.Key_Return)
    paged.gone("consent")
    assert paged.state("shout") == ""
    drop(page, source)
    paged.click("consent-yes")
    paged.says("Installed: shout")
    paged.wait("skill-shout")
    row = next(row for row in paged.shelf.look().rows if row.held.skill.name == "shout")
    assert (row.held.state, row.held.digest) == ("on", digest.replace(" ", ""))
    left = [path.name for path in settings.data_folder().iterdir()]
    assert not any(name.startswith(".install") for name in left)


def test_an_archive_that_can_not_be_installed_is_a_sentence(paged, tmp_path):
    paged.click("go-skills")
    page = paged.wait("skills-page")
    bad = tmp_path / "bad.zip"
    bad.write_bytes(b"PK nonsense")
    drop(page, bad)
    paged.says("bad.zip is damaged")
    slip = tmp_path / "slip.zip"
    with zipfile.ZipFile(slip, "w") as file:
        file.writestr("x/SKILL.md", TEXT.format(name="x", front=""))
        file.writestr("../../out", "x")
    drop(page, slip)
    paged.says("written elsewhere")
    drop(page, write_skill(tmp_path, "clock"))
    paged.says("came with Deskhand")
    drop(page, tmp_path / "none")
    paged.says("There is no")
    drop(page, bad, slip)
    paged.says("one folder or archive at a time")
    assert paged.find("consent") is None
    assert page.add.isEnabled()


def test_ten_thousand_files_do_not_hold_the_window(paged, tmp_path, qtbot):
    source = write_skill(tmp_path, "many")
    for number in range(10_000):
        (source / f"{number}.txt").write_text("x")
    paged.click("go-skills")
    page = paged.wait("skills-page")
    paged.wait("skill-clock")
    ticks = []
    timer = QTimer(interval=1)
    timer.timeout.connect(lambda: ticks.append(1))
    timer.start()
    drop(page, source)
    assert not page.add.isEnabled()  # dropping came back before anything was read
    before = len(ticks)
    paged.says("10,000 files")
    assert len(ticks) > before  # the event loop ran meanwhile
    assert paged.find("consent") is None
    # A folder that lies in the person's own place already is not read in the window's thread either.
    (wiring.user_skills()).mkdir(parents=True, exist_ok=True)
    source.rename(wiring.user_skills() / "many")
    paged.says("Not loaded")


def test_a_changed_skill_is_off_until_its_new_version_was_looked_at(paged, installed, qtbot):
    paged.click("go-skills")
    paged.wait("switch-shout")
    (installed / "references").write_text("Now it says something else.")
    look = paged.wait("look-shout")  # the page sees it by itself
    card = paged.find("skill-shout")
    assert "Changed since you agreed" in texts(card)
    assert paged.find("switch-shout") is None
    look.click()
    sheet = paged.wait("consent")
    assert "Use the new version of “shout”?" in texts(sheet)
    paged.readable()
    qtbot.keyClick(sheet, Qt.Key.Key_Escape)
    paged.gone("consent")
    assert paged.state("shout") == "changed"
    paged.click("look-shout")
    paged.wait("consent")
    # What changes between the card and the yes was not agreed to.
    (installed / "references").write_text("And once more.")
    paged.click("consent-yes")
    qtbot.wait(200)
    assert paged.state("shout") == "changed"
    paged.click("look-shout")
    paged.click("consent-yes")
    paged.wait("switch-shout")
    assert paged.state("shout") == "on"


def test_a_removal_is_undone_with_its_consent_and_its_switch(paged, installed):
    paged.shelf.switch("shout", on=False)
    paged.click("go-skills")
    paged.click("remove-shout")
    paged.says("shout was removed")
    paged.gone("skill-shout")
    assert not installed.exists()
    paged.click("told-action")
    paged.says("shout is back")
    paged.wait("skill-shout")
    assert paged.state("shout") == "off"
    # Those that came with Deskhand can be switched off and not removed.
    assert paged.find("remove-clock") is None


def test_keys_are_named_forgotten_and_never_shown(paged, installed, qtbot):
    secrets = Secrets(settings.data_folder() / "secrets.json", lambda request: request.reply.set_result("s3cr3t"))
    for name in ("shout", "gone"):
        secrets.of(name, "1f", "", threading.Event())
    paged.click("go-skills")
    paged.wait("forget-shout")
    paged.says("A key of yours is kept for gone")
    assert not any("s3cr3t" in text for text in texts(paged.window))
    paged.click("forget-shout")
    paged.says("The key of shout was forgotten")
    paged.gone("forget-shout")
    assert secrets.names == ("gone",)


def test_by_keyboard_there_and_back(paged, qtbot):
    window = paged.window
    qtbot.keyClick(
        window.composer.input, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    )
    back = paged.wait("skills-page-back")
    qtbot.waitUntil(back.hasFocus)
    paged.wait("skill-clock")
    stops = set()
    for _ in range(60):
        qtbot.keyClick(window.focusWidget(), Qt.Key.Key_Tab)
        stops.add(window.focusWidget().objectName())
    assert {"skill-add", "switch-clock", "details-clock", "go-permissions"} <= stops
    for button in paged.find("skills-page").findChildren(QPushButton):
        assert button.accessibleName() or button.text()
    qtbot.keyClick(window.focusWidget(), Qt.Key.Key_Escape)
    assert not window.places.on_page
    assert window.composer.input.hasFocus()


def test_the_smallest_window_shows_it_all_and_opened_details_stay_open(paged, installed, qtbot):
    paged.window.resize(460, 420)
    qtbot.keyClick(
        paged.window.composer.input,
        Qt.Key.Key_K,
        Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier,
    )
    paged.click("details-shout")
    page = paged.wait("skills-page")
    digest = next(row.held.digest for row in paged.shelf.look().rows if row.held.skill.name == "shout")
    assert f"{digest[:16]} {digest[16:32]}" in paged.wait("detail-hash").text()
    (installed / "more.txt").write_text("x")
    paged.wait("look-shout")
    assert paged.find("details-shout").isChecked()
    assert "not the one you agreed to" in paged.wait("detail-hash").text()
    inside = page.area.widget()
    qtbot.waitUntil(lambda: inside.width() <= page.area.viewport().width())
    for button in inside.findChildren(QPushButton):
        right = button.mapTo(page, button.rect().topRight()).x()
        assert not button.isVisible() or right <= page.width(), button.objectName()


def test_what_the_engine_does_not_use_says_so_and_keeps_its_switch(paged, installed, qtbot):
    paged.window.findChild(object, "skills-page")._shelf.hold_to(wiring.POCKET_SKILLS)
    paged.click("go-skills")
    paged.says("Pocket uses only: clock, notes, open, screen, input.")
    for name, unused in (("clock", False), ("input", False), ("files", True), ("shout", True)):
        assert ("Not used by Pocket" in texts(paged.wait(f"skill-{name}"))) is unused, name
        assert paged.wait(f"switch-{name}").isChecked()
    assert paged.state("files") == "on"
    shelf = wiring.shelf(wiring.POCKET_SKILLS)
    shelf.look()
    assert shelf.activatable == ()  # all that it uses are in use from the start
