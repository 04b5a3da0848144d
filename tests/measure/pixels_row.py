"""The row about pictures: from the screen's pixels to a bitmap of mtmd."""

from __future__ import annotations

import base64
import ctypes
import io
import statistics
import time
from collections.abc import Callable

import llama_cpp.mtmd_cpp as mtmd
import numpy as np
from conversation import screenshot
from ours import config
from PIL import Image as Picture
from rows import Row, stated
from vocabulary import words, write_real

from deskhand.model.llama.session import Session
from deskhand.model.pixels import resize
from deskhand.model.types import Image


def bitmap_over_png(runs: int) -> Row:
    """CPU of the straight way ÷ CPU by way of PNG in base64, as the peers want it."""
    session = Session(config(write_real("conversation", words), drafter=None))
    assert session.projector
    handle = session.projector._handle
    width, height = 1920, 1080
    drawn = Picture.frombytes("RGB", (width, height), screenshot(1, width, height).pixels)
    screen = drawn.convert("RGBA").tobytes("raw", "BGRA")

    def rgb() -> bytes:
        return Picture.frombuffer("RGB", (width, height), screen, "raw", "BGRX", 0, 1).tobytes()

    def straight() -> None:
        pixels = np.frombuffer(rgb(), np.uint8)
        pointer = pixels.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8))
        mtmd.mtmd_bitmap_free(mtmd.mtmd_bitmap_init(width, height, pointer))

    def by_png() -> None:
        buffer = io.BytesIO()
        Picture.frombytes("RGB", (width, height), rgb()).save(buffer, "PNG")
        data = base64.b64decode(base64.b64encode(buffer.getvalue()))
        array = (ctypes.c_uint8 * len(data)).from_buffer_copy(data)
        made = mtmd.mtmd_helper_bitmap_init_from_buf(handle, array, len(data), False)
        mtmd.mtmd_bitmap_free(made)

    def resized() -> None:
        resize(Image(rgb(), width, height, 560))

    def digested() -> None:
        assert Image(rgb(), width, height, 560).digest

    times = {function.__name__: _cpu(function, runs) for function in (straight, by_png, resized, digested)}
    session.close()
    detail = {f"{name}_ms": round(seconds * 1000, 1) for name, seconds in times.items()}
    return stated(
        "bitmap_over_png",
        round(times["straight"] / times["by_png"], 4),
        "≤ 0.08",
        f"CPU from 1920×1080 BGRX pixels to an mtmd bitmap ÷ the same by way of PNG and base64; median of {runs}. "
        "Every engine resizes afterwards and keys its cache by a digest; what those take us is in the detail",
        stock_handler=1.0,
        llama_server=1.0,
        detail=detail,
    )


def _cpu(function: Callable[[], None], runs: int) -> float:
    taken: list[float] = []
    for _ in range(runs + 1):
        began = time.process_time()
        function()
        taken.append(time.process_time() - began)
    return statistics.median(taken[1:])
