"""Run transformers on every checkpoint and case and write what the engine has to equal as golden arrays.

Run in a virtual environment of its own, which `make parity` makes. What is kept of each case:

====================  ==========================================================================================
``NAME/variant``      int, `cases.varied`: of the question's variants the first whose answer hangs on no near-tie
``NAME/ids``          int32 (n,), the whole prompt; media as as many placeholders as they take
``NAME/tokens``       int32 (24,), the greedy continuation
``NAME/logits``       float32 (2, vocab), at the steps `cases.KEPT_STEPS`, before anything is suppressed
``NAME/media``        float32 (rows, hidden), every so-manieth embedding of pictures and sound, in the prompt's order
``NAME/draft``        int32 (4,), what the assistant proposes after the first token
``NAME/draft_logits`` float32 (vocab,), from which it proposes the first of them
====================  ==========================================================================================
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from cases import CASES, DRAFTED, KEPT_STEPS, NEW_TOKENS, Case, media_step, varied
from checkpoint import CHECKPOINTS, ENDS, Checkpoint, fingerprint, write
from numpy.typing import NDArray
from processing import inputs, processor, sizes
from weights import assistant, target

from deskhand.model.language.template import Gemma4Dialect
from deskhand.model.tiny.vocab import SUPPRESSED, vocabulary

_VARIANTS = 40


def media_rows(model: torch.nn.Module, given: dict[str, Any]) -> Iterator[NDArray[np.float32]]:
    """Embeddings of pictures, then of sounds, thinned out."""
    found: list[torch.Tensor] = []
    if "pixel_values" in given:
        found += model.get_image_features(given["pixel_values"], given["image_position_ids"]).pooler_output
    if "input_features" in given:
        sounds = model.model.get_audio_features(given["input_features"], given["input_features_mask"])
        found += [rows[mask] for rows, mask in zip(sounds.pooler_output, sounds.attention_mask, strict=True)]
    for rows in found:
        yield rows[:: media_step(len(rows))].numpy()


def lead(logits: NDArray[np.float32]) -> float:
    """Of the rows of ``logits``, the least lead of the best entry over the next best."""
    best = np.sort(logits, axis=1)[:, -2:]
    return float((best[:, 1] - best[:, 0]).min())


class Reference:
    """One checkpoint in transformers."""

    def __init__(self, checkpoint: Checkpoint, folder: Path) -> None:
        bundle = write(folder, checkpoint)
        assert bundle.mmproj
        assert bundle.drafter
        self.fingerprint = fingerprint(bundle)
        self._lead = checkpoint.lead
        self._vocab = vocabulary(checkpoint.spec.vocab)
        self._processor = processor(self._vocab)
        self._model = target(checkpoint.spec, bundle.main, bundle.mmproj)
        self._assistant = assistant(checkpoint.spec, bundle.drafter)
        self._assistant.generation_config.num_assistant_tokens = DRAFTED
        self._assistant.generation_config.num_assistant_tokens_schedule = "constant"
        self._assistant.generation_config.assistant_confidence_threshold = 0.0
        self._proposed: list[torch.Tensor] = []
        self._assistant.register_forward_hook(lambda _module, _args, out: self._proposed.append(out.logits[0, 0]))

    def case(self, case: Case) -> dict[str, NDArray[Any]]:
        """The golden arrays of one case.

        Raises:
            AssertionError: assisted generation gives another text than plain generation, or no variant is clear.
        """
        for variant in range(_VARIANTS):
            given = inputs(self._processor, Gemma4Dialect().render(varied(case.request, variant)))
            # Over a static cache the released masks are right; the assistant needs a dynamic one (weights.py).
            tokens, logits = self._greedy(given, cache_implementation="static", disable_compile=True)
            if lead(np.delete(logits, self._vocab.ids(*SUPPRESSED), axis=1)) < self._lead:
                continue
            self._proposed.clear()
            assisted, _ = self._greedy(given, assistant_model=self._assistant)
            assert (assisted == tokens).all(), f"{case.name}: the assistant changes the text"
            drafts = torch.stack(self._proposed[:DRAFTED]).numpy()
            if lead(drafts) >= self._lead:
                break
        else:
            raise AssertionError(f"{case.name}: every variant runs into a near-tie")
        arrays = {
            "variant": np.array(variant),
            "ids": given["input_ids"][0].numpy().astype(np.int32),
            "tokens": tokens,
            "logits": logits[list(KEPT_STEPS)],
            "draft": drafts.argmax(-1).astype(np.int32),
            "draft_logits": drafts[0],
        }
        rows = list(media_rows(self._model, given))
        if rows:
            arrays["media"] = np.concatenate(rows)
        return arrays

    def _greedy(self, given: dict[str, Any], **more: Any) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        out = self._model.generate(
            **given,
            **more,
            do_sample=False,
            max_new_tokens=NEW_TOKENS,
            suppress_tokens=self._vocab.ids(*SUPPRESSED),
            eos_token_id=self._vocab.ids(*ENDS),
            pad_token_id=0,
            return_dict_in_generate=True,
            output_logits=True,
        )
        tokens = out.sequences[0, given["input_ids"].shape[1] :].numpy().astype(np.int32)
        return tokens, torch.cat(out.logits).numpy()


def main() -> None:
    """Write the golden arrays of all checkpoints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("golden", type=Path, help="folder for the arrays")
    parser.add_argument("only", nargs="*", help="names of checkpoints; all if none is given")
    options = parser.parse_args()
    golden: Path = options.golden
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    golden.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(golden / "sizes.npz", **sizes())
    for checkpoint in CHECKPOINTS:
        if options.only and checkpoint.name not in options.only:
            continue
        began = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
            reference = Reference(checkpoint, Path(folder))
            arrays: dict[str, NDArray[Any]] = {"weights": reference.fingerprint}
            for case in CASES:
                arrays |= {f"{case.name}/{name}": array for name, array in reference.case(case).items()}
        path = golden / f"{checkpoint.name}.npz"
        np.savez_compressed(path, **arrays)
        took = time.perf_counter() - began
        print(f"{path}: {len(CASES)} cases, {path.stat().st_size} bytes, {took:.0f} s")  # noqa: T201 - a program's output


if __name__ == "__main__":
    main()
