"""A language model's header in numbers: its layers, what one position of them takes, and its graph.

The rules are llama.cpp's as vendored in llama-cpp-python 0.3.36.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType

from deskhand.model.config import LocalConfig
from deskhand.model.errors import BundleError
from deskhand.model.files.header import Header

PAD = 256
"""Cells to which llama.cpp rounds contexts and sliding caches up (`llama-context.cpp`, `llama-kv-cache-iswa.cpp`)."""

_BLOCK = re.compile(r"blk\.(\d{1,6})\.")
_TYPES = {
    "auto": GGMLQuantizationType.F16,
    "f32": GGMLQuantizationType.F32,
    "f16": GGMLQuantizationType.F16,
    "q8_0": GGMLQuantizationType.Q8_0,
}


class Language:
    """A language model's header in numbers.

    Attributes:
        hidden: size of the hidden state.
        vocabulary: tokens.
        window: of sliding layers in tokens; 0 if there are none, or none are known.
        weights: bytes of all tensors.
        blocks: bytes of each block's tensors, first block first.
        output: bytes of the output layer, with an embedding that is tied.
        moves: bytes that leave the memory when the output goes to a card: not an embedding that is tied.
        slides: for each block whether it sees the window only.
        heads: of queries by block.
        kv_heads: of keys and values by block.
        wide: the widest feed-forward layer.
        kept: blocks with keys and values of their own.
    """

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
        self._weigh(header, layers)
        self.wide = max(self._each("feed_forward_length", layers, 0), default=0)
        # The last layers of the small Gemmas use the keys and values of earlier ones (`gemma4.cpp`).
        self.kept = layers - self._number("attention.shared_kv_layers")

    def _weigh(self, header: Header, layers: int) -> None:
        """Bytes of weights by block, of the output layer, and of what leaves the memory when that goes to a card."""
        names = {tensor.name for tensor in header.tensors}
        self.blocks = [0] * layers
        self.output = self.moves = 0
        for tensor in header.tensors:
            block = _BLOCK.match(tensor.name)
            if block and int(block[1]) < layers:
                self.blocks[int(block[1])] += tensor.size
            elif tensor.name.startswith("output"):
                self.output += tensor.size
                self.moves += tensor.size
            elif tensor.name == "token_embd.weight" and "output.weight" not in names:
                self.output += tensor.size  # tied: the input stays where it is and the output is made again

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
    def quantisable(self) -> bool:
        """Whether every head's keys and values fill blocks of q8_0."""
        block, _ = GGML_QUANT_SIZES[GGMLQuantizationType.Q8_0]
        layers = range(len(self.slides))
        return all(self._head(what, layer) % block == 0 for what in ("key", "value") for layer in layers)

    def _cell_of(self, config: LocalConfig, layer: int, *, flash: bool) -> int:
        """Bytes that one position takes in a layer."""
        if layer >= self.kept:
            return 0
        row = _row(config.kv_type)
        values = [heads * self._head("value", index) for index, heads in enumerate(self.kv_heads)]
        # Without flash attention values lie transposed, each layer as wide as the widest (TAG_V_CACHE_VARIABLE).
        return row(self.kv_heads[layer] * self._head("key", layer)) + row(values[layer] if flash else max(values))

    def cell(self, config: LocalConfig, *, sliding: bool, flash: bool, blocks: int | None = None) -> int:
        """Bytes that one position takes in all layers of a kind; ``blocks``: among so many of the first ones."""
        kind = (layer for layer, slides in enumerate(self.slides[:blocks]) if slides is sliding)
        return sum(self._cell_of(config, layer, flash=flash) for layer in kind)

    def block_cache(self, config: LocalConfig, layer: int, *, flash: bool) -> int:
        """Bytes of one layer's keys and values."""
        return self.cells(config, sliding=self.slides[layer]) * self._cell_of(config, layer, flash=flash)

    def cells(self, config: LocalConfig, *, sliding: bool) -> int:
        """Positions that the layers of a kind hold."""
        length = padded(config.context_length)
        return padded(min(length, self.window + min(config.batch, length))) if sliding else length

    def cache(self, config: LocalConfig, *, sliding: bool, flash: bool, blocks: int | None = None) -> int:
        """Bytes of keys and values of the layers of a kind; ``blocks``: among so many of the first ones."""
        return self.cells(config, sliding=sliding) * self.cell(config, sliding=sliding, flash=flash, blocks=blocks)

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


def _row(kind: str) -> Callable[[int], int]:
    block, size = GGML_QUANT_SIZES[_TYPES[kind]]
    return lambda elements: elements // block * size


def padded(cells: int) -> int:
    """As many cells as llama.cpp makes of them."""
    return math.ceil(cells / PAD) * PAD
