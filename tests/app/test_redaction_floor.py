"""A small fixed part of what `make redaction` measures, through real reading."""

import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHOTS = (
    ("environment", "small"),
    ("login", "dark"),
    ("statement", "paper"),
    ("chat", "light"),
    ("private_key", "dark"),
    ("documentation", "large"),
)


@pytest.fixture
def measure(monkeypatch, qapp):
    """The script, which is no package."""
    monkeypatch.syspath_prepend(str(ROOT / "tests" / "measure"))
    import redaction
    import screens

    yield redaction, screens
    for name in ("redaction", "screens"):
        sys.modules.pop(name, None)


def test_known_secrets_are_covered_and_decoys_stay(measure):
    redaction, screens = measure
    looks = {look.name: look for look in screens.LOOKS}
    tally = redaction.look_through(screens.screen(getattr(screens, scene), looks[look], 1) for scene, look in SHOTS)
    assert tally.secrets.total() >= 25
    assert tally.recall >= 0.95, tally.missed
    assert tally.precision >= 0.95, tally.harmed
    assert len(tally.harmed) <= 1, tally.harmed


def test_the_count_notices_what_is_not_covered(measure):
    redaction, screens = measure
    tally = redaction.Tally()
    tally.add(screens.screen(screens.mail, screens.LOOKS[0]), [])
    assert tally.recall == 0
    assert len(tally.missed) == tally.secrets.total() > 4


def test_the_page_shows_the_figures_of_the_file(measure):
    redaction, _ = measure
    figures = json.loads((ROOT / "docs" / "redaction.json").read_text())
    assert redaction.table(figures) in (ROOT / "docs" / "security.md").read_text("utf-8")
    assert all(each["recall"] >= 0.95 for each in figures.values())
