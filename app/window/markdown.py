"""Markdown as a model means it: where the letter of the rules would eat what it wrote, the text is shown as it stands.

The grammar is CommonMark with GitHub's tables and strikethrough, read by md4c within Qt. Left as they are: fenced,
indented and inline code, links. Taken literally: single tildes, stars of a product or a file pattern, Windows paths,
names with underscores, formulas. Emphasis also ends where no space follows, as in Japanese.
"""

from __future__ import annotations

import re
import unicodedata

MARK = "\ue0f1"
"""A letter to md4c, put where one has to stand for emphasis to begin or end; taken out of what is shown."""

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_LIST = re.compile(r"\s*(?:[-+*]|\d{1,9}[.)])\s")
_NAMES = re.compile(
    "all|annotations|bool|builtins|call|class|contains|del|dict|doc|enter|eq|exit|file|format|ge|getattr|getitem|gt|hash|"
    "import|init|iter|le|len|lt|main|missing|module|name|ne|new|next|path|post_init|prepare|qualname|repr|setattr|"
    "setitem|slots|str|version"
)
_PIECE = re.compile(
    r"""
    (?P<kept>
        (?<!`)(?P<ticks>`+)(?!`)[\s\S]*?(?<!`)(?P=ticks)(?!`)
      | (?:https?|ftp)://[^\s<>]+ | <[^<>\s]+> | \]\([^()\s]*(?:\([^()\s]*\)[^()\s]*)*\)
    )
  | (?P<literal>
        \$\$[\s\S]+?\$\$ | (?<![\w$])\$(?=[^\s$])[^$\n]*?(?<=\S)\$(?![\w$])
      | \\\([^\n]*?\\\) | \\\[[\s\S]*?\\\]
      | (?<![\w\\])(?:[A-Za-z]:\\|\\\\(?=\w)|%\w+%\\)[^\s"'<>|`]*
      | (?<!\w)\w*[A-Za-z0-9]_+[A-Za-z0-9]\w*
    )
  | (?P<escaped>\\[!-/:-@\[-`{-~])
  | (?P<dunder>(?<!\w)__(?P<name>[A-Za-z]\w*?)__(?!\w))
  | (?P<tildes>~+)
  | (?P<stars>\*+)
    """,
    re.VERBOSE,
)


def meant(source: str) -> str:
    """The same Markdown, with everything escaped that was not meant as such."""
    made: list[str] = []
    text: list[str] = []

    def end() -> None:
        if text:
            made.append(_inline("\n".join(text)))
            text.clear()

    fence, blank, listed = "", True, False
    for line in source.replace(MARK, "").split("\n"):
        found = _FENCE.match(line)
        if fence:
            made.append(line)
            closes = found and found[1].startswith(fence) and not line.strip().strip(fence[0])
            fence = "" if closes else fence
        elif found:
            end()
            made.append(line)
            fence = found[1]
        elif blank and not listed and line.startswith(("    ", "\t")) and line.strip():
            end()
            made.append(line)
            continue  # the next one may go on with this code
        elif not line.strip():
            end()
            made.append(line)
        else:
            text.append(line)
            listed = bool(_LIST.match(line)) or (listed and line[:1] in {" ", "\t"})
        blank = not line.strip()
    end()
    return "\n".join(made)


def _inline(text: str) -> str:
    made: list[str] = []
    open_stars: list[int] = []
    at = 0
    for match in _PIECE.finditer(text):
        made.append(text[at : match.start()])
        at = match.end()
        piece = match[0]
        if match["kept"] or match["escaped"]:
            made.append(piece)
        elif match["literal"]:
            made.append(_escaped(piece))
        elif match["dunder"]:
            made.append(
                _escaped(piece)
                if _is_name(match["name"], text[match.start() - 1 : match.start()], text[at:])
                else piece
            )
        elif match["tildes"]:
            made.append(piece if _strikes(text, match) else _escaped(piece))
        else:
            made.append(_stars(text, match, open_stars))
    return "".join((*made, text[at:]))


def _escaped(text: str) -> str:
    return re.sub(r"[\\*_~`\[\]<>#&|!$]", r"\\\g<0>", text)


def _is_name(name: str, before: str, after: str) -> bool:
    """Whether a word between double underscores is one of Python's names, and not a bold word."""
    return bool(_NAMES.fullmatch(name)) or before == "." or bool(re.match(r"\(|\.\w", after))


def _strikes(text: str, match: re.Match[str]) -> bool:
    """Whether two tildes begin or end what is struck through."""
    return len(match[0]) == 2 and len(re.findall(r"(?<!~)~~(?!~)", text)) > 1


def _stars(text: str, match: re.Match[str], opened: list[int]) -> str:
    """Stars as emphasis or as themselves; ``opened`` holds the lengths of what has begun."""
    stars, before, after = match[0], text[match.start() - 1 : match.start()], text[match.end() : match.end() + 1]
    if _is_operator(len(stars), before, text[match.end() : match.end() + 2]):
        return _escaped(stars)
    strong = len(stars) > 1 or _is_wide(before) or _is_wide(after)
    if len(stars) in opened and before.strip():
        opened.remove(len(stars))
        return f"{MARK}{stars}" if strong and _is_mark(before) and _is_letter(after) else stars
    if after.strip():
        opened.append(len(stars))
        ends = re.search(rf"(?<!\*){re.escape(stars)}(?!\*)", text[match.end() :])
        return f"{stars}{MARK}" if strong and ends and _is_letter(before) and _is_mark(after) else stars
    return stars


def _is_operator(count: int, before: str, after: str) -> bool:
    """Whether stars multiply, raise to a power, or stand for any name of a file."""
    first = after[:1]
    if before == "/" or first == "/" or (first == "." and after[1:].isalnum() and not _is_letter(before)):
        return True
    left = before.isascii() and (before.isalnum() or before in {")", "]"}) and bool(before)
    right = first.isascii() and (first.isalnum() or first in {"(", "["}) and bool(first)
    return left and right and (count == 1 or before.isdigit() or first.isdigit())


def _is_wide(character: str) -> bool:
    return bool(character) and unicodedata.east_asian_width(character) in {"W", "F"}


def _is_letter(character: str) -> bool:
    return bool(character) and not character.isspace() and not _is_mark(character)


def _is_mark(character: str) -> bool:
    """Punctuation and symbols, by CommonMark's categories."""
    return bool(character) and unicodedata.category(character)[0] in {"P", "S"}
