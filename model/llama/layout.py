"""Prompt pieces as the cache sees them: token ids, pictures, and sound frame by frame."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from deskhand.model import pixels, sound
from deskhand.model.errors import PromptError
from deskhand.model.language.dialect import Control, Growing, Piece, Plain
from deskhand.model.llama.cache import Item, Span
from deskhand.model.llama.media import Medium, Projector
from deskhand.model.llama.native import Model
from deskhand.model.types import BUDGETS, Audio, Image


@dataclass(frozen=True)
class Prompt:
    """A prompt as the cache sees it.

    Attributes:
        items: in order.
        media: those among them by digest.
        unfinished: it is read only, and no logits are needed at its end.
    """

    items: tuple[Item, ...]
    media: dict[str, Medium]
    unfinished: bool = False


class Layout:
    """One prompt being laid out for a model.

    Args:
        model: tokenises.
        projector: reads media; None: media are refused.
        batch: of the context; a picture of a larger budget is read at the largest that fits it whole.
    """

    def __init__(self, model: Model, projector: Projector | None, batch: int) -> None:
        self._model = model
        self._projector = projector
        self._batch = batch
        self._items: list[Item] = []
        self._media: dict[str, Medium] = {}

    def prompt(self, pieces: Sequence[Piece], *, unfinished: bool) -> Prompt:
        """Lay out all pieces.

        Raises:
            PromptError: a medium that this model can't read, or a picture that is larger than a batch.
        """
        for piece in pieces:
            match piece:
                case Control(text):
                    self._items += self._model.control(text)
                case Plain(text):
                    self._items += self._model.plain(text)
                case Image():
                    self._place(_picture(piece, self._batch, resized=self._able("image").takes_reference_sizes))
                case Audio():
                    self._hear(piece, ends=True)
                case Growing(audio):
                    self._hear(sound.whole_frames(audio), ends=False)
        return Prompt(tuple(self._items), self._media, unfinished)

    def _hear(self, audio: Audio, *, ends: bool) -> None:
        projector = self._able("audio")
        pieces = sound.pieces(audio)
        if projector.markers is None:
            # An encoder looks at all of a piece: of one that grows nothing is certain yet.
            for frames in pieces if ends else pieces[:-1]:
                self._place(_clip(frames))
            return
        begin, end = projector.markers
        for index, frames in enumerate(pieces):
            closed = ends or index < len(pieces) - 1
            if closed or audio.samples:
                self._items += [*begin, *(self._frame(frame) for frame in frames), *(end if closed else ())]

    def _frame(self, frame: NDArray[np.float32]) -> Span:
        medium = _clip(frame)
        self._media[medium.digest] = medium
        return Span(medium.digest, "audio", 1, 1, frame=True)

    def _place(self, medium: Medium) -> None:
        projector = self._able(medium.kind)
        self._media[medium.digest] = medium
        self._items += projector.layout(medium, self._batch)

    def _able(self, kind: str) -> Projector:
        if self._projector and (self._projector.sees if kind == "image" else self._projector.hears):
            return self._projector
        what = "pictures" if kind == "image" else "sound"
        raise PromptError(
            f"The model {self._model.path.name} can't take {what}: it has no mmproj file for them. "
            "Please choose a bundle with one, or the cascade engine."
        )


def _picture(image: Image, batch: int, *, resized: bool) -> Medium:
    if not resized:  # another model's own resize is done by llama.cpp
        return Medium(image.digest, "image", image.width, image.height, partial(_rgb, image))
    most = max(budget for budget in BUDGETS if budget <= batch)
    if image.budget > most:  # of an older conversation, from when the person had chosen larger pictures
        image = replace(image, budget=most)
    width, height = pixels.reference_size(image.width, image.height, image.budget)
    return Medium(image.digest, "image", width, height, partial(pixels.resize, image))


def _rgb(image: Image) -> NDArray[np.uint8]:
    return np.frombuffer(image.pixels, np.uint8)


def _clip(frames: NDArray[np.float32]) -> Medium:
    digest = hashlib.sha256(b"frames " + frames.tobytes()).hexdigest()
    return Medium(digest, "audio", frames.size, 1, partial(np.ravel, frames))
