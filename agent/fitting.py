"""What of a conversation goes to the model when all of it does not fit, by one rule that the person is told."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from deskhand.model.types import Audio, Image, Message, Part, Text

BLOCK = 4
"""Old pictures leave the prompt four at a time: each time the cached prefix is lost, so it should be seldom."""

SHARE = 4
"""Old turns leave the prompt by this part of its room at a time, for the same reason."""

NO_PICTURE = "[an earlier picture, left out to make room]"
NO_SOUND = "[an earlier recording, left out to make room]"
CUT = "\n[cut to make room]"
SHORTEST = 300
"""Characters that stay of a result that is cut."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What the model does not get of a conversation.

    Attributes:
        pictures: replaced by a note in turns that stay.
        recordings: as pictures.
        turns: the oldest, whole.
        results: of tools, of which only a beginning stays.
    """

    pictures: int = 0
    recordings: int = 0
    turns: int = 0
    results: int = 0

    def __bool__(self) -> bool:
        """Whether anything is."""
        return self != LeftOut()

    @property
    def sentence(self) -> str:
        """For the person."""
        counts = (
            (self.turns, "what was said in the oldest {} turns", "what was said in the oldest turn"),
            (self.pictures, "{} older pictures", "an older picture"),
            (self.recordings, "{} older recordings", "an older recording"),
            (self.results, "the ends of {} long results of tools", "the end of a long result of a tool"),
        )
        parts = [one if count == 1 else many.format(count) for count, many, one in counts if count]
        listed = " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))
        return f"The conversation is too long for the model, so it no longer gets {listed}. You still have all of it."


def fit(
    messages: Sequence[Message], budget: int, uncut: Callable[[Message], bool] = lambda _message: False
) -> tuple[list[Message], LeftOut]:
    """Drop what is oldest until the estimate fits ``budget`` tokens: first pictures, then sound, then whole turns.

    Of the turn being answered only what tools gave is cut if need be: of several pictures the newest stays, and of long
    results the beginning, except of those that are ``uncut``. What the person said is never touched: if that alone is
    too long, the engine says so.
    """
    kept = list(messages)
    last = max((index for index, message in enumerate(kept) if message.role == "user"), default=0)
    over = sum(map(estimate, kept)) - budget
    over -= _leave_out(kept, [spot for spot in _spots(kept, Image) if spot[0] < last], over, NO_PICTURE)
    over -= _leave_out(kept, [spot for spot in _spots(kept, Audio) if spot[0] < last], over, NO_SOUND)
    first, saved = _dropped(kept, over, max(1, budget // SHARE))
    over -= saved
    over -= _leave_out(kept, [spot for spot in _spots(kept, Image)[:-1] if spot[0] >= last], over, NO_PICTURE, block=1)
    results = [index for index, message in enumerate(kept) if message.role == "tool" and not uncut(message)]
    _shorten(kept, [spot for spot in _spots(kept, Text) if spot[0] in results], over)
    return kept[first:], _difference(messages, kept, first)


def _dropped(messages: Sequence[Message], over: int, step: int) -> tuple[int, int]:
    """How many messages go as whole turns, and their tokens: ``over``, rounded up to ``step``; the last turn stays."""
    starts = sorted({0, *(index for index, message in enumerate(messages) if message.role == "user")})
    goal = -(-over // step) * step
    saved = 0
    while saved < goal and len(starts) > 1:
        start = starts.pop(0)
        saved += sum(map(estimate, messages[start : starts[0]]))
    return starts[0], saved


def _difference(before: Sequence[Message], after: Sequence[Message], first: int) -> LeftOut:
    def lost(kind: type[Part]) -> int:
        return len(_spots(before[first:], kind)) - len(_spots(after[first:], kind))

    pairs = zip(before[first:], after[first:], strict=True)
    return LeftOut(
        lost(Image),
        lost(Audio),
        sum(message.role == "user" for message in before[:first]),
        sum(old.role == "tool" and new.text.count(CUT) > old.text.count(CUT) for old, new in pairs),
    )


def _spots(messages: Sequence[Message], kind: type[Part]) -> list[tuple[int, int]]:
    """Where parts of one kind are: index of the message, and of the part in it."""
    return [
        (index, position)
        for index, message in enumerate(messages)
        for position, part in enumerate(message.parts)
        if isinstance(part, kind)
    ]


def _leave_out(
    messages: list[Message], spots: Sequence[tuple[int, int]], over: int, note: str, *, block: int = BLOCK
) -> int:
    """Replace parts by a note, in their order and in whole blocks, until ``over`` tokens are saved; return them."""
    saved = 0
    for done, (index, position) in enumerate(spots):
        if saved >= over and done % block == 0:
            break
        parts = list(messages[index].parts)
        saved += tokens(parts[position]) - tokens(Text(note))
        parts[position] = Text(note)
        messages[index] = replace(messages[index], parts=tuple(parts))
    return saved


def _shorten(messages: list[Message], spots: Sequence[tuple[int, int]], over: int) -> None:
    """Cut texts, in their order, until ``over`` tokens are saved; of each a beginning stays."""
    for index, position in spots:
        part = messages[index].parts[position]
        text = part.text if isinstance(part, Text) else ""
        if over > 0 and len(text) > SHORTEST + len(CUT):
            lengths = range(SHORTEST, len(text))
            most = tokens(part) - over
            room = bisect_right(lengths, most, key=lambda length, text=text: tokens(Text(text[:length] + CUT)))
            parts = list(messages[index].parts)
            parts[position] = Text(text[: SHORTEST + max(0, room - 1)] + CUT)
            over -= tokens(part) - tokens(parts[position])
            messages[index] = replace(messages[index], parts=tuple(parts))


def estimate(message: Message) -> int:
    """About how many tokens a message takes; rather too many."""
    calls = sum(len(json.dumps(dict(call.arguments))) + len(call.name) for call in message.calls) // 2
    return 8 + calls + sum(map(tokens, message.parts))


def tokens(part: Part) -> int:
    """About how many tokens a part takes; rather too many."""
    match part:
        case Text():
            # English takes about four bytes a token, code and other scripts fewer; a digit is a token of its own.
            digits = sum(map(part.text.count, "0123456789"))
            return (len(part.text.encode("utf-8", "replace")) - digits) // 3 + digits + 1
        case Image():
            return part.budget + 2
        case Audio():
            return int(part.seconds * 25) + 3
