"""The skills files and edit: real files, only in granted folders, through no link, whole or as before."""

import os
import threading
import unicodedata
from pathlib import Path

import pytest

from deskhand.agent.safety.changes import diff, lasting, wanted
from deskhand.agent.safety.undo import Undo
from deskhand.agent.skills.loading import load_skills
from deskhand.agent.tools.host import Asked, HostError
from deskhand.app.host import AppHost
from deskhand.app.host.edits import Edits
from deskhand.app.host.files import Files
from deskhand.model.types import ToolCall


@pytest.fixture
def granted(tmp_path):
    folder = tmp_path / "granted"
    (folder / "inner").mkdir(parents=True)
    (folder / "letter.txt").write_text("Dear Anna,\nthe oven is broken.\nYours, Bo\n")
    (folder / "inner" / "recipe.md").write_text("Flour and butter\n")
    (tmp_path / "secret.txt").write_text("mine alone")
    return folder


@pytest.fixture
def files(bundled, granted, tmp_path):
    undo = Undo(tmp_path / "undo")
    return bundled(AppHost(560, [granted, tmp_path / "not there"], [granted / "ours"], undo=undo))


def test_granted_folders_are_named_and_listed(files, granted):
    assert files("files_list").value == {"folders": [str(granted)]}
    listed = files("files_list", path=str(granted)).value
    assert [(entry["name"], entry["kind"]) for entry in listed["entries"]] == [
        ("inner", "folder"),
        ("letter.txt", "file"),
    ]
    assert listed["entries"][1]["bytes"] == 41


def test_a_file_is_read_in_parts(files, granted):
    whole = files("files_read", path=str(granted / "letter.txt")).value
    assert whole["text"] == "Dear Anna,\nthe oven is broken.\nYours, Bo"
    part = files("files_read", path=str(granted / "letter.txt"), first_line=2, lines=1).value
    assert (part["text"], part["of"]) == ("the oven is broken.", 3)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("Grüße".encode(), "Grüße"),
        ("Grüße".encode("utf-16"), "Grüße"),
        ("Grüße".encode("utf-8-sig"), "Grüße"),
        ("Grüße".encode("cp1252"), "Grüße"),
        (b"", ""),
    ],
)
def test_text_is_decoded(files, granted, raw, text):
    (granted / "a.txt").write_bytes(raw)
    assert files("files_read", path=str(granted / "a.txt")).value["text"] == text


def test_what_is_no_text_is_said(files, granted):
    (granted / "b.bin").write_bytes(b"\x7fELF\0\0")
    os.mkfifo(granted / "pipe")
    with (granted / "big.txt").open("wb") as big:
        big.truncate(5 << 20)
    assert files("files_read", path=str(granted / "b.bin")).error == "b.bin is no text."
    assert files("files_read", path=str(granted / "pipe")).error == "pipe is no file with text."
    assert "at most 4 MB" in files("files_read", path=str(granted / "big.txt")).error
    assert "can't be opened" in files("files_read", path=str(granted / "gone.txt")).error
    assert files("files_read", path=str(granted)).error


def test_names_and_texts_are_searched(files, granted):
    found = files("files_search", path=str(granted), query="OVEN broken").value["found"]
    assert found == [{"path": str(granted / "letter.txt"), "in": "text", "line": 2, "text": "the oven is broken."}]
    assert [hit["in"] for hit in files("files_search", path=str(granted), query="recipe").value["found"]] == ["name"]
    assert files("files_search", path=str(granted), query="nothing like it").value["found"] == []
    assert files("files_search", path=str(granted), query=" ").error


def test_nothing_outside_is_reached(files, granted, tmp_path):
    (granted / "link.txt").symlink_to(tmp_path / "secret.txt")
    (granted / "up").symlink_to(tmp_path)
    (granted / "ours").mkdir()
    (granted / "ours" / "history").write_text("x")
    outside = [
        tmp_path / "secret.txt",
        granted / ".." / "secret.txt",
        granted / "link.txt",
        granted / "up" / "secret.txt",
        granted / "ours" / "history",
        Path("/etc/passwd"),
        Path("/proc/self/environ"),
    ]
    for path in outside:
        assert files("files_read", path=str(path)).error, path
        assert files("edit_write", path=str(path), text="x").error, path
    assert files("files_read", path="letter.txt").error.startswith("Give the whole path")
    assert files("files_read", path="a\0b").error
    assert (tmp_path / "secret.txt").read_text() == "mine alone"
    assert files("files_search", path=str(granted), query="mine alone").value["found"] == []


def test_a_link_put_in_after_the_check_is_not_followed(granted, tmp_path, monkeypatch):
    files = Files([granted])
    both = ("files:read", "files:write")
    asked = Asked("read_file", {}, "t", "s", both, threading.Event())
    place = files.place(str(granted / "inner" / "recipe.md"), asked, "files:read")
    (granted / "inner" / "recipe.md").unlink()
    (granted / "inner").rmdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "recipe.md").write_text("stolen")
    (granted / "inner").symlink_to(tmp_path / "elsewhere")
    monkeypatch.setattr(files, "place", lambda *_given: place)
    for name, extra in (("read_file", {}), ("write_file", {"text": "x"})):
        asked = Asked(name, {"path": "x", **extra}, "t", "s", both, threading.Event())
        with pytest.raises(HostError):
            getattr(files if name == "read_file" else Edits(files), name)(asked)
    assert (tmp_path / "elsewhere" / "recipe.md").read_text() == "stolen"


def test_a_skill_that_declares_a_folder_gets_no_other(granted):
    files = Files([granted])
    for path, works in ((granted / "inner" / "recipe.md", True), (granted / "letter.txt", False)):
        scopes = (f"files:read:{granted / 'inner'}", "files:write:/elsewhere")
        asked = Asked("read_file", {"path": str(path), "text": "x"}, "t", "theirs", scopes, threading.Event())
        if works:
            assert files.read_file(asked).value["text"] == "Flour and butter"
        else:
            with pytest.raises(HostError, match="no folder that the skill theirs declares"):
                files.read_file(asked)
        with pytest.raises(HostError, match="no folder that the skill theirs declares"):
            Edits(files).write_file(asked)


def test_files_are_written_whole_and_keep_their_mode(files, granted):
    path = granted / "letter.txt"
    path.chmod(0o640)
    assert files("edit_write", path=str(path), text="Short.\n").value["was"] == "41 bytes"
    assert files("edit_write", path=str(path), text="More. 😀\n", append=True).error == ""
    assert path.read_text() == "Short.\nMore. 😀\n"
    assert path.stat().st_mode & 0o777 == 0o640
    assert files("edit_write", path=str(granted / "new.txt"), text="x").value["was"] == "new"
    assert (granted / "new.txt").stat().st_mode & 0o077 == 0
    assert "its folder is not there" in files("edit_write", path=str(granted / "no" / "new.txt"), text="x").error
    assert sorted(entry.name for entry in granted.iterdir()) == ["inner", "letter.txt", "new.txt"]


def test_one_piece_is_replaced_and_only_one(files, granted):
    path = granted / "letter.txt"
    assert files("edit_replace", path=str(path), old="broken", new="mended").error == ""
    assert "mended" in path.read_text()
    assert "stands 0 times" in files("edit_replace", path=str(path), old="broken", new="x").error
    assert "stands 0 times" in files("edit_replace", path=str(path), old="", new="x").error
    path.write_text("a a")
    assert "stands 2 times" in files("edit_replace", path=str(path), old="a", new="b").error
    assert path.read_text() == "a a"


def planned(granted, name, **arguments):
    """What a call of the skill edit would change, as the person is told before."""
    skills = load_skills([(Path(__file__).parents[2] / "skills", "bundled")])
    tool = {tool.name: tool for skill in skills.skills for tool in skill.tools}[name]
    found = wanted(tool, ToolCall("c", name, arguments))
    if found is None:
        return None
    asked = Asked(found[0], found[1], tool.name, tool.skill, tool.scopes, threading.Event())
    return Edits(Files([granted])).plan(asked)


def test_the_person_sees_the_difference_first(granted):
    told = diff(planned(granted, "edit_replace", path=str(granted / "letter.txt"), old="broken", new="mended"))
    assert "-the oven is broken." in told
    assert "+the oven is mended." in told


def test_files_are_deleted_and_moved_and_that_is_undone(files, granted, tmp_path):
    path, target = granted / "letter.txt", granted / "inner" / "Letter to Anna.txt"
    path.chmod(0o644)
    assert files("edit_move", path=str(path), target=str(target)).value["moved_to"] == str(target)
    assert files("edit_delete", path=str(target)).value == {
        "path": str(target), "deleted": True, "can_be_undone": True
    }  # fmt: skip
    assert not path.exists()
    assert not target.exists()
    undo = Undo(tmp_path / "undo")
    assert [(entry.did, entry.by.tool, entry.by.skill, entry.by.call) for entry in undo.entries()] == [
        ("deleted", "edit_delete", "edit", "c"),
        ("moved", "edit_move", "edit", "c"),
    ]
    for entry in undo.entries():
        undo.undo(entry.id)
    assert path.read_text().startswith("Dear Anna")
    assert path.stat().st_mode & 0o777 == 0o644
    assert not target.exists()


def test_what_may_not_be_deleted_or_moved_is_said(files, granted, tmp_path):
    letter = str(granted / "letter.txt")
    (granted / "link.txt").symlink_to(letter)
    (granted / "ours").mkdir()
    (granted / "ours" / "history").write_text("x")
    for name in ("link.txt", "inner", "ours/history", "gone.txt", "../secret.txt"):
        assert files("edit_delete", path=str(granted / name)).error, name
        assert files("edit_move", path=str(granted / name), target=str(granted / "moved")).error, name
    recipe = granted / "inner" / "recipe.md"
    for target in (granted / "inner", recipe, granted / "no" / "x", tmp_path / "x", granted / "ours" / "x"):
        assert files("edit_move", path=letter, target=str(target)).error, target
    assert recipe.read_text() == "Flour and butter\n"
    assert (granted / "letter.txt").read_text().startswith("Dear")
    assert sorted(entry.name for entry in granted.iterdir()) == ["inner", "letter.txt", "link.txt", "ours"]


def test_a_file_too_large_to_be_kept_is_said_before(files, granted, tmp_path):
    with (granted / "film.mkv").open("wb") as big:
        big.truncate(700 << 20)
    told = {name: lasting(planned(granted, "edit_delete", path=str(granted / name)))
            for name in ("film.mkv", "letter.txt")}  # fmt: skip
    assert told["film.mkv"] == "This can't be undone: the file has 700 MB, and at most 64 MB are kept."
    assert told["letter.txt"] == "It can be undone for 30 days."
    assert planned(granted, "files_read", path=str(granted / "film.mkv")) is None
    assert files("edit_delete", path=str(granted / "film.mkv")).value["can_be_undone"] is False
    assert not (granted / "film.mkv").exists()
    assert Undo(tmp_path / "undo").entries() == ()
    letter, other = granted / "letter.txt", granted / "b"
    assert diff(planned(granted, "edit_move", path=str(letter), target=str(other))) == (
        f"rename from {letter}\nrename to {other}"
    )
    assert "-the oven is broken." in diff(planned(granted, "edit_delete", path=str(letter)))


INPUTS = {
    "latin1.php": ("<?php // größer als früher\ntimeout = 10\n// für alle\n", "latin-1"),
    "cp1252.txt": ("Preis – 5 €\ntimeout = 10\n„gut“\n", "cp1252"),
    "gbk.cfg": ("# 配置文件，这是注释\ntimeout = 10\n名称=测试\n", "gbk"),
    "koi8.txt": ("Настройки программы\ntimeout = 10\nпривет\n", "koi8-r"),
    "sjis.ini": ("; 設定ファイル\ntimeout = 10\n名前=テスト\n", "shift_jis"),
    "utf16.txt": ("Größe\ntimeout = 10\n", "utf-16"),
    "bom.vb": ("' Größe\ntimeout = 10\n", "utf-8-sig"),
    "plain.txt": ("Größe 😀\ntimeout = 10\n", "utf-8"),
}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("name", INPUTS)
def test_bytes_outside_of_the_edited_piece_stay(files, granted, tmp_path, name, end):
    """Reports 18 and 19: encoding, mark and line ends are kept, and undo gives back every byte."""
    text, codec = INPUTS[name]
    path, raw = granted / name, text.replace("\n", end).encode(codec)
    path.write_bytes(raw)

    def changed(old, new):
        return text.replace(old, new).replace("\n", end).encode(codec)

    shown = files("files_read", path=str(path)).value
    assert shown["text"] == text.removesuffix("\n")
    assert files("edit_replace", path=str(path), old="timeout = 10", new="timeout = 25").error == ""
    assert path.read_bytes() == changed("10", "25")
    two = "\n".join(shown["text"].split("\n")[:2]).replace("10", "25")
    assert files("edit_replace", path=str(path), old=two, new=f"{two}\nadded").error == ""
    assert path.read_bytes() == changed("10", "25\nadded")
    assert files("edit_write", path=str(path), text="more\n", append=True).error == ""
    assert path.read_bytes().startswith(changed("10", "25\nadded"))
    assert files("edit_write", path=str(path), text=text).error == ""
    assert path.read_bytes() == raw
    for entry in Undo(tmp_path / "undo").entries():
        Undo(tmp_path / "undo").undo(entry.id)
    assert path.read_bytes() == raw


def test_an_undecodable_log_is_edited_where_it_can_be(files, granted):
    """Report 18: lines of another program in another encoding."""
    raw = b"ok \xc3\xa9t\xc3\xa9\nbad caf\xe9\nlevel=info\r\n"
    (granted / "mixed.log").write_bytes(raw)
    shown = files("files_read", path=str(granted / "mixed.log")).value
    assert shown["text"] == "ok été\nbad café\nlevel=info"
    assert "shown as Windows-1252" in shown["encoding"]
    assert (
        files("edit_replace", path=str(granted / "mixed.log"), old="café\nlevel=info", new="café\nlevel=é").error == ""
    )
    assert (granted / "mixed.log").read_bytes() == raw.replace(b"info", b"\xc3\xa9")


def test_what_the_encoding_lacks_is_refused_in_a_sentence(files, granted):
    path = granted / "a.txt"
    path.write_bytes("Grüße".encode("latin-1"))
    for call in (
        {"name": "edit_write", "text": "😀"},
        {"name": "edit_write", "text": "😀", "append": True},
        {"name": "edit_replace", "old": "Gr", "new": "😀"},
    ):
        assert (
            "a.txt is written in ISO 8859-1, which has no “😀”" in files(call.pop("name"), path=str(path), **call).error
        )
    assert path.read_bytes() == "Grüße".encode("latin-1")
    (granted / "photo.jpg").write_bytes(b"\xff\xd8\xff\xe0\0\x10JFIF\0")
    assert files("edit_write", path=str(granted / "photo.jpg"), text="x").error == "photo.jpg is no text."


def test_only_line_ends_end_lines(files, granted):
    """Report 19: lines have the same numbers wherever they are counted."""
    (granted / "a.txt").write_bytes("one\u2028still one\x0c\x0b\x85\r\ntwo\rthree needle\n".encode())
    shown = files("files_read", path=str(granted / "a.txt")).value
    assert shown["of"] == 3
    (hit,) = files("files_search", path=str(granted), query="needle").value["found"]
    assert hit["line"] == 3
    (line,) = (
        files("files_read", path=str(granted / "a.txt"), first_line=hit["line"], lines=1).value["text"].split("\n")
    )
    assert files("edit_replace", path=str(granted / "a.txt"), old=line, new="3").error == ""


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("word", ["résumé", "Müller", "한국어", "İstanbul"])
def test_names_and_texts_are_found_in_either_composition(files, granted, form, word):
    """Report 21."""
    other = "NFD" if form == "NFC" else "NFC"
    there = unicodedata.normalize(form, word)
    (granted / there).mkdir()
    path = granted / there / f"{there}.txt"
    path.write_text(f"about {there} and more\n")
    (granted / "text.md").write_text(f"x {there}\n")
    for typed in (unicodedata.normalize(other, word), there, word.upper()):
        found = files("files_search", path=str(granted), query=typed).value["found"]
        assert sorted(hit["in"] for hit in found) == ["name", "text"], typed
    typed = str(granted / unicodedata.normalize(other, word) / f"{unicodedata.normalize(other, word)}.txt")
    assert files("files_read", path=typed).value["text"] == f"about {there} and more"
    piece = unicodedata.normalize(other, f"about {word}")
    assert files("edit_replace", path=typed, old=piece, new="new").error == ""
    assert path.read_text() == "new and more\n"
    assert files("edit_write", path=typed, text="all").error == ""
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
    assert files("edit_delete", path=typed).error == ""
    assert not path.exists()


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("istanbul", "İstanbul"), ("ISPARTA", "Isparta"), ("ışık", "IŞIK"), ("strasse", "STRAßE"), ("office", "oﬃce"),
        ("abc", "ＡＢＣ"), ("zusammen", "zu\u00adsam\u00admen"), ("σισυφοσ", "ΣΊΣΥΦΟΣ".replace("Ί", "Ι")),
    ],
)  # fmt: skip
def test_words_are_found_however_they_are_written(files, granted, query, text):
    (granted / "a.txt").write_text(f"x {text} y\n")
    assert [hit["path"] for hit in files("files_search", path=str(granted), query=query).value["found"]] == [
        str(granted / "a.txt")
    ]


def test_names_that_are_no_utf8_are_listed_and_opened_by_what_was_shown(files, granted, tmp_path):
    """Report 22."""
    (granted / os.fsdecode(b"na\xefve")).mkdir()
    odd = {b"caf\xe9.txt": "one\n", b"caf\xe8.txt": "two\n", b"na\xefve/\xfcber.txt": "three\n"}
    for name, text in odd.items():
        (granted / os.fsdecode(name)).write_text(text)
    shown = [entry["name"] for entry in files("files_list", path=str(granted)).value["entries"]]
    assert shown == ["caf\\xe8.txt", "caf\\xe9.txt", "inner", "letter.txt", "na\\xefve"]
    (inner,) = files("files_list", path=str(granted / "na\\xefve")).value["entries"]
    for name, text in (("caf\\xe9.txt", "one"), ("caf\\xe8.txt", "two"), (f"na\\xefve/{inner['name']}", "three")):
        read = files("files_read", path=str(granted / name)).value
        assert (read["text"], read["path"]) == (text, str(granted / name))
        assert files("edit_replace", path=str(granted / name), old=text, new="new").error == ""
    assert files("files_read", path=str(granted / "café.txt")).value["text"] == "new"
    (hit,) = files("files_search", path=str(granted), query="über").value["found"]
    assert files("edit_delete", path=hit["path"]).error == ""
    assert not (granted / os.fsdecode(b"na\xefve/\xfcber.txt")).exists()
    moved = files("edit_move", path=str(granted / "caf\\xe9.txt"), target=str(granted / "plain.txt")).value
    assert moved["moved_to"] == str(granted / "plain.txt")
    undo = Undo(tmp_path / "undo")
    said = [undo.undo(entry.id) for entry in undo.entries()]
    assert all(sentence.encode() for sentence in said)
    assert {os.fsencode(entry.name) for entry in granted.iterdir()} > {b"caf\xe8.txt", b"caf\xe9.txt"}
    assert files("files_read", path=str(granted / "caf\\xe9.txt")).value["text"] == "one"


def test_a_search_says_what_it_passed_over(files, granted):
    """Kind D: what was not looked at is not as if it were not there."""
    assert "incomplete" not in files("files_search", path=str(granted), query="nothing").value
    with (granted / "big.txt").open("wb") as big:
        big.truncate(5 << 20)
    (granted / "photo.jpg").write_bytes(b"\xff\xd8\0\0")
    (granted / "node_modules").mkdir()
    (granted / "link").symlink_to(granted / "letter.txt")
    told = files("files_search", path=str(granted), query="nothing").value
    assert told["there_may_be_more"] is True
    assert told["incomplete"] == (
        "Not searched: files larger than 4 MB (1), links, which are not followed (1), folders called node_modules (1), "
        "what is in files that are no text (1)."
    )
    for number in range(60):
        (granted / f"match{number}").write_text("")
    told = files("files_search", path=str(granted), query="match").value
    assert (len(told["found"]), told["there_may_be_more"]) == (50, True)
    assert "Only the first 50 are listed" in told["incomplete"]
    for number in range(200):
        (granted / f"other{number}").write_text("")
    told = files("files_list", path=str(granted)).value
    assert told["incomplete"] == f"Only the first 200 of {told['total']} are listed: search for the others."


def test_a_granted_folder_that_is_exchanged_for_a_link_is_none_any_more(tmp_path):
    """F9: whoever may write the folder around it must not lead the skill elsewhere."""
    for name in ("around/granted", "keys"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "a.txt").write_text(name)
    files = Files([tmp_path / "around" / "granted"])
    asked = Asked(
        "read_file", {"path": str(tmp_path / "around/granted/a.txt")}, "t", "s", ("files:read",), threading.Event()
    )
    assert files.read_file(asked).value["text"] == "around/granted"
    (tmp_path / "around" / "granted").rename(tmp_path / "moved")
    (tmp_path / "around" / "granted").symlink_to(tmp_path / "keys")
    with pytest.raises(HostError, match="in no folder that was granted"):
        files.read_file(asked)
