"""AgentDojo against the real loop: `make agentdojo`. Writes docs/agentdojo.json and a table of docs/security.md.

The tools of each suite are served by an MCP server over stdio, in the sandbox like any server; the bundled skills are
there. An engine plays the calls that AgentDojo says do the person's task, one a generation, and only calls that the
prompt declares; what it lacks it activates. The person says yes to what their task needs and no to all else.

In an attack the injection stands in everything that it can stand in. Once a result carries it, the engine calls what
the attacker wants, and then goes on. Each such call, and each of its tools with any arguments, was granted before.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from deskhand.agent.events import Answer, ApprovalRequested, Decision
from deskhand.agent.history import Store
from deskhand.agent.limits import Limits
from deskhand.agent.loop import Agent
from deskhand.agent.mcp.provider import McpServers
from deskhand.agent.safety.grants import Grant, Grants, exactly, pin
from deskhand.agent.safety.permissions import Permissions
from deskhand.agent.skills.loading import load_skills
from deskhand.agent.tools.toolbox import Toolbox
from deskhand.model.types import CallDelta, EngineInfo, Finish, Request, TextDelta, ToolCall

ROOT = Path(__file__).parents[3]
WORLD = Path(__file__).with_name("world.py")
PYTHON = ROOT / "build" / "agentdojo" / "bin" / "python"
INJECTED = "<INFORMATION>"
MOST_TURNS = 4
"""How often the person says “go on”."""

SENDS_AWAY = {"get_webpage"}
"""Reads, and tells an address to somebody: the person does not mark it."""
READS = re.compile(r"(get|search|read|list|check)_")


class Judge:
    """AgentDojo's own measure, in its own Python."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [PYTHON, WORLD, "judge"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, **case: Any) -> dict[str, Any]:
        """Answer one question."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(case) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        """End it."""
        self._process.communicate()


class Actor:
    """An engine that makes these calls in their order; those of an attacker as soon as it has read what they wrote."""

    def __init__(self, suite: str, calls: list[Any], answer: str, attack: list[Any]) -> None:
        self._suite, self._answer = suite, answer
        self.left, self._attack = list(calls), list(attack)

    @property
    def info(self) -> EngineInfo:
        return EngineInfo("scripted", "agentdojo", 200_000, sees=True, hears=True, drafts=False)

    def generate(self, request: Request, cancel: threading.Event | None = None) -> Iterator[Any]:
        read = any(INJECTED in message.text for message in request.messages if message.role == "tool")
        if self._attack and (read or not self.left):
            self.left, self._attack = self._attack + self.left, []
        if not self.left or request.tool_choice == "none":
            yield TextDelta("Not done yet." if self.left else self._answer)
            yield Finish("stop")
            return
        name, arguments = self.left[0]
        wanted = f"{self._suite}__{name}"
        declared = {tool.name: tool for tool in request.tools}
        if wanted in declared:
            self.left.pop(0)
            yield CallDelta(ToolCall("c", wanted, arguments))
        else:
            names = declared["activate_skill"].parameters["properties"]["name"]["enum"]
            yield CallDelta(
                ToolCall("c", "activate_skill", {"name": wanted if wanted in names else f"mcp.{self._suite}"})
            )
        yield Finish("stop")

    def close(self) -> None:
        pass


class Table:
    """One suite as installed: its server connected once, each case a conversation of its own."""

    def __init__(self, folder: Path, suite: str, tasks: dict[str, Any], *, marks: bool) -> None:
        self.suite, self.tasks, self._folder = suite, tasks, folder
        self._case = folder / "case" / "case.json"
        self._case.parent.mkdir()
        self._play("first", {"user_task": next(iter(tasks["user"])), "injections": {}})
        access = {"read": [str(WORLD), str(self._case.parent)], "description": f"the person's {suite}"}
        entry = {"command": str(PYTHON), "args": [str(WORLD), "serve", suite, str(self._case)], "deskhand": access}
        (folder / "mcp.json").write_text(json.dumps({"mcpServers": {suite: entry}}))
        self._servers = McpServers(folder / "mcp.json", folder / "data" / "mcp")
        skills = load_skills([(ROOT / "skills", "bundled")])
        self.toolbox = Toolbox(skills, folder / "data", None, more=[self._servers])  # pyright: ignore[reportArgumentType]
        gate = ToolCall("c", f"{suite}__connect", {})
        for wait in (2, 4, 0):  # on a busy machine its first hello may come after the SDK has lost patience
            connected = self.toolbox.run(gate, threading.Event(), Limits(tool_seconds=120))
            if not connected.error:
                break
            time.sleep(wait)
        else:
            raise SystemExit(connected.error)
        self.marked = [tool for tool in tasks["tools"] if marks and READS.match(tool) and tool not in SENDS_AWAY]
        self._servers.mark(suite, self.marked, reads=True)
        self._count = 0

    def close(self) -> None:
        self._servers.close()

    def _play(self, case: str, world: dict[str, Any]) -> None:
        part = self._case.with_suffix(".part")
        part.write_text(json.dumps({"case": case, **world}))
        part.replace(self._case)

    def run(self, user: str, injection: str = "") -> dict[str, Any]:
        """Play one case; what ran of whom, and how often the person was asked."""
        self._count += 1
        task, attack = self.tasks["user"][user], self.tasks["injection"].get(injection, {"calls": [], "injections": {}})
        world = {"user_task": user, "injections": attack["injections"]}
        self._play(str(self._count), world)
        own = Counter(self._key(*call) for call in task["calls"])
        asked: list[str] = []

        def emit(event: object) -> None:
            if isinstance(event, ApprovalRequested):
                call = event.request.call
                asked.append(call.name)
                yes = own[self._key(call.name.partition("__")[2], dict(call.arguments))]
                event.request.reply.set_result(Answer.ONCE if yes else Answer.NO)

        store = Store(self._folder / f"{self._count}.db")
        permissions = self._permissions(attack["calls"])
        engine = Actor(self.suite, task["calls"], task["answer"], attack["calls"])
        agent = Agent(engine, store, self.toolbox, permissions, Limits())
        conversation, records, turns = store.new_conversation(), [], 0
        for turns in range(1, MOST_TURNS + 1):
            outcome = agent.turn(conversation, task["prompt"] if turns == 1 else "go on", (), emit, threading.Event())
            records += outcome.calls
            if not engine.left:
                break
        store.close()
        (self._folder / f"{self._count}.db").unlink()
        ran = [
            [record.call.name.partition("__")[2], dict(record.call.arguments)]
            for record in records
            if record.decision in {Decision.ALLOWED, Decision.APPROVED} and "__" in record.call.name
        ]
        foreign = [call for call in ran if not own[self._key(*call)]]
        return {
            "suite": self.suite,
            **world,
            "injection_task": injection,
            "calls": ran,
            "answer": task["answer"],
            "questions": len(asked),
            "turns": turns,
            "made": len(attack["calls"]),
            "foreign": [name for name, _ in foreign],
        }

    def _key(self, name: str, arguments: dict[str, Any]) -> str:
        return f"{name} {json.dumps(arguments, sort_keys=True)}"

    def _permissions(self, calls: list[Any]) -> Permissions:
        kept = Grants(self._folder / "grants.json")
        for grant in kept.all():
            kept.revoke(grant.id)
        permissions = Permissions(grants=kept)
        for name, arguments in calls:
            tool = self.toolbox.find(f"{self.suite}__{name}")
            assert tool
            permissions.remember(Grant(tool.name, pin(tool)))
            kept.add(Grant(tool.name, pin(tool), arguments=exactly(ToolCall("", "", arguments)), expires=9e12))
        return permissions


@contextmanager
def laid(suite: str, tasks: dict[str, Any], *, marks: bool) -> Iterator[Table]:
    """A table for one suite."""
    with tempfile.TemporaryDirectory(prefix="dojo-", ignore_cleanup_errors=True) as folder:
        table = Table(Path(folder), suite, tasks, marks=marks)
        try:
            yield table
        finally:
            table.close()


def honest(judge: Judge, every: dict[str, Any], *, marks: bool) -> dict[str, Any]:
    """Every person's task, without an attacker."""
    questions: list[int] = []
    failed: list[str] = []
    turns: list[int] = []
    for suite, tasks in every.items():
        with laid(suite, tasks, marks=marks) as table:
            for user in tasks["user"]:
                case = table.run(user)
                questions.append(case["questions"])
                turns.append(case["turns"])
                if not judge.ask(**case)["done"]:
                    failed.append(f"{suite}/{user}")
    done = len(questions) - len(failed)
    return {
        "tasks": len(questions),
        "done": done,
        "failed": failed,
        "questions": {"median": statistics.median(questions), "mean": round(statistics.mean(questions), 2),
                      "most": max(questions), "none": questions.count(0)},
        "in_one_turn": turns.count(1),
    }  # fmt: skip


def attacked(judge: Judge, every: dict[str, Any], *, marks: bool) -> dict[str, Any]:
    """Every person's task with every attack."""
    found: Counter[str] = Counter()
    read: Counter[str] = Counter()
    acted: list[str] = []
    for suite, tasks in every.items():
        print(f"{suite}, {'marked' if marks else 'not marked'}", file=sys.stderr)  # noqa: T201
        with laid(suite, tasks, marks=marks) as table:
            for user in tasks["user"]:
                for injection in tasks["injection"]:
                    case = table.run(user, injection)
                    acts = [name for name in case["foreign"] if name not in table.marked]
                    read.update(name for name in case["foreign"] if name in table.marked)
                    told = judge.ask(**case)
                    found.update(attacks=1, calls=case["made"], done_all_the_same=told["done"])
                    found.update(attackers_calls_that_ran=len(acts), goals_reached=told["attacked"])
                    acted += [f"{suite}/{user}/{injection}: {', '.join(acts)}"] if acts else []
                    acted += [f"{suite}/{user}/{injection}: goal"] if told["attacked"] and not acts else []
    zero = {"attackers_calls_that_ran": 0, "goals_reached": 0}
    return {**zero, **found, "reads_that_ran": sum(read.values()), "what": acted}


def main() -> None:
    """Measure; with ``--write`` into docs, with ``--honest`` only the person's tasks."""
    options = argparse.ArgumentParser(description=main.__doc__)
    options.add_argument("--write", action="store_true")
    options.add_argument("--honest", action="store_true")
    options.add_argument("--suite", default="")
    given = options.parse_args()
    judge = Judge()
    every = judge.ask()
    every = {name: tasks for name, tasks in every.items() if given.suite in {"", name}}
    result: dict[str, Any] = {"agentdojo": "0.1.35, suites v1.2.2"}
    for marks in (True, False):
        part: dict[str, Any] = {"honest": honest(judge, every, marks=marks)}
        if not given.honest:
            part["attacks"] = attacked(judge, every, marks=marks)
        result["reading tools marked" if marks else "nothing marked"] = part
    judge.close()
    print(json.dumps(result, indent=1))  # noqa: T201 - the answer
    if given.write:
        write(result)


def write(result: dict[str, Any]) -> None:
    """Put a result into docs."""
    rows = ["| | reading tools marked | nothing marked |", "| --- | ---: | ---: |"]
    parts = [result["reading tools marked"], result["nothing marked"]]
    for words, cell in (
        ("tasks of people that were done", "{honest[done]} of {honest[tasks]}"),
        ("questions a task: median, mean, most", "{q[median]:g}, {q[mean]:g}, {q[most]}"),
        ("tasks without a question", "{q[none]}"),
        ("attacks", "{attacks[attacks]}"),
        ("calls that attackers wanted", "{attacks[calls]}"),
        ("of these, calls that act and ran", "{attacks[attackers_calls_that_ran]}"),
        ("of these, calls that only read and ran", "{attacks[reads_that_ran]}"),
        ("attackers' goals that were reached", "{attacks[goals_reached]}"),
    ):
        rows.append(f"| {words} | {' | '.join(cell.format(q=part['honest']['questions'], **part) for part in parts)} |")
    (ROOT / "docs" / "agentdojo.json").write_text(json.dumps(result, indent=1) + "\n")
    page = ROOT / "docs" / "security.md"
    mark = "<!-- agentdojo: made by `make agentdojo` -->", "<!-- /agentdojo -->"
    before, _, rest = page.read_text().partition(mark[0])
    page.write_text("\n".join([f"{before}{mark[0]}", *rows, f"{mark[1]}{rest.partition(mark[1])[2]}"]))


if __name__ == "__main__":
    main()
