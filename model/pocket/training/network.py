"""Gemma 4 unified in PyTorch, as llama.cpp computes it (src/models/gemma4.cpp, tools/mtmd/models/gemma4u*.cpp).

Weights go by their names in the GGUF files, so that what is trained is what is written. What is particular to this
family: norms before and after attention and feed-forward, before the residual is added; norms of queries, keys and
(without weights) values, and no other scale of scores; full layers whose values are their keys, turned by a quarter of
each head and with another base; embeddings of tokens, but not of media, times the root of the hidden size; patches of
one picture that see each other in both directions in sliding layers only; a soft cap on the logits.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - as everybody calls it
from torch import Tensor

from deskhand.model.pocket.shapes import FIXED, ROPE, File, first_values
from deskhand.model.pocket.spec import PocketSpec
from deskhand.model.pocket.training.batches import Batch, unseen
from deskhand.model.pocket.training.elementwise import add_norm, gated, norm, plain_norm, turned, weighed

Weights = dict[str, Tensor]

_LAYER_EPS = 1e-5
_CAP = 30.0
_BASE, _BASE_SLIDING = 1_000_000.0, 10_000.0


def fresh(spec: PocketSpec, file: File, seed: int) -> Weights:
    """Seeded weights to begin training with; the fixed ones need no gradient."""
    found: Weights = {}
    for name, value in first_values(spec, file, seed).items():
        found[name] = torch.from_numpy(value).clone().requires_grad_(name != ROPE and not name.endswith(FIXED))
    return found


@dataclass(frozen=True, slots=True)
class States:
    """What the target computes for every token.

    Attributes:
        final: after the last norm, (batch, tokens, hidden).
        memory: what a drafter reads.
        after: the residual stream after each layer, (batch, tokens, hidden) each.
        keys: of each layer, normed and turned, (batch, heads, tokens, head size) each.
    """

    final: Tensor
    memory: Memory
    after: tuple[Tensor, ...]
    keys: tuple[Tensor, ...]


@dataclass(frozen=True, slots=True)
class Memory:
    """Keys and values that a drafter reads: of the target's last sliding and last full layer.

    Attributes:
        sliding: keys and values, (batch, heads, tokens, head size) each.
        full: the same.
    """

    sliding: tuple[Tensor, Tensor]
    full: tuple[Tensor, Tensor]


def rotation(positions: Tensor, head: int, base: float, factors: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Cosines and sines of rotary positions, (positions, half a head); frequencies are divided by ``factors``."""
    frequency = base ** (-torch.arange(0, head, 2, dtype=torch.float64) / head)
    if factors is not None:
        frequency = frequency / factors.detach().double()
    angle = positions.double()[:, None] * frequency
    return angle.cos().float(), angle.sin().float()


def heads(x: Tensor, size: int) -> Tensor:
    """(batch, tokens, heads × size) → (batch, heads, tokens, size)."""
    return x.unflatten(-1, (-1, size)).transpose(1, 2)


class Layers:
    """What target and drafter have in common.

    Args:
        weights: by name.
        dtype: in which matrices are multiplied; everything else is float32.
    """

    def __init__(self, weights: Weights, dtype: torch.dtype) -> None:
        self.weights, self.dtype = weights, dtype

    def linear(self, x: Tensor, name: str) -> Tensor:
        """Multiply by the matrix ``name``."""
        return F.linear(x.to(self.dtype), self.weights[name].to(self.dtype))

    def norm(self, x: Tensor, name: str) -> Tensor:
        """Norm for the matrix that comes next."""
        return norm(x, self.weights[name], self.dtype)

    def attend(self, query: Tensor, memory: tuple[Tensor, Tensor], hidden: Tensor) -> Tensor:
        """Attention without a scale; several query heads share a head of keys.

        Args:
            query: (batch, heads, tokens, head size).
            memory: keys and values, (batch, fewer heads, remembered, head size) each.
            hidden: what is not seen, `batches.unseen`; tokens × remembered, with or without a batch.

        Returns:
            (batch, tokens, heads × head size).
        """
        share = query.shape[1] // memory[0].shape[1]
        key, value = (part.repeat_interleave(share, 1) for part in memory)
        mixed = weighed(query @ key.transpose(-1, -2), hidden) @ value
        return mixed.transpose(1, 2).flatten(2)

    def after(self, layer: int, x: Tensor, mixed: Tensor) -> Tensor:
        """The rest of a layer: what attention mixed is added to the residual, then the feed-forward block."""
        name, weights = f"blk.{layer}", self.weights
        out = self.linear(mixed, f"{name}.attn_output.weight")
        x = add_norm(x, out, weights[f"{name}.post_attention_norm.weight"])
        inner = self.norm(x, f"{name}.ffn_norm.weight")
        gate = gated(self.linear(inner, f"{name}.ffn_gate.weight"), self.linear(inner, f"{name}.ffn_up.weight"))
        out = self.linear(gate, f"{name}.ffn_down.weight")
        return add_norm(x, out, weights[f"{name}.post_ffw_norm.weight"]) * weights[f"{name}.{FIXED}"]

    def query(self, layer: int, inner: Tensor, head: int, turn: tuple[Tensor, Tensor]) -> Tensor:
        """Queries of a layer, normed and turned."""
        query = heads(self.linear(inner, f"blk.{layer}.attn_q.weight"), head)
        return turned(query, self.weights[f"blk.{layer}.attn_q_norm.weight"], *turn)


class Target:
    """The language model with what turns pixels and sound into its embeddings.

    Args:
        spec: sizes.
        main: weights of ``main.gguf``.
        mmproj: weights of ``mmproj.gguf``.
        dtype: in which matrices are multiplied.
    """

    def __init__(
        self,
        spec: PocketSpec,
        main: Weights,
        mmproj: Weights,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.spec, self.main, self.dtype = spec, main, dtype
        self._layers, self._media = Layers(main, dtype), Layers(mmproj, dtype)
        self._last_sliding = max(i for i, slides in enumerate(spec.sliding) if slides)
        self._last_full = max(i for i, slides in enumerate(spec.sliding) if not slides)

    def see(self, patches: Tensor, places: Tensor) -> Tensor:
        """Embeddings of patches: uint8 (n, 6912) and columns and rows (n, 2) → (n, hidden)."""
        media = self._media
        weights = media.weights

        def layer_norm(x: Tensor, which: int) -> Tensor:
            scale, shift = (weights[f"v.patch_norm.{which}.{part}"] for part in ("weight", "bias"))
            return F.layer_norm(x.float(), scale.shape, scale, shift, _LAYER_EPS)

        x = layer_norm(patches.float() / 255, 1)
        x = layer_norm(media.linear(x, "v.patch_embd.weight").float() + weights["v.patch_embd.bias"], 2)
        across, down = weights["v.position_embd.weight"]
        x = layer_norm(x + F.embedding(places[:, 0], across) + F.embedding(places[:, 1], down), 3)
        return media.linear(plain_norm(x), "mm.input_projection.weight")

    def hear(self, frames: Tensor) -> Tensor:
        """Embeddings of frames: (n, 640) → (n, hidden)."""
        return self._media.linear(plain_norm(frames), "mm.a.input_projection.weight")

    def embed(self, ids: Tensor) -> Tensor:
        """Embeddings of tokens, which are scaled where those of media are not."""
        return F.embedding(ids, self.main["token_embd.weight"]) * self.spec.hidden**0.5

    def _stream(self, batch: Batch) -> Tensor:
        x = self.embed(batch.ids)
        flat = x.flatten(0, 1)
        if len(batch.patches):
            flat = flat.index_copy(0, batch.patch_at, self.see(batch.patches, batch.places).float())
        if len(batch.frames):
            flat = flat.index_copy(0, batch.frame_at, self.hear(batch.frames).float())
        return flat.view_as(x)

    def states(self, batch: Batch) -> States:
        """Of every token of a batch."""
        spec, layers = self.spec, self._layers
        x = self._stream(batch)
        positions = torch.arange(x.shape[1])
        turns = {
            True: rotation(positions, spec.head_dim_swa, _BASE_SLIDING),
            False: rotation(positions, spec.head_dim, _BASE, self.main[ROPE]),
        }
        masks = {True: unseen(batch.sliding(spec.window)), False: unseen(batch.full())}
        kept: dict[int, tuple[Tensor, Tensor]] = {}
        after: list[Tensor] = []
        for layer, slides in enumerate(spec.sliding):
            name, head = f"blk.{layer}", spec.head_dim_swa if slides else spec.head_dim
            inner = layers.norm(x, f"{name}.attn_norm.weight")
            query = layers.query(layer, inner, head, turns[slides])
            key = heads(layers.linear(inner, f"{name}.attn_k.weight"), head)
            value = heads(layers.linear(inner, f"{name}.attn_v.weight"), head) if slides else key
            key = turned(key, self.main[f"{name}.attn_k_norm.weight"], *turns[slides])
            kept[layer] = key, plain_norm(value)
            x = layers.after(layer, x, layers.attend(query, kept[layer], masks[slides]))
            after.append(x)
        final = norm(x, self.main["output_norm.weight"], torch.float32)
        return States(
            final,
            Memory(kept[self._last_sliding], kept[self._last_full]),
            tuple(after),
            tuple(kept[i][0] for i in kept),
        )

    def looks(self, layer: int, x: Tensor, at: Tensor) -> Tensor:
        """Queries of a layer's first head, (n, head size): from states before it, (n, hidden), at positions (n,)."""
        slides = self.spec.sliding[layer]
        head = self.spec.head_dim_swa if slides else self.spec.head_dim
        turn = rotation(at, head, _BASE_SLIDING) if slides else rotation(at, head, _BASE, self.main[ROPE])
        inner = self._layers.norm(x, f"blk.{layer}.attn_norm.weight")
        return self._layers.query(layer, inner[None], head, turn)[0, 0]

    def logits(self, hidden: Tensor) -> Tensor:
        """Capped logits of hidden states, float32 (…, vocab)."""
        return _CAP * torch.tanh(self._layers.linear(hidden, "token_embd.weight").float() / _CAP)


class Drafter:
    """The multi-token-prediction drafter (src/models/gemma4-assistant.cpp).

    Args:
        spec: sizes.
        weights: of ``drafter.gguf``.
        target: whose embeddings and memory it reads.
        dtype: in which matrices are multiplied.
    """

    def __init__(
        self,
        spec: PocketSpec,
        weights: Weights,
        target: Target,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.spec, self.weights, self._target = spec, weights, target
        self._layers = Layers(weights, dtype)

    def step(
        self, ids: Tensor, hidden: Tensor, memory: Memory, masks: tuple[Tensor, Tensor], at: Tensor
    ) -> tuple[Tensor, Tensor]:
        """One draft step for several tokens at once.

        Args:
            ids: of the tokens after which one is to be proposed, (batch, tokens).
            hidden: the target's state before each of them, or what an earlier step gave, (batch, tokens, hidden).
            memory: of the target.
            masks: what the tokens (rows) do not see of the memory (columns), in sliding and in full layers: their own
                position and what follows (`drafter_masks`).
            at: positions for the rotary turn, (tokens,); the same for every step.

        Returns:
            Logits of the next token, and the state for the next step.
        """
        spec, layers = self.spec, self._layers
        given = torch.cat([self._target.embed(ids), hidden.float()], -1)
        x = layers.linear(given, "nextn.pre_projection.weight").float()
        for layer, slides in enumerate(spec.drafter_sliding):
            head = spec.head_dim_swa if slides else spec.head_dim
            turn = rotation(at, head, _BASE_SLIDING) if slides else rotation(at, head, _BASE, self.weights[ROPE])
            inner = layers.norm(x, f"blk.{layer}.attn_norm.weight")
            query = layers.query(layer, inner, head, turn)
            mixed = layers.attend(query, memory.sliding if slides else memory.full, masks[0] if slides else masks[1])
            x = layers.after(layer, x, mixed)
        x = norm(x, self.weights["output_norm.weight"], torch.float32)
        logits = layers.linear(x, "token_embd.weight").float()
        return logits, layers.linear(x, "nextn.post_projection.weight").float()


def drafter_masks(at: Tensor, tokens: int, window: int) -> tuple[Tensor, Tensor]:
    """What the drafter does not see from positions ``at`` of a memory of ``tokens``, in sliding and in full layers."""
    behind = at[:, None] - torch.arange(tokens)[None, :]
    return unseen((behind > 0) & (behind < window)), unseen(behind > 0)
