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
        wire.Keep((image(1), sound), ("abc",)),
        wire.Generate(3, request(types.Text("hi <|turn>"), image(1), sound)),
        wire.Cancel(3),
        wire.Ready(types.EngineInfo("local", "m", 1, True, True, False, details=("a",))),
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
