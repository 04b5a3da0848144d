"""Older Gemmas and other makers' models go through the same code: pictures, sound, and a cache that stays right."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from deskhand.model.config import LocalConfig
from deskhand.model.errors import BundleError, PromptError
from deskhand.model.files.bundle import Bundle, describe, open_bundle
from deskhand.model.language.chat_template import dialect_for
from deskhand.model.llama.local import LocalEngine
from deskhand.model.llama.session import Session
from deskhand.model.tiny.bundle import cached_bundle
from deskhand.model.tiny.vocab import vocabulary
from deskhand.model.types import Audio, Image, Message, Request, Text, TextDelta

sys.path.insert(0, str(Path(__file__).parent))  # the writer is a file beside this one, no package
import writing


@dataclass(frozen=True)
class Foreign:
    """One model and what is known of its pictures."""

    bundle: Bundle
    architecture: str
    hears: bool
    tokens: int
    """Of a picture of 320×200 pixels with a budget of 70."""


@pytest.fixture(scope="module", params=["gemma3", "qwen2vl", "e4b"])
def foreign(request, tmp_path_factory) -> Foreign:
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "e4b":
        known = vocabulary(1024)
        writing.e4b(folder, known.tokens, known.types, known.merges)
        return Foreign(open_bundle(folder), "gemma4", hears=True, tokens=60)
    getattr(writing, request.param)(folder)
    return Foreign(open_bundle(folder), request.param, hears=False, tokens=4 if request.param == "gemma3" else 77)


def config(foreign: Foreign, **changes) -> LocalConfig:
    settings = {"context_length": 2048, "threads": 1, "kv_type": "f32", "flash_attention": False, "image_budget": 560}
    return LocalConfig(main=foreign.bundle.main, mmproj=foreign.bundle.mmproj, **{**settings, **changes})


@pytest.fixture
def engine(foreign):
    engine = LocalEngine(config(foreign))
    yield engine
    engine.close()


def question(kit, foreign: Foreign, seed: int = 0) -> Request:
    parts = (kit.picture(seed=seed), Text("What is on this screen? " * 6), *([kit.clip(1)] if foreign.hears else []))
    return Request((Message("user", parts),), sampling=kit.GREEDY, max_tokens=8)


def talk(engine: LocalEngine, request: Request):
    *deltas, finish = engine.generate(request)
    return "".join(delta.text for delta in deltas if isinstance(delta, TextDelta)), finish.usage


def logits(session: Session, foreign: Foreign, kit, request: Request) -> np.ndarray:
    model = session.model
    dialect = dialect_for(
        foreign.architecture,
        model.metadata("tokenizer.chat_template"),
        bos=model.edge("bos"),
        eos=model.edge("eos"),
        add_bos=model.adds_bos,
    )
    return kit.logits_after(session, dialect.render(request))


def test_it_is_known_for_what_it_is(foreign, engine):
    facts = describe(foreign.bundle)
    assert (facts.architecture, facts.sees, facts.hears) == (foreign.architecture, True, foreign.hears)
    info = engine.info
    assert (info.sees, info.hears, info.drafts) == (True, foreign.hears, False)


def test_a_second_turn_keeps_the_picture_and_evaluates_what_is_new(foreign, engine, kit):
    first = question(kit, foreign)
    answer, before = talk(engine, first)
    assert before.image_tokens == foreign.tokens
    assert before.audio_tokens == (25 if foreign.hears else 0)
    encoded = engine._session.projector.encodes
    more = (Message("assistant", (Text(answer),)), Message("user", (Text("And now?"),)))
    _, after = talk(engine, replace(first, messages=(*first.messages, *more)))
    assert after.reused_tokens >= before.prompt_tokens
    assert after.evaluated_tokens < 50
    assert engine._session.projector.encodes == encoded


def test_warm_and_cold_logits_agree_after_every_way_to_the_same_prompt(foreign, kit):
    """Also after an edit, which goes back to before or after the picture, and past the window of the sliding layers."""
    warm, cold = Session(config(foreign)), Session(config(foreign))
    first = question(kit, foreign)
    more = (Message("assistant", (Text("Well. " * 30),)), Message("user", (Text("And now?"), kit.picture(seed=5))))
    ways = [first, replace(first, messages=(*first.messages, *more)), question(kit, foreign, 1), first]
    ways.append(replace(first, messages=(Message("user", (*first.messages[0].parts, Text("Be short."))),)))
    for request in ways:
        cold.cache.clear()
        np.testing.assert_allclose(
            logits(warm, foreign, kit, request), logits(cold, foreign, kit, request), atol=2e-4, err_msg=str(request)
        )
    warm.close()
    cold.close()


def test_the_picture_matters(foreign, kit):
    session = Session(config(foreign))
    one, other = (logits(session, foreign, kit, question(kit, foreign, seed)) for seed in (0, 1))
    assert np.abs(one - other).max() > 1e-3
    session.close()


def test_pictures_of_any_shape_are_read(foreign, engine, kit):
    for width, height in ((1, 1), (3000, 4), (4, 3000), (1920, 1080)):
        picture = Image(bytes(width * height * 3), width, height)
        usage = talk(engine, Request((Message("user", (picture, Text("?"))),), sampling=kit.GREEDY, max_tokens=2))[1]
        assert 0 < usage.image_tokens <= 560
        assert usage.completion_tokens > 0


def test_sound_it_can_not_take_is_refused_in_words(foreign, engine, kit):
    request = Request((Message("user", (kit.clip(1), Text("?"))),), sampling=kit.GREEDY, max_tokens=2)
    if foreign.hears:
        assert talk(engine, request)[1].audio_tokens == 25
    else:
        with pytest.raises(PromptError, match="can't take sound"):
            talk(engine, request)


def test_an_encoder_hears_a_recording_when_it_is_finished_and_the_picture_before(foreign, engine, kit):
    """An encoder looks at all of a recording at once: of one that grows nothing is certain, all else is read."""
    clip, picture = kit.clip(1), kit.picture()
    if not foreign.hears:
        return  # one that hears nothing is never given a recording
    for share in (3, 2):
        growing = Audio(clip.samples[: len(clip.samples) // share // 4 * 4], growing=True)
        usage = talk(engine, Request((Message("user", (picture, growing)),), max_tokens=0, unfinished=True))[1]
        assert (usage.image_tokens, usage.audio_tokens) == (foreign.tokens, 0)
    asked = Request((Message("user", (picture, clip)),), sampling=kit.GREEDY, max_tokens=8)
    answer, usage = talk(engine, asked)
    assert usage.audio_tokens == 25
    assert usage.evaluated_tokens < 25 + 20
    engine._session.cache.clear()
    assert talk(engine, asked)[0] == answer


def test_a_session_of_it_is_saved_and_resumed(foreign, kit, tmp_path):
    live, fresh = Session(config(foreign)), Session(config(foreign))
    first = question(kit, foreign)
    logits(live, foreign, kit, first)
    live.save(tmp_path / "one.session")
    fresh.resume(tmp_path / "one.session")
    more = (Message("assistant", (Text("Well."),)), Message("user", (Text("And now?"),)))
    second = replace(first, messages=(*first.messages, *more))
    np.testing.assert_allclose(logits(fresh, foreign, kit, second), logits(live, foreign, kit, second), atol=2e-4)
    assert fresh.projector.encodes == 0
    live.close()
    fresh.close()


def test_a_projector_of_another_model_is_refused(foreign):
    with pytest.raises(BundleError):
        Session(replace_projector(foreign))


def replace_projector(foreign: Foreign) -> LocalConfig:
    return config(foreign).model_copy(update={"mmproj": cached_bundle().mmproj})
