"""What a tiny bundle looks like: sizes, seed, and how its drafter behaves."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import Literal

GENERATOR_VERSION = 1
"""Part of the cache key: raise it when the same spec gives other files."""


@dataclass(frozen=True, slots=True)
class TinySpec:
    """What a tiny bundle looks like. Sizes are elements; the defaults make 11 MB, half of it the table of patches.

    Attributes:
        vocab: tokens, ≥ 512.
        hidden: of the target, a multiple of 4; half of it holds the token's identity, a quarter the context.
        ffn: of the target's feed-forward layers.
        layers: of the target, a multiple of ``pattern``.
        pattern: every ``pattern``-th layer is full attention, the others slide.
        heads: query heads.
        kv_heads: key/value heads of sliding layers; full layers have one.
        head_dim: of full layers.
        head_dim_swa: of sliding layers.
        window: of sliding layers, tokens.
        context_length: tokens.
        drafter_hidden: must differ from ``hidden`` and be at least three quarters of it.
        drafter_ffn: of the drafter's feed-forward layers.
        drafter_layers: the last is full attention.
        drafter_agreement: how often the drafter's next token is the target's, 0 to 1, in greedy decoding, for one
            token; n drafted tokens are all right with the n-th power of it.
        stops: control tokens on the ring, each with how many groups lie between two of them: ``(("<turn|>", 40),)``
            ends every answer within 40 tokens, ``(('<|"|>', 9),)`` closes every string argument within 9.
        seed: of the weights.
        dtype: of the matrices.
    """

    vocab: int = 1024
    hidden: int = 128
    ffn: int = 256
    layers: int = 6
    pattern: int = 3
    heads: int = 4
    kv_heads: int = 2
    head_dim: int = 64
    head_dim_swa: int = 32
    window: int = 64
    context_length: int = 8192
    drafter_hidden: int = 96
    drafter_ffn: int = 96
    drafter_layers: int = 4
    drafter_agreement: float = 0.8
    stops: tuple[tuple[str, int], ...] = ()
    seed: int = 0
    dtype: Literal["f32", "f16"] = "f32"

    def __post_init__(self) -> None:
        """Refuse sizes that make no model."""
        if self.hidden % 4 or self.layers % self.pattern or self.pattern < 2:
            raise ValueError("hidden must be a multiple of 4 and layers a multiple of pattern, which is 2 or more")
        if self.drafter_hidden == self.hidden or self.drafter_hidden < self.identity + self.context:
            raise ValueError("drafter_hidden must differ from hidden and be at least three quarters of it")
        if not 0 <= self.drafter_agreement <= 1:
            raise ValueError("drafter_agreement must lie between 0 and 1")

    @property
    def identity(self) -> int:
        """Elements of the hidden state that say which group the token is of."""
        return self.hidden // 2

    @property
    def context(self) -> int:
        """Elements of the hidden state that only attention writes."""
        return self.hidden // 4

    @property
    def sliding(self) -> list[bool]:
        """For each layer of the target, whether it slides."""
        return [layer % self.pattern != self.pattern - 1 for layer in range(self.layers)]

    @property
    def digest(self) -> str:
        """Names these files: changes with every field and with the generator."""
        return hashlib.sha256(f"{GENERATOR_VERSION} {sorted(asdict(self).items())}".encode()).hexdigest()[:16]
