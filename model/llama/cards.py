"""The graphics cards that llama.cpp can use, as it sees them; none in a build for the processor.

Integrated ones are left out: their memory is the machine's, of which the processor makes the same use.
"""

from __future__ import annotations

import json
import sys

from deskhand.model.files.card import Card
from deskhand.model.llama.native import devices


def cards() -> tuple[Card, ...]:
    """Those with memory of their own and how much of it is free now, in llama.cpp's order."""
    return tuple(Card(device.name, device.free) for device in devices())


if __name__ == "__main__":
    json.dump([(card.name, card.free) for card in cards()], sys.stdout)
