"""A bundle of the 12B's real shape with random weights: what it takes and how fast it runs, without what it knows.

Shapes are those of google/gemma-4-12B-it as llama.cpp's converter writes them. Three published sizes are met by them:
the main file's 6.98 GB (matrices Q4_0, the tied embedding Q6_K), the mmproj's 175 MB (projections BF16, the patch
matrix and the tables F32) and the drafter's 423 M parameters (0.24 GB in Q4_0). The drafter's hidden size, feed-forward
size and number of layers are not published where we could read them: 1024, 8192 and 4 are what gives 423 M with the
target's heads.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Kind
from numpy.typing import NDArray

HIDDEN, FFN, LAYERS, HEADS, VOCABULARY, CONTEXT = 3840, 15360, 48, 16, 262_144, 262_144
WINDOW, KV_SLIDING, KV_FULL, HEAD_SLIDING, HEAD_FULL = 1024, 8, 1, 256, 512
DRAFTER_HIDDEN, DRAFTER_FFN, DRAFTER_LAYERS = 1024, 8192, 4
PATCH, FRAME, POSITIONS = 48 * 48 * 3, 640, 1120
SPREAD = 4.61
"""Standard deviation of a uniform integer in -8…7."""


@dataclass(frozen=True, slots=True)
class Shape:
    """One tensor: its name, its sizes as ggml has them (inputs first), its type, and the mean of a vector."""

    name: str
    sizes: tuple[int, ...]
    kind: Kind = Kind.F32
    mean: float = 0.0

    @property
    def bytes(self) -> int:
        """Bytes of its data."""
        block, size = gguf.GGML_QUANT_SIZES[self.kind]
        return math.prod(self.sizes) // block * size


def slides(layer: int) -> bool:
    """Whether a layer of the target is a sliding one: five of six are."""
    return (layer + 1) % 6 != 0


def block(layer: int, hidden: int, ffn: int, *, sliding: bool) -> Iterator[Shape]:
    """What layers of the target and of the drafter have in common."""
    name, head = f"blk.{layer}", HEAD_SLIDING if sliding else HEAD_FULL
    for norm in ("attn_norm", "post_attention_norm", "ffn_norm", "post_ffw_norm"):
        yield Shape(f"{name}.{norm}.weight", (hidden,), mean=1.0)
    yield Shape(f"{name}.layer_output_scale.weight", (1,), mean=1.0)
    yield Shape(f"{name}.attn_q_norm.weight", (head,), mean=1.0)
    yield Shape(f"{name}.attn_q.weight", (hidden, HEADS * head), Kind.Q4_0)
    yield Shape(f"{name}.attn_output.weight", (HEADS * head, hidden), Kind.Q4_0)
    yield Shape(f"{name}.ffn_gate.weight", (hidden, ffn), Kind.Q4_0)
    yield Shape(f"{name}.ffn_up.weight", (hidden, ffn), Kind.Q4_0)
    yield Shape(f"{name}.ffn_down.weight", (ffn, hidden), Kind.Q4_0)


def main_tensors() -> Iterator[Shape]:
    """The target's; full layers have no value projection, their keys serve."""
    yield Shape("rope_freqs.weight", (HEAD_FULL // 2,), mean=1.0)
    yield Shape("token_embd.weight", (HIDDEN, VOCABULARY), Kind.Q6_K)
    yield Shape("output_norm.weight", (HIDDEN,), mean=1.0)
    for layer in range(LAYERS):
        sliding = slides(layer)
        head, heads = (HEAD_SLIDING, KV_SLIDING) if sliding else (HEAD_FULL, KV_FULL)
        yield from block(layer, HIDDEN, FFN, sliding=sliding)
        yield Shape(f"blk.{layer}.attn_k_norm.weight", (head,), mean=1.0)
        yield Shape(f"blk.{layer}.attn_k.weight", (HIDDEN, heads * head), Kind.Q4_0)
        if sliding:
            yield Shape(f"blk.{layer}.attn_v.weight", (HIDDEN, heads * head), Kind.Q4_0)


def drafter_tensors() -> Iterator[Shape]:
    """The drafter's; it has no keys and values."""
    yield Shape("rope_freqs.weight", (HEAD_FULL // 2,), mean=1.0)
    yield Shape("token_embd.weight", (DRAFTER_HIDDEN, VOCABULARY), Kind.Q4_0)
    yield Shape("output_norm.weight", (DRAFTER_HIDDEN,), mean=1.0)
    for layer in range(DRAFTER_LAYERS):
        yield from block(layer, DRAFTER_HIDDEN, DRAFTER_FFN, sliding=layer < DRAFTER_LAYERS - 1)
    yield Shape("nextn.pre_projection.weight", (2 * HIDDEN, DRAFTER_HIDDEN), Kind.Q4_0)
    yield Shape("nextn.post_projection.weight", (DRAFTER_HIDDEN, HIDDEN), Kind.Q4_0)


def mmproj_tensors() -> Iterator[Shape]:
    """The projector's."""
    yield Shape("mm.a.input_projection.weight", (FRAME, HIDDEN), Kind.BF16)
    yield Shape("mm.input_projection.weight", (HIDDEN, HIDDEN), Kind.BF16)
    yield Shape("v.patch_embd.weight", (PATCH, HIDDEN))
    yield Shape("v.patch_embd.bias", (HIDDEN,))
    for norm, size in ((1, PATCH), (2, HIDDEN), (3, HIDDEN)):
        yield Shape(f"v.patch_norm.{norm}.weight", (size,), mean=1.0)
        yield Shape(f"v.patch_norm.{norm}.bias", (size,))
    yield Shape("v.position_embd.weight", (HIDDEN, POSITIONS, 2))


def random_data(shape: Shape, random: np.random.Generator) -> NDArray[np.generic]:
    """Weights that keep the variance of what they multiply, written directly in their type's blocks.

    Q4_0 is a half-precision scale and 32 nibbles, Q6_K 256 values of six bits, 16 scales of a byte and one of half
    precision (ggml `ggml-common.h`).
    """
    count, scale = math.prod(shape.sizes), 1 / math.sqrt(shape.sizes[0])
    if len(shape.sizes) == 1:
        values = shape.mean + 0.02 * random.standard_normal(count, np.float32)
        return values if count > 1 else np.ones(1, np.float32)
    if shape.kind in (Kind.F32, Kind.BF16):
        wide = random.standard_normal(count, np.float32) * np.float32(scale)
        return wide if shape.kind == Kind.F32 else (wide.view(np.uint32) >> 16).astype(np.uint16).view(np.uint8)
    elements, size = gguf.GGML_QUANT_SIZES[shape.kind]
    data = random.integers(0, 1 << 64, -(-shape.bytes // 8), np.uint64).view(np.uint8)[: shape.bytes]
    blocks = data.reshape(count // elements, size)
    if shape.kind == Kind.Q4_0:
        blocks[:, :2] = np.array([scale / SPREAD], np.float16).view(np.uint8)
    else:  # Q6_K: 128 + 64 bytes of values in -32…31, 16 signed scales, one more scale
        blocks[:, 192:208] = 1
        blocks[:, 208:] = np.array([scale / (4 * SPREAD)], np.float16).view(np.uint8)
    return data


def write(path: Path, writer: gguf.GGUFWriter, shapes: Sequence[Shape], seed: int) -> None:
    """Write the keys that ``writer`` holds and random tensors, one tensor in memory at a time."""
    random = np.random.default_rng(seed)
    for shape in shapes:
        sizes = tuple(reversed(shape.sizes))
        if shape.kind in (Kind.Q4_0, Kind.Q6_K, Kind.BF16):
            sizes = gguf.quant_shape_to_byte_shape(sizes, shape.kind)
        dtype = np.dtype(np.float32 if shape.kind == Kind.F32 else np.uint8)
        raw = None if shape.kind == Kind.F32 else shape.kind
        writer.add_tensor_info(shape.name, sizes, dtype, shape.bytes, raw)
    writer.write_header_to_file(path)
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for shape in shapes:
        writer.write_tensor_data(random_data(shape, random))
    writer.close()


def language_keys(writer: gguf.GGUFWriter, name: str, sliding: Sequence[bool], hidden: int, ffn: int) -> None:
    """Keys that target and drafter have in common."""
    writer.add_string("general.type", "model")
    writer.add_uint32("general.file_type", int(gguf.LlamaFileType.MOSTLY_Q4_0))
    writer.add_uint32("general.quantization_version", 2)
    for key, value in (
        ("block_count", len(sliding)),
        ("context_length", CONTEXT),
        ("embedding_length", hidden),
        ("feed_forward_length", ffn),
        ("attention.head_count", HEADS),
        ("attention.key_length", HEAD_FULL),
        ("attention.value_length", HEAD_FULL),
        ("attention.key_length_swa", HEAD_SLIDING),
        ("attention.value_length_swa", HEAD_SLIDING),
        ("attention.sliding_window", WINDOW),
        ("attention.shared_kv_layers", 0 if name == "gemma4" else len(sliding)),
        ("rope.dimension_count", HEAD_FULL),
        ("rope.dimension_count_swa", HEAD_SLIDING),
        ("embedding_length_per_layer_input", 0),
    ):
        writer.add_uint32(f"{name}.{key}", value)
    writer.add_array(f"{name}.attention.head_count_kv", [KV_SLIDING if slide else KV_FULL for slide in sliding])
    writer.add_array(f"{name}.attention.sliding_window_pattern", list(sliding))
    writer.add_float32(f"{name}.rope.freq_base", 1_000_000.0)
    writer.add_float32(f"{name}.rope.freq_base_swa", 10_000.0)
    writer.add_float32(f"{name}.attention.layer_norm_rms_epsilon", 1e-6)


def copy_tokenizer(writer: gguf.GGUFWriter, vocabulary: Path) -> None:
    """All ``tokenizer.`` keys of another GGUF."""
    for key, field in gguf.GGUFReader(vocabulary).fields.items():
        if key.startswith("tokenizer."):
            sub = field.types[1] if len(field.types) > 1 else None
            writer.add_key_value(key, field.contents(), field.types[0], sub)


def write_main(path: Path, vocabulary: Path) -> None:
    """Write the target."""
    writer = gguf.GGUFWriter(None, "gemma4")
    language_keys(writer, "gemma4", [slides(layer) for layer in range(LAYERS)], HIDDEN, FFN)
    writer.add_string("general.name", "Random weights in the shape of Gemma 4 12B")
    writer.add_float32("gemma4.final_logit_softcapping", 30.0)
    copy_tokenizer(writer, vocabulary)
    write(path, writer, list(main_tensors()), 1)


def write_drafter(path: Path, vocabulary: Path) -> None:
    """Write the drafter."""
    writer, name = gguf.GGUFWriter(None, "gemma4-assistant"), "gemma4-assistant"
    sliding = [layer < DRAFTER_LAYERS - 1 for layer in range(DRAFTER_LAYERS)]
    language_keys(writer, name, sliding, DRAFTER_HIDDEN, DRAFTER_FFN)
    writer.add_uint32(f"{name}.embedding_length_out", HIDDEN)
    writer.add_uint32(f"{name}.nextn_predict_layers", DRAFTER_LAYERS)
    copy_tokenizer(writer, vocabulary)
    write(path, writer, list(drafter_tensors()), 2)


def write_mmproj(path: Path) -> None:
    """Write the projector."""
    writer = gguf.GGUFWriter(None, "clip")
    writer.add_string("general.type", "mmproj")
    writer.add_uint32("general.file_type", int(gguf.LlamaFileType.MOSTLY_BF16))
    writer.add_uint32("general.quantization_version", 2)
    for kind, projector, width in (("vision", "gemma4uv", HIDDEN), ("audio", "gemma4ua", FRAME)):
        writer.add_bool(f"clip.has_{kind}_encoder", True)
        writer.add_string(f"clip.{kind}.projector_type", projector)
        writer.add_uint32(f"clip.{kind}.projection_dim", HIDDEN)
        writer.add_uint32(f"clip.{kind}.embedding_length", width)
        for key in ("feed_forward_length", "block_count", "attention.head_count"):
            writer.add_uint32(f"clip.{kind}.{key}", 0)
        writer.add_float32(f"clip.{kind}.attention.layer_norm_epsilon", 1e-6)
    writer.add_uint32("clip.vision.image_size", 224)
    writer.add_uint32("clip.vision.patch_size", 16)
    writer.add_array("clip.vision.image_mean", [0.0, 0.0, 0.0])
    writer.add_array("clip.vision.image_std", [1.0, 1.0, 1.0])
    writer.add_uint32("clip.audio.num_mel_bins", 128)
    write(path, writer, list(mmproj_tensors()), 3)
