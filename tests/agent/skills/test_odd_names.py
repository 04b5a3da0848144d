"""Report 22: a file name that is not UTF-8 costs only that file; an archive is refused for the right reason."""

import io
import json
import os
import tarfile
import zipfile
import zlib

import pytest

from deskhand.agent.filename import odd, spelled
from deskhand.agent.skills import archives, card, contents
from deskhand.agent.skills.consents import Consents
from deskhand.agent.skills.library import Library
from tests.damage import damaged

ODD = os.fsdecode(b"caf\xe9.txt")
TEXT = "---\nname: {name}\ndescription: Says it.\n---\nBody.\n"


def skill(folder, name, *more):
    made = folder / name
    made.mkdir(parents=True)
    (made / "SKILL.md").write_text(TEXT.format(name=spelled(name) if not odd(name) else "odd"))
    for each in more:
        (made / each).write_text("x")
    return made


@pytest.fixture
def library(tmp_path):
    def look():
        return Library([(tmp_path / "skills", "user")], Consents(tmp_path / "skills.json"))

    return look


def test_the_skill_is_used_without_that_file_and_its_neighbours_as_ever(tmp_path, library):
    skill(tmp_path / "skills", "one", ODD, "good.txt")
    skill(tmp_path / "skills", "two")
    made = library()
    assert {held.skill.name for held in made.held} == {"one", "two"}
    one = made.find("one").skill
    assert one.files == ("good.txt",)
    assert any(r"caf\xe9.txt can't be used, because its name is not UTF-8" in p.text for p in made.problems)
    shown = card.of(one, "x", [])
    assert r"caf\xe9.txt" in "\n".join(shown.lines())
    json.dumps(shown.as_json(), ensure_ascii=False).encode()


@pytest.mark.parametrize("name", [ODD, "plain.txt", "Übung.txt"])
def test_every_name_counts_for_the_consent(tmp_path, library, name):
    folder = skill(tmp_path / "skills", "one", name)
    before = contents.digest(folder)
    Consents(tmp_path / "skills.json").agree("one", before, str(folder))
    assert [each.name for each in library().skills] == ["one"]
    (folder / name).write_text("other")
    assert contents.digest(folder) != before
    (folder / name).write_text("x")
    assert contents.digest(folder) == before
    (folder / name).rename(folder / os.fsdecode(b"caf\xe8.txt"))
    assert contents.digest(folder) != before


def test_a_folder_and_a_link_may_have_such_names_too(tmp_path, library):
    folder = skill(tmp_path / "skills", os.fsdecode(b"na\xefve"))
    (folder / os.fsdecode(b"d\xe9")).mkdir()
    (folder / os.fsdecode(b"d\xe9") / "a").write_text("x")
    (folder / "link").symlink_to(os.fsdecode(b"\xff\xfe"))
    made = library()
    assert [held.skill.name for held in made.held] == ["odd"]
    Consents(tmp_path / "skills.json").agree("odd", made.held[0].digest, str(folder))
    assert library().held[0].state == "on"
    with pytest.raises(contents.ContentsError):
        contents.resolve(folder, "\ud800.txt")


def test_half_a_character_in_the_frontmatter_is_spelled(tmp_path, library):
    folder = skill(tmp_path / "skills", "one")
    (folder / "SKILL.md").write_text('---\nname: one\ndescription: "a \\ud800 b"\nlicense: "\\udc80"\n---\nBody\n')
    (held,) = library().held
    assert held.skill.description.encode()
    assert held.skill.license.encode()


def tarred(path, name):
    with tarfile.open(path, "w") as archive:
        for each in (name, "SKILL.md"):
            info = tarfile.TarInfo(each)
            info.size = 1
            archive.addfile(info, io.BytesIO(b"x"))
    return path


def zipped(path, **options):
    with zipfile.ZipFile(path, "w", **options) as archive:
        archive.writestr("pdf/SKILL.md", TEXT.format(name="pdf"))
        archive.writestr("pdf/scripts/übung.py", "print(1)\n" * 50)
    return path


def test_a_source_with_such_a_name_is_refused_for_that_reason(tmp_path):
    into = tmp_path / "into"
    into.mkdir()
    folder = skill(tmp_path, "pdf", ODD)
    for source in (folder, tarred(tmp_path / "a.tar", ODD)):
        with pytest.raises(archives.ArchiveError, match=r"not UTF-8: caf\\xe9\.txt\. Rename"):
            archives.unpack(source, into)
    broken = zipped(tmp_path / "a.zip").read_bytes().replace("ü".encode(), b"\xe9\xe9")
    (tmp_path / "a.zip").write_bytes(broken)
    with pytest.raises(archives.ArchiveError, match="not UTF-8, as it says"):
        archives.unpack(tmp_path / "a.zip", into)
    with pytest.raises(archives.ArchiveError, match="can't be seen"):
        archives.unpack(tarred(tmp_path / "b.tar", "a\u202eb"), into)
    with pytest.raises(archives.ArchiveError, match="elsewhere"):
        archives.unpack(tarred(tmp_path / "c.tar", "../x"), into)


def test_a_source_may_itself_have_such_a_name(tmp_path):
    into = tmp_path / "into"
    into.mkdir()
    archives.unpack(tarred(tmp_path / os.fsdecode(b"\xe9.tar"), "a"), into)
    assert (into / "a").read_text() == "x"
    with pytest.raises(archives.ArchiveError) as refused:
        archives.unpack(tmp_path / os.fsdecode(b"\xe8.tar"), into)
    assert str(refused.value).encode()


@pytest.mark.parametrize(
    "kind", ["stored.zip", "deflated.zip", "bzip2.zip", "lzma.zip", "a.tar", "a.tar.gz", "pax.tar"]
)
def test_a_damaged_archive_is_refused_or_unpacked_and_nothing_else(tmp_path, kind):
    """Fuzz of the edge: only an ArchiveError comes out of an archive, whatever its bytes are."""
    path = tmp_path / kind
    if kind.endswith(".zip"):
        method = {"stored": 0, "deflated": 8, "bzip2": 12, "lzma": 14}[path.stem]
        zipped(path, compression=method)
    else:
        with tarfile.open(path, "w:gz" if kind.endswith("gz") else "w", format=tarfile.PAX_FORMAT) as archive:
            info = tarfile.TarInfo("pdf/übung.md" if kind == "pax.tar" else "pdf/SKILL.md")
            info.size = 600
            info.mtime = 1.5
            archive.addfile(info, io.BytesIO(b"text\n" * 120))
    good = path.read_bytes()
    refused = []
    for number, data in enumerate(damaged(good, zlib.crc32(kind.encode()))):
        path.write_bytes(data)
        into = tmp_path / str(number)
        into.mkdir()
        try:
            archives.unpack(path, into)
        except archives.ArchiveError as error:
            refused.append(str(error).encode())
    assert len(refused) > 10
