"""The checkpoints that the engine and the reference are compared on: the same seeded weights in both worlds.

The tiny bundle's files give the exact keys, names and shapes; here every weight is replaced by a random one, so that
nothing is left out by a zero or hidden by a one: sharp attention, norms and layer scales away from 1, an untied head.
One checkpoint stays as the tiny bundle is written, for its drafter is right most of the time. The numbers come from
integers of numpy's PCG64 and are the same to the last bit everywhere, so no weights have to be committed.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np
from numpy.typing import NDArray

from deskhand.model.files.bundle import Bundle
from deskhand.model.tiny.bundle import TinySpec, write_bundle
from deskhand.model.tiny.vocab import vocabulary

ENDS = ("<eos>", "<turn|>", "<|tool_response>")
"""Tokens that end a generation (llama.cpp's end-of-generation set of gemma4)."""

_SHARPNESS = 2.0
"""Spread of attention scores before the softmax: neither flat nor one-hot."""

_LOGIT = 6.0
"""Spread of logits before the softcap of 30, so that the best token stands out from the rest by more than rounding."""

_SPECIAL = {
    "layer_output_scale.weight": (0.9, 0.1),
    "position_embd.weight": (0.0, 0.5),
    ".bias": (0.0, 0.1),
}
"""Mean and standard deviation of values, by the end of a tensor's name."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One set of weights.

    Attributes:
        name: of its golden file.
        spec: sizes and seed.
        random: whether every weight is replaced; else the tiny bundle as it is.
        lead: of every greedy and drafted token over the next best, at least; one within rounding, some hundredths where
            attention is sharp and some thousandths where it is flat, would be won by either side.
    """

    name: str
    spec: TinySpec
    random: bool = True
    lead: float = 0.05


CHECKPOINTS = (
    Checkpoint("narrow", TinySpec(vocab=512, hidden=64, ffn=160, drafter_hidden=48, drafter_ffn=64, window=48, seed=1)),
    Checkpoint(
        "deep",
        TinySpec(
            vocab=640, hidden=96, layers=12, pattern=6, heads=8, kv_heads=4, drafter_hidden=80, window=256, seed=2
        ),
    ),
    Checkpoint(
        "wide",
        TinySpec(
            vocab=768,
            hidden=128,
            layers=4,
            pattern=2,
            heads=2,
            kv_heads=1,
            head_dim=128,
            head_dim_swa=64,
            drafter_layers=3,
            window=1024,
            seed=3,
        ),
    ),
    Checkpoint("ring", TinySpec(vocab=512, seed=4), random=False, lead=0.02),
)
"""Windows below, between and above the sizes of the prompts; every ratio of sliding to full layers and of heads."""


def write(folder: Path, checkpoint: Checkpoint) -> Bundle:
    """Write the three files of a checkpoint into ``folder`` (made if missing)."""
    bundle = write_bundle(folder, checkpoint.spec)
    if checkpoint.random:
        for path in (bundle.main, bundle.mmproj, bundle.drafter):
            assert path is not None
            _randomise(path, checkpoint.spec)
    return bundle


def weights(path: Path) -> dict[str, NDArray[np.float32]]:
    """The tensors of a file by name, outputs before inputs."""
    return {tensor.name: np.array(tensor.data).reshape(tensor.shape[::-1]) for tensor in gguf.GGUFReader(path).tensors}


def fingerprint(bundle: Bundle) -> NDArray[np.float64]:
    """One number a file that changes with any weight: golden arrays hold for these weights only."""
    paths = [path for path in (bundle.main, bundle.mmproj, bundle.drafter) if path is not None]
    # The factors of the rotary frequencies are no weights, and 1e30 would drown everything else.
    return np.array(
        [
            sum(float(np.abs(value).mean()) for name, value in weights(path).items() if name != "rope_freqs.weight")
            for path in paths
        ]
    )


def _randomise(path: Path, spec: TinySpec) -> None:
    silent = vocabulary(spec.vocab).ids(*ENDS)
    head = {"main.gguf": "output.weight", "drafter.gguf": "token_embd.weight"}.get(path.name)
    for tensor in gguf.GGUFReader(path, "r+").tensors:
        if tensor.name == "rope_freqs.weight":
            continue  # belongs to the shape
        seed = [spec.seed, zlib.crc32(f"{path.name} {tensor.name}".encode())]
        mean, spread = _distribution(tensor.name, tensor.data.shape, head=tensor.name == head)
        value = mean + spread * _noise(np.random.default_rng(seed), tensor.data.shape)
        if tensor.name == head:
            value[silent] = 0  # the best logit is always above 0, so no answer ends early
        tensor.data[...] = value


def _distribution(name: str, shape: tuple[int, ...], *, head: bool) -> tuple[float, float]:
    """Mean and standard deviation of a tensor's values."""
    for ending, known in _SPECIAL.items():
        if name.endswith(ending):
            return known
    if len(shape) == 1:
        scale = _SHARPNESS / np.sqrt(shape[0]) if name.endswith("attn_q_norm.weight") else 1.0
        return scale, 0.2 * scale
    # A matrix keeps the variance of what it multiplies.
    return 0.0, (_LOGIT if head else 1.0) / np.sqrt(shape[-1])


def _noise(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Evenly spread numbers of mean 0 and variance 1, exact in binary up to the last factor."""
    return (rng.integers(-(1 << 22), (1 << 22) + 1, shape) / (1 << 22)) * np.sqrt(3)
