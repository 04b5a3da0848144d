"""Messages survive the crossing whole, name nothing but themselves, and media are forgotten oldest first."""

from __future__ import annotations

import os
import pickle

import pytest

from deskhand.model import types
from deskhand.model.errors import BundleError, ModelError
from deskhand.model.process import wire


def image(shade: int, side: int = 10) -> types.Image:
    return types.Image(bytes([shade]) * (side * side * 3), side, side, 70)


def request(*parts: types.Part) -> types.Request:
    call = types.ToolCall("1", "f", {"x": [1, 2.5, None, {"y": "z"}]})
    return types.Request(
        (types.Message("user", parts), types.Message("assistant", calls=(call,), thought="hm")),
        (types.ToolSpec("f", "does", {"type": "object"}),),
        "required",
        types.Sampling(temperature=0),
        7,
        thinking=True,
    )


def test_everything_crosses_whole() -> None:
    sound = types.Audio(bytes(8))
    messages: list[wire.Message] = [
        wire.Configure("{}"),
        wire.Keep((image(1), wire.Block(bytes(12))), ("abc",)),
        wire.Generate(3, request(types.Text("hi <|turn>"), image(1), sound)),
        wire.Cancel(3),
        wire.Ready(types.EngineInfo("local", "m", 1, True, True, False, details=("a",))),
        wire.Ready(types.EngineInfo("local", "m", 1, True, True, False, trained=types.Trained(1, (480, 336), 5.0))),
        wire.Deltas(
            3, (types.TextDelta("a"), types.CallDelta(types.ToolCall("1", "f", {"a": 1})), types.Finish("stop"))
        ),
        wire.Deltas(3, (types.BrokenCall("a", "b"), types.Progress("a", 1, 2), types.ThoughtDelta("t"))),
        wire.Failed(3, "BundleError", "no"),
    ]
    assert [wire.decode(wire.encode(message)) for message in messages] == messages


@pytest.mark.parametrize("kind", [types.TextDelta, types.ThoughtDelta])
@pytest.mark.parametrize("text", ["", "plain", "é🙂 \0 \ud800 \n", "x" * 100_000])
def test_a_piece_of_text_crosses_as_little_more_than_its_bytes(kind: type[types.TextDelta], text: str) -> None:
    message = wire.Deltas(2**40, (kind(text),))
    data = wire.encode(message)
    assert wire.decode(data) == message
    assert len(data) < len(text.encode(errors="surrogatepass")) + 16


def test_what_is_no_message_is_refused() -> None:
    for data in (b"", b"x" + bytes(20), b"t" + bytes(8) + b"\xff"):
        with pytest.raises((pickle.UnpicklingError, EOFError, UnicodeDecodeError)):
            wire.decode(data)


def test_held_media_are_only_named() -> None:
    picture = image(9, 100)
    order = wire.Generate(1, request(picture))
    data = wire.encode(order, {picture.digest})
    assert len(data) < 2000
    assert wire.decode(data, {picture.digest: picture}) == order


def test_no_other_class_can_be_named() -> None:
    class Evil:
        def __reduce__(self) -> object:
            return os.system, ("true",)

    for data in (pickle.dumps(Evil()), pickle.dumps(ModelError("x")), pickle.dumps(os.getcwd)):
        with pytest.raises(pickle.UnpicklingError, match="no business"):
            wire.decode(data)


def test_the_shelf_forgets_the_oldest_but_never_what_is_needed() -> None:
    shelf = wire.Shelf(limit=1000)
    one, two, three, four = (image(n) for n in range(4))  # 300 bytes each
    assert shelf.plan(request(one, two, three)) == wire.Keep((one, two, three), ())
    assert shelf.plan(request(one)) is None
    assert shelf.plan(request(four)) == wire.Keep((four,), (two.digest,))
    assert shelf.plan(request(two)) == wire.Keep((two,), (three.digest,))
    big = image(5, 40)
    assert shelf.plan(request(big, one)) == wire.Keep((big,), (four.digest, two.digest))
    assert shelf.plan(types.Request(())) == wire.Keep((), (big.digest,))


def test_failures_become_their_own_errors() -> None:
    assert isinstance(wire.Failed(0, "BundleError", "s").exception(), BundleError)
    unknown = wire.Failed(0, "os.system", "s").exception()
    assert type(unknown) is ModelError
    assert str(unknown) == "s"


NOISE = os.urandom(30 * 16_000 * 4)


@pytest.mark.parametrize("growing", [False, True])
@pytest.mark.parametrize("size", [0, 4, wire.BLOCK_BYTES - 4, wire.BLOCK_BYTES, 3 * wire.BLOCK_BYTES + 8])
def test_a_recording_crosses_in_blocks_and_is_whole_again(size: int, growing: bool) -> None:
    audio = types.Audio(NOISE[:size], growing)
    keep = wire.Shelf().plan(request(audio))
    held = {block.digest: block for block in keep.media} if keep else {}
    order = wire.Generate(1, request(audio))
    assert wire.decode(wire.encode(order, held), held) == order
    blocks, rest = wire.blocks(audio)
    assert len(rest) == (size % wire.BLOCK_BYTES if growing else 0)
    assert sum(len(block.samples) for block in blocks) + len(rest) == size


def test_of_a_growing_recording_only_what_is_new_crosses_and_nothing_is_kept_twice() -> None:
    shelf, sent, kept = wire.Shelf(), 0, 0
    for end in range(12_800, len(NOISE) + 1, 12_800):
        order = wire.Generate(1, request(types.Audio(NOISE[: end - 800], growing=True)))
        keep = shelf.plan(order.request)
        if keep:
            kept += len(keep.media)
            sent += len(wire.encode(keep))
        sent += len(wire.encode(order, shelf.held))
    finished = request(types.Audio(NOISE))
    keep = shelf.plan(finished)
    assert keep
    assert len(keep.media) == 1
    assert kept + 1 == len(shelf.held) == len(NOISE) // wire.BLOCK_BYTES
    # The blocks once, of each message what fills none, and a digest for each block that is named.
    assert sent < len(NOISE) * 2 + 150 * 151 / 2 * 80
    assert sum(shelf.held.values()) == len(NOISE)
    # Only names cross when the person goes on to talk about it.
    assert len(wire.encode(wire.Generate(2, finished), shelf.held)) < 15_000


def test_an_abandoned_recording_is_forgotten_in_its_turn() -> None:
    shelf = wire.Shelf(limit=3 * wire.BLOCK_BYTES)
    assert shelf.plan(request(types.Audio(NOISE[: 2 * wire.BLOCK_BYTES], growing=True)))
    keep = shelf.plan(request(types.Audio(NOISE[-2 * wire.BLOCK_BYTES :], growing=True)))
    assert keep
    assert (len(keep.media), len(keep.forget)) == (2, 1)
