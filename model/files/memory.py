"""What a bundle will take of memory, from its headers alone: said before llama.cpp allocates anything.

All amounts are bytes. The rules are llama.cpp's as vendored in llama-cpp-python 0.3.36; `docs/rehearsal.md` compares
them with what is then resident.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields

from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType

from deskhand.model.config import LocalConfig
from deskhand.model.errors import BundleError
from deskhand.model.files.header import Header, read_header

GIB = 1 << 30
PAD = 256
"""Cells to which llama.cpp rounds contexts and sliding caches up (`llama-context.cpp`, `llama-kv-cache-iswa.cpp`)."""

LEAST = 2048
"""Tokens below which a conversation with a screenshot has no room: such a context is refused, not chosen."""

MARGIN = 512 << 20
"""Left to everybody else, and to the embeddings of pictures that are kept (`Projector`, at most 256 MiB)."""

CHECKPOINTS = 1 << 30
"""The most that checkpoints of the sliding layers take together (`PrefixCache`)."""

_PROCESS = 64 << 20  # Python with its packages and llama.cpp's libraries, measured
_TOKEN = 480  # a vocabulary's strings, maps and merges in llama.cpp, for each token of Gemma's, measured
_TYPES = {
    "auto": GGMLQuantizationType.F16,
    "f32": GGMLQuantizationType.F32,
    "f16": GGMLQuantizationType.F16,
    "q8_0": GGMLQuantizationType.Q8_0,
}


@dataclass(frozen=True, slots=True)
class Plan:
    """What a bundle takes once it is loaded and a full prompt has been read, in bytes.

    Attributes:
        weights: of the language model. Each tensor once: those that are repacked for the processor give up their mapped
            pages, and an embedding that also is the output stays mapped once (`native.Model`).
        full: keys and values of the layers that see everything: context × heads × (key + value length) × type.
        sliding: the same of the sliding layers, which hold window + micro-batch cells, rounded up to 256
            (`llama-kv-cache-iswa.cpp`, swa_full off).
        compute: what one micro-batch's graph needs at its widest (`llama-context.cpp`, sched_reserve), and the buffers
            that logits and the drafter's hidden states are read from (output_reserve).
        projector: the mmproj file, and its graph for the largest picture.
        drafter: the drafter's weights and graph, of one token; its keys and values are the target's.
        process: Python, the libraries, and the vocabularies.
        checkpoint: one copy of the sliding layers' window, on top of all that; the session keeps as many as fit.
    """

    weights: int = 0
    full: int = 0
    sliding: int = 0
    compute: int = 0
    projector: int = 0
    drafter: int = 0
    process: int = 0
    checkpoint: int = 0

    @property
    def loaded(self) -> int:
        """Everything but checkpoints."""
        return sum(getattr(self, field.name) for field in fields(self)) - self.checkpoint

    def __str__(self) -> str:
        """For the person, in GiB."""
        parts = (
            ("weights", self.weights),
            ("keys and values", self.full + self.sliding),
            ("computing", self.compute),
            ("pictures and sound", self.projector),
            ("drafter", self.drafter),
            ("program", self.process),
        )
        return f"memory: {self.loaded / GIB:.1f} GiB (" + ", ".join(f"{n} {b / GIB:.1f}" for n, b in parts if b) + ")"


@dataclass(frozen=True, slots=True)
class Fit:
    """A setting that fits.

    Attributes:
        config: with the context length that fits.
        checkpoints: bytes that checkpoints may take.
        notes: for the person: what it will take, and what was changed and why.
    """

    config: LocalConfig
    checkpoints: int
    notes: tuple[str, ...] = ()


def plan(config: LocalConfig) -> Plan:
    """What ``config`` will take.

    Of an architecture whose header does not say which layers slide all count as full: rather too much than too little.

    Raises:
        BundleError: a file can't be read.
    """
    main = _Language(read_header(config.main))
    tokens = min(config.batch, _padded(config.context_length))
    flash = config.flash_attention is not False
    outputs = config.draft_depth + 1
    process, drafter, compute = (
        _PROCESS + _TOKEN * main.vocabulary,
        0,
        main.compute(config, tokens, outputs, flash=flash),
    )
    if config.drafter and config.draft_depth:
        small = _Language(read_header(config.drafter))
        drafter = small.weights + small.compute(config, 1, 1, flash=flash)
        process += _TOKEN * small.vocabulary
        # A hidden state is kept for every token of a batch, in the graph and outside.
        compute += 2 * 4 * main.hidden * tokens
    return Plan(
        weights=main.weights,
        full=main.cache(config, sliding=False, flash=flash),
        sliding=main.cache(config, sliding=True, flash=flash),
        compute=compute,
        projector=_projector(read_header(config.mmproj), config.image_budget) if config.mmproj else 0,
        drafter=drafter,
        process=process,
        checkpoint=main.window * main.cell(config, sliding=True, flash=flash),
    )


def largest_context(config: LocalConfig, available: int, margin: int = MARGIN) -> int:
    """The longest context, a multiple of 256 tokens, with which ``config``'s files fit; 0 if not even 256 do.

    Args:
        config: its context length does not matter; the trained one is the limit.
        available: bytes that may be taken.
        margin: bytes of them to leave alone.
    """
    header = read_header(config.main)
    most = (header.number(f"{header.architecture}.context_length") or config.context_length) // PAD

    def fits(blocks: int) -> bool:
        return _needed(config.model_copy(update={"context_length": blocks * PAD})) + margin <= available

    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low * PAD


def fitted(config: LocalConfig, available: int, margin: int = MARGIN) -> Fit:
    """``config`` if it fits; else with keys and values in q8_0, if that may be chosen; else with a shorter context.

    Args:
        config: what is wanted.
        available: bytes that may be taken.
        margin: bytes of them to leave alone.

    Raises:
        BundleError: a context of `LEAST` tokens (or the wanted one, if that is shorter) does not fit.
    """
    wanted, notices = _needed(config) + margin, list[str]()
    config = config.model_copy(update={"kv_type": _kv_type(config, available - margin)})
    if config.kv_type == "q8_0" and wanted > available and _needed(config) + margin < wanted:
        notices.append(
            "keys and values: q8_0, since f16 would need "
            f"{wanted / GIB:.1f} GiB of memory where {available / GIB:.1f} GiB are free"
        )
    length = config.context_length
    if (needed := _needed(config) + margin) > available:
        length = min(length, largest_context(config, available, margin))
    if length < min(config.context_length, LEAST):
        smallest = config.model_copy(update={"context_length": min(config.context_length, LEAST)})
        raise BundleError(
            f"{config.main.name} needs {(_needed(smallest) + margin) / GIB:.1f} GiB of memory and "
            f"{max(available, 0) / GIB:.1f} GiB are free. Please close other programs or choose a smaller model."
        )
    if length < config.context_length:
        notices.append(
            f"context: {length} tokens instead of {config.context_length}, which need {needed / GIB:.1f} GiB of memory "
            f"where {available / GIB:.1f} GiB are free; close other programs and start again for more"
        )
        config = config.model_copy(update={"context_length": length})
    amounts = plan(config)
    room = available - margin - amounts.loaded
    return Fit(config, max(0, min(CHECKPOINTS, room)), (str(amounts), *notices))


def _kv_type(config: LocalConfig, available: int) -> str:
    """What is asked for; for ``auto`` f16 if that fits, else q8_0 if llama.cpp can hold this model's cache in it.

    Quantised values need flash attention, and rows of whole blocks of 32 (`llama-context.cpp`, llama_init_from_model).
    """
    if config.kv_type != "auto":
        return config.kv_type
    able = config.flash_attention is not False and _Language(read_header(config.main)).blocks
    return "q8_0" if able and _needed(config) > available else "f16"


def _needed(config: LocalConfig) -> int:
    """Bytes with one checkpoint, without which an edited message means reading everything again."""
    amounts = plan(config)
    return amounts.loaded + amounts.checkpoint


class _Language:
    """A language model's header in numbers."""

    def __init__(self, header: Header) -> None:
        self._header = header
        self._name = header.architecture
        self.hidden = self._number("embedding_length")
        self.vocabulary = header.count("tokenizer.ggml.tokens")
        self.window = self._number("attention.sliding_window")
        self.weights = sum(tensor.size for tensor in header.tensors)
        layers = self._number("block_count")
        if not 0 < layers <= len(header.tensors):
            raise BundleError(
                f"The model file {header.path} is damaged (it claims {layers} layers): download it again."
            )
        slides = header.metadata.get(f"{self._name}.attention.sliding_window_pattern")
        known = isinstance(slides, tuple) and len(slides) >= layers and self.window > 0
        self.slides = [bool(slides[layer]) if known and isinstance(slides, tuple) else False for layer in range(layers)]
        self.window = self.window if known else 0
        self.heads = self._each("attention.head_count", layers, 1)
        self.kv_heads = self._each("attention.head_count_kv", layers, 0)
        self.kv_heads = [own or heads for own, heads in zip(self.kv_heads, self.heads, strict=True)]
        self.wide = max(self._each("feed_forward_length", layers, 0), default=0)
        # The last layers of the small Gemmas use the keys and values of earlier ones (`gemma4.cpp`).
        self.kept = layers - self._number("attention.shared_kv_layers")

    def _number(self, key: str) -> int:
        return self._header.number(f"{self._name}.{key}")

    def _each(self, key: str, layers: int, default: int) -> list[int]:
        value = self._header.metadata.get(f"{self._name}.{key}", default)
        values = value if isinstance(value, tuple) else (value,) * layers
        found = [number if isinstance(number, int) else default for number in values[:layers]]
        return found + [default] * (layers - len(found))

    def _head(self, what: str, layer: int) -> int:
        own = self._number(f"attention.{what}_length_swa") if self.slides[layer] else 0
        return own or self._number(f"attention.{what}_length") or self.hidden // max(self.heads[layer], 1)

    @property
    def blocks(self) -> bool:
        """Whether every head's keys and values fill blocks of q8_0."""
        block, _ = GGML_QUANT_SIZES[GGMLQuantizationType.Q8_0]
        layers = range(len(self.slides))
        return all(self._head(what, layer) % block == 0 for what in ("key", "value") for layer in layers)

    def cell(self, config: LocalConfig, *, sliding: bool, flash: bool) -> int:
        """Bytes that one position takes in all layers of a kind."""
        row = _row(config.kv_type)
        lengths = [(n * self._head("key", i), n * self._head("value", i)) for i, n in enumerate(self.kv_heads)]
        # Without flash attention values lie transposed, each layer as wide as the widest (TAG_V_CACHE_VARIABLE).
        widest = max((value for _, value in lengths), default=0)
        return sum(
            row(key) + row(value if flash else widest)
            for layer, (key, value) in enumerate(lengths[: self.kept])
            if self.slides[layer] is sliding
        )

    def cells(self, config: LocalConfig, *, sliding: bool) -> int:
        """Positions that the layers of a kind hold."""
        length = _padded(config.context_length)
        return _padded(min(length, self.window + min(config.batch, length))) if sliding else length

    def cache(self, config: LocalConfig, *, sliding: bool, flash: bool) -> int:
        """Bytes of keys and values of the layers of a kind."""
        return self.cells(config, sliding=sliding) * self.cell(config, sliding=sliding, flash=flash)

    def compute(self, config: LocalConfig, tokens: int, outputs: int, *, flash: bool) -> int:
        """Bytes of the graph that evaluates ``tokens`` tokens, ``outputs`` of them with logits.

        Alive at once: the masks of both kinds of layers; five states; and the feed-forward layer's gate, up and product
        or the queries three times, whichever is more. 313.9 MiB by this rule for the 12B at 8k, 312.2 measured.
        """
        cells = [self.cells(config, sliding=kind) for kind in set(self.slides)]
        queries = max((n * self._head("key", layer) for layer, n in enumerate(self.heads)), default=0)
        attention = 3 * 4 * queries * tokens
        if not flash:  # the scores of the longest layer, whole
            attention += 4 * max(self.heads, default=0) * tokens * max(cells, default=0)
        masks = (2 if flash else 4) * tokens * sum(cells)
        states = 5 * 4 * self.hidden * tokens
        return masks + states + max(3 * 4 * self.wide * tokens, attention) + 4 * self.vocabulary * outputs * 2


def _projector(header: Header, tokens: int) -> int:
    """Weights, and four copies of the largest picture's patches, which are as wide as the patch matrix.

    Projectors with an encoder need more than that while they read a picture.
    """
    patch = max((tensor.shape[0] for tensor in header.tensors if tensor.name == "v.patch_embd.weight"), default=0)
    return sum(tensor.size for tensor in header.tensors) + 4 * 4 * patch * tokens


def _row(kind: str) -> Callable[[int], int]:
    block, size = GGML_QUANT_SIZES[_TYPES[kind]]
    return lambda elements: elements // block * size


def _padded(cells: int) -> int:
    return math.ceil(cells / PAD) * PAD
