"""Rows about a whole conversation, ours and the peers' turn by turn, interleaved."""

from __future__ import annotations

import re
import statistics
from contextlib import ExitStack
from typing import Any

from conversation import ANSWER, TURNS, openai_messages, turns
from ours import collect, config, counted_conversation, timed_conversation
from peers import Peer, peer
from rows import Row, stated
from vocabulary import words, write_real

from deskhand.model.process.client import WorkerEngine
from deskhand.model.types import Message, Request, Text

_ENCODED = re.compile(r"encoding mtmd batch from idx = \d+, n_chunks = (\d+)")
_WHERE = f"{TURNS} turns with 4 screenshots and 3 clips of sound, answers of {ANSWER} tokens, greedy, real vocabulary"
Talk = list[dict[str, Any]]


def conversation_rows(runs: int) -> list[Row]:
    """`evaluated_over_new`, `reencodes` and `conversation_total`."""
    bundle = write_real("conversation", words)
    counted = counted_conversation(bundle)
    talks: dict[str, list[Talk]] = {"ours": [], "stock_handler": [], "llama_server": []}
    with ExitStack() as stack:
        engine = WorkerEngine(config(bundle))
        stack.callback(engine.close)
        peers = [stack.enter_context(peer(name, bundle)) for name in ("stock_handler", "llama_server")]
        for _ in range(runs):
            # So that the second run of a conversation does not find the first one's cache.
            collect(engine.generate(Request((Message("user", (Text("Forget."),)),), max_tokens=1)))
            talks["ours"].append(timed_conversation(engine))
            for running in peers:
                running.ask({"messages": [{"role": "user", "content": "Forget."}], "max_tokens": 1})
                talks[running.name].append(_talk(running))
        encoded = sum(int(count) for count in _ENCODED.findall(peers[1].log.read_text(errors="replace")))
    return [_evaluated(counted, talks), _reencodes(counted, talks, encoded, runs), _total(talks)]


def _talk(running: Peer) -> Talk:
    answers: list[str] = []
    rows: Talk = []
    for _ in range(TURNS):
        messages = openai_messages(answers, sound=running.name == "llama_server")
        rows.append(running.ask({"messages": messages, "max_tokens": ANSWER}))
        answers.append(rows[-1]["text"])
    return rows


def _evaluated(counted: list[dict[str, int]], talks: dict[str, list[Talk]]) -> Row:
    new = [row["new"] for row in counted[1:]]
    own = sum(row["evaluated"] for row in counted[1:]) / sum(new)
    first = {name: talk[0][1:] for name, talk in talks.items()}
    # The stock handler takes no sound: its new tokens are those without it.
    heard = [row["audio"] for row in talks["ours"][0]]
    sound = heard[-1] - heard[0] + 2 * sum(turn.audio is not None for turn in turns())
    ratio = {
        "stock_handler": sum(row["evaluated"] for row in first["stock_handler"]) / (sum(new) - sound),
        "llama_server": sum(row["evaluated"] for row in first["llama_server"]) / sum(new),
    }
    return stated(
        "evaluated_over_new",
        round(own, 4),
        "≤ 1.02",
        f"{_WHERE}; turns 2–{TURNS}. New: what our prompt does not share with the cache; the same is taken for the "
        "peers, for the stock handler without the sound that it can't take",
        stock_handler=round(ratio["stock_handler"], 3),
        llama_server=round(ratio["llama_server"], 3),
        detail={
            "new": new,
            "ours": [row["evaluated"] for row in counted[1:]],
            **{name: [row["evaluated"] for row in first[name]] for name in ("stock_handler", "llama_server")},
        },
    )


def _reencodes(counted: list[dict[str, int]], talks: dict[str, list[Talk]], server: int, runs: int) -> Row:
    own = sum(row["encoded"] - row["new_media"] for row in counted[1:])
    pictures = [turn.image is not None for turn in turns()]
    stock = sum(row["encoded"] for row in talks["stock_handler"][0][1:]) - sum(pictures[1:])
    media = sum(turn.image is not None for turn in turns()) + sum(turn.audio is not None for turn in turns())
    return stated(
        "reencodes",
        own,
        "0",
        f"{_WHERE}; media encoded in turns 2–{TURNS} that were in the conversation before. llama-server's are those "
        "that its log tells of beyond one for each medium and run",
        stock_handler=stock,
        llama_server=round((server - runs * media) / runs, 2),
    )


def _total(talks: dict[str, list[Talk]]) -> Row:
    seconds = {
        name: statistics.median(sum(row["cpu"] for row in talk) for talk in runs) for name, runs in talks.items()
    }
    walls = {name: statistics.median(sum(row["wall"] for row in talk) for talk in runs) for name, runs in talks.items()}
    best = min(seconds["stock_handler"], seconds["llama_server"])
    last = {name: round(statistics.median(talk[-1]["cpu"] for talk in runs), 3) for name, runs in talks.items()}
    return stated(
        "conversation_total",
        round(seconds["ours"] / best, 3),
        "< 1",
        f"{_WHERE}; CPU seconds of all processes of an engine, one compute thread each, median of "
        f"{len(talks['ours'])} interleaved runs; every figure ÷ that of the faster peer. Ours and llama-server's "
        "draft; the stock handler's conversation is without the sound, which it can't take",
        stock_handler=round(seconds["stock_handler"] / best, 3),
        llama_server=round(seconds["llama_server"] / best, 3),
        detail={
            "cpu_seconds": {name: round(value, 3) for name, value in seconds.items()},
            "wall_seconds": {name: round(value, 3) for name, value in walls.items()},
            "cpu_seconds_of_the_last_turn": last,
            "cpu_seconds_by_turn": {
                name: [round(statistics.median(talk[turn]["cpu"] for talk in runs), 3) for turn in range(TURNS)]
                for name, runs in talks.items()
            },
            "ours_over": {
                name: round(seconds["ours"] / seconds[name], 3) for name in ("stock_handler", "llama_server")
            },
        },
    )
