"""The tensors of Pocket's three files by name, with their shapes (outputs before inputs) and first values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from deskhand.model.pocket import beginnings
from deskhand.model.pocket.spec import PocketSpec
from deskhand.model.tiny.keys import FRAME, PATCH_VALUES

File = Literal["main", "mmproj", "drafter"]
Array = NDArray[np.float32]
Shapes = dict[str, tuple[int, ...]]

ROPE = "rope_freqs.weight"
"""Belongs to the shape and is never trained."""

FIXED = "layer_output_scale.weight"
"""Ends the names of scales that stay 1: norms before them can learn the same."""


def rope_factors(head_dim: int) -> Array:
    """Full layers turn a quarter of each head only (partial_rotary_factor 0.25 of the released configuration)."""
    return np.where(np.arange(head_dim // 2) < head_dim // 8, 1.0, 1e30).astype(np.float32)


def shapes(spec: PocketSpec, file: File) -> Shapes:
    """Names and shapes of one file's tensors, in the order in which they are written."""
    return {"main": _main, "mmproj": _mmproj, "drafter": _drafter}[file](spec)


def _block(spec: PocketSpec, layer: int, hidden: int, ffn: int, *, slides: bool) -> Shapes:
    head = spec.head_dim_swa if slides else spec.head_dim
    own: Shapes = {
        "attn_norm.weight": (hidden,),
        FIXED: (1,),
        "ffn_down.weight": (hidden, ffn),
        "ffn_gate.weight": (ffn, hidden),
        "ffn_up.weight": (ffn, hidden),
        "post_attention_norm.weight": (hidden,),
        "post_ffw_norm.weight": (hidden,),
        "ffn_norm.weight": (hidden,),
        "attn_output.weight": (hidden, spec.heads * head),
        "attn_q_norm.weight": (head,),
        "attn_q.weight": (spec.heads * head, hidden),
    }
    return {f"blk.{layer}.{name}": shape for name, shape in own.items()}


def _main(spec: PocketSpec) -> Shapes:
    found: Shapes = {ROPE: (spec.head_dim // 2,), "token_embd.weight": (spec.vocab, spec.hidden)}
    for layer, slides in enumerate(spec.sliding):
        head, kv_heads = (spec.head_dim_swa, spec.kv_heads) if slides else (spec.head_dim, 1)
        found |= _block(spec, layer, spec.hidden, spec.ffn, slides=slides)
        found[f"blk.{layer}.attn_k_norm.weight"] = (head,)
        found[f"blk.{layer}.attn_k.weight"] = (kv_heads * head, spec.hidden)
        if slides:
            # Full layers have no value projection: llama.cpp takes the key's.
            found[f"blk.{layer}.attn_v.weight"] = (kv_heads * head, spec.hidden)
    return found | {"output_norm.weight": (spec.hidden,)}


def _mmproj(spec: PocketSpec) -> Shapes:
    return {
        "mm.a.input_projection.weight": (spec.hidden, FRAME),
        "mm.input_projection.weight": (spec.hidden, spec.vision),
        "v.patch_embd.bias": (spec.vision,),
        "v.patch_embd.weight": (spec.vision, PATCH_VALUES),
        "v.patch_norm.1.bias": (PATCH_VALUES,),
        "v.patch_norm.1.weight": (PATCH_VALUES,),
        "v.patch_norm.2.bias": (spec.vision,),
        "v.patch_norm.2.weight": (spec.vision,),
        "v.position_embd.weight": (2, spec.positions, spec.vision),
        "v.patch_norm.3.bias": (spec.vision,),
        "v.patch_norm.3.weight": (spec.vision,),
    }


def _drafter(spec: PocketSpec) -> Shapes:
    found: Shapes = {ROPE: (spec.head_dim // 2,), "token_embd.weight": (spec.vocab, spec.drafter_hidden)}
    for layer, slides in enumerate(spec.drafter_sliding):
        found |= _block(spec, layer, spec.drafter_hidden, spec.drafter_ffn, slides=slides)
    return found | {
        "output_norm.weight": (spec.drafter_hidden,),
        "nextn.post_projection.weight": (spec.hidden, spec.drafter_hidden),
        "nextn.pre_projection.weight": (spec.drafter_hidden, 2 * spec.hidden),
    }


def first_values(spec: PocketSpec, file: File, seed: int) -> dict[str, Array]:
    """Seeded values to begin training with.

    Matrices keep the variance of what they multiply; norms pass everything, but attention starts with scores of spread
    one (its own scale is 1, so the norms of queries and keys carry it), and what a layer adds to the residual is half
    its size.
    """
    rng = np.random.default_rng([seed, len(file)])
    found: dict[str, Array] = {}
    for name, shape in shapes(spec, file).items():
        found[name] = _first(name, shape, rng).astype(np.float32)
    if file == "main":
        for part, matrix in beginnings.squaring(spec, rng).items():
            found[f"blk.0.{part}.weight"] = matrix.astype(np.float32)
        found["blk.0.post_attention_norm.weight"] *= np.float32(0.2)
    elif file == "mmproj":
        found["mm.a.input_projection.weight"] = beginnings.band_filters(spec).astype(np.float32)
        found["v.patch_embd.weight"] = beginnings.letter_filters(spec, rng).astype(np.float32)
    return found


def _first(name: str, shape: Sequence[int], rng: np.random.Generator) -> NDArray[np.float64] | Array:
    if name == ROPE:
        return rope_factors(2 * shape[0])
    if len(shape) > 1:
        scale = 0.3 if "position_embd" in name else shape[-1] ** -0.5
        return scale * rng.standard_normal(shape)
    value = 1.0
    if name.endswith(".bias"):
        value = 0.0
    elif name.endswith(("attn_q_norm.weight", "attn_k_norm.weight")):
        value = shape[0] ** -0.25
    elif name.endswith(("post_attention_norm.weight", "post_ffw_norm.weight")):
        value = 0.5
    return np.full(shape, value)


def random_values(spec: PocketSpec, file: File, seed: int) -> dict[str, Array]:
    """Seeded values none of which is 0 or 1, so that a comparison leaves nothing out."""
    rng = np.random.default_rng([seed, len(file), 1])
    found = first_values(spec, file, seed)
    for name, value in found.items():
        if name == ROPE:
            continue
        spread = 0.1 if name.endswith(".bias") else 0.2 * float(np.abs(value).mean())
        found[name] = value + (spread * rng.standard_normal(value.shape)).astype(np.float32)
    return found
