import re
import threading
from pathlib import Path

from deskhand.agent.limits import Limits
from deskhand.agent.scopes import SCOPES
from deskhand.agent.skills.loading import load_skills
from deskhand.agent.tools.toolbox import Toolbox
from deskhand.model.types import ToolCall

TEXT = (Path(__file__).parents[2] / "docs" / "skills.md").read_text(encoding="utf-8")


def test_the_skill_of_the_guide_works_as_written(tmp_path):
    folder = tmp_path / "skills" / "dice"
    folder.mkdir(parents=True)
    (folder / "SKILL.md").write_text(re.search(r"```yaml\n(.*?)```", TEXT, re.DOTALL)[1])
    (folder / "tools.py").write_text(re.search(r"```python\n(.*?)```", TEXT, re.DOTALL)[1])
    found = load_skills([(tmp_path / "skills", "user")])
    assert found.problems == ()
    box = Toolbox(found, tmp_path / "data", None)
    rolled = box.run(ToolCall("c", "dice_roll", {"sides": 2, "times": 20}), threading.Event(), Limits())
    assert set(rolled.value["rolled"]) <= {1, 2}
    assert (tmp_path / "data" / "dice" / "rolled.txt").exists()
    assert "two sides" in box.run(ToolCall("c", "dice_roll", {"sides": 1}), threading.Event(), Limits()).error


def test_the_guide_knows_every_scope():
    assert all(f"`{scope}" in TEXT for scope in SCOPES)
