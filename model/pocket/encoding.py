"""Samples as what the network takes: token ids with placeholders for media, patches and frames."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from deskhand.model import pixels, sound
from deskhand.model.language.dialect import Control, Plain
from deskhand.model.language.template import Gemma4Dialect
from deskhand.model.pocket.copying import copied
from deskhand.model.pocket.spec import CELL, COLUMNS, ROWS
from deskhand.model.pocket.vocab import Tokenizer
from deskhand.model.pocket.world.lexicon import BUTTONS
from deskhand.model.pocket.world.samples import Sample
from deskhand.model.pocket.world.windows import Button, Window
from deskhand.model.types import Audio, Image, Message, Request

ACROSS, DOWN = pixels.PATCH // CELL[0], pixels.PATCH // CELL[1]
"""Cells of a patch of a canonical window, beside and below each other."""

CELLS = ACROSS * DOWN
"""Letters on such a patch."""

CLASSES = 96
"""Of letters: 0 is none (or the blank between two of speech), 1 a space, 2 an exclamation mark, and so on in ASCII."""

LABELS = ("", *BUTTONS)
"""What may begin on a patch: nothing, or what a button says."""

NOWHERE = -2
"""Row and column of what was asked for and is not on the picture."""

PATCH_VALUES = pixels.PATCH * pixels.PATCH * 3


@dataclass(frozen=True)
class Encoded:
    """One turn.

    Attributes:
        ids: prompt and answer, shape (n,); media as as many ``<|image|>`` and ``<|audio|>`` as they take.
        start: how many of them are the prompt.
        patches: of pictures, colour planes first as in GGUF, uint8 of shape (image tokens, 6912).
        places: column and row of each patch, shape (image tokens, 2).
        frames: of sound, float32 of shape (sound tokens, 640).
        letters: classes of the letters on each patch, -1 where they are not known; shape (image tokens, 6).
        said: classes of the letters that are spoken, shape (letters,).
        found: row and column of the cell where each token of the answer is read off, -1 where it is read off none,
            `NOWHERE` where it says that a button is not there; shape (answer, 2).
        copied: place in ``ids`` of the letter that each token of the answer repeats, -1 where it repeats none; shape
            (answer,).
        uttered: place in ``said`` of the letter that it repeats, likewise.
        labels: which of `LABELS` begins on each patch, 0 for none, -1 where that is not known; shape (image tokens,).
        meant: which of `LABELS` the person asked for, of the tokens of an answer that depend on it, else 0; shape
            (answer,).
    """

    ids: NDArray[np.int64]
    start: int
    patches: NDArray[np.uint8]
    places: NDArray[np.int64]
    frames: NDArray[np.float32]
    letters: NDArray[np.int64]
    said: NDArray[np.int64]
    found: NDArray[np.int64]
    copied: NDArray[np.int64]
    uttered: NDArray[np.int64]
    labels: NDArray[np.int64]
    meant: NDArray[np.int64]


def patches_of(image: Image) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Patches of a picture and their columns and rows, as mtmd cuts them: row by row, planes R, G, B."""
    data = pixels.resize(image)
    rows, columns = data.shape[0] // pixels.PATCH, data.shape[1] // pixels.PATCH
    cut = data.reshape(rows, pixels.PATCH, columns, pixels.PATCH, 3).transpose(0, 2, 4, 1, 3)
    places = np.stack([np.tile(np.arange(columns), rows), np.repeat(np.arange(rows), columns)], axis=1)
    return np.ascontiguousarray(cut).reshape(rows * columns, PATCH_VALUES), places


class Encoder:
    """Requests and answers to ids and media, as the engine lays them out.

    Args:
        tokenizer: Pocket's.
    """

    def __init__(self, tokenizer: Tokenizer | None = None) -> None:
        self.tokenizer = tokenizer or Tokenizer()
        self._dialect = Gemma4Dialect()
        ids = self.tokenizer.vocabulary.ids
        self._image, self._audio = ids("<|image>", "<|image|>", "<image|>"), ids("<|audio>", "<|audio|>", "<audio|>")

    @property
    def media(self) -> tuple[int, int]:
        """Ids that stand for a patch and for a frame."""
        return self._image[1], self._audio[1]

    def prompt(self, request: Request) -> Encoded:
        """A prompt without its answer."""
        ids: list[int] = []
        patches, places, frames = [np.empty((0, PATCH_VALUES), np.uint8)], [np.empty((0, 2), np.int64)], []
        for piece in self._dialect.render(request):
            match piece:
                case Control() | Plain():
                    ids += self.tokenizer.pieces([piece])
                case Image():
                    cut, where = patches_of(piece)
                    patches.append(cut)
                    places.append(where)
                    ids += _around(self._image, len(cut))
                case Audio():
                    for part in sound.pieces(piece):
                        frames.append(part)
                        ids += _around(self._audio, len(part))
                case _:
                    raise TypeError("sound that is still being spoken can't be trained on")
        return Encoded(
            np.array(ids, np.int64),
            len(ids),
            np.concatenate(patches),
            np.concatenate(places),
            np.concatenate([np.empty((0, 640), np.float32), *frames]),
            np.full((sum(map(len, patches)), CELLS), -1, np.int64),
            np.empty(0, np.int64),
            np.empty((0, 2), np.int64),
            np.empty(0, np.int64),
            np.empty(0, np.int64),
            np.full(sum(map(len, patches)), -1, np.int64),
            np.empty(0, np.int64),
        )

    def answer(self, message: Message) -> list[int]:
        """What the model is to write for a message: up to and including the token that ends its turn."""
        if message.calls:
            pieces = self._dialect.render(Request((Message("user"), message, Message("user"))))
            call = [piece for piece in pieces if isinstance(piece, Control | Plain)]
            ids = self.tokenizer.pieces(call)
            begin, end = self.tokenizer.vocabulary.ids("<|tool_call>", "<tool_call|>")
            last = len(ids) - 1 - ids[::-1].index(end)
            return [*ids[ids.index(begin) : last + 1], *self.tokenizer.control("<|tool_response>")]
        return [*self.tokenizer.plain(message.text), *self.tokenizer.control("<turn|>")]

    def sample(self, sample: Sample) -> Encoded:
        """A prompt with its answer."""
        prompt = self.prompt(sample.request)
        answer = self.answer(sample.answer)
        ids = np.concatenate([prompt.ids, np.array(answer, np.int64)])
        said = _classes(sample.speech.text) if sample.speech else prompt.said
        letters, found = prompt.letters, np.full((len(answer), 2), -1, np.int64)
        texts = [self.tokenizer.vocabulary.tokens[index] for index in answer]
        copies, uttered = self._copies(sample, prompt.ids, texts)
        if sample.window and sample.window.on_grid and len(prompt.patches):
            letters = letters_of(sample.window.cells())
            found = places_of(texts, sample.window, sample.button)
            if sample.label and not sample.button:
                found[0] = NOWHERE
            prompt = replace(prompt, labels=labels_of(sample.window))
        return replace(
            prompt,
            ids=ids,
            said=said,
            letters=letters,
            found=found,
            copied=copies,
            uttered=uttered,
            meant=_meant(sample, texts),
        )

    def _copies(
        self, sample: Sample, prompt: NDArray[np.int64], tokens: Sequence[str]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """`Encoded.copied` and `Encoded.uttered`: of calls that no window was read for, and of what is written down."""
        none = np.full(len(tokens), -1, np.int64)
        if sample.window or not (sample.answer.calls or sample.kind == "transcribe"):
            return none, none
        if sample.speech:
            return none, copied(tokens, sample.speech.text)
        text = self.tokenizer.plain(sample.text)
        at = _last(prompt, text)
        if at < 0 or len(text) != len(sample.text):
            return none, none
        places = copied(tokens, sample.text)
        return np.where(places >= 0, places + at, -1), none


def labels_of(window: Window) -> NDArray[np.int64]:
    """Which of `LABELS` begins on each patch of a window that is on the grid, in the order of `patches_of`."""
    found = np.zeros((ROWS // DOWN, COLUMNS // ACROSS), np.int64)
    for button in window.buttons:
        found[button.row // DOWN, button.column // ACROSS] = LABELS.index(button.label)
    return found.reshape(-1)


def _meant(sample: Sample, tokens: Sequence[str]) -> NDArray[np.int64]:
    """`Encoded.meant`: the first token of an answer about a button, and the numbers that say where it is."""
    found = np.zeros(len(tokens), np.int64)
    if sample.window and (label := sample.label):
        depends = [at == 0 or (sample.button is not None and token.isdigit()) for at, token in enumerate(tokens)]
        found[depends] = LABELS.index(label)
    return found


def _last(ids: NDArray[np.int64], part: Sequence[int]) -> int:
    """Where ``part`` stands in ``ids`` for the last time, or -1."""
    for at in range(len(ids) - len(part), -1, -1):
        if part and np.array_equal(ids[at : at + len(part)], part):
            return at
    return -1


def _classes(text: str) -> NDArray[np.int64]:
    return np.array([ord(letter) - 31 for letter in text], np.int64)


def places_of(tokens: Sequence[str], window: Window, button: Button | None) -> NDArray[np.int64]:
    """Row and column of the cell that each token of an answer is read off, (-1, -1) where it is off none; (tokens, 2).

    Args:
        tokens: their texts.
        window: that is read, all of it or its title, message or buttons.
        button: that is boxed or pressed instead: the first token, which says whether it is there, and numbers are read
            off where its label begins.
    """
    text = "".join(token.replace("▁", " ") for token in tokens)
    cells = np.full((len(text) + 1, 2), -1, np.int64)
    if button:
        digits = [at for at, letter in enumerate(text) if letter.isdigit()]
        cells[[0, *digits]] = button.row, button.column
        groups = [[(button.column, button.row, button.label)]]
    else:
        lines = window.lines()
        last = len(lines) - len(window.buttons)
        groups = [lines, lines[1:last], lines[last:], lines[:1]]
    for group in groups:
        found, begin = cells.copy(), 0
        for column, row, line in group:
            at = text.find(line, begin)
            if at < 0:
                break
            found[at : at + len(line), 0] = row
            found[at : at + len(line), 1] = np.arange(column, column + len(line))
            begin = at + len(line)
        else:
            cells = found
            break
    return cells[np.cumsum([0, *map(len, tokens)])[: len(tokens)]]


def letters_of(cells: Sequence[str]) -> NDArray[np.int64]:
    """Classes of the letters on each patch of a window that is on the grid, in the order of `patches_of`."""
    grid = np.stack([_classes(line) for line in cells])
    grid[grid == 1] = 0
    rows, columns = grid.shape[0] // DOWN, grid.shape[1] // ACROSS
    return grid.reshape(rows, DOWN, columns, ACROSS).transpose(0, 2, 1, 3).reshape(rows * columns, CELLS)


def _around(markers: Sequence[int], count: int) -> Iterable[int]:
    begin, medium, end = markers
    return [begin, *[medium] * count, end]
