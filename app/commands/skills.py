"""`deskhand skills`: what it can do, and what is wrong with a skill."""

from __future__ import annotations

import json
from typing import Any

from deskhand.agent.skills.loading import Skill
from deskhand.app import wiring


def _as_json(skill: Skill) -> dict[str, Any]:
    return {
        "name": skill.name,
        "description": skill.description,
        "source": skill.source,
        "license": skill.license,
        "scopes": list(skill.scopes),
        "tools": [{"name": tool.name, "description": tool.description} for tool in skill.tools],
        "folder": str(skill.folder),
    }


def run(*, as_json: bool, check: bool) -> int:
    """Print every skill and every problem; with ``check`` a problem makes the exit code 1."""
    found = wiring.all_skills()
    if as_json:
        skills = [_as_json(skill) for skill in found.skills]
        problems = [{"path": str(p.path), "text": p.text, "fatal": p.fatal} for p in found.problems]
        print(json.dumps({"skills": skills, "problems": problems}, ensure_ascii=False, indent=2))
    else:
        for skill in found.skills:
            print(f"{skill.name} ({skill.source}): {skill.description}")
            for tool in skill.tools:
                print(f"    {tool.name}: {tool.description}")
        for problem in found.problems:
            print(f"{'✗ not loaded' if problem.fatal else '! '} {problem.path}: {problem.text}")
    return 1 if check and found.problems else 0
