"""A sequence of tokens in a model's memory: evaluate, look at the logits, forget, save, restore.

What would abort the process is refused, and return codes become errors; nothing is decided here.
"""

from __future__ import annotations

import ctypes
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from deskhand.model.errors import BundleError, ModelError
from deskhand.model.llama.native import C, Model, Pointer, cause, forget

_ABORTED = 2  # llama.h, llama_decode
_PARTIAL, _WHOLE = C.LLAMA_STATE_SEQ_FLAGS_PARTIAL_ONLY, 0
_KV_TYPES = {"f32": C.GGML_TYPE_F32, "f16": C.GGML_TYPE_F16, "q8_0": C.GGML_TYPE_Q8_0}


class Cancel(Protocol):
    """Something that may be set from another thread; a `threading.Event`."""

    def is_set(self) -> bool:
        """Whether to stop."""
        ...


class CancelledError(ModelError):
    """An evaluation was given up because the person asked for it; the memory is as it was before."""


class DecodeError(ModelError):
    """llama.cpp could not evaluate a batch; what the memory holds after ``position`` is unknown."""


class Context:
    """One sequence of tokens in a model's memory.

    Args:
        model: whose.
        length: positions of KV cache.
        batch: n_batch = n_ubatch; at least an image's tokens, since its attention is not causal.
        outputs: the most rows of logits in one batch; llama.cpp aborts beyond it.
        kv_type: of the cache's elements.
        flash_attention: None lets llama.cpp choose.
        threads: of computation.
        target: for a drafter, the context whose memory it reads.

    Raises:
        BundleError: llama.cpp can't make it, mostly for want of memory.
    """

    def __init__(
        self,
        model: Model,
        *,
        length: int,
        batch: int,
        outputs: int,
        kv_type: str,
        flash_attention: bool | None,
        threads: int,
        target: Context | None = None,
    ) -> None:
        parameters = C.llama_context_default_params()
        parameters.n_ctx = length
        parameters.n_batch = parameters.n_ubatch = batch
        parameters.n_outputs_max = outputs
        parameters.n_threads = parameters.n_threads_batch = self._threads = threads
        parameters.type_k = parameters.type_v = _KV_TYPES[kv_type]
        parameters.flash_attn_type = -1 if flash_attention is None else int(flash_attention)
        parameters.swa_full = False  # 0.6 instead of 2.6 GiB at 8k for the 12B; `cache.py` keeps rollbacks right
        parameters.no_perf = True
        if target is not None:
            parameters.ctx_type = C.LLAMA_CONTEXT_TYPE_MTP
            parameters.ctx_other = target.handle
            parameters.n_rs_seq = 0
        self.model = model
        self.outputs = outputs
        forget()
        self.handle: int | None = C.llama_init_from_model(model.handle, parameters)
        if self.handle is None:
            raise BundleError(
                f"{model.path.name} could not be started with a context of {length} tokens: {cause()}. "
                "A shorter context needs less memory."
            )
        self.length: int = C.llama_n_ctx(self.handle)
        # llama.cpp cuts both to the context's length, and aborts beyond them.
        self.batch = batch = min(C.llama_n_batch(self.handle), C.llama_n_ubatch(self.handle))
        self._memory: int = C.llama_get_memory(self.handle)
        self._batch = C.llama_batch_init(batch, 0, 1)
        for index in range(batch):
            self._batch.n_seq_id[index] = 1
            self._batch.seq_id[index][0] = 0
        self._single = C.llama_batch_init(1, 0, 1)
        self._single.n_tokens = self._single.n_seq_id[0] = self._single.logits[0] = 1
        self._single.seq_id[0][0] = 0
        self._single_token, self._single_position = self._single.token, self._single.pos
        self._views: dict[int, NDArray[np.float32]] = {}
        self._token = np.ctypeslib.as_array(self._batch.token, (batch,))
        self._position = np.ctypeslib.as_array(self._batch.pos, (batch,))
        self._output = np.ctypeslib.as_array(self._batch.logits, (batch,))

    def close(self) -> None:
        """Free the memory; a drafter's context must be closed before its target's."""
        if self.handle is not None:
            C.llama_batch_free(self._batch)
            C.llama_batch_free(self._single)
            C.llama_free(self.handle)
            self.handle = None

    def use_threads(self, threads: int) -> None:
        """Compute single steps with ``threads`` threads from now on; prompts keep what the context was made with."""
        C.llama_set_n_threads(self.handle, threads, self._threads)

    def decode(self, tokens: Sequence[int], position: int, outputs: int = 1) -> None:
        """Evaluate tokens at ``position`` and after, with logits for the last ``outputs`` of them.

        Raises:
            DecodeError: llama.cpp refused.
        """
        count = len(tokens)
        if not 0 < count <= self.batch or outputs > min(count, self.outputs):
            raise DecodeError(f"a batch of {count} tokens with {outputs} outputs does not fit")
        self._batch.n_tokens = count
        self._token[:count] = tokens
        self._position[:count] = np.arange(position, position + count)
        self._output[:count] = 0
        self._output[count - outputs : count] = 1
        self.check(C.llama_decode(self.handle, self._batch), f"{count} tokens")

    def step(self, token: int, position: int) -> None:
        """Evaluate one token with its logits: `decode` for the step that is taken most often, at no cost of ours.

        Raises:
            DecodeError: llama.cpp refused.
        """
        self._single_token[0], self._single_position[0] = token, position
        if code := C.llama_decode(self.handle, self._single):
            self.check(code, "the token it had written")

    @contextmanager
    def cancellable(self, cancel: Cancel) -> Generator[None]:
        """A block whose evaluations end soon after ``cancel`` is set, on the processor; a GPU finishes its batch."""

        def given_up(_data: object) -> bool:
            return cancel.is_set()

        callback = C.ggml_abort_callback(given_up)
        C.llama_set_abort_callback(self.handle, callback, None)
        try:
            yield
        finally:
            C.llama_set_abort_callback(self.handle, C.ggml_abort_callback(0), None)

    def check(self, code: int, what: str) -> None:
        """Turn the return code of an evaluation into an error.

        Raises:
            CancelledError: it was given up (2).
            DecodeError: anything but 0; see llama.h, llama_decode.
        """
        if code == _ABORTED:
            raise CancelledError("The answer was stopped.")
        if code:
            raise DecodeError(f"The model could not read {what} (code {code}: {cause()}). Please try again.")

    def logits(self, row: int) -> NDArray[np.float32]:
        """Logits of a row of the last batch (-1: the last output); a view, valid until the next `decode`."""
        pointer = C.llama_get_logits_ith(self.handle, row)
        if not pointer:
            raise DecodeError(f"there are no logits in row {row}")
        # llama.cpp writes them to the same place again and again, and making a view takes longer than looking at it.
        address = ctypes.addressof(pointer.contents)
        if (view := self._views.get(address)) is None:
            if len(self._views) > self.outputs:
                self._views.clear()
            view = self._views[address] = np.ctypeslib.as_array(pointer, (self.model.vocab_size,))
        return view

    def likeliest(self, row: int) -> int:
        """The token with the largest logit in a row of the last batch: greedy sampling at a third of its cost."""
        return int(self.logits(row).argmax())

    def remove(self, position: int) -> bool:
        """Forget everything from ``position`` on; False if the memory can't (recurrent models)."""
        return bool(C.llama_memory_seq_rm(self._memory, 0, position, -1))

    def clear(self) -> None:
        """Forget everything."""
        C.llama_memory_clear(self._memory, True)

    def oldest(self) -> int:
        """The smallest position that all layers still hold; -1 when empty."""
        return int(C.llama_memory_seq_pos_min(self._memory, 0))

    def newest(self) -> int:
        """The largest position held; -1 when empty."""
        return int(C.llama_memory_seq_pos_max(self._memory, 0))

    def state_size(self) -> int:
        """Bytes of `save`."""
        return self._state_size(_PARTIAL)

    def save(self) -> NDArray[np.uint8]:
        """The sliding layers' cells, which later tokens overwrite."""
        return self._saved(_PARTIAL)

    def restore(self, data: NDArray[np.uint8]) -> None:
        """Bring back the sliding layers' cells of a `save`; `remove` what came after it first."""
        self._restore(data, _PARTIAL)

    def save_all(self) -> NDArray[np.uint8]:
        """All cells that later tokens can see: what another context of the same model goes on from."""
        return self._saved(_WHOLE)

    def restore_all(self, data: NDArray[np.uint8]) -> None:
        """Put the cells of a `save_all` in the place of everything.

        Raises:
            DecodeError: llama.cpp refused; the memory is then empty.
        """
        self.clear()
        try:
            self._restore(data, _WHOLE)
        except DecodeError:
            self.clear()
            raise

    def _state_size(self, flags: int) -> int:
        return int(C.llama_state_seq_get_size_ext(self.handle, 0, flags))

    def _saved(self, flags: int) -> NDArray[np.uint8]:
        data = np.empty(self._state_size(flags), np.uint8)
        written: int = C.llama_state_seq_get_data_ext(self.handle, _bytes_of(data), data.size, 0, flags)
        if written != data.size:
            raise DecodeError(f"the state was not saved: {cause()}")
        return data

    def _restore(self, data: NDArray[np.uint8], flags: int) -> None:
        if C.llama_state_seq_set_data_ext(self.handle, _bytes_of(data), data.size, 0, flags) != data.size:
            raise DecodeError(f"the state was not restored: {cause()}")


def _bytes_of(data: NDArray[np.uint8]) -> Pointer:
    return data.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8))
