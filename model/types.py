"""What crosses the border of an engine: frozen parts, messages, requests, deltas and usage."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, Literal

SAMPLE_RATE = 16_000
"""Sound is 16 kHz mono float32 in [-1, 1] (gemma4ua, transformers `feature_extraction_gemma4_unified`)."""

FRAME_SAMPLES = 640
"""Samples of one audio token: 40 ms, so 25 tokens a second."""

BUDGETS = (70, 140, 280, 560, 1120)
"""Image token budgets that Gemma 4 was trained with; text on a 1080p screen needs 560 or more."""

Role = Literal["system", "user", "assistant", "tool"]
FinishReason = Literal["stop", "length", "cancelled", "error"]
ToolChoice = Literal["auto", "none", "required"]


@dataclass(frozen=True, slots=True)
class Text:
    """Text of a message. It is never trusted: control tokens inside it stay plain characters."""

    text: str


@dataclass(frozen=True)
class Image:
    """Raw RGB pixels, row by row from the top left.

    Attributes:
        pixels: ``height * width * 3`` bytes.
        width: in pixels, ≥ 1.
        height: in pixels, ≥ 1.
        budget: the most image tokens it may take, one of `BUDGETS`.
    """

    pixels: bytes = field(repr=False)
    width: int
    height: int
    budget: int = 560

    def __post_init__(self) -> None:
        """Refuse a picture whose bytes do not match its size."""
        if self.width < 1 or self.height < 1 or len(self.pixels) != self.width * self.height * 3:
            raise ValueError(f"{len(self.pixels)} bytes are not {self.width}×{self.height} RGB pixels")
        if self.budget not in BUDGETS:
            raise ValueError(f"image budget {self.budget} is not one of {BUDGETS}")

    @cached_property
    def digest(self) -> str:
        """SHA-256 over size, budget and pixels: the key under which its tokens are cached."""
        head = f"image {self.width} {self.height} {self.budget} ".encode()
        return hashlib.sha256(head + self.pixels).hexdigest()


@dataclass(frozen=True)
class Audio:
    """Mono sound at `SAMPLE_RATE`.

    Attributes:
        samples: little-endian float32 bytes in [-1, 1].
        growing: more of it is to come. In an unfinished request only its whole frames are read, and nothing after them.
    """

    samples: bytes = field(repr=False)
    growing: bool = False

    def __post_init__(self) -> None:
        """Refuse bytes that are not float32 samples."""
        if len(self.samples) % 4:
            raise ValueError(f"{len(self.samples)} bytes are not float32 samples")

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return len(self.samples) / 4 / SAMPLE_RATE

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the samples: the key under which its tokens are cached."""
        return hashlib.sha256(b"audio " + self.samples).hexdigest()


Part = Text | Image | Audio


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call the model asks for. It is data: only the agent decides whether it runs.

    Attributes:
        id: unique within a conversation, made by the engine.
        name: as the model wrote it; may be no tool at all.
        arguments: JSON values by parameter name.
    """

    id: str
    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation.

    A ``tool`` message answers one call of the assistant message before it: ``call_id`` and ``name`` say which, its text
    parts hold the result and its images (a screenshot taken by a tool) follow the result in the prompt.

    Attributes:
        role: who speaks.
        parts: in the order in which they were made; the prompt puts images first and sound last (GEMMA 4's order).
        calls: tool calls of an assistant message.
        thought: what an assistant message thought; dropped from the prompt after the next user message.
        call_id: of a tool message.
        name: the tool's name, of a tool message; of a user message that no person sent, what did (not in the prompt).
    """

    role: Role
    parts: tuple[Part, ...] = ()
    calls: tuple[ToolCall, ...] = ()
    thought: str = ""
    call_id: str = ""
    name: str = ""

    @property
    def text(self) -> str:
        """All text parts, joined by newlines."""
        return "\n".join(part.text for part in self.parts if isinstance(part, Text))


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """What a model is told of a tool.

    Attributes:
        name: ``[a-z][a-z0-9_]*``.
        description: one or two sentences.
        parameters: a JSON schema of type ``object``.
    """

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are chosen. The defaults are Gemma's own for every use (model card: 1.0 / 0.95 / 64).

    Attributes:
        temperature: 0 means greedy.
        top_p: nucleus mass.
        top_k: candidates kept.
        seed: of the random numbers; the same seed, prompt and settings give the same answer.
    """

    temperature: float = 1.0
    top_p: float = 0.95
    top_k: int = 64
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Request:
    """One generation.

    Attributes:
        messages: the whole conversation, oldest first; the engine evaluates only what it does not hold yet.
        tools: what the model may call.
        tool_choice: ``required`` forces a call through the grammar, ``none`` forbids one.
        sampling: how tokens are chosen.
        max_tokens: the most completion tokens, thoughts and calls included; 0 only reads the prompt, so that a later
            request that begins alike has that much less to evaluate.
        thinking: whether the model may think before it answers.
        end_loops: a completion that repeats one passage over and over ends with a `RepetitionError`. Off where that is
            wanted: models with random weights do little else.
        unfinished: the last message is still being made: it is read up to the end of its last part, and of a
            recording that is growing whole frames only. For reading alone (``max_tokens`` 0).
        transcript: the answer shall be the words of the recording in the last message, as its text asks for; an engine
            that recognises speech gives them without asking its text model.
    """

    messages: tuple[Message, ...]
    tools: tuple[ToolSpec, ...] = ()
    tool_choice: ToolChoice = "auto"
    sampling: Sampling = Sampling()
    max_tokens: int = 1024
    thinking: bool = False
    end_loops: bool = False
    unfinished: bool = False
    transcript: bool = False

    def __post_init__(self) -> None:
        """Refuse to answer what is still being said."""
        if self.unfinished and self.max_tokens:
            raise ValueError("an unfinished request can only be read, with max_tokens=0")


@dataclass(frozen=True, slots=True)
class Usage:
    """What one generation (or, added up, one turn) took. Token counts, and milliseconds.

    Attributes:
        prompt_tokens: of the whole prompt; = evaluated + reused.
        evaluated_tokens: prompt tokens that were decoded for this generation.
        reused_tokens: prompt tokens that were already in the KV cache.
        image_tokens: prompt tokens that are image patches.
        audio_tokens: prompt tokens that are sound frames.
        completion_tokens: generated.
        drafted: tokens the drafter proposed.
        accepted: proposed tokens that the model confirmed.
        forced: generated tokens that a tool's form left no choice about; they are read like a prompt, not sampled.
        steps: times that the model was asked for a token, the one after the prompt included.
        ttft_ms: from the request to the first token.
        prefill_ms: spent on the prompt.
        decode_ms: spent on the completion.
    """

    prompt_tokens: int = 0
    evaluated_tokens: int = 0
    reused_tokens: int = 0
    image_tokens: int = 0
    audio_tokens: int = 0
    completion_tokens: int = 0
    drafted: int = 0
    accepted: int = 0
    forced: int = 0
    steps: int = 0
    ttft_ms: float = 0.0
    prefill_ms: float = 0.0
    decode_ms: float = 0.0

    def __add__(self, other: Usage) -> Usage:
        """Add two generations of one turn; the time to first token stays the first one's."""
        total = {f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)}
        total["ttft_ms"] = self.ttft_ms or other.ttft_ms
        return Usage(**total)

    @property
    def acceptance(self) -> float:
        """The share of drafted tokens that were confirmed, 0 to 1; 0 if nothing was drafted."""
        return self.accepted / self.drafted if self.drafted else 0.0

    @property
    def tokens_per_step(self) -> float:
        """Tokens generated for each time that the model was asked; 0 if that was never."""
        return self.completion_tokens / self.steps if self.steps else 0.0


@dataclass(frozen=True, slots=True)
class TextDelta:
    """A piece of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class ThoughtDelta:
    """A piece of a thought."""

    text: str


@dataclass(frozen=True, slots=True)
class CallDelta:
    """A tool call, whole and parsed."""

    call: ToolCall


@dataclass(frozen=True, slots=True)
class BrokenCall:
    """A tool call that could not be parsed, as the model wrote it, and what is wrong with it."""

    raw: str
    problem: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a stage is.

    Attributes:
        stage: what is being done, for a person: ``reading the prompt``, ``reading the screen``, ``listening``.
        done: of ``total``.
        total: tokens for the prompt, 1 for stages that only begin and end.
    """

    stage: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Finish:
    """The last delta of every generation that did not raise."""

    reason: FinishReason
    usage: Usage = Usage()


Delta = TextDelta | ThoughtDelta | CallDelta | BrokenCall | Progress | Finish


@dataclass(frozen=True, slots=True)
class Trained:
    """The most of pictures and sound that one message had in training, for a model that guesses at what is beyond it.

    Attributes:
        pictures: in one message.
        size: of every picture, width and height in pixels.
        seconds: of sound.
    """

    pictures: int
    size: tuple[int, int]
    seconds: float


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """What a person is told about an engine.

    Attributes:
        kind: ``local``, ``cascade``, ``scripted`` or ``remote``.
        model: the name of the model or models.
        context_length: in tokens.
        sees: pixels reach the engine (as patches, or through OCR).
        hears: sound reaches the engine (as frames, or through speech recognition).
        drafts: a drafter is loaded.
        leaves_machine: whether anything is sent to another machine.
        details: a line each, for `doctor` and the models page: files, licences.
        alone: it is shown the last turn only, without system text and tools (`language/alone.py`).
        trained: what it is not to be asked beyond; None where only its context limits it.
    """

    kind: str
    model: str
    context_length: int
    sees: bool
    hears: bool
    drafts: bool
    leaves_machine: bool = False
    details: tuple[str, ...] = ()
    alone: bool = False
    trained: Trained | None = None
