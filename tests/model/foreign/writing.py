"""Tiny bundles of other models, with random weights: what older Gemmas and other makers' files look like to the engine.

Keys, names and shapes are those that llama.cpp's converter writes (`conversion/gemma.py`, `qwenvl.py`) and that its
loaders ask for (`src/models/*.cpp`, `tools/mtmd/clip.cpp`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import gguf
import numpy as np

HIDDEN, FFN, LAYERS, HEADS, HEAD, VISION, WINDOW = 64, 96, 4, 4, 16, 32, 48


class File:
    """One GGUF with seeded weights; shapes as numpy has them, outputs first."""

    def __init__(self, path: Path, architecture: str, seed: int = 0) -> None:
        self.keys = gguf.GGUFWriter(path, architecture)
        self._random = np.random.default_rng(seed)
        self._prefix = architecture

    def numbers(self, prefix: str = "", **values: float | bool | str | Sequence[int] | Sequence[float]) -> None:
        for name, value in values.items():
            key = f"{prefix or self._prefix}.{name.replace('__', '.')}"
            match value:
                case bool():
                    self.keys.add_bool(key, value)
                case int():
                    self.keys.add_uint32(key, value)
                case float():
                    self.keys.add_float32(key, value)
                case str():
                    self.keys.add_string(key, value)
                case _:
                    self.keys.add_array(key, list(value))

    def matrix(self, name: str, *shape: int) -> None:
        values = self._random.normal(size=shape) / np.sqrt(np.prod(shape[1:]))
        self.keys.add_tensor(name, values.astype(np.float32))

    def norm(self, name: str, size: int) -> None:
        self.keys.add_tensor(name, (1 + 0.1 * self._random.normal(size=size)).astype(np.float32))

    def bias(self, name: str, size: int) -> None:
        self.keys.add_tensor(name, (0.1 * self._random.normal(size=size)).astype(np.float32))

    def close(self) -> None:
        self.keys.write_header_to_file()
        self.keys.write_kv_data_to_file()
        self.keys.write_tensors_to_file()
        self.keys.close()


def _language(file: File, **keys: float | bool | str | Sequence[int]) -> None:
    file.keys.add_string("general.type", "model")
    file.numbers(
        context_length=4096,
        embedding_length=HIDDEN,
        block_count=LAYERS,
        feed_forward_length=FFN,
        attention__head_count=HEADS,
        attention__layer_norm_rms_epsilon=1e-6,
        rope__freq_base=10_000.0,
        **keys,
    )


def _block(file: File, layer: int, heads: int, kv_heads: int, *, keys: bool = True) -> None:
    name = f"blk.{layer}"
    file.norm(f"{name}.attn_norm.weight", HIDDEN)
    file.norm(f"{name}.ffn_norm.weight", HIDDEN)
    file.matrix(f"{name}.attn_q.weight", heads * HEAD, HIDDEN)
    if keys:
        file.matrix(f"{name}.attn_k.weight", kv_heads * HEAD, HIDDEN)
        file.matrix(f"{name}.attn_v.weight", kv_heads * HEAD, HIDDEN)
    file.matrix(f"{name}.attn_output.weight", HIDDEN, heads * HEAD)
    file.matrix(f"{name}.ffn_gate.weight", FFN, HIDDEN)
    file.matrix(f"{name}.ffn_up.weight", FFN, HIDDEN)
    file.matrix(f"{name}.ffn_down.weight", HIDDEN, FFN)


def _gemma_norms(file: File, layer: int, *, keys: bool = True) -> None:
    name = f"blk.{layer}"
    file.norm(f"{name}.post_attention_norm.weight", HIDDEN)
    file.norm(f"{name}.post_ffw_norm.weight", HIDDEN)
    file.norm(f"{name}.attn_q_norm.weight", HEAD)
    if keys:
        file.norm(f"{name}.attn_k_norm.weight", HEAD)


def _words(file: File, kind: str, tokens: Sequence[str], types: Sequence[int], **ids: int) -> None:
    file.keys.add_string("tokenizer.ggml.model", kind)
    file.keys.add_array("tokenizer.ggml.tokens", list(tokens))
    file.keys.add_array("tokenizer.ggml.token_type", list(types))
    for role, token in ids.items():
        file.keys.add_uint32(f"tokenizer.ggml.{role}_token_id", token)


def _embeddings(file: File, vocabulary: int) -> None:
    file.matrix("token_embd.weight", vocabulary, HIDDEN)
    file.norm("output_norm.weight", HIDDEN)


def _vision(file: File, projector: str, **keys: float | bool | Sequence[float]) -> None:
    file.keys.add_string("general.type", "mmproj")
    file.keys.add_bool("clip.has_vision_encoder", True)
    file.numbers(
        "clip.vision",
        projector_type=projector,
        projection_dim=HIDDEN,
        embedding_length=VISION,
        feed_forward_length=2 * VISION,
        block_count=2,
        attention__head_count=2,
        attention__layer_norm_epsilon=1e-6,
        image_mean=[0.5, 0.5, 0.5],
        image_std=[0.5, 0.5, 0.5],
        **keys,
    )


def _vision_block(file: File, layer: int, *, biases: bool = True) -> None:
    name, wide = f"v.blk.{layer}", 2 * VISION
    shapes = {"attn_q": (VISION,) * 2, "attn_k": (VISION,) * 2, "attn_v": (VISION,) * 2, "attn_out": (VISION,) * 2}
    for part, shape in {**shapes, "ffn_up": (wide, VISION), "ffn_down": (VISION, wide)}.items():
        file.matrix(f"{name}.{part}.weight", *shape)
        if biases:
            file.bias(f"{name}.{part}.bias", shape[0])
    for norm in ("ln1", "ln2"):
        file.norm(f"{name}.{norm}.weight", VISION)
        if biases:
            file.bias(f"{name}.{norm}.bias", VISION)


_GEMMA_TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}<start_of_turn>{{ 'model' if m.role == 'assistant' else 'user' }}\n"
    "{% if m.content is string %}{{ m.content }}{% else %}{% for part in m.content %}{% if part.type == 'image' %}"
    "<start_of_image>{% else %}{{ part.text }}{% endif %}{% endfor %}{% endif %}<end_of_turn>\n{% endfor %}"
    "<start_of_turn>model\n"
)
_CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.content is string %}{{ m.content }}{% else %}"
    "{% for part in m.content %}{% if part.type == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% else %}"
    "{{ part.text }}{% endif %}{% endfor %}{% endif %}<|im_end|>\n{% endfor %}<|im_start|>assistant\n"
)


def gemma3(folder: Path) -> None:
    """Gemma 3 with its SigLIP encoder: four layers, sliding by llama.cpp's own pattern of five to one."""
    file = File(folder / "main.gguf", "gemma3")
    _language(
        file,
        attention__head_count_kv=2,
        attention__key_length=HEAD,
        attention__value_length=HEAD,
        attention__sliding_window=WINDOW,
    )
    special = ["<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>"]
    special += ["<start_of_image>", "<end_of_image>"]
    pieces = ["▁", *(chr(code) for code in range(0x21, 0x7F)), "\n", *(f"▁{word}" for word in ("the", "what", "is"))]
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
    tokens = [*special, *bytes_, *pieces]
    _words(file, "llama", tokens, [3] * 3 + [2] + [3] * 4 + [6] * 256 + [1] * len(pieces), bos=2, eos=1, unknown=3)
    file.keys.add_array("tokenizer.ggml.scores", [-float(index) for index in range(len(tokens))])
    file.keys.add_bool("tokenizer.ggml.add_bos_token", True)
    file.keys.add_bool("tokenizer.ggml.add_space_prefix", False)
    file.keys.add_string("tokenizer.chat_template", _GEMMA_TEMPLATE)
    _embeddings(file, len(tokens))
    for layer in range(LAYERS):
        _block(file, layer, HEADS, 2)
        _gemma_norms(file, layer)
    file.close()
    file = File(folder / "mmproj.gguf", "clip")
    _vision(file, "gemma3", image_size=112, patch_size=14)
    file.keys.add_bool("clip.use_gelu", True)
    file.matrix("v.patch_embd.weight", VISION, 3, 14, 14)
    file.bias("v.patch_embd.bias", VISION)
    file.matrix("v.position_embd.weight", 64, VISION)
    for layer in range(2):
        _vision_block(file, layer)
    file.norm("v.post_ln.weight", VISION)
    file.bias("v.post_ln.bias", VISION)
    file.norm("mm.soft_emb_norm.weight", VISION)
    file.matrix("mm.input_projection.weight", VISION, HIDDEN)
    file.close()


def qwen2vl(folder: Path) -> None:
    """Qwen2-VL: positions in three dimensions (M-RoPE), pictures of any size, no sliding layers."""
    file = File(folder / "main.gguf", "qwen2vl")
    _language(file, attention__head_count_kv=2)
    file.keys.add_array("qwen2vl.rope.dimension_sections", [2, 3, 3, 0])
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    letters = [chr(code) for code in printable] + [chr(0x100 + index) for index in range(256 - len(printable))]
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>"]
    tokens = [*letters, *special]
    _words(file, "gpt2", tokens, [1] * 256 + [3] * len(special), bos=256, eos=258, padding=256)
    file.keys.add_string("tokenizer.ggml.pre", "qwen2")
    file.keys.add_array("tokenizer.ggml.merges", ["Ġ t", "h e"])
    file.keys.add_bool("tokenizer.ggml.add_bos_token", False)
    file.keys.add_string("tokenizer.chat_template", _CHATML)
    _embeddings(file, len(tokens))
    for layer in range(LAYERS):
        _block(file, layer, HEADS, 2)
        for part, size in (("q", HEADS * HEAD), ("k", 2 * HEAD), ("v", 2 * HEAD)):
            file.bias(f"blk.{layer}.attn_{part}.bias", size)
    file.close()
    file = File(folder / "mmproj.gguf", "clip")
    _vision(file, "qwen2vl_merger", image_size=224, patch_size=14)
    for name in ("v.patch_embd.weight", "v.patch_embd.weight.1"):
        file.matrix(name, VISION, 3, 14, 14)
    for layer in range(2):
        _vision_block(file, layer)
    file.norm("v.post_ln.weight", VISION)
    file.bias("v.post_ln.bias", VISION)
    for index, shape in ((0, (4 * VISION, 4 * VISION)), (2, (HIDDEN, 4 * VISION))):
        file.matrix(f"mm.{index}.weight", *shape)
        file.bias(f"mm.{index}.bias", shape[0])
    file.close()


def e4b(folder: Path, tokens: Sequence[str], types: Sequence[int], merges: Sequence[str]) -> None:
    """A small Gemma 4 with its encoders: embeddings for every layer, and last layers that use earlier ones' keys."""
    file = File(folder / "main.gguf", "gemma4")
    sliding, own = [True, False, True, False], 16
    _language(
        file,
        attention__head_count_kv=2,
        attention__key_length=HEAD,
        attention__value_length=HEAD,
        attention__key_length_swa=HEAD,
        attention__value_length_swa=HEAD,
        rope__dimension_count=HEAD,
        rope__dimension_count_swa=HEAD,
        rope__freq_base_swa=10_000.0,
        attention__sliding_window=WINDOW,
        attention__shared_kv_layers=2,
        embedding_length_per_layer_input=own,
        final_logit_softcapping=30.0,
    )
    file.keys.add_array("gemma4.attention.sliding_window_pattern", sliding)
    _words(file, "gemma4", tokens, types, bos=2, eos=1, unknown=3, padding=0)
    file.keys.add_array("tokenizer.ggml.scores", [-1000.0] * len(tokens))
    file.keys.add_array("tokenizer.ggml.merges", list(merges))
    file.keys.add_bool("tokenizer.ggml.add_bos_token", True)
    file.keys.add_bool("tokenizer.ggml.add_space_prefix", False)
    _embeddings(file, len(tokens))
    file.norm("rope_freqs.weight", HEAD // 2)
    file.matrix("per_layer_token_embd.weight", len(tokens), own * LAYERS)
    file.matrix("per_layer_model_proj.weight", own * LAYERS, HIDDEN)
    file.norm("per_layer_proj_norm.weight", own)
    for layer in range(LAYERS):
        keeps = layer < LAYERS - 2
        _block(file, layer, HEADS, 2, keys=keeps)
        _gemma_norms(file, layer, keys=keeps)
        file.matrix(f"blk.{layer}.inp_gate.weight", own, HIDDEN)
        file.matrix(f"blk.{layer}.proj.weight", HIDDEN, own)
        file.norm(f"blk.{layer}.post_norm.weight", HIDDEN)
    file.close()
    file = File(folder / "mmproj.gguf", "clip")
    _vision(file, "gemma4v", image_size=224, patch_size=16)
    file.keys.add_bool("clip.use_gelu", True)
    file.matrix("v.patch_embd.weight", VISION, 3, 16, 16)
    file.matrix("v.position_embd.weight", 2, 1120 * 3, VISION)  # a sliver has all its tokens in one row
    for layer in range(2):
        _vision_block(file, layer, biases=False)
        file.matrix(f"v.blk.{layer}.ffn_gate.weight", 2 * VISION, VISION)
        for norm in ("attn_post_norm", "ffn_post_norm"):
            file.norm(f"v.blk.{layer}.{norm}.weight", VISION)
        for norm in ("attn_q_norm", "attn_k_norm"):
            file.norm(f"v.blk.{layer}.{norm}.weight", VISION // 2)
    file.matrix("mm.input_projection.weight", HIDDEN, VISION)
    _conformer(file)
    file.close()


def _conformer(file: File) -> None:
    """Gemma 4's sound encoder: two convolutions, one conformer block."""
    file.keys.add_bool("clip.has_audio_encoder", True)
    file.numbers(
        "clip.audio",
        projector_type="gemma4a",
        projection_dim=HIDDEN,
        embedding_length=VISION,
        feed_forward_length=2 * VISION,
        block_count=1,
        attention__head_count=2,
        attention__layer_norm_epsilon=1e-6,
        num_mel_bins=128,
    )
    file.matrix("a.conv1d.0.weight", 8, 1, 3, 3)
    file.matrix("a.conv1d.1.weight", 4, 8, 3, 3)
    file.norm("a.conv1d.0.norm.weight", 8)
    file.norm("a.conv1d.1.norm.weight", 4)
    file.matrix("a.input_projection.weight", VISION, 4 * 32)
    name, wide = "a.blk.0", 2 * VISION
    for part in ("attn_q", "attn_k", "attn_v", "attn_out", "attn_k_rel", "conv_pw2"):
        file.matrix(f"{name}.{part}.weight", VISION, VISION)
    for number in ("", "_1"):
        file.matrix(f"{name}.ffn_up{number}.weight", wide, VISION)
        file.matrix(f"{name}.ffn_down{number}.weight", VISION, wide)
        file.norm(f"{name}.ffn_norm{number}.weight", VISION)
        file.norm(f"{name}.ffn_post_norm{number}.weight", VISION)
    for norm in ("attn_pre_norm", "attn_post_norm", "norm_conv", "conv_norm", "ln2"):
        file.norm(f"{name}.{norm}.weight", VISION)
    file.norm(f"{name}.per_dim_scale.weight", VISION // 2)
    file.matrix(f"{name}.conv_pw1.weight", wide, VISION)
    file.matrix(f"{name}.conv_dw.weight", VISION, 5)
    file.matrix("a.pre_encode.out.weight", VISION, VISION)
    file.bias("a.pre_encode.out.bias", VISION)
    file.matrix("mm.a.input_projection.weight", HIDDEN, VISION)
