import unicodedata

import pytest

from deskhand.agent.skills import contents


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "skill"
    (made / "scripts").mkdir(parents=True)
    (made / "SKILL.md").write_text("text")
    (made / "scripts" / "a.py").write_text("1")
    return made


def test_the_hash_is_of_paths_and_contents_alone(folder, tmp_path):
    before = contents.digest(folder)
    other = folder.rename(tmp_path / "elsewhere")
    assert contents.digest(other) == before
    (other / ".git").mkdir()
    (other / ".git" / "HEAD").write_text("x")
    assert contents.digest(other) == before


@pytest.mark.parametrize(
    "change",
    [
        lambda f: (f / "scripts" / "a.py").write_text("2"),
        lambda f: (f / "scripts" / "b.py").write_text(""),
        lambda f: (f / "scripts" / "a.py").rename(f / "a.py"),
        lambda f: (f / "scripts" / "a.py").unlink(),
        lambda f: (f / "link").symlink_to("SKILL.md"),
    ],
)
def test_every_change_changes_the_hash_and_the_stamp(folder, change):
    digest, stamp = contents.digest(folder), contents.stamp(folder)
    assert contents.stamp(folder) == stamp
    change(folder)
    assert contents.digest(folder) != digest
    assert contents.stamp(folder) != stamp


def test_a_link_counts_by_where_it_leads(folder):
    (folder / "link").symlink_to("SKILL.md")
    before = contents.digest(folder)
    (folder / "link").unlink()
    (folder / "link").symlink_to("scripts/a.py")
    assert contents.digest(folder) != before


def test_the_hash_does_not_depend_on_how_a_name_is_composed(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    for folder, form in ((one, "NFC"), (two, "NFD")):
        folder.mkdir()
        (folder / unicodedata.normalize(form, "Übung.md")).write_text("x")
    assert contents.digest(one) == contents.digest(two)
    (two / unicodedata.normalize("NFC", "Übung.md")).write_text("y")
    with pytest.raises(contents.ContentsError, match="differing only in how"):
        contents.listing(two)


def test_too_much_is_refused(folder, monkeypatch):
    monkeypatch.setattr(contents, "MOST_BYTES", 4)
    with pytest.raises(contents.ContentsError, match="take more than"):
        contents.listing(folder)
    monkeypatch.setattr(contents, "MOST_FILES", 1)
    with pytest.raises(contents.ContentsError, match="more than 1 files"):
        contents.listing(folder)
    with pytest.raises(contents.ContentsError, match="more than 1 files"):
        contents.stamp(folder)
    deep = folder
    for _ in range(contents.MOST_DEPTH + 1):
        deep = deep / "d"
    deep.mkdir(parents=True)
    monkeypatch.undo()
    with pytest.raises(contents.ContentsError, match="nested more than"):
        contents.digest(folder)
