"""The pictures of the bundled skills: each is there, shown, whole, and small."""

import re
from pathlib import Path

from PIL import Image as Picture

ROOT = Path(__file__).parents[2]
BESIDE = {"edit": "files"}
"""A skill that is shown under the name of another."""


def test_every_bundled_skill_has_a_picture_that_is_shown_and_small():
    shown = re.findall(r"!\[[^\]]+\]\((skills/[a-z-]+\.png)\)", (ROOT / "docs/skills.md").read_text())
    there = {f"skills/{path.name}" for path in (ROOT / "docs/skills").iterdir()}
    assert set(shown) == there
    assert len(shown) == len(there)
    for name in there:
        path = ROOT / "docs" / name
        assert path.stat().st_size <= 120_000, name
        with Picture.open(path) as picture:
            assert picture.size == (1200, 720)
            assert len(picture.convert("RGB").getcolors(1 << 20)) > 8, f"{name} is empty"
    for skill in (ROOT / "skills").iterdir():
        if (skill / "SKILL.md").is_file():
            assert f"skills/{BESIDE.get(skill.name, skill.name)}.png" in there, skill.name
