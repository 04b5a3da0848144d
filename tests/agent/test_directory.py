"""Files of a folder that others can write are reached by descriptor, through no link, and only if they are files."""

import os
import stat
from pathlib import Path

import pytest

from deskhand.agent.directory import MOST_DEPTH, Directory


@pytest.fixture
def secret(tmp_path):
    file = tmp_path / "secret"
    file.write_text("mine")
    return file


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "theirs"
    made.mkdir()
    with Directory.open(made) as opened:
        yield opened


def put(folder, kind, name, secret):
    """What a skill's script may put in the place of a file."""
    path = Path(f"/proc/self/fd/{folder.descriptor}/{name}")
    match kind:
        case "link":
            path.symlink_to(secret)
        case "dangling link":
            path.symlink_to(f"{secret}.new")
        case "second name":
            path.hardlink_to(secret)
        case "pipe":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "socket":
            os.mknod(path, stat.S_IFSOCK | 0o600)
    return path


@pytest.mark.parametrize("kind", ["link", "dangling link", "second name", "pipe", "folder", "socket"])
def test_what_is_no_file_of_its_own_is_neither_read_nor_waited_for(folder, secret, kind):
    put(folder, kind, "state.json", secret)
    with pytest.raises(OSError, match=r"it (is a link|has a second name|is no file)"):
        folder.read("state.json", 100)
    assert folder.files() == (["state.json"] if kind == "second name" else [])


@pytest.mark.parametrize("kind", ["link", "dangling link", "second name", "pipe", "socket"])
def test_what_is_written_replaces_it_and_reaches_nothing_else(folder, secret, kind, tmp_path):
    path = put(folder, kind, "state.json", secret)
    folder.write("state.json", b"ours")
    assert folder.read("state.json", 100) == b"ours"
    assert secret.read_text() == "mine"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["secret", "theirs"]
    assert stat.S_IMODE(path.lstat().st_mode) == 0o600
    assert folder.names() == ["state.json"]


def test_a_folder_in_the_way_stays_and_nothing_is_left_behind(folder, secret):
    put(folder, "folder", "state.json", secret)
    with pytest.raises(OSError, match="directory"):
        folder.write("state.json", b"ours")
    assert folder.names() == ["state.json"]


def test_a_link_is_removed_and_not_what_it_leads_to(folder, secret):
    put(folder, "link", "state.json", secret)
    assert folder.remove("state.json")
    assert not folder.remove("state.json")
    assert secret.read_text() == "mine"


def test_a_file_too_large_is_not_read(folder):
    folder.write("state.json", b"x" * 100)
    assert folder.read("state.json", 100) == b"x" * 100
    with pytest.raises(OSError, match="too large"):
        folder.read("state.json", 99)
    assert folder.read("gone", 1) is None


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../secret", "a\0b"])
def test_a_name_is_one_name(folder, name):
    for act in (folder.remove, folder.status, folder.inner, lambda name: folder.write(name, b"")):
        with pytest.raises(OSError, match="no name of a file"):
            act(name)


def test_no_part_of_the_way_may_be_a_link(tmp_path, secret):
    (tmp_path / "real" / "inner").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "real" / "other").symlink_to(tmp_path)
    for root, parts in ((tmp_path / "link", ()), (tmp_path / "link" / "inner", ()), (tmp_path / "real", ("other",))):
        with pytest.raises(OSError, match="a link is on the way"):
            Directory.open(root, *parts)
        with pytest.raises(OSError, match="a link is on the way"):
            Directory.open(root, *parts, "made", make=True)
    assert not (tmp_path / "made").exists()
    with Directory.open(tmp_path / "real", "inner", "made", make=True) as made:
        made.write("a", b"b")
    assert (tmp_path / "real" / "inner" / "made" / "a").read_text() == "b"


def test_a_folder_that_is_exchanged_while_it_is_walked_leads_nowhere(tmp_path, secret):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "private.txt").write_text("mine")
    root = tmp_path / "theirs"
    for name in ("a", "b"):
        (root / name).mkdir(parents=True)
        (root / name / "file.txt").write_text("x")
    seen, missed = [], []
    with Directory.open(root) as folder:
        for found in folder.walk(missed=missed.append):
            seen.append(found.path)
            if found.path == "a/file.txt":
                (root / "b").rename(tmp_path / "moved")
                (root / "b").symlink_to(tmp_path / "elsewhere")
    assert seen == ["a/file.txt", "b"]
    assert missed == []


def test_folders_within_each_other_end_somewhere(tmp_path):
    path = tmp_path
    for _ in range(MOST_DEPTH + 2):
        path /= "d"
    path.mkdir(parents=True)
    (path / "file").write_text("x")
    missed = []
    with Directory.open(tmp_path) as folder:
        assert list(folder.walk(missed=missed.append)) == []
    assert len(missed) == 1
