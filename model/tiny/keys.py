"""The metadata keys of a Gemma 4 unified bundle's three files, as llama.cpp's converter writes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import gguf

from deskhand.model.tiny.vocab import SUPPRESSED, Vocabulary

FRAME, PATCH_VALUES, POSITIONS = 640, 48 * 48 * 3, 1120
"""Samples of a sound token, values of an image token, and entries of the position tables (gemma4ua, gemma4uv)."""


class Sizes(Protocol):
    """What target and drafter have in common: see `tiny.spec.TinySpec`."""

    @property
    def heads(self) -> int:
        """Query heads."""
        ...

    @property
    def kv_heads(self) -> int:
        """Key/value heads of sliding layers; full layers have one."""
        ...

    @property
    def head_dim(self) -> int:
        """Elements of a full layer's head."""
        ...

    @property
    def head_dim_swa(self) -> int:
        """Elements of a sliding layer's head."""
        ...

    @property
    def window(self) -> int:
        """Tokens that a sliding layer sees."""
        ...

    @property
    def context_length(self) -> int:
        """Tokens."""
        ...


@dataclass(frozen=True, slots=True)
class Shape:
    """What tells a target from a drafter: architecture, which layers slide, sizes."""

    name: str
    sliding: Sequence[bool]
    hidden: int
    ffn: int


def write_language_keys(keys: gguf.GGUFWriter, sizes: Sizes, shape: Shape) -> None:
    """Sizes of a language model, the target or the drafter."""
    name, sliding = shape.name, list(shape.sliding)
    keys.add_string("general.type", "model")
    keys.add_uint32(f"{name}.block_count", len(sliding))
    keys.add_uint32(f"{name}.context_length", sizes.context_length)
    keys.add_uint32(f"{name}.embedding_length", shape.hidden)
    keys.add_uint32(f"{name}.feed_forward_length", shape.ffn)
    keys.add_uint32(f"{name}.attention.head_count", sizes.heads)
    keys.add_array(f"{name}.attention.head_count_kv", [sizes.kv_heads if slides else 1 for slides in sliding])
    keys.add_float32(f"{name}.rope.freq_base", 1_000_000.0)
    keys.add_float32(f"{name}.rope.freq_base_swa", 10_000.0)
    keys.add_float32(f"{name}.attention.layer_norm_rms_epsilon", 1e-6)
    for part in ("attention.key_length", "attention.value_length", "rope.dimension_count"):
        keys.add_uint32(f"{name}.{part}", sizes.head_dim)
        keys.add_uint32(f"{name}.{part}_swa", sizes.head_dim_swa)
    keys.add_uint32(f"{name}.attention.sliding_window", sizes.window)
    keys.add_array(f"{name}.attention.sliding_window_pattern", sliding)
    keys.add_uint32(f"{name}.embedding_length_per_layer_input", 0)


def write_tokenizer(keys: gguf.GGUFWriter, vocab: Vocabulary) -> None:
    """Tokens, merges and roles."""
    keys.add_string("tokenizer.ggml.model", "gemma4")
    keys.add_array("tokenizer.ggml.tokens", list(vocab.tokens))
    keys.add_array("tokenizer.ggml.scores", [-1000.0] * len(vocab.tokens))
    keys.add_array("tokenizer.ggml.token_type", list(vocab.types))
    keys.add_array("tokenizer.ggml.merges", list(vocab.merges))
    for role, token in (("bos", 2), ("eos", 1), ("unknown", 3), ("padding", 0), ("mask", 4)):
        keys.add_uint32(f"tokenizer.ggml.{role}_token_id", token)
    keys.add_bool("tokenizer.ggml.add_bos_token", True)
    keys.add_bool("tokenizer.ggml.add_space_prefix", False)
    keys.add_array("tokenizer.ggml.suppress_tokens", vocab.ids(*SUPPRESSED))
    keys.add_string(
        "tokenizer.chat_template",
        "{{ bos_token }}{% for m in messages %}<|turn>{{ m.role }}\n{{ m.content }}<turn|>\n{% endfor %}<|turn>model\n",
    )


def write_media_keys(keys: gguf.GGUFWriter, hidden: int, vision: int | None = None) -> None:
    """Sizes of what turns pixels and sound into embeddings.

    Args:
        keys: of the file.
        hidden: of the target.
        vision: of an image token before its projection, if it is another size.
    """
    for kind, projector, embedding in (("vision", "gemma4uv", vision or hidden), ("audio", "gemma4ua", FRAME)):
        keys.add_bool(f"clip.has_{kind}_encoder", True)
        keys.add_string(f"clip.{kind}.projector_type", projector)
        keys.add_uint32(f"clip.{kind}.projection_dim", hidden)
        keys.add_uint32(f"clip.{kind}.embedding_length", embedding)
        keys.add_uint32(f"clip.{kind}.feed_forward_length", 0)
        keys.add_uint32(f"clip.{kind}.block_count", 0)
        keys.add_uint32(f"clip.{kind}.attention.head_count", 0)
        keys.add_float32(f"clip.{kind}.attention.layer_norm_epsilon", 1e-6)
    keys.add_uint32("clip.vision.image_size", 224)
    keys.add_uint32("clip.vision.patch_size", 16)
    keys.add_array("clip.vision.image_mean", [0.0, 0.0, 0.0])
    keys.add_array("clip.vision.image_std", [1.0, 1.0, 1.0])
    keys.add_uint32("clip.audio.num_mel_bins", 128)
