"""What the KV cache holds, how much of it a new prompt can keep, and when it can't be trusted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Span:
    """An image, a piece of sound or one frame of it in a prompt: it is kept or evaluated again as one.

    Attributes:
        digest: of its content.
        kind: what it is.
        tokens: embeddings it takes.
        positions: it takes in the sequence; as many as tokens, except under M-RoPE.
        frame: of sound: it looks at nothing but what came before, so frames in a row may be evaluated in one batch.
    """

    digest: str
    kind: Literal["image", "audio"]
    tokens: int
    positions: int
    frame: bool = False


Item = int | Span
"""One element of a prompt: a token id, or a medium."""


def positions(items: Iterable[Item]) -> int:
    """Positions that items take in the sequence."""
    return sum(1 if isinstance(item, int) else item.positions for item in items)


def tokens(items: Iterable[Item]) -> int:
    """Tokens that items are."""
    return sum(1 if isinstance(item, int) else item.tokens for item in items)


def shared(left: Sequence[Item], right: Sequence[Item]) -> int:
    """Length of the longest common prefix, in items."""
    count = 0
    for one, other in zip(left, right, strict=False):
        if one != other:
            break
        count += 1
    return count


def adopt(held: Sequence[Item], wanted: Sequence[Item], spell: Callable[[int], bytes | None]) -> tuple[Item, ...]:
    """A prompt, with the tokens that the cache holds wherever they spell the same bytes as the prompt's.

    A model may write "wind" + "ow" where the tokenizer reads "window". What it wrote is what it meant, and keeping it
    keeps everything after it in the cache.

    Args:
        held: what the cache holds.
        wanted: the prompt.
        spell: the bytes of a token, None for special ones: those stand for themselves only.
    """
    old = new = 0
    while old < len(held) and new < len(wanted):
        if held[old] == wanted[new]:
            old, new = old + 1, new + 1
            continue
        found = _same_bytes(held, old, wanted, new, spell)
        if found is None:
            break
        old, new = found
    return (*held[:old], *wanted[new:])


_FAR = 256
"""Bytes within which two ways to spell a text have to meet again; they do after a word or two."""


def _same_bytes(
    held: Sequence[Item], old: int, wanted: Sequence[Item], new: int, spell: Callable[[int], bytes | None]
) -> tuple[int, int] | None:
    """The next two places up to which both spell the same, or None."""
    left = right = b""
    while not left or left != right:
        shorter_is_held = len(left) <= len(right)
        items, at = (held, old) if shorter_is_held else (wanted, new)
        item = items[at] if at < len(items) else None
        more = spell(item) if isinstance(item, int) else None
        if not more:
            return None
        if shorter_is_held:
            left, old = left + more, old + 1
        else:
            right, new = right + more, new + 1
        length = min(len(left), len(right))
        if length > _FAR or left[:length] != right[:length]:
            return None
    return old, new


class Memory(Protocol):
    """The cache itself; `native.Context` is one."""

    def remove(self, position: int) -> bool:
        """Forget everything from ``position`` on; False if that can't be done."""
        ...

    def clear(self) -> None:
        """Forget everything."""
        ...

    def oldest(self) -> int:
        """The smallest position that every layer still holds."""
        ...

    def newest(self) -> int:
        """The largest position held."""
        ...

    def state_size(self) -> int:
        """Bytes of `save`."""
        ...

    def save(self) -> NDArray[np.uint8]:
        """What later tokens would overwrite."""
        ...

    def restore(self, data: NDArray[np.uint8]) -> None:
        """Bring it back."""
        ...


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The overwritable part of the memory after the first ``count`` items, which end at ``position``."""

    count: int
    position: int
    data: NDArray[np.uint8]


class PrefixCache:
    """The items whose keys and values a memory holds.

    Sliding layers keep no more than their window and a batch. llama.cpp removes from them without complaint what it
    can't go back to, and then computes nonsense. So a rollback to position p is taken only if afterwards the sliding
    layers still hold everything from p - window on; else a checkpoint is restored, else all is evaluated again.

    Args:
        memory: the cache.
        window: of the sliding layers in tokens; 0 if the model has none.
        keep: the most checkpoints.
        limit: the most bytes of checkpoints. One of the 12B takes 320–480 MiB.
    """

    def __init__(self, memory: Memory, window: int, keep: int = 4, limit: int = 1 << 30) -> None:
        self._memory = memory
        self._window = window
        self._keep = keep
        self._limit = limit
        self._items: list[Item] = []
        self._position = 0
        self._checkpoints: list[Checkpoint] = []

    @property
    def items(self) -> tuple[Item, ...]:
        """What the memory holds, in order."""
        return tuple(self._items)

    @property
    def position(self) -> int:
        """Where the next item goes."""
        return self._position

    @property
    def checkpoints(self) -> tuple[Checkpoint, ...]:
        """Where the memory can be brought back to exactly, in order."""
        return tuple(self._checkpoints)

    def clear(self) -> None:
        """Forget everything: after an error nobody knows what the memory holds."""
        self._memory.clear()
        self._truncate(0)

    def extend(self, items: Iterable[Item]) -> None:
        """Note what has been evaluated."""
        for item in items:
            self._items.append(item)
            self._position += 1 if isinstance(item, int) else item.positions

    def resume(self, items: Iterable[Item], checkpoint: NDArray[np.uint8] | None, count: int) -> None:
        """Note that the memory holds ``items`` again, as a saved session had them.

        Args:
            items: all of them.
            checkpoint: the one that was saved; None if there is none.
            count: items before it.
        """
        self._truncate(0)
        self.extend(items)
        if checkpoint is not None:
            self._checkpoints = [Checkpoint(count, positions(self._items[:count]), checkpoint)]

    def reuse(self, wanted: Sequence[Item], *, logits: bool = True) -> int:
        """Make the memory hold a prefix of ``wanted``, the longest.

        Args:
            wanted: what is to be read.
            logits: of its last item are needed, so that one is always evaluated. Without, a memory that holds all of
                ``wanted`` and more, and can't go back, is left as it is.

        Returns:
            The prefix's length in items.
        """
        count = min(shared(self._items, wanted), len(wanted) - logits)
        if count == len(self._items):
            return count
        position = positions(self._items[:count])
        if count == len(wanted) and not self._reaches(position):
            return count
        if count and self._reaches(position) and self._memory.remove(position):
            self._truncate(count)
            return count
        usable = [checkpoint for checkpoint in self._checkpoints if checkpoint.count <= count]
        if usable and self._memory.remove(usable[-1].position):
            self._memory.restore(usable[-1].data)
            self._truncate(usable[-1].count)
            if self._memory.newest() == self._position - 1:
                return usable[-1].count
        self.clear()
        return 0

    def mark(self, apart: int = 1) -> None:
        """Keep a checkpoint of this place, dropping the oldest ones beyond the limits.

        Args:
            apart: unless there is one within so many positions before.
        """
        last = self._checkpoints[-1].position if self._checkpoints else 0
        if not self._window or self._position - last < apart:
            return
        size = self._memory.state_size()
        if size > self._limit:
            return
        while self._checkpoints and (
            len(self._checkpoints) >= self._keep
            or sum(checkpoint.data.size for checkpoint in self._checkpoints) + size > self._limit
        ):
            del self._checkpoints[0]
        self._checkpoints.append(Checkpoint(len(self._items), self._position, self._memory.save()))

    def _reaches(self, position: int) -> bool:
        oldest = self._memory.oldest()
        return not self._window or oldest == 0 or 0 < oldest < position - self._window

    def _truncate(self, count: int) -> None:
        del self._items[count:]
        self._position = positions(self._items)
        self._checkpoints = [checkpoint for checkpoint in self._checkpoints if checkpoint.count <= count]
