"""What is left out when a conversation does not fit, in which order, and that the person is told."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from deskhand.agent import fitting, prompt
from deskhand.agent.fitting import CUT, NO_PICTURE, NO_SOUND, LeftOut, estimate
from deskhand.model.types import Audio, Image, Message, Text, ToolCall

IMAGE = Image(bytes(48), 4, 4, 280)
SOUND = Audio(bytes(4 * 16000))


def user(text, *media):
    return Message("user", (*media, Text(text)))


def says(text, *calls):
    return Message("assistant", (Text(text),) if text else (), calls)


def answer(name):
    return Message("tool", (Text("ok"),), call_id=name, name="t")


def call(name):
    return ToolCall(name, "t")


def fit(messages, budget):
    return fitting.fit(messages, budget)[0]


def left_out(messages, budget):
    return fitting.fit(messages, budget)[1]


def pictures(messages):
    return [any(isinstance(part, Image) for part in message.parts) for message in messages if message.role == "user"]


def test_what_fits_is_left_alone():
    history = [user("1", IMAGE), says("a"), user("2", IMAGE)]
    assert fit(history, 10_000) == history


def test_old_pictures_go_first_and_in_blocks():
    history = [message for n in range(10) for message in (user(str(n), IMAGE), says("a"))] + [user("last", IMAGE)]
    total = sum(map(estimate, history))
    fitted = fit(history, total - 1)
    assert pictures(fitted) == [False] * 4 + [True] * 7
    assert NO_PICTURE in fitted[0].text
    assert pictures(fit(history, total - 5 * 260)) == [False] * 8 + [True] * 3
    # The same history with one more turn drops the same pictures, so the cached prefix stays.
    longer = [*history, says("a"), user("more")]
    assert pictures(fit(longer, total - 1))[:10] == pictures(fitted)[:10]


def test_then_sound_and_whole_turns_go_and_the_question_stays():
    history = [
        user("1", IMAGE, SOUND),
        says("a", call("a")),
        answer("a"),
        says("b"),
        user("2" * 300),
        says("c"),
        user("q", IMAGE),
    ]
    total = sum(map(estimate, history))
    fitted = fit(history, total - 270)
    assert [m.role for m in fitted] == ["user", "assistant", "tool", "assistant", "user", "assistant", "user"]
    assert NO_SOUND in fitted[0].text
    assert [m.text[:1] for m in fit(history, total - 300)] == ["q"]
    assert fit(history, 0) == [history[-1]]


def test_whole_turns_leave_seldom_so_that_the_cached_prefix_stays():
    history, firsts = [user("first")], []
    for n in range(200):
        history += [says("word " * 60), user(f"word {n} " * 20)]
        fitted = fit(history, 4000)
        assert sum(map(estimate, fitted)) <= 4000
        firsts.append(fitted[0])
    changes = sum(one is not other for one, other in pairwise(firsts))
    assert 5 < changes < 40


def test_what_is_left_out_is_counted_and_told():
    look = Message("tool", (Text("r" * 9000), IMAGE), call_id="a", name="t")
    history = [
        *(user("u" * 100), says("a" * 30_000)),
        *(user("2", IMAGE, SOUND), says("b")),
        *(user("3", IMAGE), says("c")),
        *(user("q"), says("", call("a")), look, says("", call("b")), look),
    ]
    total = sum(map(estimate, history))
    assert left_out(history, total) == LeftOut()
    assert not LeftOut()
    assert left_out(history, total - 1) == LeftOut(pictures=2)
    assert left_out(history, total - 535) == LeftOut(pictures=2, recordings=1)
    assert left_out(history, total - 700) == LeftOut(pictures=2, recordings=1, turns=1)
    assert left_out(history, 2500) == LeftOut(turns=3, pictures=1, results=2)
    assert LeftOut(pictures=1).sentence == (
        "The conversation is too long for the model, so it no longer gets an older picture. You still have all of it."
    )
    assert "gets what was said in the oldest 3 turns, 8 older pictures and the end of a long result of a tool." in (
        LeftOut(turns=3, pictures=8, results=1).sentence
    )


def test_digits_are_tokens_of_their_own():
    assert estimate(user("7" * 900)) > 900
    assert estimate(user("a" * 900)) < 400
    table = Message("tool", (Text("1234567890 " * 2000),), call_id="a", name="t")
    history = [user("q"), says("", call("a")), table]
    fitted = fit(history, 2000)
    assert 1900 < sum(map(estimate, fitted)) <= 2000


def test_of_several_looks_in_the_turn_the_newest_stays():
    look = Message("tool", (Text("{}"), IMAGE), call_id="a", name="t")
    history = [
        user("q", IMAGE),
        says("", call("a")),
        look,
        says("", call("b")),
        Message("tool", look.parts, call_id="b"),
    ]
    fitted = fit(history, 350)
    assert [any(isinstance(p, Image) for p in m.parts) for m in fitted] == [False, False, False, False, True]


def test_long_results_of_the_turn_are_cut_and_the_question_is_not():
    long = Message("tool", (Text("r" * 9000),), call_id="a", name="t")
    other = Message("tool", (Text("s" * 9000),), call_id="b", name="t")
    history = [user("q" * 1500), says("", call("a")), long, says("", call("b")), other]
    fitted = fit(history, 4500)
    assert sum(map(estimate, fitted)) <= 4500
    assert fitted[0] == history[0]
    assert fitted[2].text.startswith("rrr")
    assert fitted[2].text.endswith(CUT)
    assert fitted[4] == other
    both = fit(history, 800)
    assert sum(map(estimate, both)) <= 800
    assert both[0] == history[0]
    assert [both[n].text.endswith(CUT) for n in (2, 4)] == [True, True]


@given(st.integers(-100, 9000), st.lists(st.sampled_from("uiast"), max_size=30))
def test_fitting_keeps_any_history_well_formed_and_the_question(budget, kinds):
    history = []
    for number, kind in enumerate(kinds):
        name = f"c{number}"
        history += {
            "u": [user("u" * 100)],
            "i": [user("i", IMAGE, SOUND)],
            "a": [says("a" * 900)],
            "s": [says("", call(name)), Message("tool", (Text("{}"), IMAGE), call_id=name, name="t")],
            "t": [says("", call(name)), Message("tool", (Text("t" * 4000),), call_id=name, name="t")],
        }[kind]
    history = prompt.whole([*history, user("q" * 30, IMAGE)])
    fitted = fit(history, budget)
    assert prompt.whole(fitted) == fitted
    assert fitted[-1] == history[-1]
    assert len(fitted) == 1 or sum(map(estimate, fitted)) <= max(budget, estimate(history[-1]))
