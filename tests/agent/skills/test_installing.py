import io
import os
import tarfile
import zipfile

import pytest

from deskhand.agent.safety.audit import Audit
from deskhand.agent.skills import archives, contents
from deskhand.agent.skills.consents import Consents, ConsentsError
from deskhand.agent.skills.installing import Installer, InstallError
from deskhand.agent.skills.library import Library

TEXT = "---\nname: pdf\ndescription: Fill forms.\nlicense: MIT\nallowed-tools: Bash(rm:*)\n---\nBody.\n"


@pytest.fixture
def desk(tmp_path):
    """An installer with one bundled skill, ``notes``."""
    (tmp_path / "bundled" / "notes").mkdir(parents=True)
    (tmp_path / "bundled" / "notes" / "SKILL.md").write_text("---\nname: notes\ndescription: d\n---\n")

    class Desk:
        folder = tmp_path / "data" / "skills"
        consents = Consents(tmp_path / "data" / "skills.json")
        library = Library([(tmp_path / "bundled", "bundled"), (folder, "user")], consents)
        installer = Installer(folder, tmp_path / "data" / "trash", library, consents)

        def install(self, source):
            with self.installer.offered(source) as cards:
                for card in cards:
                    self.installer.install(card)
            return cards

        def names(self):
            self.library.refresh()
            return [skill.name for skill in self.library.skills]

    return Desk()


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "pdf"
    (made / "scripts").mkdir(parents=True)
    (made / "SKILL.md").write_text(TEXT)
    (made / "scripts" / "fill.py").write_text("print(1)\n")
    return made


def zipped(path, files):
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            info = name if isinstance(name, zipfile.ZipInfo) else zipfile.ZipInfo(name)
            archive.writestr(info, data, compress_type=zipfile.ZIP_DEFLATED)
    return path


def test_a_folder_is_installed_pinned_and_used(desk, folder):
    (card,) = desk.install(folder)
    assert desk.names() == ["notes", "pdf"]
    assert card.digest == contents.digest(desk.folder / "pdf") == contents.digest(folder)
    shown = "\n".join(card.lines())
    for part in ("Fill forms.", str(folder), "MIT", "Bash(rm:*)", "grants nothing", "scripts/fill.py (9 bytes)"):
        assert part in shown
    assert card.digest in shown
    (desk.folder / "pdf" / "scripts" / "fill.py").write_text("print(2)\n")
    assert desk.names() == ["notes"]


@pytest.mark.parametrize("ending", [".zip", ".skill", ".tar.gz", ".tar"])
@pytest.mark.parametrize("inner", ["", "pdf/", "repo-main/skills/pdf/"])
def test_every_kind_of_archive_gives_the_same_skill(desk, folder, tmp_path, ending, inner):
    path = tmp_path / f"pdf{ending}"
    files = {f"{inner}{entry.path}": (folder / entry.path).read_bytes() for entry in contents.listing(folder)}
    if ending in {".zip", ".skill"}:
        zipped(path, {**files, "__MACOSX/x": b"junk"})
    else:
        with tarfile.open(path, "w:gz" if ending == ".tar.gz" else "w") as archive:
            for name, data in files.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
    (card,) = desk.install(path)
    assert card.digest == contents.digest(folder)
    assert desk.names() == ["notes", "pdf"]


def test_nothing_is_left_of_what_was_only_looked_at(desk, folder):
    with desk.installer.offered(folder) as cards:
        assert len(cards) == 1
    assert desk.names() == ["notes"]
    assert [path.name for path in desk.folder.parent.iterdir()] == ["skills"]


def link(name):
    info = zipfile.ZipInfo(name)
    info.external_attr = 0o120777 << 16
    return info


HOSTILE = {
    "zip slip": ({"../../evil": b"x"}, "written elsewhere"),
    "zip slip within": ({"a/../../evil": b"x"}, "written elsewhere"),
    "absolute": ({"/etc/cron.d/evil": b"x"}, "written elsewhere"),
    "backslash": ({"..\\evil": b"x"}, "written elsewhere"),
    "drive": ({"C:evil": b"x"}, "written elsewhere"),
    "control": ({"a\x1b[2Jb": b"x"}, "can't be seen"),
    "link": ({link("SKILL.md"): b"/etc/passwd"}, "a symbolic link"),
    "bomb": ({"zero": bytes(20 << 20)}, "grows more than"),
    "two of a name": ({"a.md": b"1", "A.md": b"2"}, "two files of one name"),
    "deep": ({"/".join(["d"] * 30): b"x"}, "nested more than"),
    "many": ({f"f{n}": b"" for n in range(contents.MOST_FILES + 1)}, "more than 10,000 files"),
    "no skill": ({"README.md": b"x"}, "holds no SKILL.md"),
    "no description": ({"SKILL.md": b"---\nname: a\n---\n"}, "no description"),
    "ten megabytes of description": (
        {"SKILL.md": b"---\nname: a\ndescription: " + os.urandom(5 << 20).hex().encode() + b"\n---\n"},
        "larger than 256 KB",
    ),
    "shadow": ({"SKILL.md": b"---\nname: notes\ndescription: d\n---\n"}, "one of that name came with Deskhand"),
    "look-alike": ({"SKILL.md": b"---\nname: n0tes\ndescription: d\n---\n"}, "looks like that of the skill"),
    "reserved": ({"SKILL.md": b"---\nname: deskhand\ndescription: d\n---\n"}, "No skill may be called"),
    "path as a name": ({"SKILL.md": b"---\nname: ../../x\ndescription: d\n---\n"}, "can't be installed: a name is"),
    "aliases": ({"SKILL.md": b"---\ndescription: d\na: &a [1]\nb: [*a,*a]\n---\n"}, "aliases"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_archive_is_refused_and_leaves_nothing(desk, tmp_path, kind):
    files, reason = HOSTILE[kind]
    path = zipped(tmp_path / "x.zip", files)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(InstallError, match=reason), desk.installer.offered(path):
        pass
    assert sorted(entry for entry in tmp_path.rglob("*") if "data" not in entry.parts) == before
    assert list(desk.folder.parent.iterdir()) in ([], [desk.folder])
    assert desk.names() == ["notes"]


def test_bytes_in_all_are_bounded(desk, tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MOST_BYTES", 1000)
    path = zipped(tmp_path / "x.zip", {"a": os.urandom(600), "b": os.urandom(600)})
    with pytest.raises(InstallError, match="more than 0 MB"), desk.installer.offered(path):
        pass
    with tarfile.open(tmp_path / "x.tar.gz", "w:gz") as archive:
        info = tarfile.TarInfo("zero")
        info.size = 1 << 20
        archive.addfile(info, io.BytesIO(bytes(1 << 20)))
    with pytest.raises(InstallError, match="more than 0 MB"), desk.installer.offered(tmp_path / "x.tar.gz"):
        pass


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_a_tar_holds_plain_files_only(desk, tmp_path, kind):
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        info = tarfile.TarInfo("SKILL.md")
        info.type, info.linkname = kind, "/etc/passwd"
        archive.addfile(info)
    with pytest.raises(InstallError, match=r"a link|no plain file"), desk.installer.offered(tmp_path / "x.tar"):
        pass


def test_a_folder_with_a_link_or_a_pipe_is_refused(desk, folder):
    (folder / "keys").symlink_to("/etc/passwd")
    with pytest.raises(InstallError, match="a symbolic link, keys"), desk.installer.offered(folder):
        pass
    (folder / "keys").unlink()
    os.mkfifo(folder / "queue")
    with pytest.raises(InstallError, match="no plain file, queue"), desk.installer.offered(folder):
        pass


@pytest.mark.parametrize(("name", "data"), [("x.zip", b"PK\3\4broken"), ("x.tar.gz", b"\x1f\x8bno"), ("x.rar", b"")])
def test_what_is_damaged_or_unknown_is_said(desk, tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InstallError), desk.installer.offered(tmp_path / name):
        pass
    with pytest.raises(InstallError, match="There is no"), desk.installer.offered(tmp_path / "missing.zip"):
        pass


def test_a_newer_version_replaces_the_older_and_the_older_can_come_back(desk, folder):
    desk.install(folder)
    (folder / "SKILL.md").write_text(TEXT.replace("Body.", "Newer."))
    (card,) = desk.install(folder)
    assert card.changed
    assert desk.library.find("pdf").skill.body == "Newer."
    desk.installer.remove("pdf")
    assert desk.names() == ["notes"]
    place = desk.installer.restore("pdf")
    assert "Newer." in (place / "SKILL.md").read_text()
    assert desk.names() == ["notes"]  # back, and it asks again
    assert desk.library.find("pdf").state == "new"


def test_what_can_not_be_removed_or_put_back_says_why(desk, folder):
    with pytest.raises(InstallError, match="switch it off instead"):
        desk.installer.remove("notes")
    with pytest.raises(InstallError, match="no skill nothing"):
        desk.installer.remove("nothing")
    with pytest.raises(InstallError, match="no removed skill"):
        desk.installer.restore("pdf")
    with pytest.raises(InstallError, match="no removed skill"):
        desk.installer.restore("../pdf")
    desk.install(folder)
    desk.installer.remove("pdf")
    desk.install(folder)
    with pytest.raises(InstallError, match="is there already"):
        desk.installer.restore("pdf")


def test_every_change_is_in_the_log_and_nothing_is_gained_without_it(desk, folder, tmp_path):
    log = Audit(tmp_path / "audit.jsonl")
    desk.consents._tell = desk.installer._tell = log.tell
    (card,) = desk.install(folder)
    desk.consents.switch("pdf", on=False)
    desk.consents.switch("pdf", on=True)
    place = desk.installer.remove("pdf")
    desk.installer.restore("pdf")
    desk.consents.trust(tmp_path)
    assert {entry.kind for entry in log.entries()} == {"skill"}
    told = [entry.fields for entry in log.entries()]
    assert [fields["did"] for fields in told] == [
        "installed", "agreed", "off", "on", "forgot", "removed", "restored", "trusted"
    ]  # fmt: skip
    assert told[0]["digest"] == told[1]["digest"] == card.digest
    assert (told[0]["origin"], told[5]["place"]) == (str(folder), str(place))
    desk.consents._tell = desk.installer._tell = Audit(tmp_path).tell  # a folder: nothing can be written into it
    for gain in (
        lambda: desk.install(folder),
        lambda: desk.consents.agree("pdf", card.digest),
        lambda: desk.consents.switch("notes", on=True),
        lambda: desk.consents.trust(tmp_path / "pdf"),
    ):
        with pytest.raises((InstallError, ConsentsError), match="can't be written"):
            gain()
    with pytest.raises(ConsentsError, match="can't be written"):
        desk.consents.switch("notes", on=False)
    assert desk.names() == []  # what takes something away happens all the same
    assert not desk.consents.trusts(tmp_path / "pdf")
