"""A run: steps, a log, checkpoints from which it goes on to the last bit, and a look at held-out turns now and then."""

from __future__ import annotations

import json
import multiprocessing
import os
import threading
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from deskhand.model.pocket import curriculum
from deskhand.model.pocket.encoding import Encoded, Encoder
from deskhand.model.pocket.shapes import Array, File
from deskhand.model.pocket.spec import PocketSpec
from deskhand.model.pocket.training import hints
from deskhand.model.pocket.training.learning import learn, optimizer, parameters, right
from deskhand.model.pocket.training.network import Target, Weights, fresh
from deskhand.model.pocket.training.schedule import Journal, learning_rate

_AHEAD = 3
"""Steps whose turns are made before they are needed, by another process."""

_CLIP = 1.0
"""The longest gradient that is followed at its length."""

_PATIENCE = 20
"""Steps in a row whose gradient may be infinite or no number; such a step changes nothing."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run does; a checkpoint belongs to one plan.

    Attributes:
        spec: sizes.
        seed: of weights and turns.
        turns: of a step.
        rate: the highest learning rate.
        half: whether matrices are bfloat16.
        checkpoint_seconds: between checkpoints.
        looks: per cent between looks at held-out turns.
        looked_at: turns of each suite that are looked at.
    """

    spec: PocketSpec
    seed: int = 1
    turns: int = 32
    rate: float = 2.5e-3
    half: bool = True
    checkpoint_seconds: float = 180.0
    looks: float = 5.0
    looked_at: int = 32


class Run:
    """One run in a folder: ``checkpoint.pt``, ``journal.jsonl``, ``log.jsonl``, ``looks.jsonl``.

    Args:
        plan: what to do.
        folder: made if missing; a run in it is continued.
        minutes: how long; 0 counts steps.
        steps: how many, if it is not limited by time.
    """

    def __init__(self, plan: Plan, folder: Path, minutes: float = 0, steps: int = 0) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.plan, self._folder = plan, folder
        self.weights: dict[File, Weights] = {
            "main": fresh(plan.spec, "main", plan.seed),
            "mmproj": fresh(plan.spec, "mmproj", plan.seed),
        }
        self._hinted = hints.heads(plan.spec, plan.seed)
        self._trained = parameters(*self.weights.values(), self._hinted)
        self._optimizer = optimizer(self._trained, plan.rate)
        self._journal = Journal(folder / "journal.jsonl", minutes, steps)
        self.step = 0
        self._lost = 0
        self._looked = 0.0
        vocab = Encoder().tokenizer.vocabulary
        image, audio = vocab.ids("<|image|>", "<|audio|>")
        self._media = image, audio
        dtype = torch.bfloat16 if plan.half else torch.float32
        self.target = Target(plan.spec, self.weights["main"], self.weights["mmproj"], dtype)
        self._resume()

    def go(self, stop_at: int | None = None) -> None:
        """Train until the run is over, or a step for tests of being stopped."""
        context = multiprocessing.get_context("spawn")
        saved = time.monotonic()
        with ProcessPoolExecutor(1, mp_context=context, initializer=_end_with_parent) as maker:
            for percent, turns in self._given(maker, stop_at):
                self._take(percent, turns)
                if percent >= self._looked + self.plan.looks:
                    self._look(percent)
                if time.monotonic() - saved > self.plan.checkpoint_seconds:
                    self.save()
                    saved = time.monotonic()
        if stop_at is None:
            self._look(100.0)
            self.save()

    def arrays(self) -> dict[File, dict[str, Array]]:
        """The weights, for the files."""
        return {
            file: {name: value.detach().numpy() for name, value in weights.items()}
            for file, weights in self.weights.items()
        }

    def save(self) -> None:
        """Write a checkpoint, whole or not at all."""
        part = self._folder / "checkpoint.part"
        state = {
            "plan": asdict(self.plan),
            "weights": self.weights | {"hints": self._hinted},
            "optimizer": self._optimizer.state_dict(),
            "step": self.step,
            "seconds": self._journal.seconds,
            "looked": self._looked,
        }
        torch.save(state, part)
        part.replace(self._folder / "checkpoint.pt")

    def _resume(self) -> None:
        path = self._folder / "checkpoint.pt"
        if not path.exists():
            for name in ("log.jsonl", "looks.jsonl"):
                (self._folder / name).unlink(missing_ok=True)
            return
        state: dict[str, Any] = torch.load(path, weights_only=True)
        if state["plan"] != asdict(self.plan):
            raise ValueError(f"{path} is of a run with other settings. Please take another folder, or remove this one.")
        with torch.no_grad():
            for file, weights in [*self.weights.items(), ("hints", self._hinted)]:
                for name, value in weights.items():
                    value.copy_(state["weights"][file][name])
        self._optimizer.load_state_dict(state["optimizer"])
        self.step, self._looked = state["step"], state["looked"]
        _forget(self._folder / "log.jsonl", self.step)
        _forget(self._folder / "looks.jsonl", self.step + 1)  # a look is after the steps that it counts
        self._journal.resume(state["seconds"])

    def _given(self, maker: ProcessPoolExecutor, stop_at: int | None) -> Iterator[tuple[float, list[Encoded]]]:
        waiting: deque[tuple[float, Future[list[Encoded]]]] = deque()
        next_step = self.step
        while True:
            while len(waiting) < _AHEAD and next_step != stop_at:
                percent = self._journal.percent(next_step)
                if percent >= 100:
                    stop_at = next_step
                    break
                arguments = (self.plan.seed, next_step, percent, self.plan.turns)
                waiting.append((percent, maker.submit(curriculum.turns, *arguments)))
                next_step += 1
            if not waiting:
                return
            percent, made = waiting.popleft()
            yield percent, made.result()

    def _take(self, percent: float, turns: list[Encoded]) -> None:
        began = time.monotonic()
        rate = learning_rate(self.step, percent, self.plan.rate)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        loss, hint = learn(self.target, turns, self._media, self._hinted)
        length = torch.nn.utils.clip_grad_norm_(self._trained, _CLIP)
        finite = bool(torch.isfinite(length))
        if finite:
            self._optimizer.step()
        self._optimizer.zero_grad()
        self._lost = 0 if finite else self._lost + 1
        if self._lost > _PATIENCE:
            raise FloatingPointError(
                f"{self._lost} gradients in a row were no numbers, at step {self.step}. The last checkpoint is good: "
                "please take another folder and a lower --rate."
            )
        _append(
            self._folder / "log.jsonl",
            step=self.step,
            percent=percent,
            loss=loss,
            hint=hint,
            gradient=float(length),
            rate=rate,
            seconds=round(time.monotonic() - began, 3),
        )
        self.step += 1

    def _look(self, percent: float) -> None:
        """Say how much of the held-out suites is right."""
        found: dict[str, float] = {}
        for suite in curriculum.HELD_OUT:
            turns = curriculum.held_out_turns(suite, self.plan.looked_at)
            found[suite], found[f"{suite}: tokens"] = right(self.target, turns, self._media)
        _append(self._folder / "looks.jsonl", step=self.step, percent=percent, **found)
        self._looked = percent


def _end_with_parent() -> None:
    """End this process when the one that trains is killed; a pool's worker would wait for ever."""

    def watch() -> None:
        parent = multiprocessing.parent_process()
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _append(path: Path, **values: float) -> None:
    with path.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(values) + "\n")


def _forget(path: Path, step: int) -> None:
    """Drop the lines of steps that will be taken again."""
    if path.exists():
        lines = path.read_text(encoding="utf-8").splitlines()
        kept = [line for line in lines if line.endswith("}") and json.loads(line)["step"] < step]
        path.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")
