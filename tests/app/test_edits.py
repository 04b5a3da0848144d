"""Whatever tools do to files through the application, undoing all of it in reverse is the first state."""

import hashlib
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deskhand.agent.safety.undo import Undo
from deskhand.agent.tools.host import Asked, HostError
from deskhand.app.host.edits import Edits
from deskhand.app.host.files import Files

NAMES = st.sampled_from(["a.txt", "b", "inner/c.txt", "no such folder/d"])
TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
RAW = st.one_of(
    TEXT.map(str.encode), st.just("Grüße".encode("utf-16")), st.just(b"\xff\x80 caf\xe9"), st.binary(max_size=9)
)
STEPS = st.one_of(
    st.tuples(st.just("write_file"), st.fixed_dictionaries({"path": NAMES, "text": TEXT, "append": st.booleans()})),
    st.tuples(st.just("replace_in_file"), st.fixed_dictionaries({"path": NAMES, "old": TEXT, "new": TEXT})),
    st.tuples(st.just("delete_file"), st.fixed_dictionaries({"path": NAMES})),
    st.tuples(st.just("move_file"), st.fixed_dictionaries({"path": NAMES, "target": NAMES})),
    st.tuples(
        st.just("change_own_file"),
        st.fixed_dictionaries(
            {"name": st.just("notes.md"), "start": st.integers(0, 5), "end": st.integers(0, 9), "text": TEXT}
        ),
    ),
)


def state(*folders):
    files = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    return {path: (path.read_bytes(), path.stat().st_mode) for path in files}


START = st.dictionaries(
    NAMES.filter(lambda name: "no" not in name), st.tuples(RAW, st.sampled_from([0o600, 0o644, 0o755]))
)


@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.too_slow])
@given(START, st.lists(STEPS, max_size=12))
def test_all_undone_in_reverse_is_the_first_state_byte_for_byte(tmp_path_factory, start, steps):
    folder, data = tmp_path_factory.mktemp("granted"), tmp_path_factory.mktemp("data")
    (folder / "inner").mkdir()
    for name, (raw, mode) in start.items():
        (folder / name).write_bytes(raw)
        (folder / name).chmod(mode)
    undo = Undo(tmp_path_factory.mktemp("kept"))
    edits = Edits(Files([folder]), undo)
    states = [state(folder, data)]
    for name, arguments in steps:
        given = {key: str(folder / value) if key in {"path", "target"} else value for key, value in arguments.items()}
        if name == "change_own_file":
            notes = data / "notes.md"
            given["was"] = hashlib.sha256(notes.read_bytes() if notes.exists() else b"").hexdigest()
        try:
            getattr(edits, name)(Asked(name, given, "t", "s", ("files:write",), threading.Event(), "c", data))
        except HostError:
            assert state(folder, data) == states[-1]
        if state(folder, data) != states[-1]:
            states.append(state(folder, data))
    entries = undo.entries()
    assert len(entries) == len(states) - 1
    for entry, before in zip(entries, reversed(states[:-1]), strict=True):
        undo.undo(entry.id)
        assert state(folder, data) == before
    for entry in reversed(undo.entries()):
        undo.redo(entry.id)
    assert state(folder, data) == states[-1]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"name": "../secret"}, "no name of a file"),
        ({"name": "inner/file"}, "no name of a file"),
        ({"name": ".hidden"}, "no name of a file"),
        ({"name": ".."}, "no name of a file"),
        ({"name": ""}, "no name of a file"),
        ({"name": "a\0b"}, "no name of a file"),
        ({"name": "link"}, "link"),
        ({"name": "folder"}, "no file"),
        ({"start": -1}, "has no bytes -1 to 0"),
        ({"end": 1}, "has no bytes 0 to 1"),
        ({"was": "another"}, "changed by somebody else"),
        ({"text": "x" * (4 << 20) + "x"}, "more than 4 MB"),
    ],
)
def test_a_skill_writes_nothing_but_files_of_its_own(tmp_path, given, sentence):
    (tmp_path / "secret").write_text("mine")
    own = tmp_path / "own"
    (own / "folder").mkdir(parents=True)
    (own / "link").symlink_to(tmp_path / "secret")
    fine = {"name": "a", "was": hashlib.sha256(b"").hexdigest(), "start": 0, "end": 0, "text": "x"}
    edits = Edits(Files([]), Undo(tmp_path / "kept"))

    def ask(arguments, data):
        return edits.change_own_file(Asked("c", arguments, "t", "s", ("files:data",), threading.Event(), "c", data))

    with pytest.raises(HostError, match=sentence):
        ask({**fine, **given}, own)
    with pytest.raises(HostError, match="no name of a file"):
        ask(fine, None)
    assert (tmp_path / "secret").read_text() == "mine"
    assert sorted(path.name for path in own.iterdir()) == ["folder", "link"]
    assert ask(fine, own).value["was"] == "new"
    assert (own / "a").read_text() == "x"
