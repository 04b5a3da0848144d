"""Multi-token prediction: a small model proposes tokens, and the large one confirms several of them in one batch."""

from __future__ import annotations

import ctypes

from deskhand.model.errors import BundleError
from deskhand.model.files.header import Header, read_header
from deskhand.model.llama.context import Context, DecodeError
from deskhand.model.llama.depth import Depth
from deskhand.model.llama.native import C, Model, X, cause

_REFUSED = "The drafter {} does not fit {} ({}). Please use the drafter that was published with the model, or none."

_SHARED = ("key_length", "key_length_swa", "value_length", "value_length_swa", "sliding_window")
"""What a drafter's attention must have in common with its target's, whose cache it reads."""


class Drafter:
    """A drafter's model over a target's memory. It has no cache of its own: whatever the target has read, it has.

    Args:
        model: the drafter (`gemma4-assistant`).
        target: the context it drafts for, whose memory it reads; to be closed after it.
        threads: of computation.
        most: the most tokens at a time.

    Raises:
        BundleError: it does not fit the target.
    """

    def __init__(
        self, model: Model, target: Context, *, kv_type: str, flash_attention: bool | None, threads: int, most: int
    ) -> None:
        if problem := _misfit(model, target.model):
            raise BundleError(_REFUSED.format(model.path.name, target.model.path.name, problem))
        self._target = target
        self._bytes = target.model.width * ctypes.sizeof(ctypes.c_float)
        self.depth = Depth(most)
        try:
            self._context = Context(
                model,
                length=target.length,
                batch=1,  # one token a step; the graph of a whole batch would take 200 MiB for the 12B at 32k
                outputs=1,
                kv_type=kv_type,
                flash_attention=flash_attention,
                threads=threads,
                target=target,
            )
        except BundleError as error:
            raise BundleError(_REFUSED.format(model.path.name, target.model.path.name, error)) from error
        X.llama_set_embeddings_nextn(target.handle, True, False)  # every row: verified ones are all candidates
        X.llama_set_embeddings_nextn(self._context.handle, True, True)
        self._batch = C.llama_batch_init(1, target.model.width, 1)
        self._token = (ctypes.c_int32 * 1)()
        self._token_pointer = ctypes.cast(self._token, ctypes.POINTER(ctypes.c_int32))
        self._batch.n_tokens = 1
        self._batch.n_seq_id[0] = 1
        self._batch.seq_id[0][0] = 0
        self._batch.logits[0] = 1

    def use_threads(self, threads: int) -> None:
        """Draft with ``threads`` threads from now on."""
        self._context.use_threads(threads)

    def close(self) -> None:
        """Free the context; its model may be closed afterwards."""
        if self._context.handle is not None:
            self._batch.token = None
            C.llama_batch_free(self._batch)
            self._context.close()

    def propose(self, token: int, row: int, position: int, count: int) -> list[int]:
        """Up to ``count`` tokens that may follow ``token``, the likeliest each time.

        Args:
            token: chosen by the target and not yet evaluated.
            row: of the target's last batch, after which it was chosen.
            position: of ``token``.
            count: the most.

        Raises:
            DecodeError: llama.cpp refused.
        """
        proposed: list[int] = []
        context, batch = self._context, self._batch
        # The batch carries a token and an embedding; llama_batch_init allocates only the latter.
        batch.token = self._token_pointer
        batch.pos[0] = position  # the same for every step: only the target's cells are attended to
        hidden = X.llama_get_embeddings_nextn_ith(self._target.handle, row)
        for _ in range(count):
            if not hidden:
                raise DecodeError("There is no hidden state to draft from. Please try again.")
            self._token[0] = token
            ctypes.memmove(batch.embd, hidden, self._bytes)
            if code := C.llama_decode(context.handle, batch):
                raise DecodeError(f"The drafter failed (code {code}: {cause()}). Please try again.")
            token = context.likeliest(0)
            if self._target.model.ends(token):
                break
            proposed.append(token)
            hidden = X.llama_get_embeddings_nextn_ith(context.handle, 0)
        return proposed


def _misfit(drafter: Model, target: Model) -> str:
    """Why a drafter can't read a target's cache, or nothing; llama.cpp aborts where they differ."""
    mine, other = read_header(drafter.path), read_header(target.path)
    for key in _SHARED:
        own, theirs = (header.number(f"{header.architecture}.attention.{key}") for header in (mine, other))
        if own != theirs:
            return f"its {key} is {own} and not {theirs}"
    heads = _kv_heads(other)
    if any(heads.get(slides) != count for slides, count in _kv_heads(mine).items()):
        return "its key/value heads are others"
    return ""


def _kv_heads(header: Header) -> dict[bool, int]:
    """Key/value heads of the last sliding (True) and the last full layer: those that are shared."""
    count = header.metadata.get(f"{header.architecture}.attention.head_count_kv")
    slides = header.metadata.get(f"{header.architecture}.attention.sliding_window_pattern")
    if not isinstance(slides, tuple):
        return {}
    counts = count if isinstance(count, tuple) else (count,) * len(slides)
    return {bool(slide): heads for slide, heads in zip(slides, counts, strict=False) if isinstance(heads, int)}
