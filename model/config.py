"""Self-validating settings of an engine: what the worker process is given to build one."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from deskhand.model.types import BUDGETS, Trained


class _Config(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LocalConfig(_Config):
    """One llama.cpp session.

    Attributes:
        main: the model's GGUF file.
        mmproj: pixels and sound to embeddings; without it the engine reads text only.
        drafter: a multi-token-prediction drafter for ``main``.
        context_length: tokens of KV cache.
        image_budget: the most tokens a picture may take, one of `BUDGETS`; a larger one is refused.
        kv_type: element type of the KV cache; ``auto`` takes f16, or q8_0 where the context would not fit otherwise.
        flash_attention: None lets llama.cpp choose.
        threads: compute threads; None takes the physical cores for prompts, and for single steps what is measured.
        gpu_layers: the most layers that go to graphics cards where llama.cpp was built for them, never more than fit;
            -1 is as many as fit, 0 leaves the cards alone.
        draft_depth: the most tokens drafted at a time; 0 switches drafting off.
        sessions: folder in which the session is kept between two starts; None keeps nothing.
        alone: the model was trained on single turns: it is shown no system text, no tools and no earlier turns, and
            writes what is likeliest.
        learnt: the file of the sentences that such a model was trained on (`deskhand.model.language.learnt`), in which
            it is then written to.
        trained: what it was trained on at most, told to whoever asks it; the engine itself refuses nothing for it.
    """

    kind: Literal["local"] = "local"
    main: Path
    mmproj: Path | None = None
    drafter: Path | None = None
    context_length: int = Field(default=8192, ge=256)
    image_budget: int = 1120
    kv_type: Literal["auto", "f32", "f16", "q8_0"] = "auto"
    flash_attention: bool | None = None
    threads: int | None = Field(default=None, ge=1)
    gpu_layers: int = Field(default=-1, ge=-1)
    draft_depth: int = Field(default=3, ge=0, le=7)
    sessions: Path | None = None
    alone: bool = False
    learnt: Path | None = None
    trained: Trained | None = None

    @field_validator("image_budget")
    @classmethod
    def _trained(cls, budget: int) -> int:
        if budget not in BUDGETS:
            raise ValueError(f"{budget} is not one of {BUDGETS}")
        return budget

    @property
    def batch(self) -> int:
        """n_batch = n_ubatch in tokens: the largest picture whole, since attention within it is not causal.

        Sliding layers hold the window and so many tokens more, so room for a rare large picture is always paid for.
        """
        return 576 if self.image_budget <= 560 else 1152


class CascadeConfig(_Config):
    """Screenshot → OCR, sound → speech recognition, text → a text model.

    Attributes:
        text: the text model.
        speech: folder of a CTranslate2 Whisper model; None means the engine can't hear.
        language: of the speech, an ISO 639-1 code.
    """

    kind: Literal["cascade"] = "cascade"
    text: LocalConfig
    speech: Path | None = None
    language: str = "en"


class ScriptedConfig(_Config):
    """A transcript that is played back, for tests and demonstrations of the agent.

    Attributes:
        script: a JSON file; `scripted.py` says what is in it.
    """

    kind: Literal["scripted"] = "scripted"
    script: Path


EngineConfig = LocalConfig | CascadeConfig | ScriptedConfig
