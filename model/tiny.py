"""A tiny bundle of the exact Gemma 4 unified architecture, with seeded weights whose behaviour is known.

Keys, tensor names and shapes are those of llama.cpp's converter (`convert_hf_to_gguf.py`) for `gemma4`, `clip` with
`gemma4uv` + `gemma4ua`, and `gemma4-assistant`. The weights are random but not arbitrary. The hidden state has three
parts: the identity of the current token, a context that only attention writes, and the rest. The tokens that may be
generated stand in groups on a ring. The output head makes the next token one of the next group, and the context decides
which. So greedy text depends on everything in the prompt, pixels and sound included, yet never runs into a control token
unless `TinySpec.stops` puts one on the ring, and a drafter that carries the context along is right as often as it is told.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import gguf
import numpy as np
import platformdirs
from numpy.typing import NDArray

from deskhand.model.bundle import Bundle
from deskhand.model.tinyvocab import SUPPRESSED, Vocabulary, vocabulary

GENERATOR_VERSION = 1
"""Part of the cache key: raise it when the same spec gives other files."""

FRAME, PATCH_VALUES, POSITIONS = 640, 48 * 48 * 3, 1120
"""Samples of a sound token, values of an image token, and entries of the position tables (gemma4ua, gemma4uv)."""

_GROUP = 4
"""Tokens of a group: what the context chooses between."""

_CONTEXT_WEIGHT = 0.2
"""Of the context against the ring in the output head. The best token outside the next group stays about a quarter below."""

_LOGIT = 20.0
"""Logit of the next group before the softcap of 30."""

_FOCUS, _GAIN, _CONTEXT, _SLIDING_WRITE = 0.05, 3.0, 1.0, 0.05

_ONE, _HEARD = 0, 1
"""Elements of the rest: 1 for every token, and 1 for tokens off the ring, -1 for tokens on it. Attention weighs the first
kind e² times as much as the second, so a prompt is not drowned by the answer to it."""

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class TinySpec:
    """What a tiny bundle looks like. Sizes are elements; the defaults make 6 MB.

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


def write_bundle(folder: Path, spec: TinySpec = TinySpec()) -> Bundle:
    """Write ``main.gguf``, ``mmproj.gguf`` and ``drafter.gguf`` into ``folder`` (made if missing), about a second's work.

    Raises:
        OSError: the folder can't be written.
        ValueError: a stop names no token.
    """
    folder.mkdir(parents=True, exist_ok=True)
    bundle = Bundle(folder / "main.gguf", folder / "mmproj.gguf", folder / "drafter.gguf")
    ring = _Ring(spec, vocabulary(spec.vocab))
    _write_main(folder / "main.gguf", spec, ring)
    _write_mmproj(folder / "mmproj.gguf", spec)
    _write_drafter(folder / "drafter.gguf", spec, ring)
    return bundle


def cached_bundle(spec: TinySpec = TinySpec()) -> Bundle:
    """`write_bundle` into the person's cache, or what an earlier call wrote there.

    Safe against other processes doing the same: the folder appears whole, by a rename.

    Raises:
        OSError: the cache can't be written.
    """
    home = Path(platformdirs.user_cache_dir("deskhand"), "tiny")
    folder = home / spec.digest
    if not folder.is_dir():
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=home, prefix=".new-") as made:
            write_bundle(Path(made, "bundle"), spec)
            try:
                Path(made, "bundle").rename(folder)
            except OSError:
                # Another process was faster; its files are the same.
                if not folder.is_dir():
                    raise
    return Bundle(folder / "main.gguf", folder / "mmproj.gguf", folder / "drafter.gguf")


def clear_cache() -> None:
    """Remove every cached tiny bundle."""
    shutil.rmtree(Path(platformdirs.user_cache_dir("deskhand"), "tiny"), ignore_errors=True)


class _Ring:
    """Which tokens follow which, and the vectors that realise it in target and drafter.

    Attributes:
        vocabulary: of both models.
        codes: groups × identity, each of unit length.
        embeddings: vocab × hidden, the residual stream of each token, elements of unit variance.
        output: vocab × hidden, the head.
        drafted: vocab × drafter_hidden, the drafter's head.
    """

    def __init__(self, spec: TinySpec, vocab: Vocabulary) -> None:
        rng = np.random.default_rng([spec.seed, 1])
        self.vocabulary = vocab
        groups = _groups(spec, vocab, rng)
        self.codes = _unit(rng.normal(size=(len(groups), spec.identity)))
        group_of = rng.integers(len(groups), size=spec.vocab)
        for index, group in enumerate(groups):
            if len(group) > 1:
                group_of[group] = index
        rest = rng.normal(size=(spec.vocab, spec.hidden - spec.identity - spec.context))
        rest[:, _ONE], rest[:, _HEARD] = 1.0, 1.0
        for group in groups:
            rest[group, _HEARD] = -1.0
        self.embeddings = np.hstack(
            [self.codes[group_of] * np.sqrt(spec.identity), np.zeros((spec.vocab, spec.context)), rest]
        ).astype(np.float32)

        missed = rng.permutation(len(groups)) < round(len(groups) * (1 - spec.drafter_agreement))
        strays = _unit(rng.normal(size=self.codes.shape))
        choice = _unit(rng.normal(size=(spec.vocab, spec.context))) * np.sqrt(spec.context)
        identity = np.zeros((2, spec.vocab, spec.identity))
        weight = np.zeros((spec.vocab, 1))
        for index, group in enumerate(groups):
            before = index - 1
            identity[0, group] += self.codes[before]
            identity[1, group] += strays[before] if missed[before] else self.codes[before]
            weight[group] = 1.0
        scale = _LOGIT / np.sqrt(spec.identity)
        context = weight * choice * _CONTEXT_WEIGHT * _LOGIT / np.sqrt(spec.context)
        noise = rng.normal(size=rest.shape) * 0.005 * scale
        self.output = np.hstack([identity[0] * scale, context, noise]).astype(np.float32)
        spare = np.zeros((spec.vocab, spec.drafter_hidden - spec.identity - spec.context))
        self.drafted = np.hstack([identity[1] * scale, context, spare]).astype(np.float32)


def _groups(spec: TinySpec, vocab: Vocabulary, rng: np.random.Generator) -> list[list[int]]:
    """The ring: half of the ordinary tokens in seeded order, in groups, and every so often a stop alone in its group."""
    words = rng.permutation(vocab.words)
    words = words[: len(words) // (2 * _GROUP) * _GROUP].reshape(-1, _GROUP).tolist()
    for text, every in spec.stops:
        (stop,) = vocab.ids(text)
        words = [group for i, word in enumerate(words, 1) for group in ([word, [stop]] if i % every == 0 else [word])]
    return words


def _unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


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


def _write_language_keys(file: _File, name: str, spec: TinySpec, sliding: list[bool], hidden: int, ffn: int) -> None:
    keys = file.keys
    keys.add_string("general.type", "model")
    keys.add_uint32(f"{name}.block_count", len(sliding))
    keys.add_uint32(f"{name}.context_length", spec.context_length)
    keys.add_uint32(f"{name}.embedding_length", hidden)
    keys.add_uint32(f"{name}.feed_forward_length", ffn)
    keys.add_uint32(f"{name}.attention.head_count", spec.heads)
    keys.add_array(f"{name}.attention.head_count_kv", [spec.kv_heads if slides else 1 for slides in sliding])
    keys.add_float32(f"{name}.rope.freq_base", 1_000_000.0)
    keys.add_float32(f"{name}.rope.freq_base_swa", 10_000.0)
    keys.add_float32(f"{name}.attention.layer_norm_rms_epsilon", 1e-6)
    for part in ("attention.key_length", "attention.value_length", "rope.dimension_count"):
        keys.add_uint32(f"{name}.{part}", spec.head_dim)
        keys.add_uint32(f"{name}.{part}_swa", spec.head_dim_swa)
    keys.add_uint32(f"{name}.attention.sliding_window", spec.window)
    keys.add_array(f"{name}.attention.sliding_window_pattern", sliding)
    keys.add_uint32(f"{name}.embedding_length_per_layer_input", 0)


def _write_tokenizer(file: _File, vocab: Vocabulary) -> None:
    keys = file.keys
    keys.add_string("tokenizer.ggml.model", "gemma4")
    keys.add_array("tokenizer.ggml.tokens", list(vocab.tokens))
    keys.add_array("tokenizer.ggml.scores", [-1000.0] * len(vocab.tokens))
    keys.add_array("tokenizer.ggml.token_type", list(vocab.types))
    keys.add_array("tokenizer.ggml.merges", list(vocab.merges))
    for role, token in (("bos", 2), ("eos", 1), ("unknown", 3), ("padding", 0), ("mask", 4)):
        keys.add_uint32(f"tokenizer.ggml.{role}_token_id", token)
    keys.add_bool("tokenizer.ggml.add_bos_token", True)  # noqa: FBT003 - gguf's own signature
    keys.add_bool("tokenizer.ggml.add_space_prefix", False)  # noqa: FBT003 - gguf's own signature
    keys.add_array("tokenizer.ggml.suppress_tokens", vocab.ids(*SUPPRESSED))
    keys.add_string(
        "tokenizer.chat_template",
        "{{ bos_token }}{% for m in messages %}<|turn>{{ m.role }}\n{{ m.content }}<turn|>\n{% endfor %}<|turn>model\n",
    )


def _write_block(file: _File, layer: int, spec: TinySpec, hidden: int, ffn: int, *, slides: bool) -> None:
    """What a layer of the target and one of the drafter have in common."""
    name = f"blk.{layer}"
    head = spec.head_dim_swa if slides else spec.head_dim
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
        _marked(file, spec.heads, head, hidden, min(spec.identity + spec.context + _ONE, hidden - 1)),
    )
    read = file.random.normal(size=(hidden, spec.heads, head)) / np.sqrt(spec.heads * head)
    read[:, :, -1] = 0
    file.matrix(f"{name}.attn_output.weight", read.reshape(hidden, -1))


def _marked(file: _File, heads: int, head: int, inputs: int, element: int) -> NDArray[np.float64]:
    """A random projection to queries or keys whose last element of each head is one element of the hidden state."""
    values = file.random.normal(size=(heads, head, inputs)) / np.sqrt(inputs)
    values[:, -1] = 0
    values[:, -1, element] = _GAIN
    return values.reshape(-1, inputs)


def _post_norm(spec: TinySpec, identity: float, context: float, rest: float) -> NDArray[np.float64]:
    """Weights of a norm before the residual: how much a layer may write into each part of the hidden state."""
    marks = max(_ONE, _HEARD) + 1
    others = spec.hidden - spec.identity - spec.context - marks
    return np.repeat([identity, context, 0.0, rest], [spec.identity, spec.context, marks, others])


def _rope_factors(spec: TinySpec) -> NDArray[np.float64]:
    """Full layers turn a quarter of each head only (partial_rotary_factor 0.25 of the released configuration)."""
    return np.where(np.arange(spec.head_dim // 2) < spec.head_dim // 8, 1.0, 1e30)


def _write_main(path: Path, spec: TinySpec, ring: _Ring) -> None:
    file = _File(path, "gemma4", spec, 2)
    _write_language_keys(file, "gemma4", spec, spec.sliding, spec.hidden, spec.ffn)
    file.keys.add_string("general.name", "Tiny Gemma 4")
    file.keys.add_float32("gemma4.final_logit_softcapping", 30.0)
    file.keys.add_uint32("gemma4.attention.shared_kv_layers", 0)
    _write_tokenizer(file, ring.vocabulary)
    file.vector("rope_freqs.weight", _rope_factors(spec))
    file.matrix("output.weight", ring.output)
    # llama.cpp multiplies embeddings of tokens (not of pixels and sound) by the root of the hidden size.
    file.matrix("token_embd.weight", ring.embeddings / np.sqrt(spec.hidden))
    full_write, sliding_write = _CONTEXT / np.sqrt(spec.layers // spec.pattern), _SLIDING_WRITE
    for layer, slides in enumerate(spec.sliding):
        name = f"blk.{layer}"
        head, kv_heads = (spec.head_dim_swa, spec.kv_heads) if slides else (spec.head_dim, 1)
        _write_block(file, layer, spec, spec.hidden, spec.ffn, slides=slides)
        file.vector(
            f"{name}.post_attention_norm.weight", _post_norm(spec, 0.02, sliding_write if slides else full_write, 0.1)
        )
        file.vector(f"{name}.post_ffw_norm.weight", _post_norm(spec, 0.02, 0.01, 0.1))
        file.vector(f"{name}.attn_k_norm.weight", np.ones(head))
        heard = spec.identity + spec.context + _HEARD
        file.matrix(f"{name}.attn_k.weight", _marked(file, kv_heads, head, spec.hidden, heard))
        if slides:
            # Full layers have no value projection: llama.cpp takes the key's.
            file.random_matrix(f"{name}.attn_v.weight", kv_heads * head, spec.hidden)
    file.vector("output_norm.weight", np.ones(spec.hidden))
    file.close()


def _write_mmproj(path: Path, spec: TinySpec) -> None:
    file, hidden = _File(path, "clip", spec, 3), spec.hidden
    keys, random = file.keys, file.random
    keys.add_string("general.type", "mmproj")
    keys.add_string("general.name", "Tiny Gemma 4 pixels and sound")
    for kind, projector, embedding, epsilon in (
        ("vision", "gemma4uv", hidden, 1e-6),
        ("audio", "gemma4ua", FRAME, 1e-6),
    ):
        keys.add_bool(f"clip.has_{kind}_encoder", True)  # noqa: FBT003 - gguf's own signature
        keys.add_string(f"clip.{kind}.projector_type", projector)
        keys.add_uint32(f"clip.{kind}.projection_dim", hidden)
        keys.add_uint32(f"clip.{kind}.embedding_length", embedding)
        keys.add_uint32(f"clip.{kind}.feed_forward_length", 0)
        keys.add_uint32(f"clip.{kind}.block_count", 0)
        keys.add_uint32(f"clip.{kind}.attention.head_count", 0)
        keys.add_float32(f"clip.{kind}.attention.layer_norm_epsilon", epsilon)
    keys.add_uint32("clip.vision.image_size", 224)
    keys.add_uint32("clip.vision.patch_size", 16)
    keys.add_array("clip.vision.image_mean", [0.0, 0.0, 0.0])
    keys.add_array("clip.vision.image_std", [1.0, 1.0, 1.0])
    keys.add_uint32("clip.audio.num_mel_bins", 128)
    file.random_matrix("mm.a.input_projection.weight", hidden, FRAME)
    file.random_matrix("mm.input_projection.weight", hidden, hidden)
    file.random_matrix("v.patch_embd.weight", hidden, PATCH_VALUES)
    file.vector("v.patch_embd.bias", 0.1 * random.normal(size=hidden))
    for norm, size in ((1, PATCH_VALUES), (2, hidden), (3, hidden)):
        file.vector(f"v.patch_norm.{norm}.weight", 1 + 0.02 * random.normal(size=size))
        file.vector(f"v.patch_norm.{norm}.bias", 0.02 * random.normal(size=size))
    file.vector("v.position_embd.weight", 0.5 * random.normal(size=(2, POSITIONS, hidden)))
    file.close()


def _write_drafter(path: Path, spec: TinySpec, ring: _Ring) -> None:
    file, hidden = _File(path, "gemma4-assistant", spec, 4), spec.drafter_hidden
    name, sliding = "gemma4-assistant", [layer < spec.drafter_layers - 1 for layer in range(spec.drafter_layers)]
    _write_language_keys(file, name, spec, sliding, hidden, spec.drafter_ffn)
    file.keys.add_string("general.name", "Tiny Gemma 4 drafter")
    file.keys.add_uint32(f"{name}.attention.shared_kv_layers", spec.drafter_layers)
    file.keys.add_uint32(f"{name}.embedding_length_out", spec.hidden)
    file.keys.add_uint32(f"{name}.nextn_predict_layers", spec.drafter_layers)
    _write_tokenizer(file, ring.vocabulary)
    file.vector("rope_freqs.weight", _rope_factors(spec))
    file.matrix("token_embd.weight", ring.drafted)
    for layer, slides in enumerate(sliding):
        _write_block(file, layer, spec, hidden, spec.drafter_ffn, slides=slides)
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
