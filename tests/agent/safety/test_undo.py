"""What a tool did to files is taken back byte for byte, and nothing else is touched by it."""

import hashlib
import os
import subprocess
import sys
import time

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deskhand.agent.safety import places
from deskhand.agent.safety.audit import Audit
from deskhand.agent.safety.places import Content, PlaceError
from deskhand.agent.safety.undo import By, ConflictError, Undo, UndoError

BY = By("edit_write", "edit", "c1")


@pytest.fixture
def undo(tmp_path):
    return Undo(tmp_path / "kept")


@pytest.fixture
def granted(tmp_path):
    folder = tmp_path / "granted"
    folder.mkdir()
    return folder


def write(undo, path, raw, mode=None, by=BY):
    """As a tool does it; ``raw`` None deletes."""
    before = places.look(path)
    kept = before.mode if before else 0o600
    undo.write(by, path, before, None if raw is None else Content(raw, kept if mode is None else mode))
    return undo.entries()[0].id if undo.entries() else ""


def tree(folder):
    return {
        path.relative_to(folder): (path.read_bytes(), path.stat().st_mode)
        for path in folder.rglob("*")
        if path.is_file()
    }


STEP = st.tuples(
    st.sampled_from(["write", "delete", "move"]),
    st.sampled_from(["a.txt", "b", "in/c.txt"]),
    st.sampled_from(["a.txt", "b", "in/c.txt"]),
    st.binary(max_size=40),
)


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(st.lists(STEP, max_size=10), st.dictionaries(st.sampled_from(["a.txt", "in/c.txt"]), st.binary(max_size=20)))
def test_undoing_all_in_reverse_is_the_first_state(tmp_path_factory, steps, start):
    folder = tmp_path_factory.mktemp("files")
    (folder / "in").mkdir()
    for number, (name, raw) in enumerate(start.items()):
        (folder / name).write_bytes(raw)
        (folder / name).chmod(0o640 + number)
    undo = Undo(tmp_path_factory.mktemp("kept"))
    states = [tree(folder)]
    for kind, name, other, raw in steps:
        try:
            if kind == "move":
                undo.move(BY, folder / name, folder / other)
            else:
                write(undo, folder / name, raw if kind == "write" else None)
        except (PlaceError, UndoError):
            assert tree(folder) == states[-1]
        if tree(folder) != states[-1]:
            states.append(tree(folder))
    last = states[-1]
    entries = undo.entries()
    assert len(entries) == len(states) - 1
    for entry, before in zip(entries, reversed(states[:-1]), strict=True):
        undo.undo(entry.id)
        assert tree(folder) == before
    assert tree(folder) == states[0]
    for entry in reversed(undo.entries()):
        undo.redo(entry.id)
    assert tree(folder) == last


def test_what_is_kept_can_be_read_by_the_person_only_and_survives_a_restart(undo, granted, tmp_path):
    (granted / "a").write_text("old")
    (granted / "a").chmod(0o755)
    name = write(undo, granted / "a", b"new")
    assert (tmp_path / "kept").stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in (tmp_path / "kept").iterdir()} == {0o600}
    again = Undo(tmp_path / "kept")
    assert again.undo(name) == "Restored a."
    assert (granted / "a").read_text() == "old"
    assert (granted / "a").stat().st_mode & 0o777 == 0o755
    with pytest.raises(UndoError, match="undone already"):
        again.undo(name)


def test_what_was_changed_since_is_not_overwritten_and_kept_if_the_person_insists(undo, granted):
    path = granted / "a"
    path.write_text("old")
    name = write(undo, path, b"tool")
    path.write_text("mine")
    with pytest.raises(ConflictError, match="changed since"):
        undo.undo(name)
    assert path.read_text() == "mine"
    undo.undo(name, force=True)
    assert path.read_text() == "old"
    undo.redo(name)
    assert path.read_text() == "mine"


def test_a_later_change_is_named(undo, granted):
    first = write(undo, granted / "a", b"one")
    later = write(undo, granted / "a", b"two", by=By("edit_replace"))
    with pytest.raises(ConflictError, match=rf"by edit_replace later: undo that first \({later}\)"):
        undo.undo(first)
    undo.undo(later)
    assert "Removed" in undo.undo(first)
    assert not (granted / "a").exists()


def test_a_mode_that_the_person_set_since_stays(undo, granted):
    (granted / "a").write_text("old")
    name = write(undo, granted / "a", b"new")
    (granted / "a").chmod(0o444)
    undo.undo(name)
    assert (granted / "a").read_text() == "old"
    assert (granted / "a").stat().st_mode & 0o777 == 0o444


def test_a_move_is_taken_back_unless_something_is_in_the_way(undo, granted):
    (granted / "a").write_text("x")
    undo.move(BY, granted / "a", granted / "b")
    name = undo.entries()[0].id
    (granted / "a").write_text("mine")
    with pytest.raises(UndoError, match="Something else is at"):
        undo.undo(name, force=True)
    assert (granted / "a").read_text() == "mine"
    (granted / "a").unlink()
    assert undo.undo(name) == f"Moved {granted / 'b'} back to {granted / 'a'}."
    (granted / "b").write_text("other")
    with pytest.raises(PlaceError, match="is there already"):
        undo.move(BY, granted / "a", granted / "b")
    assert (granted / "b").read_text() == "other"


@pytest.mark.parametrize("what", ["parent", "grandparent", "file"])
def test_a_link_put_in_since_is_not_followed(undo, granted, tmp_path, what):
    inner = granted / "in" / "ner"
    inner.mkdir(parents=True)
    path = inner / "a"
    path.write_text("old")
    name = write(undo, path, b"new")
    outside = tmp_path / "outside"
    (outside / "ner").mkdir(parents=True)
    for stolen in (outside / "a", outside / "ner" / "a"):
        stolen.write_bytes(b"new")  # even what looks like the tool's work
    replaced = {"parent": inner, "grandparent": inner.parent, "file": path}[what]
    replaced.rename(tmp_path / "away")
    replaced.symlink_to(outside / "a" if what == "file" else outside)
    for force in (False, True):
        with pytest.raises(UndoError, match="link"):
            undo.undo(name, force=force)
    assert (outside / "a").read_bytes() == (outside / "ner" / "a").read_bytes() == b"new"


KILLED = """
import os, signal, sys
from pathlib import Path
from deskhand.agent.safety import kept, places, undo
def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)
path, folder, when = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
store = undo.Undo(folder)
before = places.look(path)
if when == "before the write":
    places.put = die
elif when == "within the write":
    real = os.fsync
    os.fsync = lambda handle: die() if ".deskhand-" in os.readlink(f"/proc/self/fd/{handle}") else real(handle)
elif when == "after the write":
    real = places.put
    places.put = lambda *given: (real(*given), die())
elif when == "before the entry":
    kept.Kept.save = die
store.write(undo.By("edit_write"), path, before, places.Content(b"new", 0o600))
"""


@pytest.mark.parametrize("when", ["before the entry", "before the write", "within the write", "after the write"])
def test_a_kill_at_any_moment_loses_nothing(undo, granted, tmp_path, when):
    path = granted / "a"
    path.write_text("old")
    arguments = [str(path), str(tmp_path / "kept"), when]
    assert subprocess.run([sys.executable, "-c", KILLED, *arguments], check=False).returncode == -9
    assert path.read_text() == ("new" if when == "after the write" else "old")
    assert len(list(granted.iterdir())) == (2 if when == "within the write" else 1)
    Undo(tmp_path / "kept").tidy()
    assert [file.name for file in granted.iterdir()] == ["a"]  # as at the next start
    entries = undo.entries()
    assert len(entries) == (0 if when == "before the entry" else 1)
    for entry in entries:
        told = undo.undo(entry.id)
        assert ("Restored" in told) == (when == "after the write")
    assert path.read_text() == "old"
    write(undo, path, b"next")  # the lock is free, and what was left over is swept away
    undo.undo(undo.entries()[0].id)
    assert path.read_text() == "old"
    assert [file.name for file in granted.iterdir()] == ["a"]
    assert not [file for file in (tmp_path / "kept").iterdir() if file.name.startswith(".")]


def test_a_kill_within_undo_is_mended_by_undoing_again(undo, granted, monkeypatch):
    path = granted / "a"
    path.write_text("old")
    name = write(undo, path, b"new")
    path.write_text("mine")
    real = places.put

    def die(*given):
        real(*given)
        raise KeyboardInterrupt

    monkeypatch.setattr(places, "put", die)
    with pytest.raises(KeyboardInterrupt):
        undo.undo(name, force=True)
    monkeypatch.undo()
    assert path.read_text() == "old"
    assert "already as it was" in undo.undo(name)
    undo.redo(name)
    assert path.read_text() == "mine"


def test_the_oldest_go_when_room_or_time_is_up(granted, tmp_path):
    undo = Undo(tmp_path / "kept", most=250)
    for number in range(5):
        (granted / f"{number}").write_bytes(b"x" * 100)
        write(undo, granted / f"{number}", b"y")
    assert [entry.path.name for entry in undo.entries()] == ["4", "3"]
    assert sum(file.stat().st_size for file in (tmp_path / "kept").glob("*.before")) == 200
    short = Undo(tmp_path / "kept", days=0)
    assert short.entries() == ()
    short.tidy()
    assert [file.name for file in (tmp_path / "kept").iterdir()] == ["lock"]


def test_nothing_is_changed_when_nothing_can_be_kept(granted, tmp_path):
    (granted / "a").write_text("old")
    (tmp_path / "kept").write_text("a file where the folder should be")
    with pytest.raises(UndoError, match="can't be used"):
        write(Undo(tmp_path / "kept"), granted / "a", b"new")
    full = Undo(tmp_path / "full")
    full._kept.save = lambda _entry: (_ for _ in ()).throw(UndoError("No space left on device."))
    with pytest.raises(UndoError, match="a was not changed, because what it is now could not be kept: No space"):
        write(full, granted / "a", b"new")
    assert (granted / "a").read_text() == "old"
    assert [file.name for file in (tmp_path / "full").iterdir()] == ["lock"]


def test_what_changed_between_looking_and_writing_is_not_lost(undo, granted):
    (granted / "a").write_text("old")
    seen = places.look(granted / "a")
    (granted / "a").write_text("mine")
    with pytest.raises(UndoError, match="somebody else"):
        undo.write(BY, granted / "a", seen, Content(b"new", 0o600))
    assert (granted / "a").read_text() == "mine"
    assert undo.entries() == ()


def test_damage_is_told_and_harms_nothing(undo, granted, tmp_path):
    (granted / "a").write_text("old")
    name = write(undo, granted / "a", b"new")
    image = next((tmp_path / "kept").glob("*.before"))
    image.write_text("bad")
    with pytest.raises(UndoError, match="damaged"):
        undo.undo(name)
    image.unlink()
    with pytest.raises(UndoError, match="can't be read"):
        undo.undo(name)
    assert (granted / "a").read_text() == "new"
    next((tmp_path / "kept").glob("*.json")).write_text("{")
    assert undo.entries() == ()
    with pytest.raises(UndoError, match="Nothing is kept under the name"):
        undo.undo(name)


def test_what_is_no_file_is_refused(undo, granted):
    os.mkfifo(granted / "pipe")
    with (granted / "big").open("wb") as big:
        big.truncate(places.LARGEST + 1)
    for name, sentence in (("pipe", "is no file"), ("big", "more than 64 MB")):
        with pytest.raises(PlaceError, match=sentence):
            write(undo, granted / name, None)
        assert (granted / name).exists()
    for path in (granted / ".." / "a", granted / "a\0b"):
        with pytest.raises(PlaceError, match="no whole path"):
            places.look(path)
    before = psutil.Process().num_fds()
    for _ in range(3):
        with pytest.raises(PlaceError, match="is no file"):
            places.look(granted)
    assert psutil.Process().num_fds() == before


def test_every_undo_is_in_the_log_and_goes_on_without_one(granted, tmp_path):
    log = Audit(tmp_path / "audit.jsonl")
    undo = Undo(tmp_path / "kept", log)
    name = write(undo, granted / "a", b"new")
    undo.undo(name)
    undo.redo(name)
    assert [(entry.kind, entry.fields["did"], entry.fields["entry"]) for entry in log.entries()] == [
        ("undo", "undone", name),
        ("undo", "redone", name),
    ]
    assert next(log.entries()).fields["path"] == str(granted / "a")
    unlogged = Undo(tmp_path / "kept", Audit(tmp_path))
    assert "can't be written" in unlogged.undo(name)
    assert not (granted / "a").exists()


def test_the_changes_of_a_call_are_found(undo, granted):
    write(undo, granted / "a", b"1", by=By("t", "s", "c1"))
    write(undo, granted / "a", b"2", by=By("t", "s", "c1"))
    write(undo, granted / "b", b"3", by=By("t", "s", ""))
    found = undo.of_calls(["c1", "c2", ""])
    assert list(found) == ["c1"]
    assert [entry.after.sha256 for entry in found["c1"]] == [hashlib.sha256(each).hexdigest() for each in (b"2", b"1")]
    assert found["c1"][0].at > found["c1"][1].at
    assert abs(found["c1"][0].at - time.time_ns()) < 60e9


def test_another_program_is_seen_at_once(undo, granted, tmp_path):
    other = Undo(tmp_path / "kept")
    name = write(undo, granted / "a", b"new")
    assert [entry.id for entry in other.entries()] == [name]
    other.undo(name)
    assert undo.entries()[0].undone
    with pytest.raises(UndoError, match="undone already"):
        undo.undo(name)


def test_what_is_kept_can_be_forgotten(granted, tmp_path):
    log = Audit(tmp_path / "audit.jsonl")
    undo = Undo(tmp_path / "kept", log)
    (granted / "a").write_text("secret")
    name = write(undo, granted / "a", None)
    assert undo.forget(name) == f"Nothing is kept any more of this: edit_write deleted {granted / 'a'}."
    assert [file.name for file in (tmp_path / "kept").iterdir()] == ["lock"]
    assert next(log.entries()).fields["did"] == "forgotten"
    with pytest.raises(UndoError, match="Nothing is kept"):
        undo.forget(name)
