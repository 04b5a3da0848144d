"""ES modules of a skill's page: what each imports from the skill's own folder, in the order in which they can be made.

Found by their form and not by a parser: an address in a comment that looks like an import is looked up like one.
"""

from __future__ import annotations

import re
from collections.abc import Callable

MOST_MODULES = 200
_IMPORT = re.compile(
    r"""((?:^|[;\n}])\s*(?:import|export)\s+(?:[\w$\s{},*]+?\s+from\s+)?|\bimport\s*\(\s*)(["'])([^"'\n]+)\2"""
)

Piece = str | int
"""Text of a module, or the number of the module whose address stands there."""


class ModuleError(Exception):
    """A module that can't be used; the message is a sentence."""


class Modules:
    """The modules of one page.

    Args:
        read: gives a module's own name and text by its name and the one that asks for it; raises for what is not there.
    """

    def __init__(self, read: Callable[[str, str], tuple[str, str]]) -> None:
        self._read = read
        self._numbers: dict[str, int] = {}
        self._open: list[str] = []
        self.made: list[list[Piece]] = []

    def add(self, name: str, text: str) -> int:
        """Take in a module and all that it imports; returns its number.

        Raises:
            ModuleError: it imports what is not of the skill, modules import each other in a circle, or are too many.
        """
        if name in self._numbers:
            return self._numbers[name]
        if name in self._open:
            raise ModuleError(f"Modules that import each other in a circle can't be run: {name[:200]}.")
        if len(self.made) + len(self._open) >= MOST_MODULES:
            raise ModuleError(f"The page has more than {MOST_MODULES} modules.")
        self._open.append(name)
        pieces: list[Piece] = []
        at = 0
        for found in _IMPORT.finditer(text):
            address = found.group(3)
            if not address.startswith(("./", "../", "/")):
                raise ModuleError(f"{name[:100]} imports “{address[:200]}”, which is not a file of the skill.")
            pieces += [text[at : found.start(2)], self.add(*self._read(address, name))]
            at = found.end()
        self._open.pop()
        self._numbers[name] = len(self.made)
        self.made.append([*pieces, text[at:]])
        return self._numbers[name]
