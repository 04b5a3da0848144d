"""llama.cpp itself, and a model with its vocabulary.

With `media.py` the only file that imports `llama_cpp`; `context`, `sampling` and `drafting` call it through `C` and
`X`. llama.cpp's own error lines are kept for our messages instead of being printed.
"""

from __future__ import annotations

import ctypes
import re
import sys
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, TypeAlias

import llama_cpp.llama_cpp as _llama
import llama_cpp.llama_cpp_ext as _ext

from deskhand.model.errors import BundleError, PromptError

# The binding annotates arguments as its own wrappers pass them, not as ctypes accepts them.
C: Any = _llama
X: Any = _ext

VERSION = version("llama-cpp-python")
"""Of the binding, which brings one llama.cpp."""

Pointer: TypeAlias = Any
"""A ctypes pointer or structure; their types are made at run time."""

_GPU = 1  # ggml-backend.h, enum ggml_backend_dev_type
_MADV_DONTNEED = 4  # linux/mman.h
_LOG_LEVEL_ERROR = 4  # ggml.h, enum ggml_log_level; the binding's own table is out of date
_MARKER = re.compile(r"</?(think|s|bos|eos)>|<.*[|_].*>|\[/?[A-Z_]+\]", re.DOTALL)
"""User-defined tokens that steer a model, as against the HTML tags and runs of spaces that are defined the same way."""

_BYTES_BEFORE = 1024
"""Token ids below which a vocabulary that has a token for every byte has them."""

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


def forget() -> None:
    """Drop the error lines of what came before."""
    _errors.clear()


def _progress(loading: Callable[[float], None] | None) -> Pointer:
    """llama.cpp's callback for ``loading``; keep it as long as the model loads."""

    def on(share: float, _data: object) -> bool:
        if loading is not None:
            loading(share)
        return True  # False would give up loading

    return C.llama_progress_callback(on)


def _release(path: Path) -> None:
    """Give a mapped file's pages back to the system; those that are still used come back from its cache when touched.

    What was repacked for the processor is never touched again, and an embedding that also is the output is there once:
    without mapping llama.cpp reads it twice (`gemma4.cpp` makes the output first), which is 0.8 GiB of the 12B.
    """
    libc, name = ctypes.CDLL(None), str(path.resolve())
    for line in Path("/proc/self/maps").read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        fields = line.split(maxsplit=5)
        if len(fields) == 6 and fields[5] == name:
            begin, end = (int(address, 16) for address in fields[0].split("-"))
            libc.madvise(ctypes.c_void_p(begin), ctypes.c_size_t(end - begin), _MADV_DONTNEED)


@dataclass(frozen=True, slots=True)
class Device:
    """A graphics card as llama.cpp sees it.

    Attributes:
        name: its maker's.
        free: bytes of its memory that are free.
        handle: llama.cpp's.
    """

    name: str
    free: int
    handle: int


def devices() -> tuple[Device, ...]:
    """Graphics cards with memory of their own, in llama.cpp's order; none in a build for the processor."""
    found: list[Device] = []
    for index in range(_G.ggml_backend_dev_count()):
        handle: int = _G.ggml_backend_dev_get(index)
        if _G.ggml_backend_dev_type(handle) == _GPU:
            free, total = ctypes.c_size_t(0), ctypes.c_size_t(0)
            _G.ggml_backend_dev_memory(handle, ctypes.byref(free), ctypes.byref(total))
            name = _G.ggml_backend_dev_description(handle) or b"a card"
            found.append(Device(name.decode(errors="replace"), free.value, handle))
    return tuple(found)


def _backends() -> Pointer:
    """Functions of ggml's own, which the binding does not declare; libllama is linked to them."""
    library, pointer = C._lib, ctypes.c_void_p  # noqa: SLF001 - the way of `llama_cpp_ext`
    sizes = [ctypes.POINTER(ctypes.c_size_t)] * 2
    for name, arguments, result in (
        ("count", [], ctypes.c_size_t),
        ("get", [ctypes.c_size_t], pointer),
        ("type", [pointer], ctypes.c_int),
        ("memory", [pointer, *sizes], None),
        ("description", [pointer], ctypes.c_char_p),
    ):
        function = getattr(library, f"ggml_backend_dev_{name}")
        function.argtypes, function.restype = arguments, result
    return library


_G = _backends()


class Model:
    """Weights and vocabulary of one GGUF file.

    Args:
        path: the file; validated before, since llama.cpp aborts on some malformed ones.
        gpu_layers: layers to offload, the output first and then blocks from the last one down; -1 means all, 0 leaves
            the cards alone.
        split: layers by card, in the order of `devices`.
        loading: is told the part that is in memory, 0 to 1.

    Raises:
        BundleError: llama.cpp can't load it.
    """

    def __init__(
        self,
        path: Path,
        gpu_layers: int = 0,
        split: Sequence[int] = (),
        loading: Callable[[float], None] | None = None,
    ) -> None:
        parameters = C.llama_model_default_params()
        parameters.n_gpu_layers = gpu_layers
        # Named, since llama.cpp would use a card for large batches even with no layers on it.
        used = [device.handle for device in devices()] if gpu_layers else []
        self._devices = (ctypes.c_void_p * (len(used) + 1))(*used, None)
        self._split = (ctypes.c_float * C.llama_max_devices())(*split)
        parameters.devices = ctypes.cast(self._devices, ctypes.c_void_p)
        if split:
            parameters.tensor_split = self._split
        parameters.progress_callback = told = _progress(loading)
        # Left alone, mapped weights stay resident beside their repacked copy: 5.7 GiB of the 12B (docs/rehearsal.md).
        repacked, mapped = not used, sys.platform == "linux"
        if repacked:
            parameters.load_mode = C.LLAMA_LOAD_MODE_MMAP if mapped else C.LLAMA_LOAD_MODE_NONE
        self.path = path
        _errors.clear()
        self.handle: int | None = C.llama_model_load_from_file(str(path).encode(), parameters)
        del told
        if self.handle is None:
            raise BundleError(
                f"{path} could not be loaded: {cause()}. Please download it again or choose another model."
            )
        if repacked and mapped:
            _release(path)
        self.vocab: int = C.llama_model_get_vocab(self.handle)
        self.vocab_size: int = C.llama_vocab_n_tokens(self.vocab)
        self.width: int = C.llama_model_n_embd(self.handle)
        self.window: int = C.llama_model_n_swa(self.handle)
        self.piece = lru_cache(maxsize=8192)(self._piece)
        self.is_special = lru_cache(maxsize=8192)(self._is_special)
        self.ends = lru_cache(maxsize=8192)(self._ends)

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

    @cached_property
    def end(self) -> int | None:
        """A token that ends the generation, or None if the vocabulary has none."""
        tokens: tuple[int, int] = (C.llama_vocab_eos(self.vocab), C.llama_vocab_eot(self.vocab))
        return next((token for token in tokens if token >= 0 and self.ends(token)), None)

    @cached_property
    def byte_tokens(self) -> dict[int, int]:
        """A token for each byte that UTF-8 text is made of, NUL excepted; empty if the vocabulary has not got them all.

        They are among a vocabulary's first tokens, where it has any.
        """
        wanted = {*range(1, 0xC0), *range(0xC2, 0xF5)}
        found: dict[int, int] = {}
        for token in range(min(self.vocab_size, _BYTES_BEFORE)):
            piece = self._piece(token)
            if len(piece) == 1 and piece[0] in wanted and not self._is_special(token):
                found.setdefault(piece[0], token)
                if len(found) == len(wanted):
                    return dict(sorted(found.items()))
        return {}

    @property
    def adds_bos(self) -> bool:
        """Whether a sequence is to begin with the ``bos`` token."""
        return bool(C.llama_vocab_get_add_bos(self.vocab))

    def _ends(self, token: int) -> bool:
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
