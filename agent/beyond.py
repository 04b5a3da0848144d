"""What is more than an engine learnt: refused in a sentence before anything is generated, or told along with it."""

from __future__ import annotations

from collections.abc import Sequence

from deskhand.model.sound import TAIL, without_tail
from deskhand.model.types import Audio, EngineInfo, Image, Part


def refusal(parts: Sequence[Part], info: EngineInfo) -> str:
    """Why the engine is not asked: more pictures or a longer sound than it learnt; empty when it may be.

    Args:
        parts: of the person's message.
        info: of the engine.
    """
    if info.trained is None:
        return ""
    count = sum(isinstance(part, Image) for part in parts)
    if count > info.trained.pictures:
        most = "only one picture" if info.trained.pictures == 1 else f"only {info.trained.pictures} pictures"
        return f"{info.model} can look at {most} with a message, and here are {count}. Please leave out the others."
    seconds = sum(without_tail(part, TAIL).seconds for part in parts if isinstance(part, Audio))
    if seconds > info.trained.seconds:
        most = f"{info.trained.seconds:g} seconds of sound"
        return f"{info.model} can listen to {most} at most, and this is {seconds:.1f}. Please say it shorter."
    return ""


def doubt(parts: Sequence[Part], info: EngineInfo) -> str:
    """What the person should know of the answer: it looks at a kind of picture that it never learnt; empty if not."""
    sizes = [(part.width, part.height) for part in parts if isinstance(part, Image)]
    if info.trained is None or all(size == info.trained.size for size in sizes):
        return ""
    (width, height), (known_width, known_height) = sizes[0], info.trained.size
    return (
        f"{info.model} has learnt to read its practice window only ({known_width}×{known_height} pixels). "
        f"This picture is another one ({width}×{height}): what it says or does about it is a guess."
    )
