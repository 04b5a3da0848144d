"""What the demonstration prints, and what goes into its transcript."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from deskhand.agent.events import Outcome


class Report:
    """What is printed, and what goes into the transcript."""

    def __init__(self) -> None:
        self.steps: dict[str, object] = {}

    def say(self, text: str) -> None:
        """One line for the person who watches."""
        print(text, flush=True)

    def step(self, name: str, title: str, outcome: Outcome, pictures: Sequence[Path], **facts: str) -> None:
        """Keep a step and show the gist of it."""
        calls = [record.as_json() for record in outcome.calls]
        self.steps[name] = {
            "title": title,
            **facts,
            "answer": outcome.answer,
            "tool_calls": calls,
            "finish": outcome.finish,
            "error": outcome.error,
            "usage": asdict(outcome.usage),
            "pictures": [str(path) for path in pictures],
        }
        for call in calls:
            self.say(f"    call      {call['name']} {json.dumps(call['arguments'])} → {call['decision']}")
        self.say(f"    answer    {' '.join(outcome.answer.split())[:160]}")
