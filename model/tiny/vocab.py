"""The tiny bundle's vocabulary: every Gemma 4 control token, all bytes, and pieces learnt from a text of our own."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

NORMAL, CONTROL, USER_DEFINED, UNUSED, BYTE = 1, 3, 4, 5, 6
"""Token types as GGUF stores them (gguf.TokenType)."""

CONTROLS: tuple[tuple[str, int], ...] = (
    ("<pad>", CONTROL),
    ("<eos>", CONTROL),
    ("<bos>", CONTROL),
    ("<unk>", CONTROL),
    ("<mask>", CONTROL),
    ("<|tool>", CONTROL),
    ("<tool|>", CONTROL),
    ("<|tool_call>", USER_DEFINED),
    ("<tool_call|>", USER_DEFINED),
    ("<|tool_response>", USER_DEFINED),
    ("<tool_response|>", USER_DEFINED),
    ('<|"|>', USER_DEFINED),
    ("<|think|>", CONTROL),
    ("<|channel>", USER_DEFINED),
    ("<channel|>", USER_DEFINED),
    ("<|turn>", CONTROL),
    ("<turn|>", CONTROL),
    ("<|image>", CONTROL),
    ("<|audio>", CONTROL),
    ("<|image|>", CONTROL),
    ("<|audio|>", CONTROL),
    ("<image|>", CONTROL),
    ("<audio|>", CONTROL),
    ("<|video|>", CONTROL),
)
"""Control tokens in the order and with the types of the real tokenizer (llama.cpp's ggml-vocab-gemma-4.gguf)."""

SUPPRESSED = (
    *("<|image|>", "<|audio|>", "<|video|>", "<|image>", "<|audio>", "<image|>", "<audio|>"),
    *("<pad>", "<bos>", "<unk>", "<mask>"),
)
"""Tokens that must never be generated (gemma4 `tokenizer.ggml.suppress_tokens`)."""

_TEXT = """
The person asks and the assistant answers. What is on the screen? There is a window with an error message in it.
Open the settings and look for the microphone. Write a note that says buy milk and bread tomorrow morning.
Set a timer for ten minutes, please. What time is it now? It is half past nine in the evening of a long day.
Transcribe the following speech segment in English into English text. Only output the transcription, with no newlines.
I can see the text of this image: the disk is almost full, about three hundred megabytes are left on the volume.
Please search my notes for the name of the hotel and show me the last one. I have found two notes that match.
You should close the other application first, then try again. That did not work because the file could not be found.
Show the list of all open windows and tell me which of them uses the most memory. Thank you very much for your help.
The quick brown fox jumps over the lazy dog while the system is loading the model from the local machine.
call:notes_append{text: } call:clock_time{} call:open_address{url:https://www.example.org/index.html}
call:timer_start{minutes:5,label: } declaration:notes_search{description: ,parameters:{properties:{query:{type: STRING}}}}
response:clock_time{value: } response:notes_search{result: ,error: } required:[ ],type: OBJECT NUMBER BOOLEAN ARRAY
{"name": "notes_append", "arguments": {"text": "buy milk", "done": true, "items": [1, 2, 3], "other": null, "ok": false}}
system user model thought answer result error tool call function string integer number boolean object array true false
def main(path): return [line.strip() for line in open(path) if line] else None # comment
"""  # noqa: E501 - a line break would change the words, and so every weight

_WORD = re.compile(r"▁?[A-Za-z]+|▁?[^\sA-Za-z0-9▁]+|▁?[0-9]|▁+")


@cache
def _merges(count: int) -> tuple[tuple[str, str], ...]:
    """Learn byte-pair merges inside the words of the text above, most frequent first, ties in alphabetical order."""
    words = Counter(_WORD.findall(_TEXT.replace(" ", "▁")))
    split = {word: tuple(word) for word in words}
    learnt: list[tuple[str, str]] = []
    while len(learnt) < count:
        pairs: Counter[tuple[str, str]] = Counter()
        for word, parts in split.items():
            for pair in pairwise(parts):
                pairs[pair] += words[word]
        if not pairs:
            break
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        learnt.append(best)
        for word, parts in split.items():
            split[word] = _joined(parts, best)
    return tuple(learnt)


def _joined(parts: tuple[str, ...], pair: tuple[str, str]) -> tuple[str, ...]:
    result: list[str] = []
    for part in parts:
        # A run such as "▁▁▁" joins from the left, as llama.cpp does.
        if result and (result[-1], part) == pair:
            result[-1] += part
        else:
            result.append(part)
    return tuple(result)


@dataclass(frozen=True)
class Vocabulary:
    """Tokens by id, with GGUF types and the merges that make them.

    Attributes:
        tokens: text of each token; a space is ``▁``, a byte ``<0xNN>``.
        types: `NORMAL`, `CONTROL`, … of each token.
        merges: ``left right`` as GGUF stores them, strongest first.
    """

    tokens: tuple[str, ...]
    types: tuple[int, ...]
    merges: tuple[str, ...]

    def ids(self, *texts: str) -> list[int]:
        """Ids of tokens by their text.

        Raises:
            ValueError: no such token.
        """
        for text in texts:
            if text not in self.tokens:
                raise ValueError(f"there is no token {text!r}")
        return [self.tokens.index(text) for text in texts]

    @property
    def words(self) -> list[int]:
        """Ids of the ordinary pieces: those that may be generated."""
        return [i for i, kind in enumerate(self.types) if kind == NORMAL and "\n" not in self.tokens[i]]


@cache
def vocabulary(size: int) -> Vocabulary:
    """Make a vocabulary of ``size`` tokens: controls, bytes, newline and space runs, ASCII, learnt pieces.

    Raises:
        ValueError: ``size`` is too small for the controls, bytes and characters (under 512).
    """
    if size < 512:
        raise ValueError(
            f"a vocabulary of {size} tokens has no room for controls, bytes and characters: take 512 or more"
        )
    pieces = [("\n" * n, NORMAL) for n in range(1, 9)]
    pieces += [("▁" * n, NORMAL) for n in (1, 2, 4, 8)]
    pieces += [(chr(code), NORMAL) for code in range(0x21, 0x7F)] + [("\t", NORMAL)]
    fixed = [*CONTROLS, *((f"<0x{byte:02X}>", BYTE) for byte in range(256)), *pieces]
    known = {text for text, _ in fixed}
    merges = ["▁ ▁", "▁▁ ▁▁", "▁▁▁▁ ▁▁▁▁"]
    for left, right in _merges(4 * size):
        if len(fixed) == size:
            break
        merges.append(f"{left} {right}")
        if left + right not in known:
            known.add(left + right)
            fixed.append((left + right, NORMAL))
    fixed += [(f"<unused{n}>", UNUSED) for n in range(size - len(fixed))]
    tokens, types = zip(*fixed, strict=True)
    return Vocabulary(tokens, types, tuple(merges))
