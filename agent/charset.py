"""Tell which bytes are text, and in which encoding, so that none of them is lost when a piece of it is changed.

What is UTF-8, begins with a mark or names its encoding (XML, HTML, CSS, Python) is known. For the rest the encodings
that are older than UTF-8 are tried: those of Cyrillic, Greek and Hebrew by how often their letters come, those of East
Asia by how many of the signs are everyday ones, and else it is Western. A wrong guess shows other letters, but costs no
byte: see `deskhand.agent.text_file`.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from dataclasses import dataclass

_BEGINNING = 8192
"""Bytes in which what is no text is told."""

_LOOKED_AT = 1 << 16
"""Bytes from which an old encoding is told."""

_NAMES = {
    "utf-8": "UTF-8",
    "utf-16-le": "UTF-16 LE",
    "utf-16-be": "UTF-16 BE",
    "utf-32-le": "UTF-32 LE",
    "utf-32-be": "UTF-32 BE",
    "iso8859-1": "ISO 8859-1",
    "cp1252": "Windows-1252",
    "koi8-r": "KOI8-R",
    "cp1251": "Windows-1251",
    "cp866": "DOS 866",
    "iso8859-5": "ISO 8859-5",
    "cp1253": "Windows-1253",
    "cp1255": "Windows-1255",
    "cp932": "Shift_JIS",
    "euc_jp": "EUC-JP",
    "gbk": "GBK",
    "gb18030": "GB18030",
    "cp950": "Big5",
    "cp949": "EUC-KR",
}

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

_LETTERS = {
    "koi8-r": "оеаинтсрвл",
    "cp1251": "оеаинтсрвл",
    "cp866": "оеаинтсрвл",
    "iso8859-5": "оеаинтсрвл",
    "cp1253": "αοιετσνηυρ",
    "cp1255": "יוהלאמרבתש",
}
"""The ten commonest letters of Russian, Greek and Hebrew: about 60 % of a text, in the wrong encoding 20 to 40 %."""

_DECLARED = re.compile(
    rb"""\A\s*<\?xml[^>]*\sencoding\s*=\s*["']([\w.-]+)|<meta[^>]*\scharset\s*=\s*["']?([\w.-]+)"""
    rb"""|<meta[^>]*;\s*charset\s*=\s*([\w.-]+)|\A@charset\s+"([\w.-]+)\""""
    rb"""|\A(?:[^\n]*\n)?[ \t\f]*\#.*?coding[:=][ \t]*([\w.-]+)""",
    re.IGNORECASE,
)
"""How files say what they are written in: XML 1.0 §4.3.3, HTML, CSS, Python (PEP 263)."""

_TRUSTED = re.compile(
    r"iso8859-\d+|cp\d+|koi8-[rtu]|mac-\w+|gb\w+|big5\w*|euc_\w+|shift_jis\w*|johab|tis-620|hp-roman8|kz1048|ptcp154"
)
"""Of Python's encodings those in which a text begins anew with every character."""

_CONTROLS = bytes(set(range(32)) - set(b"\t\n\v\f\r\b\x1b"))


@dataclass(frozen=True, slots=True)
class Charset:
    """How a text is kept.

    Attributes:
        codec: Python's name of the encoding, without a mark.
        mark: bytes at the beginning that say which encoding it is.
        errors: how Python decodes what is not of the encoding, so that nothing is lost.
        guessed: nothing in the file says so.
    """

    codec: str = "utf-8"
    mark: bytes = b""
    errors: str = "surrogateescape"
    guessed: bool = False

    @property
    def name(self) -> str:
        """As a person knows it."""
        return _NAMES.get(self.codec, self.codec.upper())

    @property
    def width(self) -> int:
        """Bytes of the smallest unit."""
        return 4 if self.codec.startswith("utf-32") else 2 if self.codec.startswith("utf-16") else 1


def detect(raw: bytes) -> Charset | None:
    """The encoding of a text; None if it is no text."""
    for mark, codec in _MARKS:
        if raw.startswith(mark):
            return Charset(codec, mark, "surrogateescape" if codec == "utf-8" else "surrogatepass")
    if b"\0" in raw[:_BEGINNING]:
        codec = _wide(raw)
        return Charset(codec, b"", "surrogatepass", guessed=True) if codec else None
    beginning = raw[:_BEGINNING]
    if len(beginning) - len(beginning.translate(None, _CONTROLS)) > max(3, 0.05 * len(beginning)):
        return None
    return _narrow(raw)


def _narrow(raw: bytes) -> Charset:
    """The encoding of a text in which a line feed is one byte."""
    declared = _declared(raw)
    text = raw.decode("utf-8", "surrogateescape")
    strange = len(re.findall("[\udc80-\udcff]", text))
    if declared and (strange or raw.isascii()):
        return Charset(declared)
    if not strange or strange < len(re.findall("[^\0-\x7f\udc80-\udcff]", text)):
        return Charset()  # all of it, or most: lines of another program are in it
    return Charset(_old(raw), guessed=True)


def _declared(raw: bytes) -> str:
    """The encoding that a file says it has, if all of it can be that; else empty."""
    found = _DECLARED.search(raw[:1024])
    try:
        codec = codecs.lookup(next(filter(None, found.groups())).decode()).name if found else ""
        if _TRUSTED.fullmatch(codec) and b"a<\n".decode(codec) == "a<\n":  # and not of a mainframe
            raw.decode(codec)
            return codec
    except (LookupError, UnicodeError):
        pass
    return ""


def _wide(raw: bytes) -> str:
    """UTF-16 without a mark: its zeros stand on one side of its pairs, and all of it is characters that are known."""
    zeros = [raw[side::2].count(0) for side in (0, 1)]
    for codec, zero, other in (("utf-16-le", zeros[1], zeros[0]), ("utf-16-be", zeros[0], zeros[1])):
        if zero > 20 * other and len(raw) % 2 == 0:
            try:
                text = raw.decode(codec)
            except UnicodeDecodeError:
                continue
            if sum(char.isprintable() or char in "\t\n\v\f\r" for char in text[:_BEGINNING]) > 0.98 * len(
                text[:_BEGINNING]
            ):
                return codec
    return ""


def _old(raw: bytes) -> str:
    """An encoding that is older than UTF-8."""
    sample = raw[:_LOOKED_AT]
    runs = [len(run) for run in re.findall(rb"[\x80-\xff]+", sample)]
    high = sum(runs)
    beside = len(re.findall(rb"[A-Za-z](?=[\x80-\xff])|[\x80-\xff](?=[A-Za-z])", sample))
    if high >= 2.5 * len(runs) and beside < 0.2 * high:
        scores = {codec: _letters(sample, codec) for codec in _LETTERS}
        best = max(scores, key=lambda codec: scores[codec])
        if scores[best] >= 0.45:
            return best
    scores = {codec: _signs(raw, codec, everyday) for codec, everyday in _EVERYDAY.items()}
    best = max(scores, key=lambda codec: scores[codec])
    if scores[best] >= 0.75:
        return best
    # What Windows added is only written where it stands already: an older program would not read it.
    return "cp1252" if re.search(rb"[\x80-\x9f]", raw) else "iso8859-1"


def _letters(sample: bytes, codec: str) -> float:
    """Which part of what is not ASCII are the commonest letters; 0 where much of it are no letters at all."""
    text = re.sub("[\0-\x7f]", "", sample.decode(codec, "replace"))
    letters = [char for char in text if char.isalpha() and char != "\ufffd"]
    if len(letters) < 0.9 * len(text) or sum(char.isupper() for char in letters) > 0.6 * len(letters):
        return 0.0
    return sum(char.lower() in _LETTERS[codec] for char in letters) / len(letters)


def _signs(raw: bytes, codec: str, everyday: Callable[[bytes], float]) -> float:
    """Which part of what is not ASCII are everyday signs of an East Asian encoding; 0 if it can't be that."""
    try:
        text = raw.decode(codec)
    except UnicodeDecodeError:
        return 0.0
    signs = [char.encode(codec, "replace") for char in re.findall("[^\0-\x7f]", text[:_LOOKED_AT])]
    high = sum(byte >= 0x80 for sign in signs for byte in sign)
    if len(signs) < 2 or high < 1.35 * len(signs):
        return 0.0  # one byte beside an ASCII letter each: Western
    return sum(map(everyday, signs)) / len(signs)


def _japanese(sign: bytes) -> float:
    lead = sign[0]
    return 1.0 if lead in {0x81, 0x82, 0x83} or 0x88 <= lead <= 0x98 else 0.1 if len(sign) == 1 else 0.3


def _unix_japanese(sign: bytes) -> float:
    # A little more than as Chinese, in whose encoding kana stand at the same places and are rare.
    return {0xA4: 1.6, 0xA5: 1.6}.get(
        sign[0], 1.0 if 0xA1 <= sign[0] <= 0xA3 else 0.8 if 0xB0 <= sign[0] <= 0xCF else 0.2
    )


def _chinese(sign: bytes) -> float:
    plain = len(sign) == 2 and sign[1] >= 0xA1
    return 1.0 if plain and (0xB0 <= sign[0] <= 0xD7 or 0xA1 <= sign[0] <= 0xA3) else 0.3 if plain else 0.0


def _taiwanese(sign: bytes) -> float:
    return 1.0 if 0xA1 <= sign[0] <= 0xC6 else 0.3


def _korean(sign: bytes) -> float:
    # A little more than as Chinese, whose signs go on behind these places.
    plain = len(sign) == 2 and sign[1] >= 0xA1
    return 1.02 if plain and (0xB0 <= sign[0] <= 0xC8 or 0xA1 <= sign[0] <= 0xA3) else 0.0


_EVERYDAY: dict[str, Callable[[bytes], float]] = {
    "cp932": _japanese,
    "gbk": _chinese,
    "gb18030": _chinese,
    "cp950": _taiwanese,
    "cp949": _korean,
    "euc_jp": _unix_japanese,
}
