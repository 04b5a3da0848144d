"""Pixels and sound to embeddings, and embeddings into a context, by llama.cpp's multimodal library."""

from __future__ import annotations

import ctypes
from collections import OrderedDict
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import llama_cpp.mtmd_cpp as _mtmd
import numpy as np
from numpy.typing import NDArray

from deskhand.model.errors import BundleError, PromptError
from deskhand.model.files.header import read_header
from deskhand.model.llama.cache import Item, Span
from deskhand.model.llama.context import Context, DecodeError
from deskhand.model.llama.native import LOG_CALLBACK, C, Model, cause
from deskhand.model.types import FRAME_SAMPLES

M: Any = _mtmd  # the binding annotates arguments as its own wrappers pass them, not as ctypes accepts them

for _function in (M.mtmd_log_set, M.mtmd_helper_log_set):
    _function(LOG_CALLBACK, None)

MAX_IMAGE_TOKENS = 1120
"""The largest image budget of Gemma 4."""

_TOO_LARGE = (
    "The picture takes {} tokens and this engine was started for pictures of {} at most. Please choose a larger image "
    "budget in the settings and start again, or take a smaller picture."
)

_PICTURE_KIND = "clip.vision.projector_type"
_REFERENCE_SIZES = ("gemma4uv", "gemma4v")
"""Projectors of Gemma 4, with and without an encoder, for which `pixels.reference_size` says what a picture becomes."""

_SOUND_KIND = "clip.audio.projector_type"
_BY_FRAME = "gemma4ua"
"""Gemma 4 Unified's: RMS norm and one matrix for each frame, no encoder, so no frame looks at another."""


@dataclass(frozen=True)
class Medium:
    """One picture or one piece of sound, ready for the projector.

    Attributes:
        digest: of its content; equal content is encoded once.
        kind: what it is.
        width: pixels, a multiple of 48; of sound, samples, a multiple of 640.
        height: pixels, a multiple of 48; of sound, 1.
        load: gives the RGB bytes or float32 samples; called only when they have to be encoded.
    """

    digest: str
    kind: Literal["image", "audio"]
    width: int
    height: int
    load: Callable[[], NDArray[np.uint8] | NDArray[np.float32]]


class Projector:
    """The mmproj file of a model.

    Args:
        path: the file; validated before.
        model: whose embeddings it makes.
        threads: of computation.
        budget: the most tokens of a picture where the model has no sizes of its own.
        limit: bytes of embeddings that are kept, the least recently used going first. A screenshot of the 12B takes
            up to 17 MB.

    Raises:
        BundleError: llama.cpp can't load it, or it belongs to another model.
    """

    def __init__(
        self, path: Path, model: Model, threads: int, budget: int, limit: int = 256 << 20, *, on_card: bool = False
    ) -> None:
        parameters = M.mtmd_context_params_default()
        parameters.use_gpu = on_card
        parameters.print_timings = False
        parameters.warmup = False
        parameters.n_threads = threads
        header = read_header(path)
        self.takes_reference_sizes = header.metadata.get(_PICTURE_KIND) in _REFERENCE_SIZES
        # So wide that pixels of the reference size pass unchanged; mtmd's own resize is another one.
        parameters.image_min_tokens = 1
        parameters.image_max_tokens = MAX_IMAGE_TOKENS if self.takes_reference_sizes else budget
        self._limit = limit
        self._width: int = C.llama_model_n_embd_inp(model.handle)
        self._embeddings: OrderedDict[str, NDArray[np.float32]] = OrderedDict()
        self._kept = 0
        self.encodes = 0
        self._handle: int | None = M.mtmd_init_from_file(str(path).encode(), model.handle, parameters)
        if self._handle is None:
            raise BundleError(
                f"{path.name} does not work with {model.path.name}: {cause()}. "
                "Please use the mmproj file that was published with the model."
            )
        self.sees = bool(M.mtmd_support_vision(self._handle))
        self.hears = bool(M.mtmd_support_audio(self._handle))
        self._by_frame = header.metadata.get(_SOUND_KIND) == _BY_FRAME

    def close(self) -> None:
        """Free the projector; the model must still be open."""
        if self._handle is not None:
            M.mtmd_free(self._handle)
            self._handle = None

    @cached_property
    def markers(self) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
        """The tokens before and after sound that is taken frame by frame; None if it is encoded a piece at a time."""
        if not (self.hears and self._by_frame):
            return None
        silence = Medium("", "audio", FRAME_SAMPLES, 1, lambda: np.zeros(FRAME_SAMPLES, np.float32))
        items = self.layout(silence, batch=1)
        at = next(index for index, item in enumerate(items) if isinstance(item, Span))
        begin, end = (tuple(token for token in part if isinstance(token, int)) for part in (items[:at], items[at:]))
        return begin, end

    def layout(self, medium: Medium, batch: int) -> tuple[Item, ...]:
        """What a medium becomes in the prompt: its begin marker, itself, its end marker. Nothing is encoded.

        Args:
            medium: to be laid out.
            batch: the context's; llama.cpp aborts on a larger picture whose attention is not causal.

        Raises:
            PromptError: this projector can't read it, or it is larger than a batch.
        """
        with self._chunks(medium, real=False) as chunks:
            items: list[Item] = []
            for chunk in chunks:
                if M.mtmd_input_chunk_get_type(chunk) == M.MTMD_INPUT_CHUNK_TYPE_TEXT:
                    count = ctypes.c_size_t(0)
                    tokens = M.mtmd_input_chunk_get_tokens_text(chunk, ctypes.byref(count))
                    items += tokens[: count.value]
                else:
                    size = int(M.mtmd_input_chunk_get_n_tokens(chunk))
                    if size > batch and M.mtmd_decode_use_non_causal(self._handle, chunk):
                        raise PromptError(_TOO_LARGE.format(size, batch))
                    items.append(Span(medium.digest, medium.kind, size, M.mtmd_input_chunk_get_n_pos(chunk)))
            return tuple(items)

    def embeddings(self, medium: Medium) -> NDArray[np.float32]:
        """The medium's embeddings, shape (tokens, hidden); encoded if they are not among those that are kept.

        Raises:
            DecodeError: the projector failed.
        """
        found = self._embeddings.get(medium.digest)
        if found is not None:
            self._embeddings.move_to_end(medium.digest)
            return found
        with self._chunks(medium, real=True) as chunks:
            chunk = _medium_of(chunks)
            if M.mtmd_encode_chunk(self._handle, chunk):
                raise DecodeError(f"The model could not read the {medium.kind}: {cause()}. Please try again.")
            shape = (int(M.mtmd_input_chunk_get_n_tokens(chunk)), self._width)
            made = np.ctypeslib.as_array(M.mtmd_get_output_embd(self._handle), shape).copy()
        self.encodes += 1
        self._embeddings[medium.digest] = made
        self._kept += made.nbytes
        while self._kept > self._limit and len(self._embeddings) > 1:
            self._kept -= self._embeddings.popitem(last=False)[1].nbytes
        return made

    def decode(self, context: Context, media: Sequence[Medium], position: int) -> None:
        """Evaluate one medium or several frames of sound at ``position``, an image with attention in both directions.

        Raises:
            CancelledError: it was given up.
            DecodeError: llama.cpp refused.
        """
        # Frames are projected one by one, so that what they become does not depend on when they came.
        made = [self.embeddings(medium) for medium in media]
        embeddings = np.concatenate(made) if len(made) > 1 else made[0]
        medium = replace(media[0], width=sum(medium.width for medium in media))
        after = ctypes.c_int32(0)
        with self._chunks(medium, real=False) as chunks:
            code: int = M.mtmd_helper_decode_image_chunk(
                self._handle,
                context.handle,
                _medium_of(chunks),
                embeddings.ctypes.data_as(ctypes.POINTER(ctypes.c_float)),
                position,
                0,
                context.batch,
                ctypes.byref(after),
                M.mtmd_helper_post_decode_callback(0),
                None,
            )
        context.check(code, f"the {medium.kind}")

    @contextmanager
    def _chunks(self, medium: Medium, *, real: bool) -> Generator[list[int]]:
        """The chunks that mtmd makes of a medium, valid within the block; without its data unless ``real``."""
        data = medium.load() if real else None
        if medium.kind == "image":
            pointer = data.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8)) if data is not None else None
            bitmap = M.mtmd_bitmap_init(medium.width, medium.height, pointer)
        else:
            pointer = data.ctypes.data_as(ctypes.POINTER(ctypes.c_float)) if data is not None else None
            bitmap = M.mtmd_bitmap_init_from_audio(medium.width, pointer)
        chunks = M.mtmd_input_chunks_init()
        try:
            part = M.mtmd_input_part(None, bitmap)
            parts = (ctypes.POINTER(M.mtmd_input_part) * 1)(ctypes.pointer(part))
            if M.mtmd_tokenize_from_parts(self._handle, chunks, parts, 1, False):
                raise PromptError(f"This model can't read the {medium.kind}: {cause()}.")
            yield [M.mtmd_input_chunks_get(chunks, index) for index in range(M.mtmd_input_chunks_size(chunks))]
        finally:
            M.mtmd_input_chunks_free(chunks)
            M.mtmd_bitmap_free(bitmap)


def _medium_of(chunks: list[int]) -> int:
    (chunk,) = (c for c in chunks if M.mtmd_input_chunk_get_type(c) != M.MTMD_INPUT_CHUNK_TYPE_TEXT)
    return chunk
