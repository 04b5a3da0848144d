"""Pixels to text in reading order, with rapidocr (PP-OCRv6 small, Apache-2.0; its models ship inside the wheel)."""

from __future__ import annotations

import itertools
import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray
from PIL import Image as Picture

from deskhand.model.types import Image

LONGEST_SIDE = 2560
"""Pixels that are looked at together: a 4K screen scaled to 150 % stays readable, time and memory bounded."""

SHORTER_SIDE = 1440
"""Pixels to which the shorter side of a longer picture is reduced: a scrolled page is read in tiles, not shrunk."""

OVERLAP = 256
"""Pixels that neighbouring tiles share: more than a line is high, so that each stands in one of them whole."""

SHRUNK = 0.5
"""Scale below which text that a person can read may be lost."""

LEAST_CONFIDENCE = 0.6
"""Below it a line is noise more often than text: icons and photographs score 0.5–0.6, text on screens 0.9 and more."""

BATCH = 6
"""Lines that are recognised at a time; rapidocr's own default."""

_BAND_PIXELS = 1 << 23


class ReadingStoppedError(Exception):
    """The reading was cancelled before its end."""


@dataclass(frozen=True, slots=True)
class Word:
    """A piece of text and its box, in pixels of the picture."""

    text: str
    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text, or a piece of one, in which every character has a place.

    Attributes:
        text: as it was read.
        left: of its box, in pixels of the picture.
        top: likewise.
        right: likewise.
        bottom: likewise.
        centres: horizontal middle of each character of ``text``; empty where the text does not run across.
        score: how sure the recognition is, 0 to 1.
    """

    text: str
    left: float
    top: float
    right: float
    bottom: float
    centres: tuple[float, ...] = ()
    score: float = 1.0


class Reader:
    """Reads pictures; loads its models with the first."""

    def __init__(self) -> None:
        self._engine: Any = None
        self._lock = threading.Lock()

    def read(self, image: Image) -> str:
        """The text of a picture: a line for each row, its far-apart pieces divided by ``|``; empty if there is none.

        Of a picture that had to be shrunk much it says so at the end, since small text is then missing.
        """
        found = rows(self.words(image))
        if (scale := scale_of(image)) < SHRUNK:
            found.append(f"[This picture was read at {scale:.0%} of its size. Small text may be missing.]")
        return "\n".join(found)

    def words(self, image: Image) -> list[Word]:
        """The pieces of text in a picture, mostly lines, with their boxes in its own pixels."""
        return [
            Word(line.text.strip(), line.left, line.top, line.right, line.bottom)
            for line in self.lines(image)
            if line.text.strip()
        ]

    def lines(
        self,
        image: Image,
        least: float = LEAST_CONFIDENCE,
        cancel: threading.Event | None = None,
        progress: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> list[Line]:
        """The pieces of text in a picture with the place of every character.

        Args:
            image: of any size.
            least: confidence below which a piece is left out.
            cancel: looked at between two tiles and two batches of lines; finding the lines of a tile, a second or less,
                can't be stopped.
            progress: is told how many lines of how many have been read.

        Raises:
            ReadingStoppedError: ``cancel`` was set.
        """
        with self._lock:
            _unless(cancel)
            if self._engine is None:
                self._engine = _open()
            pixels = reduced(image)
            flipped = np.ascontiguousarray(pixels[:, :, ::-1])
            boxes = self._boxes(flipped, cancel)
            found = self._recognised(flipped, boxes, cancel, progress)
        # What was read may be smaller than the picture.
        scale = np.array([image.width / pixels.shape[1], image.height / pixels.shape[0]])
        kept = [_line(box * scale, *said) for box, said in zip(boxes, found, strict=True)]
        return [line for line in kept if line.score >= least and line.text.strip()]

    def _boxes(self, pixels: NDArray[np.uint8], cancel: threading.Event | None) -> list[NDArray[np.float32]]:
        """Where lines stand, four corners each, in the order in which they are read; what two tiles show is one."""
        along = int(pixels.shape[0] >= pixels.shape[1])  # the coordinate along which the tiles lie: x or y
        found: list[NDArray[np.float32]] = []
        for first, last in tiles(max(pixels.shape[:2])):
            _unless(cancel)
            tile = pixels[first:last] if along else pixels[:, first:last]
            boxes = self._engine(np.ascontiguousarray(tile), use_det=True, use_cls=False, use_rec=False).boxes
            for box in () if boxes is None else boxes:
                placed = np.asarray(box, np.float32)
                placed[:, along] += first
                twin = next((at for at, other in enumerate(found) if _same(other, placed, along)), None)
                if first and twin is not None:
                    found[twin] = _union(found[twin], placed)
                else:
                    found.append(placed)
        return found

    def _recognised(
        self,
        pixels: NDArray[np.uint8],
        boxes: Sequence[NDArray[np.float32]],
        cancel: threading.Event | None,
        progress: Callable[[int, int], None],
    ) -> list[tuple[str, float, Any]]:
        """Text, confidence and columns of each box. Boxes of one shape go together: they are padded to the widest."""
        from rapidocr.utils.process_img import get_rotate_crop_image  # noqa: PLC0415 - as in `_open`

        crops = [get_rotate_crop_image(pixels, box.copy()) for box in boxes]
        order = sorted(range(len(crops)), key=lambda at: crops[at].shape[1] / crops[at].shape[0])
        found: dict[int, tuple[str, float, Any]] = {}
        for first in range(0, len(order), BATCH):
            _unless(cancel)
            progress(first, len(order))
            batch = order[first : first + BATCH]
            said = self._engine.recognize_txt([crops[at] for at in batch])
            found |= zip(batch, zip(said.txts, said.scores, said.word_results, strict=True), strict=True)
        return [found[at] for at in range(len(crops))]


def tiles(length: int) -> list[tuple[int, int]]:
    """Where the tiles of a side begin and end: as few as there can be, of nearly one length, each but one shared."""
    count = max(1, math.ceil((length - OVERLAP) / (LONGEST_SIDE - OVERLAP)))
    step = (length - OVERLAP) / count
    return [(round(at * step), min(length, round((at + 1) * step) + OVERLAP)) for at in range(count)]


def _same(box: NDArray[np.float32], other: NDArray[np.float32], along: int) -> bool:
    """Whether two tiles show the same line, or two ends of it.

    Tiles above each other cut a line lengthwise, so one box holds most of the other; tiles beside each other cut it
    across, so the boxes only meet.
    """
    low, high = np.maximum(box.min(axis=0), other.min(axis=0)), np.minimum(box.max(axis=0), other.max(axis=0))
    if (high <= low).any():
        return False
    least = np.minimum(np.ptp(box, axis=0), np.ptp(other, axis=0))
    share = (high - low) / np.maximum(least, 1)
    return bool(share.prod() > 0.5 if along else share[1] > 0.5)


def _union(box: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
    """The box that holds both; one that holds the other stays as it is."""
    corners = np.concatenate([box, other])
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    for whole in (box, other):
        if np.allclose([whole.min(axis=0), whole.max(axis=0)], [(left, top), (right, bottom)], atol=2):
            return whole
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)], np.float32)


def _unless(cancel: threading.Event | None) -> None:
    if cancel is not None and cancel.is_set():
        raise ReadingStoppedError("The reading was stopped.")


def _line(box: NDArray[np.float32], text: str, score: float, columns: Any) -> Line:  # noqa: ANN401 - rapidocr's WordInfo
    """A line whose every character has a place, in the pixels of its box.

    The recognition gives for every character that is no space the step of its output at which it was read, of
    ``line_txt_len`` steps for the whole width (rapidocr 3.10, ``cal_rec_boxes``).
    """
    left, top = (float(value) for value in box.min(axis=0))
    right, bottom = (float(value) for value in box.max(axis=0))
    steps = [step for word in columns.word_cols for step in word]
    solid = [at for at, character in enumerate(text) if not character.isspace()]
    # What is half as high again as wide is turned before it is read (rapidocr, ``get_rotate_crop_image``).
    if bottom - top >= 1.5 * (right - left) or len(steps) != len(solid) or not solid:
        return Line(text, left, top, right, bottom, (), score)
    places = [left + min(1.0, (step + 0.5) / columns.line_txt_len) * (right - left) for step in steps]
    centres = np.interp(range(len(text)), solid, places)
    return Line(text, left, top, right, bottom, tuple(centres.tolist()), score)


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


def scale_of(image: Image) -> float:
    """What a picture is reduced to before it is read: its longer side to `LONGEST_SIDE` or its shorter to the other."""
    shorter, longer = sorted((image.width, image.height))
    return min(1.0, max(LONGEST_SIDE / longer, SHORTER_SIDE / shorter))


def reduced(image: Image) -> NDArray[np.uint8]:
    """The pixels, RGB of shape (height, width, 3), reduced by `scale_of`.

    Reduced in bands of rows, so that memory stays near the picture's own: 20,000×10,000 pixels are 600 MB already.
    """
    pixels = np.frombuffer(image.pixels, np.uint8).reshape(image.height, image.width, 3)
    scale = scale_of(image)
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
            "Global.return_word_box": True,
            "Global.max_side_len": LONGEST_SIDE,
            # The default enlarges pictures until the shorter side has 736 pixels: a strip of 3×400 would take minutes.
            "Det.limit_type": "max",
            "Det.limit_side_len": LONGEST_SIDE,
            "EngineConfig.onnxruntime.intra_op_num_threads": psutil.cpu_count(logical=False) or 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )
