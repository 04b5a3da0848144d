"""What all training shares: steps on turns that are made ahead, a log, checkpoints that are gone on from to the bit."""

from __future__ import annotations

import json
import multiprocessing
import os
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path
from typing import Any

import torch

from deskhand.model.pocket import curriculum
from deskhand.model.pocket.encoding import Encoded
from deskhand.model.pocket.training.learning import optimizer, parameters
from deskhand.model.pocket.training.network import Weights
from deskhand.model.pocket.training.schedule import Journal

_AHEAD = 3
"""Steps whose turns are made before they are needed, by another process."""

_CLIP = 1.0
"""The longest gradient that is followed at its length."""

_PATIENCE = 20
"""Steps in a row whose gradient may be infinite or no number; such a step changes nothing."""


class Run(ABC):
    """One run in a folder: ``checkpoint.pt``, ``journal.jsonl``, ``log.jsonl``.

    Args:
        folder: made if missing; a run in it is continued.
        weights: what is trained, by a name of each part; changed in place.
        rate: the highest learning rate.
        turns: of a step.
        seed: of the turns.
        plan: what a checkpoint belongs to, as `torch.load` gives plain values back.
        minutes: how long; 0 counts steps.
        steps: how many, if it is not limited by time.
        checkpoint_seconds: between checkpoints.

    Raises:
        ValueError: the folder holds a run with another plan.
    """

    def __init__(
        self,
        folder: Path,
        weights: Mapping[str, Weights],
        *,
        rate: float,
        turns: int,
        seed: int,
        plan: dict[str, Any],
        minutes: float,
        steps: int,
        checkpoint_seconds: float,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.step = folder, 0
        self._weights, self._plan = weights, plan
        self.highest, self._turns, self._seed = rate, turns, seed
        self._trained = parameters(*weights.values())
        self._optimizer = optimizer(self._trained, rate)
        self._journal = Journal(folder / "journal.jsonl", minutes, steps)
        self._checkpoint_seconds = checkpoint_seconds
        self._lost = 0
        self._resume()

    @abstractmethod
    def learn(self, turns: Sequence[Encoded]) -> dict[str, Any]:
        """Add the gradients of a step's turns and give what the log says of them; nothing is updated."""

    @abstractmethod
    def rate(self, percent: float) -> float:
        """Of learning, now."""

    def mixed_as_at(self, percent: float) -> float:
        """At which per cent of the curriculum the turns are drawn; as far as the run is, unless told otherwise."""
        return percent

    def after(self, percent: float) -> None:
        """What is done between two steps, and once at the end with 100; nothing, unless told otherwise."""
        del percent

    def go(self, stop_at: int | None = None) -> None:
        """Train until the run is over, or a step for tests of being stopped."""
        context = multiprocessing.get_context("spawn")
        saved = time.monotonic()
        with ProcessPoolExecutor(1, mp_context=context, initializer=_end_with_parent) as maker:
            for percent, turns in self._given(maker, stop_at):
                self._take(percent, turns)
                self.after(percent)
                if time.monotonic() - saved > self._checkpoint_seconds:
                    self.save()
                    saved = time.monotonic()
        if stop_at is None:
            self.after(100.0)
            self.save()

    def save(self) -> None:
        """Write a checkpoint, whole or not at all."""
        part = self.folder / "checkpoint.part"
        state = {
            "plan": self._plan,
            "weights": dict(self._weights),
            "optimizer": self._optimizer.state_dict(),
            "step": self.step,
            "seconds": self._journal.seconds,
        }
        torch.save(state, part)
        part.replace(self.folder / "checkpoint.pt")

    def _resume(self) -> None:
        path = self.folder / "checkpoint.pt"
        if not path.exists():
            self.forget_from(0)
            return
        state: dict[str, Any] = torch.load(path, weights_only=True)
        if state["plan"] != self._plan:
            raise ValueError(f"{path} is of a run with other settings. Please take another folder, or remove this one.")
        with torch.no_grad():
            for part, weights in self._weights.items():
                for name, value in weights.items():
                    value.copy_(state["weights"][part][name])
        self._optimizer.load_state_dict(state["optimizer"])
        self.step = state["step"]
        self.forget_from(self.step)
        self._journal.resume(state["seconds"])

    def forget_from(self, step: int) -> None:
        """Drop what was logged of steps that will be taken again."""
        forget(self.folder / "log.jsonl", step)

    def _given(self, maker: ProcessPoolExecutor, stop_at: int | None) -> Iterator[tuple[float, list[Encoded]]]:
        waiting: deque[tuple[float, Future[list[Encoded]]]] = deque()
        next_step = self.step
        while True:
            while len(waiting) < _AHEAD and next_step != stop_at:
                percent = self._journal.percent(next_step)
                if percent >= 100:
                    stop_at = next_step
                    break
                arguments = (self._seed, next_step, self.mixed_as_at(percent), self._turns)
                waiting.append((percent, maker.submit(curriculum.turns, *arguments)))
                next_step += 1
            if not waiting:
                return
            percent, made = waiting.popleft()
            yield percent, made.result()

    def _take(self, percent: float, turns: list[Encoded]) -> None:
        began = time.monotonic()
        rate = self.rate(percent)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        found = self.learn(turns)
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
        append(
            self.folder / "log.jsonl",
            step=self.step,
            percent=percent,
            **found,
            gradient=float(length),
            rate=rate,
            seconds=round(time.monotonic() - began, 3),
        )
        self.step += 1


def _end_with_parent() -> None:
    """End this process when the one that trains is killed; a pool's worker would wait for ever."""

    def watch() -> None:
        parent = multiprocessing.parent_process()
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def append(path: Path, **values: object) -> None:
    """A line more of a log."""
    with path.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(values) + "\n")


def forget(path: Path, step: int) -> None:
    """Drop the lines of a log from a step on, and one that is half written."""
    if path.exists():
        lines = path.read_text(encoding="utf-8").splitlines()
        kept = [line for line in lines if line.endswith("}") and json.loads(line)["step"] < step]
        path.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")
