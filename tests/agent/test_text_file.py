"""Whatever a text file is written in, a change of a piece touches no byte around it (reports 18 and 19)."""

import codecs
import unicodedata

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from deskhand.agent.charset import detect
from deskhand.agent.text_file import TextError, TextFile, encoded

SAMPLES = {
    "iso8859-1": "Grüße aus Köln: déjà vu, garçon.\n",
    "cp1252": "Grüße aus Köln: déjà vu für 5 € – schön.\n",
    "koi8-r": "Привет, мир! Это простая проверка настроек.\n",
    "cp1251": "Привет, мир! Это простая проверка настроек.\n",
    "cp1253": "Καλημέρα κόσμε, τι κάνεις σήμερα το πρωί;\n",
    "cp932": "設定を保存しました。タイムアウト（秒）\n",
    "euc_jp": "設定を保存しました。タイムアウト（秒）\n",
    "gbk": "配置文件：启用超时，单位是秒。这是一个测试。\n",
    "cp950": "設定檔案：啟用逾時，單位是秒。這是一個測試。\n",
    "cp949": "설정 파일입니다. 시간 제한을 사용합니다.\n",
    "utf-8": "Grüße — 你好 😀 Привет\n",
    "utf-8-sig": "Grüße — 你好 😀 Привет\n",
    "utf-16": "Grüße — 你好 😀 Привет\n",
    "utf-16-be-mark": "Grüße — 你好 😀 Привет\n",
    "utf-16-le": "plain and Grüße\n",
    "utf-16-be": "plain and Grüße\n",
    "utf-32": "Grüße — 你好 😀\n",
}


def raw_of(text, codec):
    return codecs.BOM_UTF16_BE + text.encode("utf-16-be") if codec == "utf-16-be-mark" else text.encode(codec)


def without_mark(text, codec):
    """What a piece becomes on its own in this encoding."""
    plain = {"utf-8-sig": "utf-8", "utf-16": "utf-16-le", "utf-16-be-mark": "utf-16-be", "utf-32": "utf-32-le"}
    return text.encode(plain.get(codec, codec))


@pytest.mark.parametrize("codec", SAMPLES)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", [True, False])
def test_a_piece_is_replaced_and_every_other_byte_stays(codec, end, last):
    sample = SAMPLES[codec].replace("\n", end)
    before, after = f"timeout=1{end}{sample}{sample}name=", f"{end}{sample}{'' if last else 'end'}"
    raw = raw_of(f"{before}old{after}", codec)
    file = TextFile.of(raw)
    assert file.replaced("name=old", "name=new word") == raw_of(f"{before}new word{after}", codec)
    assert file.replaced("name=old\n", "name=\nnew\n") == raw_of(f"{before}{end}new{after}", codec)
    assert file.replaced("old\n", "\n") == raw_of(f"{before}{after}", codec)
    assert file.appended("more\n") == raw + without_mark(f"more{end}", codec)
    assert file.appended(SAMPLES[codec]) == raw + without_mark(sample, codec)
    assert file.rewritten(file.text) == raw
    assert file.rewritten(f"{file.text}more\n") == raw + without_mark(f"more{end}", codec)
    shown = "\n".join(file.lines)
    assert shown == f"{before}old{after}".replace(end, "\n").removesuffix("\n")
    for line in file.lines:
        if file.count(line) == 1:
            assert file.replaced(line, line) == raw


@pytest.mark.parametrize("codec", SAMPLES)
def test_an_encoding_is_told_by_its_text(codec):
    told = detect(raw_of(SAMPLES[codec] * 2, codec))
    assert told is not None
    assert codecs.lookup(told.codec) == codecs.lookup(
        {"utf-8-sig": "utf-8", "utf-16": "utf-16-le", "utf-16-be-mark": "utf-16-be", "utf-32": "utf-32-le"}.get(
            codec, codec
        )
    )


ODD = st.one_of(
    st.binary(max_size=8).filter(lambda raw: b"\0" not in raw and b"#" not in raw),
    st.text(st.characters(codec="utf-8", exclude_characters="#\0"), max_size=12).map(str.encode),
    st.sampled_from(
        [b"\r\n", b"\n", b"\r", b"\r\r\n", b"\x0c", b"\xe2\x80\xa8", b"\x0b", b"caf\xe9", "e\u0301".encode()]
    ),
)


@settings(deadline=None, max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(ODD, max_size=8).map(b"".join),
    st.lists(ODD, max_size=8).map(b"".join),
    st.sampled_from([b"", codecs.BOM_UTF8]),
    st.text(st.characters(codec="ascii", exclude_characters="#\0"), max_size=8),
)
def test_bytes_that_are_of_no_encoding_stay_too(before, after, mark, new):
    raw = mark + before + b"##old##" + after
    try:
        file = TextFile.of(raw)
        assume(file.count("##old##") == 1)  # where the guess is Shift_JIS or so, a sign before it may take the first #
        made = file.replaced("##old##", f"##{new}##")
    except TextError:
        return  # refused is fine, changed elsewhere is not
    assert made.startswith(mark + before + b"##")
    assert made.endswith(b"##" + after)
    middle = made[len(mark + before) + 2 : len(made) - len(after) - 2]
    assert middle.decode().replace("\r\n", "\n").replace("\r", "\n") == new.replace("\r\n", "\n").replace("\r", "\n")


WIDE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0#"), max_size=20)


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.tuples(WIDE, st.sampled_from(["\n", "\r\n"])), min_size=1, max_size=6),
    st.integers(0, 5),
    WIDE,
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-be-mark", "utf-32"]),
)
def test_a_line_as_it_is_shown_is_found_and_alone_replaced(lines, which, new, codec):
    which %= len(lines)
    lines[which] = (f"#{lines[which][0]}", lines[which][1])
    raw = raw_of("".join(line + end for line, end in lines), codec)
    try:
        file = TextFile.of(raw)
    except TextError:
        return
    shown = file.lines[which]
    assert unicodedata.normalize("NFC", shown) == unicodedata.normalize("NFC", lines[which][0])
    for seen in {shown, unicodedata.normalize("NFC", shown), unicodedata.normalize("NFD", shown)}:
        made = file.replaced(seen, f"#{new}")
        head = raw_of("".join(line + end for line, end in lines[:which]), codec)
        tail = without_mark("".join(line + end for line, end in [("", lines[which][1]), *lines[which + 1 :]]), codec)
        assert made.startswith(head)
        assert made.endswith(tail)
        text = TextFile(made, file.charset).text
        assert unicodedata.normalize("NFC", f"#{new}") in unicodedata.normalize("NFC", text)


def test_only_what_differs_within_the_piece_is_written():
    raw = b"a\r\nb caf\xe9\nc\rd ok \xc3\xa9\xc3\xa9\n" + "e\u0301".encode() + b"\n"
    file = TextFile.of(raw)
    assert file.lines == ["a", "b café", "c", "d ok éé", "e\u0301"]
    assert file.replaced("a\nb café\nc\nd", "A\nb café\nC\nd") == raw.replace(b"a\r", b"A\r").replace(b"\nc", b"\nC")
    assert file.rewritten("a\nb café\nc\nnew\nd ok éé\né\n") == raw.replace(b"c\rd", b"c\rnew\nd")
    assert file.rewritten("a\nb café!\nc\nd ok éé\né\n") == raw.replace(b"\xe9\n", b"\xe9!\n")


def test_a_mark_is_not_written_twice():
    raw = codecs.BOM_UTF8 + b"a\n"
    assert TextFile.of(raw).rewritten("\ufeffb\n") == codecs.BOM_UTF8 + b"b\n"


def test_line_ends_that_would_become_one_are_not_made_one():
    file = TextFile.of(b"a\rb\nc")
    with pytest.raises(TextError, match="without touching"):
        file.replaced("\nb", "\n")
    assert file.lines == ["a", "b", "c"]


def test_letters_composed_in_either_way_are_found():
    """Report 21."""
    for kept in ("NFC", "NFD"):
        for typed in ("NFC", "NFD"):
            raw = unicodedata.normalize(kept, "x résumé Müller 한국어 က\u1025\u102e x").encode()
            file = TextFile.of(raw)
            for word in ("résumé", "Müller", "한국어", "한"):
                assert file.replaced(unicodedata.normalize(typed, word), "NEW") == raw.replace(
                    unicodedata.normalize(kept, word).encode(), b"NEW"
                )
    assert TextFile.of("e\u0301".encode()).count("e") == 1  # as it stands there, letter by letter


@pytest.mark.parametrize(
    ("codec", "text", "sign"),
    [
        ("cp1252", "😀", "“😀”"),
        ("iso8859-1", "5 €", "“€”"),
        ("gbk", "😀", "“😀”"),
        ("koi8-r", "für", "“ü”"),
        ("cp932", "😀", "“😀”"),
        ("cp1252", "a\u200b", "U\\+200B"),
    ],
)
def test_what_the_encoding_lacks_is_refused(codec, text, sign):
    file = TextFile.of(SAMPLES[codec].encode(codec))
    with pytest.raises(TextError, match=f"which has no .*{sign}"):
        file.appended(text)


@pytest.mark.parametrize(
    ("head", "codec"),
    [
        ('<?xml version="1.0" encoding="windows-1250"?>\n', "cp1250"),
        ("#!/usr/bin/python\n# -*- coding: iso-8859-2 -*-\n", "iso8859-2"),
        ("# vim: set fileencoding=koi8-u :\n", "koi8-u"),
        ('<html><head><meta charset="windows-1254">\n', "cp1254"),
        ('<meta http-equiv="Content-Type" content="text/html; charset=euc-jp">\n', "euc_jp"),
        ('@charset "iso-8859-15";\n', "iso8859-15"),
    ],
)
@pytest.mark.parametrize("there", ["", "there"])
def test_what_a_file_says_it_is_written_in_is_kept(head, codec, there):
    """Report 18: also where nothing but ASCII stands in it yet."""
    words = {
        "cp1250": "žluťoučký őű",
        "iso8859-2": "žluťoučký őű",
        "koi8-u": "Привіт",
        "cp1254": "ışık ğ",
        "euc_jp": "設定",
    }
    word = words.get(codec, "œuvre €")
    raw = (head + (word if there else "") + "\nend\n").encode(codec)
    file = TextFile.of(raw)
    assert file.lines[-1] == "end"
    assert file.replaced("end", word) == raw.replace(b"end", word.encode(codec))
    with pytest.raises(TextError, match="which has no “😀”"):
        file.appended("😀")


@pytest.mark.parametrize(
    "head",
    [
        "about charset=koi8-r\n",
        "# coding: utf-7\n",
        "# coding: nonsense\n",
        '<?xml encoding="utf-16"?>\n',
        "# coding: cp037\n",
    ],
)
def test_what_is_no_statement_of_that_is_plain_text(head):
    assert TextFile.of(head.encode()).appended("é\n") == f"{head}é\n".encode()
    assert TextFile.of(f"{head}ü".encode()).appended("é\n") == f"{head}üé\n".encode()


def test_halves_of_characters_are_in_no_file():
    with pytest.raises(TextError, match=r"U\+D83D"):
        encoded("\ud83d")
    with pytest.raises(TextError, match=r"U\+D83D"):
        TextFile.of(b"abc").appended("\ud83d")


@pytest.mark.parametrize("raw", [b"\x7fELF\0\0\0", b"\x89PNG\r\n\x1a\n\0\0", bytes(range(1, 32)) * 9, b"PK\x03\x04\0"])
def test_what_is_no_text_is_said(raw):
    with pytest.raises(TextError, match="is no text"):
        TextFile.of(raw)


def test_a_last_character_that_is_cut_off_stays_cut_off():
    raw = "ab".encode("utf-16") + b"\x41"
    assert TextFile.of(raw).replaced("a", "xy") == "xyb".encode("utf-16") + b"\x41"


def test_the_encoding_is_named_where_it_is_not_plain():
    assert TextFile.of(b"abc\n").encoding == ""
    assert TextFile.of("Grüße".encode()).encoding == ""
    assert TextFile.of("Grüße".encode("cp1252")).encoding == "ISO 8859-1 (guessed)"
    assert TextFile.of("5 €, Grüße".encode("cp1252")).encoding == "Windows-1252 (guessed)"
    assert TextFile.of("Grüße".encode("utf-8-sig")).encoding == "UTF-8 with a byte order mark"
    assert TextFile.of("é ok é ".encode() + b"\xe9").encoding.startswith("UTF-8; 1 byte")
