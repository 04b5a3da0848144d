"""The sentences that a small model learnt: what a person typed as it is spelt in them, and results as it knows them.

Such a model knows them to the letter, and a person leaves out a capital or adds a mark without a thought. Of 100 typed
commands (held out, another draw than the card's) Pocket understood 90 as they were, 25 with a question mark, 76 without
capitals, and 94 with their numbers in digits; of 100 questions for buttons 99, and 2 without capital and mark. Of 150
commands that xdg-open had failed it said for 132 that this did not work, and for 149 when told so in the words of its
training.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Formatter
from typing import Any

from deskhand.model.errors import BundleError

Slots = Mapping[str, Mapping[str, str]]
"""By a slot's name: what may stand in it, in small letters as people write it, and how it was learnt."""

_MARKS = " \t\n.?!"
_SLOT = re.compile(r"\\{(\w+)\\}")


class Learnt:
    """Sentences with slots, and results of tools.

    Args:
        sentences: as they were learnt, such as ``timer {number} minutes``.
        slots: what may stand in them.
        worked: the result of a tool that worked.
        failed: of one that did not.
    """

    def __init__(self, sentences: Sequence[str], slots: Slots, worked: str, failed: str) -> None:
        self.sentences, self.slots, self.worked, self.failed = tuple(sentences), slots, worked, failed
        self._forms = [(sentence, self._form(sentence)) for sentence in sentences]

    @classmethod
    def read(cls, path: Path) -> Learnt:
        """From a file that `write` wrote.

        Raises:
            BundleError: it can't be read.
        """
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            return cls(found["sentences"], found["slots"], found["worked"], found["failed"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BundleError(f"The sentences that the model learnt can't be read from {path}.") from error

    def write(self, path: Path) -> None:
        """To a file of JSON."""
        path.write_text(json.dumps(self._written, indent=1) + "\n", encoding="utf-8")

    @property
    def _written(self) -> dict[str, Any]:
        names = ("sentences", "slots", "worked", "failed")
        return {name: getattr(self, name) for name in names}

    def result(self, told: str) -> str:
        """What a tool gave, as a model that learnt only whether one worked was told of it.

        Args:
            told: the result as the agent writes it: a failure is an object with ``error``.
        """
        try:
            failed = "error" in json.loads(told)
        except (ValueError, TypeError):
            failed = False
        return self.failed if failed else self.worked

    def spelt(self, text: str) -> str:
        """What was typed as it is spelt in the sentence that it is; else without marks that only questions end with.

        Only capitals, spaces, marks at the end and numbers in words or digits are changed.
        """
        plain = " ".join(text.strip(_MARKS).split())
        for sentence, form in self._forms:
            if match := form.fullmatch(plain):
                values = {name: self._value(name, value) for name, value in match.groupdict().items()}
                return sentence.format(**values)
        return text.rstrip(" ?!")

    def examples(self) -> list[tuple[str, dict[str, tuple[str, ...]]]]:
        """Of each sentence one with its slots filled, and by slot everything that may stand there, as it was learnt."""
        found: list[tuple[str, dict[str, tuple[str, ...]]]] = []
        for at, sentence in enumerate(self.sentences):
            names = [name for _, name, _, _ in Formatter().parse(sentence) if name]
            choices = {name: tuple(dict.fromkeys(self.slots[name].values())) for name in names}
            filled = {name: values[(at + order) % len(values)] for order, (name, values) in enumerate(choices.items())}
            found.append((sentence.format(**filled), choices))
        return found

    def _value(self, name: str, typed: str) -> str:
        return self.slots[name][typed.lower()]

    def _form(self, sentence: str) -> re.Pattern[str]:
        def choice(match: re.Match[str]) -> str:
            longest_first = sorted(self.slots[match[1]], key=len, reverse=True)
            return f"(?P<{match[1]}>{'|'.join(map(re.escape, longest_first))})"

        return re.compile(_SLOT.sub(choice, re.escape(sentence.strip(_MARKS))).replace(r"\ ", " "), re.IGNORECASE)
