"""Sessions that are saved and resumed: equal numbers, nothing read twice, and no file that can do harm."""

from __future__ import annotations

import os
import random
import stat

import numpy as np
import pytest

from deskhand.model.language.dialect import Control, Plain
from deskhand.model.llama import saved
from deskhand.model.llama.saved import MAGIC, Saved, SavedSessionError, evict
from deskhand.model.tiny.bundle import TinySpec, cached_bundle

HEAD, TAIL = Control("<bos><|turn>user\n"), Control("<turn|>\n<|turn>model\n")
IDENTITY = {"bundle": "abc", "llama.cpp": "1"}


def spoken(kit, repeats: int) -> list:
    return [HEAD, kit.picture(), Plain("What is on the screen? " * repeats), kit.clip(1), TAIL]


@pytest.mark.parametrize(("repeats", "kind"), [(2, "f32"), (300, "f32"), (300, "f16"), (300, "q8_0")])
def test_the_next_turn_evaluates_only_what_is_new_and_gives_the_same_logits(open_session, kit, tmp_path, repeats, kind):
    flash = None if kind == "q8_0" else False
    options = {"kv_type": kind, "flash_attention": flash, "context_length": 8192}
    path, first = tmp_path / "one.session", spoken(kit, repeats)
    live = open_session(**options)
    answer = kit.run(live, first).text
    live.save(path)
    # What a state brings back lies in the cache from its beginning: put there in the live session, too, sums are equal.
    live.context.restore_all(live.context.save_all())
    fresh = open_session(**options)
    fresh.resume(path)
    assert fresh.cache.items == live.cache.items
    more = [*first, Plain(answer), Control("<turn|>\n<|turn>user\n"), kit.picture(seed=1), Plain("And now?"), TAIL]
    expected, got = kit.logits_after(live, more), kit.logits_after(fresh, more)
    np.testing.assert_array_equal(got, expected)
    fresh.resume(path)
    usage = kit.run(fresh, more).usage
    new = live.prompt(more[4:]).items
    assert usage.evaluated_tokens <= sum(getattr(item, "tokens", 1) for item in new) + 1
    assert fresh.projector.encodes == 1
    assert usage.reused_tokens > 24


def test_it_agrees_with_a_session_that_was_never_saved(open_session, kit, tmp_path):
    """Also where the conversation is longer than the window, and the cells lie in another order."""
    first = spoken(kit, 300)
    live, fresh = open_session(context_length=8192), open_session(context_length=8192)
    answer = kit.run(live, first).text
    live.save(tmp_path / "one.session")
    fresh.resume(tmp_path / "one.session")
    more = [*first, Plain(answer), Control("<turn|>\n<|turn>user\n"), Plain("And now?"), TAIL]
    np.testing.assert_allclose(kit.logits_after(fresh, more), kit.logits_after(live, more), atol=2e-4)


def test_a_message_edited_after_the_start_goes_back_to_the_saved_checkpoint(open_session, kit, tmp_path):
    first = spoken(kit, 300)
    live, fresh = open_session(context_length=8192), open_session(context_length=8192)
    kit.run(live, first, max_tokens=100)
    live.save(tmp_path / "one.session")
    fresh.resume(tmp_path / "one.session")
    other = [*first[:-1], Plain("Something else?"), TAIL]
    usage = kit.run(fresh, other).usage
    assert usage.reused_tokens > 1000
    np.testing.assert_allclose(
        kit.logits_after(fresh, other), kit.logits_after(open_session(context_length=8192), other), atol=2e-4
    )


def test_a_drafter_goes_on_from_a_resumed_session(open_session, kit, tmp_path):
    drafter = cached_bundle(TinySpec()).drafter
    live, fresh = (kit.always_draft(open_session(drafter=drafter)) for _ in range(2))
    first = spoken(kit, 2)
    answer = kit.run(live, first).text
    live.save(tmp_path / "one.session")
    fresh.resume(tmp_path / "one.session")
    more = [*first, Plain(answer), Control("<turn|>\n<|turn>user\n"), Plain("And now?"), TAIL]
    resumed, other = kit.run(fresh, more), kit.run(live, more)
    assert resumed.text == other.text
    assert resumed.usage.accepted > 10


@pytest.fixture
def one(open_session, kit, tmp_path):
    """A saved session's path, and the session, which goes on with another conversation."""
    session = open_session()
    path = tmp_path / "one.session"
    kit.run(session, spoken(kit, 2))
    session.save(path)
    return path, session


def test_only_the_person_may_read_it(one):
    path, _ = one
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_a_new_folder_is_private(open_session, kit, tmp_path):
    session = open_session()
    kit.run(session, [HEAD, Plain("a"), TAIL])
    session.save(tmp_path / "new" / "one.session")
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700


def test_damaged_files_are_refused_and_what_the_session_holds_stays(one, kit):
    path, session = one
    held, whole, chance = session.cache.items, path.read_bytes(), random.Random(0)
    copies = [whole[: chance.randrange(len(whole))] for _ in range(20)]
    copies += [b"", MAGIC, whole + b"!", b"PK\3\4" + whole, MAGIC + (1 << 60).to_bytes(8, "little")]
    copies += [MAGIC + (2).to_bytes(8, "little") + b"[]", MAGIC + (4).to_bytes(8, "little") + b'{"a"']
    for _ in range(40):
        data = bytearray(whole)
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        copies.append(bytes(data))
    for data in copies:
        path.write_bytes(data)
        with pytest.raises(SavedSessionError, match=r"one\.session is damaged") as caught:
            session.resume(path)
        assert "\n" not in str(caught.value)
        assert path.exists()
    assert session.cache.items == held
    path.write_bytes(whole)
    session.resume(path)
    assert kit.run(session, spoken(kit, 2)).usage.reused_tokens > 60


def test_nothing_saved_and_nothing_to_save_say_so(open_session, tmp_path):
    session = open_session()
    with pytest.raises(SavedSessionError, match="No session has been saved yet"):
        session.resume(tmp_path / "none.session")
    session.save(tmp_path / "none.session")
    assert not (tmp_path / "none.session").exists()
    with pytest.raises(SavedSessionError, match="can't be read"):
        session.resume(tmp_path)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"main": cached_bundle(TinySpec(seed=1)).main}, "another bundle"),
        ({"mmproj": None}, "another bundle"),
        ({"context_length": 2048}, "another context length"),
        ({"kv_type": "f16"}, "another type of keys and values"),
        ({"flash_attention": None}, "another flash attention"),
    ],
)
def test_a_session_of_another_bundle_or_setting_is_refused(one, open_session, changes, what):
    path, _ = one
    with pytest.raises(SavedSessionError, match=what):
        open_session(**changes).resume(path)


def test_a_session_of_another_llama_cpp_is_refused(one, monkeypatch):
    path, session = one
    monkeypatch.setattr("deskhand.model.llama.session.VERSION", "0.0.1")
    with pytest.raises(SavedSessionError, match=r"another llama\.cpp"):
        session.resume(path)


def test_a_whole_file_with_a_state_that_is_none_leaves_an_empty_session(one, kit):
    """Its hash is right: only somebody who can write the person's files makes such a one."""
    path, session = one
    found = saved.load(path, session.identity)
    for state in (found.state[:100], np.zeros(1000, np.uint8), np.concatenate([found.state[:-1], found.state[:9]])):
        saved.save(path, session.identity, Saved(found.items, state))
        with pytest.raises(SavedSessionError, match="does not fit"):
            session.resume(path)
        assert session.cache.items == ()
    saved.save(path, session.identity, Saved((*found.items, 5), found.state))
    with pytest.raises(SavedSessionError, match="other tokens than it says"):
        session.resume(path)
    assert kit.run(session, spoken(kit, 2)).text


def test_what_is_too_large_or_finds_no_room_is_not_saved_and_the_older_one_stays(tmp_path, monkeypatch):
    path, small = tmp_path / "one.session", Saved((1, 2), np.zeros(10, np.uint8))
    saved.save(path, IDENTITY, small)
    before = path.read_bytes()
    monkeypatch.setattr(saved, "MOST_BYTES", 100)
    with pytest.raises(SavedSessionError, match="are the limit"):
        saved.save(path, IDENTITY, Saved((1,), np.zeros(101, np.uint8)))
    monkeypatch.setattr(saved, "SPARE_BYTES", 1 << 60)
    with pytest.raises(SavedSessionError, match="nearly full"):
        saved.save(path, IDENTITY, small)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["one.session"]


def test_a_folder_that_can_not_be_written_is_a_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SavedSessionError, match="was not saved"):
        saved.save(tmp_path / "file" / "one.session", IDENTITY, Saved((1,), np.zeros(1, np.uint8)))


def test_the_oldest_go_first_and_leftovers_of_a_crash_always(tmp_path):
    for age, name in enumerate(("new", "middle", "old")):
        path = tmp_path / f"{name}.session"
        path.write_bytes(bytes(100))
        os.utime(path, ns=(10**18 - age, 10**18 - age))
    (tmp_path / ".old.session.part").write_bytes(b"half")
    evict(tmp_path, most=250)
    assert sorted(path.stem for path in tmp_path.iterdir()) == ["middle", "new"]
    evict(tmp_path, most=150, spare=tmp_path / "middle.session")
    assert [path.stem for path in tmp_path.iterdir()] == ["middle"]
