"""What a bundle will take of memory, from its headers alone: said before llama.cpp allocates anything.

All amounts are bytes. The rules are llama.cpp's as vendored in llama-cpp-python 0.3.36; `docs/rehearsal.md` compares
them with what is then resident.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

from deskhand.model.config import LocalConfig
from deskhand.model.errors import BundleError
from deskhand.model.files.card import NOTHING, Card, Offload, Sizes, offload, told
from deskhand.model.files.header import Header, read_header, read_model
from deskhand.model.files.language import PAD, Language, padded

GIB = 1 << 30
LEAST = 2048
"""Tokens below which a conversation with a screenshot has no room: such a context is refused, not chosen."""

MARGIN = 512 << 20
"""Left to everybody else, and to the embeddings of pictures that are kept (`Projector`, at most 256 MiB)."""

CHECKPOINTS = 1 << 30
"""The most that checkpoints of the sliding layers take together (`PrefixCache`)."""

_PROCESS = 64 << 20  # Python with its packages and llama.cpp's libraries, measured
_TOKEN = 480  # a vocabulary's strings, maps and merges in llama.cpp, for each token of Gemma's, measured


@dataclass(frozen=True, slots=True)
class Plan:
    """What a bundle takes of the machine's memory once it is loaded and a full prompt has been read, in bytes.

    What lies on a card is not among it. The graph counts whole even so: buffers between the two are on this side.

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
        offload: what goes to the cards.
    """

    config: LocalConfig
    checkpoints: int
    notes: tuple[str, ...] = ()
    offload: Offload = NOTHING


def plan(config: LocalConfig, on_cards: Offload = NOTHING) -> Plan:
    """What ``config`` will take of the machine's memory.

    Of an architecture whose header does not say which layers slide all count as full: rather too much than too little.

    Args:
        config: with the context length and the type of keys and values that are wanted.
        on_cards: what does not lie there.

    Raises:
        BundleError: a file can't be read.
    """
    main = Language(read_model(config.main))
    tokens = min(config.batch, padded(config.context_length))
    flash = config.flash_attention is not False
    outputs = config.draft_depth + 1
    process, drafter, compute = (
        _PROCESS + _TOKEN * main.vocabulary,
        0,
        main.compute(config, tokens, outputs, flash=flash),
    )
    if config.drafter and config.draft_depth:
        small = Language(read_header(config.drafter))
        drafter = small.weights + small.compute(config, 1, 1, flash=flash)
        process += _TOKEN * small.vocabulary
        # A hidden state is kept for every token of a batch, in the graph and outside.
        compute += 2 * 4 * main.hidden * tokens
    first = len(main.blocks) - on_cards.blocks  # of the blocks on a card; they are the last ones
    kept = {sliding: main.cache(config, sliding=sliding, flash=flash, blocks=first) for sliding in (False, True)}
    mmproj = config.mmproj if not on_cards.projector else None
    return Plan(
        weights=main.weights - sum(main.blocks[first:]) - (main.moves if on_cards.layers else 0),
        full=kept[False],
        sliding=kept[True],
        compute=compute,
        projector=_projector(read_header(mmproj), config.image_budget) if mmproj else 0,
        drafter=0 if on_cards.drafter else drafter,
        process=process,
        checkpoint=main.window * main.cell(config, sliding=True, flash=flash),
    )


def sizes(config: LocalConfig) -> Sizes:
    """What the parts of ``config`` would take on a card.

    Raises:
        BundleError: a file can't be read.
    """
    amounts, main = plan(config), Language(read_model(config.main))
    flash = config.flash_attention is not False
    blocks = (weights + main.block_cache(config, block, flash=flash) for block, weights in enumerate(main.blocks))
    return Sizes(tuple(blocks), main.output, amounts.compute, amounts.drafter, amounts.projector)


def on_cards(config: LocalConfig, cards: Sequence[Card]) -> Offload:
    """What of ``config`` goes to the cards: as much as fits, no more than it asks for.

    Raises:
        BundleError: a file can't be read.
    """
    if not cards or not config.gpu_layers:
        return NOTHING
    return offload(sizes(config), cards, None if config.gpu_layers < 0 else config.gpu_layers)


def largest_context(config: LocalConfig, available: int, margin: int = MARGIN, cards: Sequence[Card] = ()) -> int:
    """The longest context, a multiple of 256 tokens, with which ``config``'s files fit; 0 if not even 256 do.

    A longer context leaves room for fewer layers on a card, and so takes more memory on both sides.

    Args:
        config: its context length does not matter; the trained one is the limit.
        available: bytes of memory that may be taken.
        margin: bytes of them to leave alone.
        cards: that may be used besides.
    """
    header = read_header(config.main)
    most = (header.number(f"{header.architecture}.context_length") or config.context_length) // PAD

    def fits(blocks: int) -> bool:
        return _needed(config.model_copy(update={"context_length": blocks * PAD}), cards) + margin <= available

    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low * PAD


def fitted(config: LocalConfig, available: int, margin: int = MARGIN, cards: Sequence[Card] = ()) -> Fit:
    """``config`` if it fits; else with keys and values in q8_0, if that may be chosen; else with a shorter context.

    Args:
        config: what is wanted.
        available: bytes of memory that may be taken.
        margin: bytes of them to leave alone.
        cards: that may be used besides; each has a margin of its own.

    Raises:
        BundleError: a context of `LEAST` tokens (or the wanted one, if that is shorter) does not fit.
    """
    wanted, notices = _needed(config, cards) + margin, list[str]()
    config = config.model_copy(update={"kv_type": _kv_type(config, available - margin, cards)})
    if config.kv_type == "q8_0" and wanted > available and _needed(config, cards) + margin < wanted:
        notices.append(
            "keys and values: q8_0, since f16 would need "
            f"{wanted / GIB:.1f} GiB of memory where {available / GIB:.1f} GiB are free"
        )
    length = config.context_length
    if (needed := _needed(config, cards) + margin) > available:
        length = min(length, largest_context(config, available, margin, cards))
    if length < min(config.context_length, LEAST):
        smallest = config.model_copy(update={"context_length": min(config.context_length, LEAST)})
        raise BundleError(_refusal(smallest, _needed(smallest, cards) + margin, available, cards))
    if length < config.context_length:
        notices.append(
            f"context: {length} tokens instead of {config.context_length}, which need {needed / GIB:.1f} GiB of memory "
            f"where {available / GIB:.1f} GiB are free; close other programs and start again for more"
        )
        config = config.model_copy(update={"context_length": length})
    offloaded = on_cards(config, cards)
    amounts = plan(config, offloaded)
    room = available - margin - amounts.loaded
    notes = (str(amounts), *_card_notes(config, offloaded, cards), *notices)
    return Fit(config, max(0, min(CHECKPOINTS, room)), notes, offloaded)


def _refusal(smallest: LocalConfig, needed: int, available: int, cards: Sequence[Card]) -> str:
    """Why not even ``smallest`` fits, and what to do."""
    taken = sum(on_cards(smallest, cards).taken)
    free = sum(card.free for card in cards)
    beside = f" (besides {taken / GIB:.1f} GiB of the {free / GIB:.1f} GiB free on the card)" if cards else ""
    return (
        f"{smallest.main.name} needs {needed / GIB:.1f} GiB of memory{beside} and "
        f"{max(available, 0) / GIB:.1f} GiB are free. Please close other programs or choose a smaller model."
    )


def _card_notes(config: LocalConfig, offloaded: Offload, cards: Sequence[Card]) -> tuple[str, ...]:
    """What goes to the cards, and that it is less than was asked for; nothing where there is no card."""
    if not cards:
        return ()
    found = sizes(config)
    asked = min(config.gpu_layers, len(found.blocks) + 1)
    fewer = f"gpu_layers: {offloaded.layers} instead of {config.gpu_layers}: more do not fit the card"
    return (told(offloaded, found, cards), *((fewer,) if offloaded.layers < asked else ()))


def _kv_type(config: LocalConfig, available: int, cards: Sequence[Card]) -> str:
    """What is asked for; for ``auto`` f16 if that fits, else q8_0 if llama.cpp can hold this model's cache in it.

    Quantised values need flash attention, and rows of whole blocks of 32 (`llama-context.cpp`, llama_init_from_model).
    """
    if config.kv_type != "auto":
        return config.kv_type
    able = config.flash_attention is not False and Language(read_model(config.main)).quantisable
    return "q8_0" if able and _needed(config, cards) > available else "f16"


def _needed(config: LocalConfig, cards: Sequence[Card]) -> int:
    """Bytes of memory with one checkpoint, without which an edited message means reading everything again."""
    amounts = plan(config, on_cards(config, cards))
    return amounts.loaded + amounts.checkpoint


def _projector(header: Header, tokens: int) -> int:
    """Weights, and four copies of the largest picture's patches, which are as wide as the patch matrix.

    Projectors with an encoder need more than that while they read a picture.
    """
    patch = max((tensor.shape[0] for tensor in header.tensors if tensor.name == "v.patch_embd.weight"), default=0)
    return sum(tensor.size for tensor in header.tensors) + 4 * 4 * patch * tokens
