"""The transcript on real widgets: streaming, cards, following the end, long conversations."""

from datetime import UTC, datetime

import pytest
from PySide6.QtWidgets import QLabel, QPlainTextEdit, QPushButton, QToolButton

from deskhand.agent.events import (
    ApprovalRequest,
    ApprovalRequested,
    CallEnded,
    CallProposed,
    CallRecord,
    Decision,
    Notice,
    Outcome,
    Progressed,
    TextAdded,
    ThoughtAdded,
    TurnEnded,
    TurnStarted,
)
from deskhand.agent.history import Store, TurnRecord
from deskhand.app.window.card import CallCard
from deskhand.app.window.entries import AnswerEntry, Thumbnail, UserEntry
from deskhand.app.window.items import (
    ASK_AGAIN,
    GO_ON,
    INTERRUPTED,
    AnswerItem,
    CallItem,
    NoticeItem,
    ThoughtItem,
    UserItem,
)
from deskhand.app.window.transcript import KEEP, Transcript
from deskhand.model.types import Audio, Image, Message, Text, ToolCall, Usage

USAGE = Usage(928, 264, 664, 660, 0, 212, 230, 171, 6, 80, 940.0, 820.0, 6200.0)
CALL = ToolCall("c1", "notes_append", {"text": "milk", "long": "x" * 400})


@pytest.fixture
def transcript(qtbot, theme):
    transcript = Transcript(theme)
    qtbot.addWidget(transcript)
    transcript.resize(800, 600)
    transcript.show()
    return transcript


def ended(answer="", finish="stop", error="", usage=USAGE):
    return TurnEnded(Outcome(answer, (), finish, usage, error))


def play(transcript, *events):
    for event in events:
        transcript.apply(event)


def labels(widget, name):
    return [each.text() for each in widget.findChildren(QLabel, name)]


def test_a_turn_streams(transcript, qtbot):
    play(transcript, TurnStarted(1, "t", (Text("hello"),)), Progressed("reading the prompt", 264, 660))
    assert labels(transcript, "progress") == ["Reading the prompt · 40 %"]
    play(transcript, ThoughtAdded("hm"), TextAdded("Good "), TextAdded("day"))
    play(transcript, ended("Good day"))
    assert transcript.items == (
        UserItem((Text("hello"),)), ThoughtItem("hm"), AnswerItem("Good day", usage=USAGE)
    )  # fmt: skip
    answer = transcript.findChild(AnswerEntry)
    assert answer.prose.toPlainText() == "Good day"
    (usage,) = labels(answer, "usage")
    assert usage.startswith("928 tokens read, 664 reused · 212 written · 171 of 230 drafts kept, 2.6 tokens a step · ")
    assert usage.split("\n")[0].endswith("first token after 0.9 s")
    assert not answer.findChild(QLabel, "usage").isVisible()
    assert not transcript.findChild(QLabel, "progress").isVisible()


def test_the_answer_can_be_copied(transcript, qtbot, qapp):
    play(transcript, TurnStarted(1, "t", ()), TextAdded("**So** it is"), ended())
    qapp.clipboard().clear()
    transcript.findChild(QPushButton, "copy").click()
    assert qapp.clipboard().text() == "**So** it is"


def test_a_card_follows_its_call(transcript, qtbot):
    play(transcript, TurnStarted(1, "t", (Text("note milk"),)), CallProposed(CALL))
    card = transcript.findChild(CallCard)
    assert labels(card, "call-name") == ["notes_append"]
    assert card.state == "running"
    play(transcript, ApprovalRequested(ApprovalRequest(CALL, "notes", "", ())))
    assert (card.state, labels(card, "call-state")) == ("waiting", ["Waiting for you"])
    play(transcript, CallEnded(CallRecord(CALL, Decision.APPROVED, {"lines": 3}, "", 0.25)))
    assert (card.state, labels(card, "call-state")) == ("done", ["Done · 0.2 s"])
    result = card.findChild(object, "call-result")
    assert not result.isVisible()
    fold = [each for each in card.findChildren(QPushButton, "fold") if each.text().startswith("Result")]
    fold[0].click()
    qtbot.waitUntil(result.isVisible)
    assert result.toPlainText() == '{\n  "lines": 3\n}'
    long = card.findChild(object, "argument-1")
    assert long.toPlainText() == "x" * 400


def test_for_a_model_that_does_not_repeat_them_results_are_shown_in_rows(transcript, qtbot):
    transcript.opens_results = True
    call = ToolCall("c1", "clock_time")
    told = {"time": "22:22:01", "weekday\u202e": "Sunday", "days": 3}
    play(transcript, TurnStarted(1, "t", (Text("what time is it"),)), CallProposed(call))
    play(transcript, CallEnded(CallRecord(call, Decision.ALLOWED, told, "", 0.0)))
    card = transcript.findChild(CallCard)
    qtbot.waitUntil(card.findChild(QLabel, "result-days").isVisible)
    shown = [each.text() for each in card.findChildren(QLabel) if each.isVisible()]
    assert shown[-6:] == ["time", "22:22:01", "weekday⟨U+202E⟩", "Sunday", "days", "3"]
    assert [each.text() for each in card.findChildren(QPushButton, "fold")] == ["Result"]
    for result in ({"timers": [{"id": "a"}]}, {"text": "x" * 400}, [1, 2], "sunny"):
        card = CallCard(transcript._theme, call, opens=True)
        card.finish(CallRecord(call, Decision.ALLOWED, result, "", 0.0))
        assert not card.findChild(QPlainTextEdit, "call-result").isHidden()


def test_the_sentence_of_a_result_is_what_its_card_shows_first(transcript):
    call = ToolCall("c1", "clock_set_timer", {"minutes": 10})
    told = {"say": "Your 10-minute timer ends at 2:43 in the morning.", "id": "518c"}
    for opens in (False, True):
        card = CallCard(transcript._theme, call, opens=opens)
        card.finish(CallRecord(call, Decision.ALLOWED, told, "", 0.0))
        assert [each.text() for each in card.findChildren(QPushButton, "fold")] == [f"Result · {told['say']}"]
        assert ("518c" in card.findChild(QPlainTextEdit, "call-result").toPlainText()) is not opens


@pytest.mark.parametrize(
    ("record", "state", "word"),
    [
        (CallRecord(CALL, Decision.DENIED, None, "You did not allow it."), "denied", "Not allowed"),
        (CallRecord(CALL, Decision.REFUSED, None, "There is no such tool."), "failed", "Failed"),
        (CallRecord(CALL, Decision.ALLOWED, None, "The disk is full.", 1.0), "failed", "Failed · 1.0 s"),
    ],
)
def test_a_call_that_did_not_work_says_so(transcript, record, state, word):
    play(transcript, TurnStarted(1, "t", ()), CallProposed(CALL), CallEnded(record))
    card = transcript.findChild(CallCard)
    assert card.state == state
    assert labels(card, "call-state") == [word]
    assert labels(card, "call-error") == [record.error]


@pytest.mark.parametrize("again", [False, True])
def test_the_pictures_of_a_result_are_shown_and_open_whole(transcript, qtbot, tmp_path, again):
    red, record = Image(b"\xff\0\0" * 6, 3, 2), CallRecord(CALL, Decision.APPROVED, {"result": "red"})
    if again:
        store = Store(tmp_path / "history.db")
        conversation = store.new_conversation()
        store.append(conversation, "t", Message("user", (Text("draw"),)))
        store.append(conversation, "t", Message("assistant", calls=(CALL,)))
        store.append(conversation, "t", Message("tool", (Text("{}"), red), call_id=CALL.id, name=CALL.name), record)
        transcript.show_turns(store.turns(conversation))
        store.close()
    else:
        play(transcript, TurnStarted(1, "t", ()), CallProposed(CALL), CallEnded(record, (red,) * 5))
    card = transcript.findChild(CallCard)
    thumbnails = card.findChildren(Thumbnail)
    assert len(thumbnails) == (1 if again else 3)
    assert again or "and 2 more" in [each.text() for each in card.findChildren(QLabel)]
    with qtbot.waitSignal(transcript.picture_opened) as opened:
        thumbnails[0].click()
    (image,) = opened.args
    assert (image.width(), image.height(), image.pixelColor(2, 1).name()) == (3, 2, "#ff0000")


def test_a_call_nobody_proposed_is_shown_when_it_ends(transcript):
    play(transcript, TurnStarted(1, "t", ()), CallEnded(CallRecord(CALL, Decision.REFUSED, None, "broken")))
    assert transcript.findChild(CallCard).state == "failed"


@pytest.mark.parametrize(
    ("event", "kind", "text"),
    [
        (ended("", "error", "The engine ended."), "error", "The engine ended."),
        (ended("x", "cancelled"), "stopped", "Stopped."),
        (ended("x", "length"), "warn", "The answer reached its length limit."),
    ],
)
def test_an_ending_that_is_not_a_stop_is_said(transcript, event, kind, text):
    play(transcript, TurnStarted(1, "t", ()), event)
    assert transcript.items[-1] == NoticeItem(kind, text, {"error": ASK_AGAIN, "warn": GO_ON}.get(kind, ""))


def test_an_answer_that_never_streamed_is_still_shown(transcript):
    play(transcript, TurnStarted(1, "t", ()), ended("I can't say."))
    assert transcript.findChild(AnswerEntry).prose.toPlainText() == "I can't say."


def test_pictures_and_sound_of_the_person(transcript, qtbot):
    image = Image(bytes(range(48)) * 1, 4, 4)
    transcript.begin_turn((image, Text("see"), Audio(bytes(4 * 16_000 * 5))))
    entry = transcript.findChild(UserEntry)
    assert [each.text() for each in entry.findChildren(QLabel) if each.text()] == ["Voice · 0:05"]
    with qtbot.waitSignal(transcript.picture_opened) as opened:
        entry.findChild(Thumbnail).click()
    assert opened.args[0].pixelColor(1, 0).getRgb()[:3] == (3, 4, 5)


def test_follows_the_end_until_the_person_scrolls_up(transcript, qtbot):
    bar = transcript.verticalScrollBar()
    play(transcript, TurnStarted(1, "t", (Text("go"),)))
    play(transcript, TextAdded("line\n\n" * 100))
    qtbot.waitUntil(lambda: bar.maximum() > 500 and bar.value() == bar.maximum())
    bar.setValue(100)
    assert not transcript.following
    play(transcript, TextAdded("more\n\n" * 100), ended())
    before = bar.maximum()
    qtbot.waitUntil(lambda: bar.maximum() >= before)
    qtbot.wait(50)
    assert bar.value() == 100
    latest = transcript.findChild(object, "latest")
    assert latest.isVisible()
    latest.click()
    assert bar.value() == bar.maximum()
    assert transcript.following
    assert not latest.isVisible()


def turn(number):
    return TurnRecord(
        f"t{number}",
        datetime.now(UTC),
        (Message("user", (Text(f"question {number}"),)), Message("assistant", (Text(f"answer {number}\n\nmore"),))),
        (),
        Outcome(f"answer {number}", (), "stop", USAGE),
        interrupted=False,
    )


def test_thousands_of_messages_make_few_widgets_and_all_can_be_reached(transcript, qtbot):
    transcript.show_turns([turn(number) for number in range(2000)])
    assert len(transcript.items) == 4000
    assert len(transcript.findChildren(UserEntry)) <= KEEP
    bar = transcript.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 0 and bar.value() == bar.maximum())
    before = len(transcript.findChildren(UserEntry))
    bar.setValue(0)
    qtbot.waitUntil(lambda: len(transcript.findChildren(UserEntry)) > before)
    qtbot.waitUntil(lambda: bar.value() > 0)
    assert not transcript.following


def test_a_long_live_conversation_sheds_old_widgets(transcript, qtbot):
    for number in range(KEEP):
        play(transcript, TurnStarted(1, "t", (Text(f"q{number}"),)), TextAdded("a"), ended("a"))
    qtbot.waitUntil(lambda: len(transcript.findChildren(UserEntry)) <= KEEP)
    assert len(transcript.items) == 2 * KEEP


def test_history_is_shown_with_calls_usage_and_interruptions(transcript):
    record = CallRecord(CALL, Decision.APPROVED, {"lines": 3}, "", 0.2)
    broken = CallRecord(ToolCall("c9", "nonsense", {}), Decision.REFUSED, None, "can't be parsed")
    messages = (
        Message("user", (Text("note milk"),)),
        Message("assistant", (Text("I will."),), (CALL,), "should I?"),
        Message("tool", (Text("{}"),), call_id="c1", name="notes_append"),
    )
    transcript.show_turns(
        [TurnRecord("t", datetime.now(UTC), messages, (record, broken), None, interrupted=True)]
    )  # fmt: skip
    assert transcript.items == (
        UserItem((Text("note milk"),)),
        ThoughtItem("should I?"),
        AnswerItem("I will."),
        CallItem(CALL, "done", record),
        CallItem(broken.call, "failed", broken),
        NoticeItem("warn", INTERRUPTED, ASK_AGAIN),
    )
    assert {card.call.name: card.state for card in transcript.findChildren(CallCard)} == {
        "notes_append": "done",
        "nonsense": "failed",
    }


def test_a_turn_that_breaks_off_leaves_no_call_running(transcript):
    play(transcript, TurnStarted(1, "t", ()), CallProposed(CALL))
    transcript.end_turn()
    assert transcript.findChild(CallCard).state == "denied"


def test_notices_say_and_offer(transcript, qtbot):
    play(transcript, Notice("timer", "Tea is ready."))
    transcript.add_notice("error", "No engine.", "Try again")
    assert labels(transcript, "notice-text") == ["Tea is ready.", "No engine."]
    with qtbot.waitSignal(transcript.retried):
        transcript.findChild(object, "notice-action").click()


PLAN = "I will:\n1. look\n2. write it down"


def test_a_plan_stands_above_the_cards_and_is_ticked_as_calls_end_well(transcript):
    looked, wrote = ToolCall("c1", "screen_look"), ToolCall("c2", "notes_append")
    play(transcript, TurnStarted(1, "t", (Text("go"),)), TextAdded(PLAN), CallProposed(looked))
    entry = transcript.findChild(AnswerEntry)
    assert entry.prose.toPlainText().count("☐") == 2
    play(transcript, CallEnded(CallRecord(looked, Decision.ALLOWED, "seen")))
    assert entry.prose.toPlainText().count("☑") == 1
    play(transcript, CallProposed(wrote), CallEnded(CallRecord(wrote, Decision.DENIED, error="No.")))
    assert entry.prose.toPlainText().count("☑") == 1
    play(transcript, TextAdded("1. One\n2. Two"), ended("1. One\n2. Two"))
    assert [item.done for item in transcript.items if isinstance(item, AnswerItem)] == [1, None]
    # The same when it is read from the history.
    records = (CallRecord(looked, Decision.ALLOWED, "seen"), CallRecord(wrote, Decision.DENIED, error="No."))
    messages = (
        Message("user", (Text("go"),)), Message("assistant", (Text(PLAN),), (looked,)),
        Message("assistant", (), (wrote,)), Message("assistant", (Text("1. One\n2. Two"),)),
    )  # fmt: skip
    turn = TurnRecord("t", datetime.now(UTC), messages, records, Outcome("1. One", records, "stop", USAGE), False)
    transcript.show_turns([turn])
    assert [item.done for item in transcript.items if isinstance(item, AnswerItem)] == [1, None]
    assert transcript.findChild(AnswerEntry).prose.toPlainText().count("☑") == 1


def test_a_turn_that_came_to_a_limit_offers_to_go_on(transcript, qtbot):
    play(transcript, TurnStarted(1, "t", (Text("go"),)), ended("So far", "length"))
    with qtbot.waitSignal(transcript.asked_again) as asked:
        transcript.findChild(QToolButton, "notice-action").click()
    assert asked.args == [(Text("Continue."),)]
