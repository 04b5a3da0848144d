"""What a docstring in Google's style says: the first paragraph, and a section of names."""

from __future__ import annotations

import re


def summary(text: str) -> str:
    """The first paragraph, on one line."""
    return " ".join(text.split("\n\n", 1)[0].split())


def described(text: str, titles: str = "Args|Arguments|Parameters") -> dict[str, str]:
    """What a section says of each name.

    Args:
        text: of the docstring, its indentation taken off.
        titles: of the section, with bars between.
    """
    found: dict[str, str] = {}
    section = re.search(rf"^(?:{titles}):[ \t]*\n((?:[ \t]+\S.*\n?|[ \t]*\n)+)", text, re.MULTILINE)
    if section:
        lines = section.group(1).splitlines()
        indent = min(len(line) - len(line.lstrip()) for line in lines if line.strip())
        current = ""
        for line in lines:
            head = re.match(r"\*{0,2}(\w+)\s*(?:\([^)]*\))?:\s*(.*)", line[indent:])
            if head:
                current = head.group(1)
                found[current] = head.group(2).strip()
            elif current and line.strip():
                found[current] += " " + line.strip()
    return found
