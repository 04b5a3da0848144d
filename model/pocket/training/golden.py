"""Write what the trainer's network computes for `comparing.TURNS`, which a test compares with llama.cpp.

Of each turn: ``NAME/ids`` int64 (n,), prompt and answer; ``NAME/logits`` float32 (8, vocab); ``NAME/draft`` float32
(3, vocab), of the drafter after the answer's first token, each step going on from the token and the state of the one
before it.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from deskhand.model.pocket.comparing import DRAFTED, ROWS, SEED, SPEC, TURNS, Turn
from deskhand.model.pocket.encoding import Encoded, Encoder
from deskhand.model.pocket.shapes import File, random_values
from deskhand.model.pocket.training.batches import batch
from deskhand.model.pocket.training.network import Drafter, Target, Weights, drafter_masks


def _weights(file: File) -> Weights:
    return {name: torch.from_numpy(value) for name, value in random_values(SPEC, file, SEED).items()}


def encoded(encoder: Encoder, turn: Turn) -> Encoded:
    """A turn with the first tokens of its answer."""
    prompt = encoder.prompt(turn.request)
    forced = encoder.answer(turn.answer)[: ROWS - 1]
    return replace(prompt, ids=np.append(prompt.ids, forced))


def main() -> None:
    """Write the arrays."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("golden", type=Path)
    path: Path = parser.parse_args().golden
    encoder = Encoder()
    target = Target(SPEC, _weights("main"), _weights("mmproj"))
    drafter = Drafter(SPEC, _weights("drafter"), target)
    arrays: dict[str, np.ndarray] = {}
    with torch.inference_mode():
        for turn in TURNS:
            given = encoded(encoder, turn)
            made = batch([given], *encoder.media)
            states = target.states(made)
            hidden, memory = states.final, states.memory
            arrays[f"{turn.name}/ids"] = given.ids
            arrays[f"{turn.name}/logits"] = target.logits(hidden[0, given.start - 1 :]).numpy()
            at = torch.tensor([given.start])
            masks = drafter_masks(at, made.ids.shape[1], SPEC.window)
            state, drafts = hidden[:, given.start - 1 : given.start], []
            ids = made.ids[:, given.start : given.start + 1]
            for _ in range(DRAFTED):
                logits, state = drafter.step(ids, state, memory, masks, at)
                ids = logits.argmax(-1)
                drafts.append(logits[0, 0].numpy())
            arrays[f"{turn.name}/draft"] = np.stack(drafts)
    np.savez_compressed(path, **arrays)


if __name__ == "__main__":
    main()
