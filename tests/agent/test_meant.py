"""What the person's words mean is known before they are asked: the question shows it, and it is what runs."""

from deskhand.agent.events import Answer, ApprovalRequested, Decision


def asked(stage):
    return [event.request.call.arguments for event in stage.seen(ApprovalRequested)]


def run(stage, player, script, name, **arguments):
    engine = player(script.calls(name, **arguments), script.says("So."))
    return stage.run(engine, "go").calls[0]


def test_the_question_about_a_note_shows_the_note_and_that_one_is_deleted(stage, player, script):
    stage.permissions.own = "never"
    for text in ("buy milk", "call the plumber"):
        run(stage, player, script, "notes_append", text=text)
    stage.answers = [Answer.ONCE]
    record = run(stage, player, script, "notes_delete", note="the note about milk")
    assert asked(stage) == [{"note": "buy milk"}]
    assert record.result["deleted"] == "buy milk"
    assert record.call.arguments == {"note": "the note about milk"}


def test_nobody_is_asked_to_allow_what_is_not_clear(stage, player, script):
    stage.permissions.own = "never"
    for text in ("buy milk", "milk the cow"):
        run(stage, player, script, "notes_append", text=text)
    record = run(stage, player, script, "notes_delete", note="the milk note")
    assert (record.decision, asked(stage)) == (Decision.REFUSED, [])
    assert record.error == "Several notes can be meant: “milk the cow”; “buy milk”. Ask which."
    record = run(stage, player, script, "clock_change_timer", minutes=12)
    assert record.error == "No timer or reminder is set."


def test_two_notes_of_the_same_words_are_told_apart(stage, player, script):
    stage.permissions.own = "never"
    for text in ("buy milk", "Buy milk", "x"):
        run(stage, player, script, "notes_append", text=text)
    stage.answers = [Answer.ONCE]
    record = run(stage, player, script, "notes_delete", note="the oldest note")
    assert record.result["deleted"] == "buy milk"


def test_the_question_about_a_timer_names_the_timer(stage, player, script):
    stage.permissions.own = "never"
    run(stage, player, script, "clock_set_timer", minutes=10)
    run(stage, player, script, "clock_set_timer", minutes=3, label="eggs")
    run(stage, player, script, "clock_set_timer", minutes=5, label="tea")
    stage.answers = [Answer.ONCE, Answer.ONCE, Answer.ONCE]
    run(stage, player, script, "clock_change_timer", minutes=12)
    run(stage, player, script, "clock_cancel_timer", timer="the ten minute one")
    run(stage, player, script, "clock_cancel_timer", timer="all timers")
    assert [given["timer"] for given in asked(stage)] == ["5-minute timer “tea”", "10-minute timer", "all timers"]
    assert run(stage, player, script, "clock_list_timers").result["timers"] == []
