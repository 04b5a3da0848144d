"""Rows about the cache: what it takes, and whether going back in it is exact."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from unittest import mock

import numpy as np
from conversation import recording, screenshot
from ours import GREEDY, config
from peers import peer
from rows import Row, stated

from deskhand.model.files.bundle import Bundle
from deskhand.model.language.dialect import Control, Piece, Plain
from deskhand.model.llama.context import Context
from deskhand.model.llama.media import Projector
from deskhand.model.llama.native import LOG_CALLBACK, C
from deskhand.model.llama.session import Session
from deskhand.model.tiny.bundle import cached_bundle
from deskhand.model.tiny.spec import TinySpec

SHAPE = TinySpec(
    hidden=64,
    drafter_hidden=48,
    layers=6,
    pattern=6,
    heads=8,
    kv_heads=8,
    head_dim=512,
    head_dim_swa=256,
    window=1024,
    context_length=32_768,
    dtype="f16",
)
"""One of the 12B's eight groups of layers, keys and values in its own shape: KV bytes are an eighth of the 12B's."""

SHIPPED = {"image_budget": 560}
"""What the application chooses unless a person does (`app/settings.py`)."""

_SIZE = re.compile(r"KV buffer size =\s*([\d.]+) MiB")


def kv_over_ideal() -> list[Row]:
    """KV bytes that llama.cpp reports ÷ the keys and values of the window (sliding) and of every token (full)."""
    bundle = cached_bundle(SHAPE)
    found: list[Row] = []
    for name, length in (("kv_over_ideal_8k", 8192), ("kv_over_ideal_32k", 32_768)):
        full = 2 * SHAPE.head_dim * length
        sliding = 5 * 2 * SHAPE.kv_heads * SHAPE.head_dim_swa
        ideal = 2 * (full + sliding * SHAPE.window) / 2**20
        # A picture attends to itself in both directions: while it is read, no engine can do with fewer cells.
        least = 2 * (full + sliding * (SHAPE.window + SHIPPED["image_budget"])) / 2**20
        own = _own_megabytes(bundle, length, **SHIPPED)
        quantised = _own_megabytes(bundle, length, **SHIPPED, kv_type="q8_0")
        theirs: dict[str, float] = {}
        for other in ("stock_handler", "llama_server"):
            with peer(other, bundle, length, batch=config(bundle, **SHIPPED).batch) as running:
                theirs[other] = _sum(running.log.read_text(errors="replace"))
        found.append(
            stated(
                name,
                round(own / ideal, 3),
                "≤ 1.1",
                "KV buffers that llama.cpp logs, as shipped (f16, pictures of 560 tokens, micro-batch 576, which the "
                "peers are given too) ÷ f16 of the window of 1,024 in sliding layers and every token in full layers; "
                "the 12B's attention shape, one of its eight groups of six layers",
                stock_handler=round(theirs["stock_handler"] / ideal, 3),
                llama_server=round(theirs["llama_server"] / ideal, 3),
                detail={
                    "MiB": {"ours": own, **theirs},
                    "ideal_MiB": round(ideal, 1),
                    "over_window_and_one_picture": round(own / least, 3),
                    "pictures_of_1120": round(_own_megabytes(bundle, length) / ideal, 3),
                    "q8_0": round(quantised / ideal, 3),
                },
            )
        )
    return found


def _own_megabytes(bundle: Bundle, length: int, **settings: Any) -> float:
    lines: list[str] = []

    def keep(_level: int, text: bytes | None, _data: object) -> None:
        lines.append((text or b"").decode(errors="replace"))

    callback = C.llama_log_callback(keep)
    C.llama_log_set(callback, None)
    try:
        Session(config(bundle, context_length=length, **settings)).close()
    finally:
        C.llama_log_set(LOG_CALLBACK, None)
    return _sum("".join(lines))


def _sum(log: str) -> float:
    sizes = [float(size) for size in _SIZE.findall(log)]
    if not sizes:
        raise RuntimeError("llama.cpp has logged no KV buffers")
    return round(sum(sizes), 2)


_KINDS: dict[str, dict[str, Any]] = {
    "f16": {},
    "f32": {"kv_type": "f32", "flash_attention": False},
    "q8_0": {"kv_type": "q8_0"},
}
"""Element types of the cache, f16 being what is used unless a person chooses."""


def warm_cold_delta() -> Row:
    """Logits after going back further than the window, against a fresh session that takes the same batches."""
    detail: dict[str, Any] = {}
    for kind, settings in _KINDS.items():
        found = [_delta(seed, settings) for seed in range(4)]
        detail[kind] = max(delta for delta, _ in found)
        detail[f"{kind}_cells_placed_alike"] = max(delta for _, delta in found)
    return stated(
        "warm_cold_delta",
        max(delta for name, delta in detail.items() if name in _KINDS),
        "0.0",
        "4 seeds × KV in f16, f32 and q8_0, window 64: a turn with a screenshot and sound, a second turn of some 2,000 "
        "tokens, then another second turn in its place; max |Δlogit| against a fresh session at equal batches, and "
        "against one whose cells have been saved and restored at the same place and so lie in the cache as ours do",
        detail=detail,
    )


def _delta(seed: int, settings: dict[str, Any]) -> tuple[float, float]:
    bundle = cached_bundle(TinySpec(seed=seed))
    begin: list[Piece] = [
        Control("<bos><|turn>user\n"),
        screenshot(seed, 640, 400),
        Plain("What is on this screen? " * 12),
        recording(seed, 1.0),
        Control("<turn|>\n<|turn>model\n"),
    ]
    one, other = (
        [*begin, Plain(text * 320), Control("<turn|>\n")] for text in ("One way to go on. ", "The other way! ")
    )
    warm, cold, alike = (Session(config(bundle, drafter=None, **settings)) for _ in range(3))
    batches: list[tuple[int, Callable[[Session], None]]] = []
    with (
        mock.patch.object(Context, "decode", _recorded(Context.decode, batches)),
        mock.patch.object(Projector, "decode", _recorded_medium(Projector.decode, batches)),
    ):
        _read(warm, one)
        before = len(batches)
        _read(warm, other)
    # What of the first way is still in the cache, then the second way: the same batches in a fresh session.
    back = batches[before][0]
    if warm.cache.position - back < 64 or back == 0:
        raise RuntimeError(f"the way back to {back} is no test of a checkpoint")
    for fresh in (cold, alike):
        for position, again in batches[:before]:
            if position < back:
                again(fresh)
        if fresh is alike:
            fresh.context.restore(fresh.context.save())
        for _, again in batches[before:]:
            again(fresh)
    wanted = warm.context.logits(-1)
    exact, placed = (float(np.abs(wanted - fresh.context.logits(-1)).max()) for fresh in (cold, alike))
    for session in (warm, cold, alike):
        session.close()
    return exact, placed


def _recorded(inner: Any, batches: list[tuple[int, Callable[[Session], None]]]) -> Any:
    def decode(self: Context, tokens: Any, position: int, outputs: int = 1) -> None:
        taken = list(tokens)
        batches.append((position, lambda session: inner(session.context, taken, position, outputs)))
        inner(self, tokens, position, outputs)

    return decode


def _recorded_medium(inner: Any, batches: list[tuple[int, Callable[[Session], None]]]) -> Any:
    def decode(self: Projector, context: Context, medium: Any, position: int) -> None:
        batches.append((position, lambda session: inner(session.projector, session.context, medium, position)))
        inner(self, context, medium, position)

    return decode


def _read(session: Session, pieces: list[Piece]) -> None:
    for _ in session.run(pieces, sampling=GREEDY, max_tokens=0):
        pass
