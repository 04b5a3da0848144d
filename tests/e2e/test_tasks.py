"""`deskhand tasks`, and what `deskhand stop` withdraws."""

import json
import time

from deskhand.agent.task import Task
from deskhand.app import wiring


def test_tasks_are_listed_and_withdrawn(deskhand):
    assert deskhand("tasks", "list").out.startswith("Nothing goes on behind")
    kept = wiring.open_background()
    for name in ("aa", "bb", "cc"):
        kept.begin(Task(name, "later", f"read {name}", time.time() + 60, conversation=1))
    assert [task["id"] for task in json.loads(deskhand("tasks", "list", "--json").out)] == ["aa", "bb", "cc"]
    assert "aa  later  at 2" in deskhand("tasks", "list").out
    gone = deskhand("tasks", "cancel", "aa")
    assert (gone.code, gone.out) == (0, "aa  withdrawn: read aa\n")
    missing = deskhand("tasks", "cancel", "aa")
    assert (missing.code, missing.err) == (1, "There is no task named aa. See: deskhand tasks list\n")
    assert deskhand("tasks", "cancel", "all").out.count("withdrawn") == 2
    assert kept.all() == ()


def test_stop_withdraws_what_would_be_done_at_the_next_start(deskhand):
    kept = wiring.open_background()
    kept.begin(Task("aa", "later", "x", time.time() + 60, conversation=1))
    assert deskhand("stop").code == 1  # none is running
    assert kept.all() == ()
    assert '"withdrawn": 1' in deskhand("audit", "show", "--json").out
