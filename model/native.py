"""llama.cpp, as far as the session needs it: a model with its vocabulary, a context with its memory, samplers.

With `media.py` the only file that imports `llama_cpp`. Nothing here decides anything; it refuses what would abort the
process, turns return codes into errors, and keeps llama.cpp's own error lines for their messages.
"""

from __future__ import annotations

import ctypes
import re
from collections import deque
from collections.abc import Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Literal, TypeAlias

import llama_cpp.llama_cpp as _llama
import llama_cpp.llama_cpp_ext as _ext
import numpy as np
from numpy.typing import NDArray

from deskhand.model.errors import BundleError, ModelError, PromptError

# The binding annotates arguments as its own wrappers pass them, not as ctypes accepts them.
C: Any = _llama
X: Any = _ext

Pointer: TypeAlias = Any
"""A ctypes pointer or structure; their types are made at run time."""

_LOG_LEVEL_ERROR = 4  # ggml.h, enum ggml_log_level; the binding's own table is out of date
_MARKER = re.compile(r"</?(think|s|bos|eos)>|<.*[|_].*>|\[/?[A-Z_]+\]", re.DOTALL)
"""User-defined tokens that steer a model, as against the HTML tags and runs of spaces that are defined the same way."""

_KV_TYPES = {"f32": C.GGML_TYPE_F32, "f16": C.GGML_TYPE_F16, "q8_0": C.GGML_TYPE_Q8_0}

_errors: deque[str] = deque(maxlen=5)


def log(level: int, text: bytes | None, _data: object) -> None:
    """Keep error lines; drop everything else."""
    if level == _LOG_LEVEL_ERROR and text:
        _errors.append(text.decode(errors="replace").strip().partition("\n")[0])


LOG_CALLBACK = C.llama_log_callback(log)
C.llama_log_set(LOG_CALLBACK, None)
C.llama_backend_init()


def cause() -> str:
    """llama.cpp's last error lines, for a message; forgets them."""
    lines = " ".join(_errors) or "no reason given"
    _errors.clear()
    return lines.rstrip(".")


class DecodeError(ModelError):
    """llama.cpp could not evaluate a batch; what the memory holds after ``position`` is unknown."""


class Model:
    """Weights and vocabulary of one GGUF file.

    Args:
        path: the file; validated before, since llama.cpp aborts on some malformed ones.
        gpu_layers: layers to offload; -1 means all.

    Raises:
        BundleError: llama.cpp can't load it.
    """

    def __init__(self, path: Path, gpu_layers: int = -1) -> None:
        parameters = C.llama_model_default_params()
        parameters.n_gpu_layers = gpu_layers
        if not C.llama_supports_gpu_offload():
            # Mapped weights stay resident beside their repacked copy: 13.8 instead of 8.3 GiB for the 12B.
            parameters.load_mode = C.LLAMA_LOAD_MODE_NONE
        self.path = path
        _errors.clear()
        self.handle: int | None = C.llama_model_load_from_file(str(path).encode(), parameters)
        if self.handle is None:
            raise BundleError(
                f"{path} could not be loaded: {cause()}. Please download it again or choose another model."
            )
        self.vocab: int = C.llama_model_get_vocab(self.handle)
        self.vocab_size: int = C.llama_vocab_n_tokens(self.vocab)
        self.width: int = C.llama_model_n_embd(self.handle)
        self.window: int = C.llama_model_n_swa(self.handle)
        self.piece = lru_cache(maxsize=8192)(self._piece)
        self.is_special = lru_cache(maxsize=8192)(self._is_special)

    def close(self) -> None:
        """Free the weights; contexts of it must be closed before."""
        if self.handle is not None:
            C.llama_model_free(self.handle)
            self.handle = None

    def metadata(self, key: str) -> str:
        """A metadata value of the file as text, empty if there is none."""
        size: int = C.llama_model_meta_val_str(self.handle, key.encode(), None, 0)
        if size < 0:
            return ""
        buffer = ctypes.create_string_buffer(size + 1)
        C.llama_model_meta_val_str(self.handle, key.encode(), buffer, size + 1)
        return buffer.value.decode(errors="replace")

    @cached_property
    def suppressed(self) -> tuple[int, ...]:
        """Tokens that the model must never write (``tokenizer.ggml.suppress_tokens``); llama.cpp leaves it to us."""
        count = ctypes.c_int32(0)
        tokens = C.llama_vocab_get_suppress_tokens(self.vocab, ctypes.byref(count))
        return tuple(tokens[: count.value]) if tokens and count.value else ()

    def control(self, text: str) -> list[int]:
        """Token ids of text that we wrote: control tokens in it are parsed. Nothing is added at its ends."""
        return self._tokenise(text, special=True)

    def plain(self, text: str) -> list[int]:
        """Token ids of text from anywhere else: none of them is special, whatever the text spells.

        llama.cpp's ``parse_special`` holds back control tokens only and still matches user-defined ones, which
        ``<|tool_call>`` and ``<|"|>`` are (llama-vocab.cpp, tokenizer_st_partition). So text that spells one is cut
        inside it.

        Raises:
            PromptError: the vocabulary spells a special token even so.
        """
        parts = [text]
        while True:
            tokens = [self._tokenise(part, special=False) for part in parts]
            forged = {token for part in tokens for token in set(part) if self.is_special(token)}
            if not forged:
                return [token for part in tokens for token in part]
            spellings = sorted((self.piece(token).decode(errors="replace") for token in forged), key=len, reverse=True)
            cut = re.compile("|".join(f"(?<={re.escape(s[0])})(?={re.escape(s[1:])})" for s in spellings if s[1:]))
            longer = [piece for part in parts for piece in cut.split(part) if piece]
            if len(longer) == len(parts):
                raise PromptError(f"The text spells {spellings[0]}, which this model can't read as plain text.")
            parts = longer

    def special_token(self, text: str) -> int | None:
        """The id of the special token that ``text`` is, or None."""
        tokens = self.control(text)
        return tokens[0] if len(tokens) == 1 and self.is_special(tokens[0]) else None

    def edge(self, kind: Literal["bos", "eos"]) -> str:
        """The text of the token that begins or ends a sequence; empty if the vocabulary has none."""
        token: int = C.llama_vocab_bos(self.vocab) if kind == "bos" else C.llama_vocab_eos(self.vocab)
        return "" if token < 0 else self.piece(token).decode(errors="replace")

    @property
    def adds_bos(self) -> bool:
        """Whether a sequence is to begin with the ``bos`` token."""
        return bool(C.llama_vocab_get_add_bos(self.vocab))

    def ends(self, token: int) -> bool:
        """Whether a token ends the generation: ``<eos>``, ``<turn|>``, ``<|tool_response>`` and the like."""
        return bool(C.llama_vocab_is_eog(self.vocab, token))

    def _tokenise(self, text: str, *, special: bool) -> list[int]:
        data = text.encode(errors="replace")
        size = len(data) + 8
        buffer = (ctypes.c_int32 * size)()
        count: int = C.llama_tokenize(self.vocab, data, len(data), buffer, size, False, special)
        if count < 0:
            raise PromptError(f"A text of {len(data)} bytes could not be turned into tokens.")
        return buffer[:count]

    def _is_special(self, token: int) -> bool:
        attributes: int = C.llama_vocab_get_attr(self.vocab, token)
        if attributes & (C.LLAMA_TOKEN_ATTR_CONTROL | C.LLAMA_TOKEN_ATTR_UNKNOWN):
            return True
        return bool(attributes & C.LLAMA_TOKEN_ATTR_USER_DEFINED) and bool(
            _MARKER.fullmatch(self._piece(token).decode(errors="replace"))
        )

    def _piece(self, token: int) -> bytes:
        buffer = ctypes.create_string_buffer(64)
        count: int = C.llama_token_to_piece(self.vocab, token, buffer, 64, 0, True)
        if count < 0:
            buffer = ctypes.create_string_buffer(-count)
            count = C.llama_token_to_piece(self.vocab, token, buffer, -count, 0, True)
        return buffer.raw[:count]


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
        parameters.n_threads = parameters.n_threads_batch = threads
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
        _errors.clear()
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
        self._token = np.ctypeslib.as_array(self._batch.token, (batch,))
        self._position = np.ctypeslib.as_array(self._batch.pos, (batch,))
        self._output = np.ctypeslib.as_array(self._batch.logits, (batch,))

    def close(self) -> None:
        """Free the memory; a drafter's context must be closed before its target's."""
        if self.handle is not None:
            C.llama_batch_free(self._batch)
            C.llama_free(self.handle)
            self.handle = None

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
        code: int = C.llama_decode(self.handle, self._batch)
        if code:
            raise DecodeError(f"The model could not read {count} tokens (code {code}: {cause()}). Please try again.")

    def logits(self, row: int) -> NDArray[np.float32]:
        """Logits of a row of the last batch (-1: the last output); a view, valid until the next `decode`."""
        pointer = C.llama_get_logits_ith(self.handle, row)
        if not pointer:
            raise DecodeError(f"there are no logits in row {row}")
        return np.ctypeslib.as_array(pointer, (self.model.vocab_size,))

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
        return int(C.llama_state_seq_get_size_ext(self.handle, 0, C.LLAMA_STATE_SEQ_FLAGS_PARTIAL_ONLY))

    def save(self) -> NDArray[np.uint8]:
        """The sliding layers' cells, which later tokens overwrite."""
        data = np.empty(self.state_size(), np.uint8)
        flag = C.LLAMA_STATE_SEQ_FLAGS_PARTIAL_ONLY
        written: int = C.llama_state_seq_get_data_ext(self.handle, _bytes_of(data), data.size, 0, flag)
        if written != data.size:
            raise DecodeError(f"the state was not saved: {cause()}")
        return data

    def restore(self, data: NDArray[np.uint8]) -> None:
        """Bring back the sliding layers' cells of a `save`; `remove` what came after it first."""
        flag = C.LLAMA_STATE_SEQ_FLAGS_PARTIAL_ONLY
        if C.llama_state_seq_set_data_ext(self.handle, _bytes_of(data), data.size, 0, flag) != data.size:
            raise DecodeError(f"the state was not restored: {cause()}")


def _bytes_of(data: NDArray[np.uint8]) -> Pointer:
    return data.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8))
