"""Pixels to text in reading order, with rapidocr (PP-OCRv6 small, Apache-2.0; its models ship inside the wheel)."""

from __future__ import annotations

import itertools
import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray
from PIL import Image as Picture

from deskhand.model.types import Image

LONGEST_SIDE = 2560
"""Pixels to which larger pictures are reduced: a 4K screen scaled to 150 % stays readable, time and memory bounded."""

LEAST_CONFIDENCE = 0.6
"""Below it a line is noise more often than text: icons and photographs score 0.5–0.6, text on screens 0.9 and more."""

_BAND_PIXELS = 1 << 23


@dataclass(frozen=True, slots=True)
class Word:
    """A piece of text and its box, in pixels of the picture."""

    text: str
    left: float
    top: float
    right: float
    bottom: float


class Reader:
    """Reads pictures; loads its models with the first."""

    def __init__(self) -> None:
        self._engine: Any = None
        self._lock = threading.Lock()

    def read(self, image: Image) -> str:
        """The text of a picture: a line for each row, its far-apart pieces divided by ``|``; empty if there is none."""
        return "\n".join(rows(self.words(image)))

    def words(self, image: Image) -> list[Word]:
        """The pieces of text in a picture, mostly lines, with their boxes in its own pixels."""
        with self._lock:
            if self._engine is None:
                self._engine = _open()
            pixels = reduced(image)
            found = self._engine(np.ascontiguousarray(pixels[:, :, ::-1]), use_cls=False)
        if found.txts is None or found.boxes is None:
            return []
        # What was read may be smaller than the picture.
        scale = np.array([image.width / pixels.shape[1], image.height / pixels.shape[0]])
        return [
            Word(text.strip(), *(box.min(axis=0) * scale).tolist(), *(box.max(axis=0) * scale).tolist())
            for text, score, box in zip(found.txts, found.scores, np.asarray(found.boxes), strict=True)
            if score >= LEAST_CONFIDENCE and text.strip()
        ]


def rows(words: Sequence[Word]) -> list[str]:
    """Pieces of text in rows from top to bottom, each from left to right.

    A piece belongs to a row if its middle lies within the row's first piece; a gap wider than two heights is a ``|``.
    """
    found: list[list[Word]] = []
    for word in sorted(words, key=lambda word: (word.top + word.bottom) / 2):
        middle = (word.top + word.bottom) / 2
        row = next((row for row in reversed(found) if row[0].top <= middle <= row[0].bottom), None)
        if row is None:
            found.append([word])
        else:
            row.append(word)
    return [_joined(sorted(row, key=lambda word: word.left)) for row in found]


def _joined(row: Sequence[Word]) -> str:
    text = row[0].text
    for before, word in itertools.pairwise(row):
        gap = word.left - before.right
        text += (" | " if gap > 2 * (before.bottom - before.top) else " ") + word.text
    return text


def reduced(image: Image) -> NDArray[np.uint8]:
    """The pixels, RGB of shape (height, width, 3), with no side above `LONGEST_SIDE`.

    Reduced in bands of rows, so that memory stays near the picture's own: 20,000×10,000 pixels are 600 MB already.
    """
    pixels = np.frombuffer(image.pixels, np.uint8).reshape(image.height, image.width, 3)
    scale = LONGEST_SIDE / max(image.width, image.height)
    if scale >= 1:
        return pixels
    width, height = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    band = max(1, _BAND_PIXELS // image.width)
    out = np.empty((height, width, 3), np.uint8)
    per_row = image.height / height
    step = max(1, int(band / per_row))
    for top in range(0, height, step):
        bottom = min(height, top + step)
        first, last = math.floor(top * per_row), min(image.height, math.ceil(bottom * per_row))
        box = (0, top * per_row - first, image.width, min(bottom * per_row, last) - first)
        piece = Picture.fromarray(pixels[first:last])
        out[top:bottom] = np.asarray(piece.resize((width, bottom - top), Picture.Resampling.BOX, box=box))
    return out


def _open() -> Any:  # noqa: ANN401 - rapidocr has no types
    # Imported when first needed: cv2, onnxruntime and shapely take two seconds.
    import onnxruntime  # noqa: PLC0415
    from rapidocr import RapidOCR  # noqa: PLC0415

    onnxruntime.set_default_logger_severity(4)  # fatal only: it writes to stderr
    return RapidOCR(
        params={
            "Global.use_cls": False,
            "Global.log_level": "critical",
            "Global.text_score": LEAST_CONFIDENCE,
            "Global.max_side_len": LONGEST_SIDE,
            # The default enlarges pictures until the shorter side has 736 pixels: a strip of 3×400 would take minutes.
            "Det.limit_type": "max",
            "Det.limit_side_len": LONGEST_SIDE,
            "EngineConfig.onnxruntime.intra_op_num_threads": psutil.cpu_count(logical=False) or 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )
