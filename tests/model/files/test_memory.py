import re
from contextlib import contextmanager

import pytest

from deskhand.model.config import LocalConfig
from deskhand.model.errors import BundleError
from deskhand.model.files.memory import LEAST, fitted, largest_context, plan
from deskhand.model.language.dialect import Plain
from deskhand.model.llama import native
from deskhand.model.llama.local import LocalEngine
from deskhand.model.llama.native import C
from deskhand.model.llama.session import Session
from deskhand.model.tiny.bundle import TinySpec, cached_bundle

SPEC = TinySpec(window=300, context_length=65_536)
BUNDLE = cached_bundle(SPEC)
MIB = 1 << 20


def config(**changes) -> LocalConfig:
    settings = {"main": BUNDLE.main, "mmproj": BUNDLE.mmproj, "drafter": BUNDLE.drafter, "threads": 1}
    return LocalConfig(**{**settings, **changes})


def needed(settings: LocalConfig) -> int:
    amounts = plan(settings)
    return amounts.loaded + amounts.checkpoint


@contextmanager
def log_of_llama_cpp():
    """All that llama.cpp says meanwhile."""
    lines: list[str] = []
    callback = C.llama_log_callback(lambda _level, text, _data: lines.append((text or b"").decode(errors="replace")))
    C.llama_log_set(callback, None)
    try:
        yield lines
    finally:
        C.llama_log_set(native.LOG_CALLBACK, None)


# llama.cpp quantises values under flash attention only.
@pytest.mark.parametrize(
    ("kv_type", "flash"), [("f32", None), ("f32", False), ("f16", None), ("f16", False), ("q8_0", None)]
)
@pytest.mark.parametrize("length", [512, 2048, 8000])
def test_keys_and_values_are_what_llama_cpp_allocates(length, kv_type, flash):
    settings = config(context_length=length, kv_type=kv_type, flash_attention=flash, drafter=None, mmproj=None)
    with log_of_llama_cpp() as log:
        Session(settings).close()
    found = [float(size) for line in log for size in re.findall(r"KV buffer size = +([\d.]+) MiB", line)]
    amounts = plan(settings)
    assert found == [round(amounts.full / MIB, 2), round(amounts.sliding / MIB, 2)]


@pytest.mark.parametrize("flash", [None, False])
@pytest.mark.parametrize("length", [512, 8192, 32_768])
def test_the_graph_is_about_what_llama_cpp_reserves(length, flash):
    settings = config(context_length=length, flash_attention=flash, drafter=None, mmproj=None)
    with log_of_llama_cpp() as log:
        Session(settings).close()
    (found,) = (float(size) for line in log for size in re.findall(r"compute buffer size = +([\d.]+) MiB", line))
    assert plan(settings).compute / MIB == pytest.approx(found, rel=0.2)


def test_a_checkpoint_is_as_large_as_planned(open_session, kit):
    session = open_session(SPEC, context_length=4096)
    kit.run(session, [Plain("please open the window " * 200)], max_tokens=0)
    assert session.context.state_size() == pytest.approx(plan(session.config).checkpoint, rel=0.05)


def test_a_smaller_batch_takes_less_and_is_what_llama_cpp_allocates():
    small, large = (config(context_length=4096, image_budget=budget, drafter=None) for budget in (560, 1120))
    with log_of_llama_cpp() as log:
        Session(small).close()
    found = [float(size) for line in log for size in re.findall(r"KV buffer size = +([\d.]+) MiB", line)]
    assert found[1] == round(plan(small).sliding / MIB, 2) < round(plan(large).sliding / MIB, 2)
    assert plan(small).compute < plan(large).compute
    assert plan(small).projector < plan(large).projector


def test_every_file_counts():
    everything = plan(config())
    assert everything.weights == pytest.approx(BUNDLE.main.stat().st_size, rel=0.1)
    assert everything.projector > BUNDLE.mmproj.stat().st_size * 0.9
    without = plan(config(drafter=None, mmproj=None))
    assert without.drafter == without.projector == 0
    assert without.loaded < everything.loaded
    assert plan(config(draft_depth=0)).drafter == 0


def test_the_largest_context_fits_and_the_next_does_not():
    free = needed(config(context_length=10_000)) + 1000
    length = largest_context(config(), free, margin=0)
    assert length % 256 == 0
    assert needed(config(context_length=length)) <= free < needed(config(context_length=length + 256))
    assert largest_context(config(), free, margin=2 * MIB) < length
    assert largest_context(config(), 1 << 50) == SPEC.context_length
    assert largest_context(config(), 0) == 0


def test_what_fits_stays_as_it_is():
    fit = fitted(config(context_length=5000), 1 << 50)
    assert fit.config == config(context_length=5000, kv_type="f16")
    (note,) = fit.notes
    assert note.startswith("memory: 0.")
    assert "keys and values 0.0" in note
    assert fit.checkpoints == 1 << 30


def test_what_does_not_fit_is_made_shorter_and_said():
    free = needed(config(context_length=10_000))
    fit = fitted(config(context_length=50_000, kv_type="f16"), free, margin=0)
    assert LEAST <= fit.config.context_length <= 10_240
    assert fit.notes[1].startswith(f"context: {fit.config.context_length} tokens instead of 50000")
    assert plan(fit.config).checkpoint <= fit.checkpoints <= free - plan(fit.config).loaded


def test_keys_and_values_become_smaller_before_the_context_becomes_shorter():
    wanted = config(context_length=50_000)
    free = needed(config(context_length=50_000, kv_type="q8_0")) + 1000
    fit = fitted(wanted, free, margin=0)
    assert (fit.config.kv_type, fit.config.context_length) == ("q8_0", 50_000)
    assert fit.notes[1].startswith("keys and values: q8_0, since f16 would need 0.")
    shorter = fitted(wanted, free - 5 * MIB, margin=0)
    assert shorter.config.kv_type == "q8_0"
    assert shorter.config.context_length < 50_000
    assert len(shorter.notes) == 3


def test_a_type_that_is_asked_for_is_kept():
    free = needed(config(context_length=50_000, kv_type="q8_0")) + 1000
    forced = fitted(config(context_length=50_000, kv_type="f16"), free, margin=0)
    assert forced.config.kv_type == "f16"
    assert forced.config.context_length < 50_000
    assert fitted(config(kv_type="q8_0"), 1 << 50).config.kv_type == "q8_0"


@pytest.mark.parametrize(
    "changes", [{"flash_attention": False}, {"main": cached_bundle(TinySpec(head_dim=40, head_dim_swa=40)).main}]
)
def test_what_llama_cpp_can_not_quantise_stays_f16(changes):
    short = config(context_length=8192, mmproj=None, drafter=None, **changes)
    assert fitted(short, needed(short) - 1000, margin=0).config.kv_type == "f16"


def test_the_engine_answers_with_quantised_keys_and_values(kit):
    wanted = config(context_length=50_000)
    session = Session(wanted, needed(config(context_length=50_000, kv_type="q8_0")) + (512 << 20))
    assert session.config.kv_type == "q8_0"
    assert kit.run(session, [Plain("What is this? "), kit.picture(), Plain("Say it.")]).text
    session.close()


def test_what_can_not_fit_is_refused_with_both_amounts():
    with pytest.raises(BundleError, match=r"main\.gguf needs 0\.\d GiB of memory and 0\.0 GiB are free\. Please close"):
        fitted(config(), 10 * MIB, margin=100 * MIB)


def test_the_engine_takes_what_fits_and_says_so():
    free = needed(config(context_length=4096)) + (512 << 20)
    engine = LocalEngine(config(context_length=60_000, kv_type="f16"), available=free)
    info = engine.info
    assert LEAST <= info.context_length <= 4096
    assert any(line.startswith(f"context: {info.context_length} tokens instead of 60000") for line in info.details)
    engine.close()


def test_the_engine_refuses_before_it_loads():
    engine = LocalEngine(config(), available=1)
    with log_of_llama_cpp() as log, pytest.raises(BundleError, match="GiB are free"):
        _ = engine.info
    assert log == []
    engine.close()
