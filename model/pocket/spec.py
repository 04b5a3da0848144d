"""Sizes of Pocket and of the world it is trained for."""

from __future__ import annotations

from dataclasses import dataclass

WIDTH, HEIGHT, BUDGET = 480, 336, 70
"""Of a canonical window in pixels: 10×7 patches, which is its own reference size at the smallest image budget."""

COLUMNS, ROWS = 30, 14
"""Character cells of a canonical window: 16×24 pixels each, so six in a patch."""

CELL = (16, 24)
"""Width and height of a character cell in pixels; a patch holds 3×2 whole cells."""


@dataclass(frozen=True, slots=True)
class PocketSpec:
    """Shapes of the three networks; elements unless said otherwise.

    Attributes:
        vocab: tokens.
        hidden: of the target; a multiple of 32, as are all sizes of matrices, for Q8_0's blocks.
        ffn: of the target's feed-forward layers.
        layers: of the target.
        pattern: every ``pattern``-th layer is full attention, the others slide.
        heads: query heads.
        kv_heads: key/value heads of sliding layers; full layers have one.
        head_dim: of full layers.
        head_dim_swa: of sliding layers.
        window: of sliding layers, tokens.
        context_length: tokens.
        vision: of an image token before its projection to ``hidden``.
        positions: entries of each of the two tables of patch positions; a sliver of a picture may have 1120 columns.
        drafter_hidden: must differ from ``hidden``.
        drafter_ffn: of the drafter's feed-forward layers.
        drafter_layers: the last is full attention.
    """

    vocab: int = 640
    hidden: int = 256
    ffn: int = 768
    layers: int = 8
    pattern: int = 4
    heads: int = 4
    kv_heads: int = 2
    head_dim: int = 128
    head_dim_swa: int = 64
    window: int = 256
    context_length: int = 2048
    vision: int = 256
    positions: int = 1120
    drafter_hidden: int = 128
    drafter_ffn: int = 256
    drafter_layers: int = 2

    @property
    def sliding(self) -> tuple[bool, ...]:
        """For each layer of the target, whether it slides."""
        return tuple(layer % self.pattern != self.pattern - 1 for layer in range(self.layers))

    @property
    def drafter_sliding(self) -> tuple[bool, ...]:
        """For each layer of the drafter, whether it slides: all but the last."""
        return tuple(layer < self.drafter_layers - 1 for layer in range(self.drafter_layers))


SMALLEST = PocketSpec(
    hidden=64,
    ffn=96,
    layers=4,
    pattern=2,
    heads=2,
    kv_heads=1,
    head_dim=64,
    head_dim_swa=32,
    vision=64,
    drafter_hidden=32,
    drafter_ffn=64,
)
"""For tests of the trainer: a step takes some hundredths of a second."""
