"""The reference's own processor over our vocabulary: prompt text, pictures and sound to what its model takes."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from deskhand.model.language.dialect import Control, Piece, Plain
from deskhand.model.tiny.vocab import CONTROL, USER_DEFINED, Vocabulary
from deskhand.model.types import BUDGETS, Audio, Image

try:
    import torchvision  # noqa: F401 - the next lines say why
except RuntimeError:
    # A torchvision built for CUDA can't load its operators beside a CPU-only torch. Resizing needs none of them, but
    # without these declarations the import itself fails.
    for operator in ("nms", "qnms"):
        torch.library.define(f"torchvision::{operator}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

from transformers import Gemma4UnifiedAudioFeatureExtractor, Gemma4UnifiedImageProcessor, Gemma4UnifiedProcessor
from transformers.models.gemma.tokenization_gemma import GemmaTokenizer
from transformers.models.gemma4_unified.image_processing_gemma4_unified import get_aspect_ratio_preserving_size
from transformers.models.gemma4_unified.video_processing_gemma4_unified import Gemma4UnifiedVideoProcessor


def processor(vocab: Vocabulary) -> Gemma4UnifiedProcessor:
    """The reference's own processor over our vocabulary."""
    ids = {text: index for index, text in enumerate(vocab.tokens)}
    # The real tokenizer's merges begin with those of line breaks, longest run first. Ours leaves them out, for
    # llama.cpp takes a run whole (llama-vocab.cpp, LLAMA_VOCAB_PRE_TYPE_GEMMA4).
    runs = [("\n" * (size - right), "\n" * right) for size in range(8, 1, -1) for right in range(1, size)]
    tokenizer = GemmaTokenizer(
        vocab=ids,
        merges=runs + [tuple(merge.split(" ")) for merge in vocab.merges],
        extra_special_tokens={
            "image_token": "<|image|>",
            "boi_token": "<|image>",
            "eoi_token": "<image|>",
            "audio_token": "<|audio|>",
            "boa_token": "<|audio>",
            "eoa_token": "<audio|>",
        },
    )
    special = [text for text, kind in zip(vocab.tokens, vocab.types, strict=True) if kind in {CONTROL, USER_DEFINED}]
    tokenizer.add_tokens(special, special_tokens=True)
    assert len(tokenizer) == len(vocab.tokens), "a control token was added instead of found"
    return Gemma4UnifiedProcessor(
        Gemma4UnifiedAudioFeatureExtractor(), Gemma4UnifiedImageProcessor(), tokenizer, Gemma4UnifiedVideoProcessor()
    )


def inputs(make: Gemma4UnifiedProcessor, pieces: tuple[Piece, ...]) -> dict[str, Any]:
    """The prompt and its media as the model takes them."""
    text, images, sounds = "", [], []
    budgets: set[int] = set()
    for piece in pieces:
        match piece:
            case Control(part) | Plain(part):
                text += part
            case Image():
                text += make.image_token
                pixels = np.frombuffer(piece.pixels, np.uint8).reshape(piece.height, piece.width, 3)
                images.append(torch.from_numpy(pixels.transpose(2, 0, 1).copy()))
                budgets.add(piece.budget)
            case Audio():
                text += make.audio_token
                sounds.append(np.frombuffer(piece.samples, "<f4"))
    media: dict[str, Any] = {"images": [images]} if images else {}
    if images:
        (media["images_kwargs"],) = ({"max_soft_tokens": budget} for budget in budgets)
    if sounds:
        media["audio"] = sounds
    return dict(make(text=[text], **media, add_special_tokens=False, return_tensors="pt"))


def sizes() -> dict[str, NDArray[np.int32]]:
    """Sizes of pictures, and to which the reference resizes them at each budget."""
    fixed = [(1920, 1080), (2560, 1440), (3840, 2160), (1366, 768), (1, 1), (48, 48), (20_000, 10_000)]
    fixed += [(1, 20_000), (20_000, 1), (47, 3000), (3000, 47), (71, 5041), (480, 336)]
    drawn = np.exp2(np.random.default_rng(31).uniform(0, 15, (1000, 2))).astype(int)
    pictures = np.array([*fixed, *drawn.tolist()], np.int32)
    resized = [
        [get_aspect_ratio_preserving_size(int(h), int(w), 16, 9 * budget, 3)[::-1] for budget in BUDGETS]
        for w, h in pictures
    ]
    return {"picture": pictures, "resized": np.array(resized, np.int32)}
