"""A checkpoint's GGUF files as a model of transformers: the same arrays under the reference's names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from checkpoint import weights
from numpy.typing import NDArray
from transformers import (
    Gemma4UnifiedAssistantConfig,
    Gemma4UnifiedAssistantForCausalLM,
    Gemma4UnifiedConfig,
    Gemma4UnifiedForConditionalGeneration,
    Gemma4UnifiedTextConfig,
)
from transformers.masking_utils import create_masks_for_generate
from transformers.models.gemma4_unified import modeling_gemma4_unified as unified

from deskhand.model.tiny.bundle import FRAME, POSITIONS, TinySpec
from deskhand.model.tiny.vocab import vocabulary

_PATCH = 48

_LAYER = {
    "attn_norm.weight": "input_layernorm.weight",
    "layer_output_scale.weight": "layer_scalar",
    "ffn_down.weight": "mlp.down_proj.weight",
    "ffn_gate.weight": "mlp.gate_proj.weight",
    "ffn_up.weight": "mlp.up_proj.weight",
    "post_attention_norm.weight": "post_attention_layernorm.weight",
    "post_ffw_norm.weight": "post_feedforward_layernorm.weight",
    "ffn_norm.weight": "pre_feedforward_layernorm.weight",
    "attn_k_norm.weight": "self_attn.k_norm.weight",
    "attn_k.weight": "self_attn.k_proj.weight",
    "attn_output.weight": "self_attn.o_proj.weight",
    "attn_q_norm.weight": "self_attn.q_norm.weight",
    "attn_q.weight": "self_attn.q_proj.weight",
    "attn_v.weight": "self_attn.v_proj.weight",
}

_OTHERS = {
    "mm.a.input_projection.weight": "model.embed_audio.embedding_projection.weight",
    "mm.input_projection.weight": "model.embed_vision.multimodal_embedder.embedding_projection.weight",
    "v.patch_embd.weight": "model.embed_vision.patch_dense.weight",
    "v.patch_embd.bias": "model.embed_vision.patch_dense.bias",
    "v.patch_norm.1.weight": "model.embed_vision.patch_ln1.weight",
    "v.patch_norm.1.bias": "model.embed_vision.patch_ln1.bias",
    "v.patch_norm.2.weight": "model.embed_vision.patch_ln2.weight",
    "v.patch_norm.2.bias": "model.embed_vision.patch_ln2.bias",
    "v.patch_norm.3.weight": "model.embed_vision.pos_norm.weight",
    "v.patch_norm.3.bias": "model.embed_vision.pos_norm.bias",
    "v.position_embd.weight": "model.embed_vision.pos_embedding",
    "output.weight": "lm_head.weight",
    "nextn.pre_projection.weight": "pre_projection.weight",
    "nextn.post_projection.weight": "post_projection.weight",
}


def _sharing(config: Gemma4UnifiedTextConfig) -> list[str | None]:
    """Which layers hand on or take over keys and values.

    As released, a config whose layers all take over raises, and one that shares nothing hands nothing to an assistant
    (transformers 5.23.0, `Gemma4UnifiedTextConfig.kv_sharing_modes`), although the comment there says it should. The
    last layer of each kind stores, a drafter's layers all reuse: what the code below that early return does.
    """
    kinds, count = list(config.layer_types), config.num_hidden_layers
    if config.num_kv_shared_layers == count:
        return ["reuse"] * count
    last = {len(kinds) - 1 - kinds[::-1].index(kind) for kind in set(kinds)}
    return ["store" if layer in last else None for layer in range(count)]


def _masks(block_sequence_ids: torch.Tensor | None = None, **given: Any) -> dict[str, torch.Tensor]:
    """Masks under which the patches of a picture see each other in sliding layers only.

    As released, `Gemma4UnifiedModel.forward`, and with it `generate` over a dynamic cache, lets them do so in full
    layers too. The same file's `create_masks_for_vision_model` says that Gemma 4 "explicitly disables bidirectional
    attention on global attention layers"; `generate` over a static cache and the sibling `Gemma4Model.forward` follow
    it, and so does llama.cpp (LLAMA_NON_CAUSAL_TYPE_SWA_ONLY).
    """
    if block_sequence_ids is not None and bool((block_sequence_ids >= 0).any()):
        return unified.create_masks_for_vision_model(block_sequence_ids=block_sequence_ids, **given)
    return create_masks_for_generate(**given)


Gemma4UnifiedTextConfig.kv_sharing_modes = property(_sharing)
unified.create_masks_for_generate = _masks


def _text_config(spec: TinySpec, sliding: list[bool], hidden: int, ffn: int, **more: object) -> Gemma4UnifiedTextConfig:
    return Gemma4UnifiedTextConfig(
        vocab_size=spec.vocab,
        hidden_size=hidden,
        intermediate_size=ffn,
        num_hidden_layers=len(sliding),
        num_attention_heads=spec.heads,
        num_key_value_heads=spec.kv_heads,
        head_dim=spec.head_dim_swa,
        global_head_dim=spec.head_dim,
        num_global_key_value_heads=1,
        attention_k_eq_v=True,
        sliding_window=spec.window,
        layer_types=["sliding_attention" if slides else "full_attention" for slides in sliding],
        max_position_embeddings=spec.context_length,
        **more,
    )


def target(spec: TinySpec, main: Path, mmproj: Path) -> Gemma4UnifiedForConditionalGeneration:
    """The model with the weights of ``main`` and ``mmproj``, in float32 with plain attention."""
    ids = vocabulary(spec.vocab).ids
    text = _text_config(
        spec, spec.sliding, spec.hidden, spec.ffn, final_logit_softcapping=30.0, tie_word_embeddings=False
    )
    config = Gemma4UnifiedConfig(
        text_config=text,
        vision_config={"mm_embed_dim": spec.hidden, "mm_posemb_size": POSITIONS, "output_proj_dims": spec.hidden},
        audio_config={"audio_embed_dim": FRAME},
        tie_word_embeddings=False,
        **dict(zip(("boi_token_id", "eoi_token_id"), ids("<|image>", "<image|>"), strict=True)),
        **dict(zip(("boa_token_id", "eoa_token_index"), ids("<|audio>", "<audio|>"), strict=True)),
        **dict(
            zip(
                ("image_token_id", "audio_token_id", "video_token_id"),
                ids("<|image|>", "<|audio|>", "<|video|>"),
                strict=True,
            )
        ),
    )
    config._attn_implementation = "eager"
    model = Gemma4UnifiedForConditionalGeneration(config).eval()
    _load(model, weights(main) | weights(mmproj), "model.language_model", spec.hidden)
    return model


def assistant(spec: TinySpec, drafter: Path) -> Gemma4UnifiedAssistantForCausalLM:
    """The multi-token-prediction drafter with the weights of ``drafter``."""
    sliding = [layer < spec.drafter_layers - 1 for layer in range(spec.drafter_layers)]
    text = _text_config(spec, sliding, spec.drafter_hidden, spec.drafter_ffn)
    # llama.cpp lets a drafted position see what the target would see there: the window - 1 tokens before it. As
    # released, transformers counts from the last token and inclusively: two more (one, once its cache has rolled).
    text.sliding_window = spec.window - 2
    config = Gemma4UnifiedAssistantConfig(text_config=text, backbone_hidden_size=spec.hidden)
    config._attn_implementation = "eager"
    model = Gemma4UnifiedAssistantForCausalLM(config).eval()
    _load(model, weights(drafter), "model", spec.drafter_hidden)
    return model


def _load(model: torch.nn.Module, found: dict[str, NDArray[np.float32]], prefix: str, hidden: int) -> None:
    """Give every parameter its array.

    Raises:
        KeyError: a tensor without a place.
        RuntimeError: a place without a tensor, or of another shape.
    """
    state: dict[str, torch.Tensor] = {}
    for name, value in found.items():
        if name == "rope_freqs.weight":
            continue  # transformers computes it from the config
        state[_place(name, prefix)] = torch.from_numpy(_reordered(name, value))
    state.setdefault("lm_head.weight", state[f"{prefix}.embed_tokens.weight"])
    model.load_state_dict(state, strict=True)
    scale = model.get_input_embeddings().embed_scale
    assert float(scale) == np.float32(np.sqrt(hidden))


def _place(name: str, prefix: str) -> str:
    if name == "token_embd.weight":
        return f"{prefix}.embed_tokens.weight"
    if name == "output_norm.weight":
        return f"{prefix}.norm.weight"
    if name.startswith("blk."):
        _, layer, rest = name.split(".", 2)
        return f"{prefix}.layers.{layer}.{_LAYER[rest]}"
    return _OTHERS[name]


def _reordered(name: str, value: NDArray[np.float32]) -> NDArray[np.float32]:
    """Undo what llama.cpp's converter does to patches (colour planes first) and positions (axis first)."""
    if name.startswith(("v.patch_embd.weight", "v.patch_norm.1.")):
        planes = value.reshape(*value.shape[:-1], 3, _PATCH, _PATCH)
        return np.ascontiguousarray(np.moveaxis(planes, -3, -1)).reshape(value.shape)
    if name == "v.position_embd.weight":
        return np.ascontiguousarray(value.transpose(1, 0, 2))
    return value
