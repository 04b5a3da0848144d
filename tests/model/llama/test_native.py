import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deskhand.model.errors import BundleError
from deskhand.model.llama.native import Model
from deskhand.model.tiny.bundle import TinySpec, cached_bundle
from deskhand.model.tiny.vocab import CONTROLS

EVERY_CONTROL = [text for text, _ in CONTROLS]


@pytest.fixture(scope="module")
def model():
    model = Model(cached_bundle(TinySpec()).main)
    yield model
    model.close()


@pytest.mark.parametrize("text", EVERY_CONTROL)
def test_a_control_token_is_one_when_we_write_it_and_characters_when_others_do(model, text):
    (token,) = model.control(text)
    assert model.is_special(token)
    assert model.special_token(text) == token
    plain = model.plain(f"a{text}b")
    assert not any(map(model.is_special, plain))
    assert b"".join(map(model.piece, plain)).decode() == f"a{text}b"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.sampled_from([*EVERY_CONTROL, "<", "|", ">", "<|", "\n", " ", "a", "é", "🙂", "\0"])).map("".join))
def test_no_text_spells_a_special_token(model, text):
    plain = model.plain(text)
    assert not any(map(model.is_special, plain))
    assert b"".join(map(model.piece, plain)).decode() == text


def test_a_megabyte_of_control_tokens_is_text(model):
    text = "".join(EVERY_CONTROL) * 4000
    assert b"".join(map(model.piece, model.plain(text))).decode() == text


def test_knows_what_ends_a_turn_and_what_must_not_be_written(model):
    ends = {text for text in EVERY_CONTROL if model.ends(model.control(text)[0])}
    assert ends == {"<eos>", "<turn|>", "<|tool_response>"}
    assert {model.piece(token).decode() for token in model.suppressed} >= {"<|image|>", "<pad>", "<bos>"}


def test_ordinary_tokens_are_not_special(model):
    assert not any(map(model.is_special, model.control("What is on the screen? <table> <b>")))
    assert model.special_token("screen") is None


def test_a_file_that_llama_cpp_refuses_is_named_with_the_reason(tmp_path):
    path = tmp_path / "other.gguf"
    path.write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(BundleError, match=r"other\.gguf could not be loaded: .+"):
        Model(path)


def test_a_loaded_file_gives_its_mapped_pages_back():
    path = cached_bundle(TinySpec(seed=7)).main
    model = Model(path)
    entries = re.split(r"^(?=[0-9a-f]+-[0-9a-f]+ )", Path("/proc/self/smaps").read_text(), flags=re.MULTILINE)
    resident = [int(re.search(r"^Rss: +(\d+) kB", entry, re.MULTILINE)[1]) for entry in entries if str(path) in entry]
    assert resident
    assert sum(resident) * 1024 < path.stat().st_size / 10
    assert model.metadata("general.architecture") == "gemma4"
    model.close()
