"""The three GGUF files of a tiny bundle, key by key and tensor by tensor as llama.cpp's converter writes them."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
from numpy.typing import NDArray

from deskhand.model.tiny.keys import (
    FRAME,
    PATCH_VALUES,
    POSITIONS,
    Shape,
    write_language_keys,
    write_media_keys,
    write_tokenizer,
)
from deskhand.model.tiny.ring import HEARD, ONE, Array, Ring
from deskhand.model.tiny.spec import TinySpec

_FOCUS = 0.05
"""Standard deviation of attention scores by content: attention is nearly flat."""

_GAIN = 3.0
"""Of the marks in queries and keys, against 1 for the rest of them."""


class _File:
    """One GGUF being written: keys by name, tensors as float32 or the spec's type."""

    def __init__(self, path: Path, architecture: str, spec: TinySpec, seed: int) -> None:
        self._path, self._half = path, spec.dtype == "f16"
        self.keys = gguf.GGUFWriter(path, architecture)
        self.random = np.random.default_rng([spec.seed, seed])
        self.keys.add_uint32("general.file_type", int(self._half))
        self.keys.add_uint32("general.quantization_version", 2)

    def vector(self, name: str, values: NDArray[np.float64] | Array) -> None:
        """A norm, bias or table: always float32."""
        self.keys.add_tensor(name, np.ascontiguousarray(values, np.float32))

    def matrix(self, name: str, values: NDArray[np.float64] | Array) -> None:
        """A matrix, outputs × inputs."""
        self.keys.add_tensor(name, np.ascontiguousarray(values, np.float16 if self._half else np.float32))

    def random_matrix(self, name: str, outputs: int, inputs: int) -> None:
        """A matrix that keeps the variance of what it multiplies."""
        self.matrix(name, self.random.normal(size=(outputs, inputs)) / np.sqrt(inputs))

    def close(self) -> None:
        self.keys.write_header_to_file()
        self.keys.write_kv_data_to_file()
        self.keys.write_tensors_to_file()
        self.keys.close()


def _write_block(file: _File, layer: int, spec: TinySpec, shape: Shape) -> None:
    """What a layer of the target and one of the drafter have in common."""
    name, hidden, ffn = f"blk.{layer}", shape.hidden, shape.ffn
    head = spec.head_dim_swa if shape.sliding[layer] else spec.head_dim
    for norm in ("attn_norm", "ffn_norm"):
        file.vector(f"{name}.{norm}.weight", 1 + 0.1 * file.random.normal(size=hidden))
    file.vector(f"{name}.layer_output_scale.weight", np.ones(1))
    file.random_matrix(f"{name}.ffn_gate.weight", ffn, hidden)
    file.random_matrix(f"{name}.ffn_up.weight", ffn, hidden)
    file.random_matrix(f"{name}.ffn_down.weight", hidden, ffn)
    # Flat attention: the context is nearly the mean of what was read, so it turns slowly from token to token.
    weights = np.full(head, _FOCUS / np.sqrt(head))
    weights[-1] = 1 / _GAIN**2
    file.vector(f"{name}.attn_q_norm.weight", weights)
    file.matrix(
        f"{name}.attn_q.weight",
        _marked(file, (spec.heads, head, hidden), min(spec.identity + spec.context + ONE, hidden - 1)),
    )
    read = file.random.normal(size=(hidden, spec.heads, head)) / np.sqrt(spec.heads * head)
    read[:, :, -1] = 0
    file.matrix(f"{name}.attn_output.weight", read.reshape(hidden, -1))


def _marked(file: _File, size: tuple[int, int, int], element: int) -> NDArray[np.float64]:
    """A random projection, heads × elements × inputs, whose last element of each head is one of the inputs."""
    values = file.random.normal(size=size) / np.sqrt(size[-1])
    values[:, -1] = 0
    values[:, -1, element] = _GAIN
    return values.reshape(-1, size[-1])


def _post_norm(spec: TinySpec, identity: float, context: float, rest: float) -> NDArray[np.float64]:
    """Weights of a norm before the residual: how much a layer may write into each part of the hidden state."""
    marks = max(ONE, HEARD) + 1
    others = spec.hidden - spec.identity - spec.context - marks
    return np.repeat([identity, context, 0.0, rest], [spec.identity, spec.context, marks, others])


def _rope_factors(spec: TinySpec) -> NDArray[np.float64]:
    """Full layers turn a quarter of each head only (partial_rotary_factor 0.25 of the released configuration)."""
    return np.where(np.arange(spec.head_dim // 2) < spec.head_dim // 8, 1.0, 1e30)


def write_main(path: Path, spec: TinySpec, ring: Ring) -> None:
    """Write the target, a `gemma4`."""
    file = _File(path, "gemma4", spec, 2)
    shape = Shape("gemma4", spec.sliding, spec.hidden, spec.ffn)
    write_language_keys(file.keys, spec, shape)
    file.keys.add_string("general.name", "Tiny Gemma 4")
    file.keys.add_float32("gemma4.final_logit_softcapping", 30.0)
    file.keys.add_uint32("gemma4.attention.shared_kv_layers", 0)
    write_tokenizer(file.keys, ring.vocabulary)
    file.vector("rope_freqs.weight", _rope_factors(spec))
    file.matrix("output.weight", ring.output)
    # llama.cpp multiplies embeddings of tokens (not of pixels and sound) by the root of the hidden size.
    file.matrix("token_embd.weight", ring.embeddings / np.sqrt(spec.hidden))
    # Full layers write the context between them: what a sliding layer sees changes with every token.
    full = 1 / np.sqrt(spec.layers // spec.pattern)
    for layer, slides in enumerate(spec.sliding):
        name = f"blk.{layer}"
        head, kv_heads = (spec.head_dim_swa, spec.kv_heads) if slides else (spec.head_dim, 1)
        _write_block(file, layer, spec, shape)
        file.vector(f"{name}.post_attention_norm.weight", _post_norm(spec, 0.02, 0.05 if slides else full, 0.1))
        file.vector(f"{name}.post_ffw_norm.weight", _post_norm(spec, 0.02, 0.01, 0.1))
        file.vector(f"{name}.attn_k_norm.weight", np.ones(head))
        heard = spec.identity + spec.context + HEARD
        file.matrix(f"{name}.attn_k.weight", _marked(file, (kv_heads, head, spec.hidden), heard))
        if slides:
            # Full layers have no value projection: llama.cpp takes the key's.
            file.random_matrix(f"{name}.attn_v.weight", kv_heads * head, spec.hidden)
    file.vector("output_norm.weight", np.ones(spec.hidden))
    file.close()


def write_mmproj(path: Path, spec: TinySpec) -> None:
    """Write what turns pixels and sound into embeddings, a `clip` of `gemma4uv` and `gemma4ua`."""
    file, hidden = _File(path, "clip", spec, 3), spec.hidden
    keys, random = file.keys, file.random
    keys.add_string("general.type", "mmproj")
    keys.add_string("general.name", "Tiny Gemma 4 pixels and sound")
    write_media_keys(keys, hidden)
    file.random_matrix("mm.a.input_projection.weight", hidden, FRAME)
    file.random_matrix("mm.input_projection.weight", hidden, hidden)
    file.random_matrix("v.patch_embd.weight", hidden, PATCH_VALUES)
    file.vector("v.patch_embd.bias", 0.1 * random.normal(size=hidden))
    for norm, size in ((1, PATCH_VALUES), (2, hidden), (3, hidden)):
        file.vector(f"v.patch_norm.{norm}.weight", 1 + 0.02 * random.normal(size=size))
        file.vector(f"v.patch_norm.{norm}.bias", 0.02 * random.normal(size=size))
    file.vector("v.position_embd.weight", 0.5 * random.normal(size=(2, POSITIONS, hidden)))
    file.close()


def write_drafter(path: Path, spec: TinySpec, ring: Ring) -> None:
    """Write the drafter, a `gemma4-assistant`: it has no keys and values of its own and reads the target's."""
    file, hidden = _File(path, "gemma4-assistant", spec, 4), spec.drafter_hidden
    name, sliding = "gemma4-assistant", [layer < spec.drafter_layers - 1 for layer in range(spec.drafter_layers)]
    shape = Shape(name, sliding, hidden, spec.drafter_ffn)
    write_language_keys(file.keys, spec, shape)
    file.keys.add_string("general.name", "Tiny Gemma 4 drafter")
    file.keys.add_uint32(f"{name}.attention.shared_kv_layers", spec.drafter_layers)
    file.keys.add_uint32(f"{name}.embedding_length_out", spec.hidden)
    file.keys.add_uint32(f"{name}.nextn_predict_layers", spec.drafter_layers)
    write_tokenizer(file.keys, ring.vocabulary)
    file.vector("rope_freqs.weight", _rope_factors(spec))
    file.matrix("token_embd.weight", ring.drafted)
    for layer in range(spec.drafter_layers):
        _write_block(file, layer, spec, shape)
        for norm in ("post_attention_norm", "post_ffw_norm"):
            file.vector(f"blk.{layer}.{norm}.weight", np.full(hidden, 0.02))
    file.vector("output_norm.weight", np.ones(hidden))

    # In: the token's identity from the target's own embedding, the context from the target's last hidden state.
    identity, both = spec.identity, spec.identity + spec.context
    before = np.zeros((hidden, 2 * spec.hidden))
    before[:identity, :identity] = np.eye(identity)
    before[identity:both, spec.hidden + identity : spec.hidden + both] = np.eye(spec.context)
    file.matrix("nextn.pre_projection.weight", before)
    # Out: a hidden state from which the next draft step reads the same context.
    after = np.zeros((spec.hidden, hidden))
    after[:both, :both] = np.eye(both)
    file.matrix("nextn.post_projection.weight", after)
    file.close()
