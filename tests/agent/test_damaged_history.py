"""Report 28: what is damaged in the history costs only itself; a file that can't be used is put aside and kept."""

import contextlib
import json
import random
import sqlite3

import pytest

from deskhand.agent import private, records
from deskhand.agent.database import DamagedHistoryError
from deskhand.agent.events import CallRecord, Decision, Outcome
from deskhand.agent.history import HistoryError, Store
from deskhand.agent.origin import Origin
from deskhand.model.types import Image, Message, Text, ToolCall, Usage
from tests.damage import damaged

IMAGE = Image(random.Random(1).randbytes(70 * 50 * 3), 70, 50, 280)
CALL = ToolCall("c1", "notes_append", {"text": "milk"})
RECORD = CallRecord(CALL, Decision.APPROVED, {"id": "n1"}, "", 0.5)
OUTCOME = Outcome("done", (RECORD,), "stop", Usage(prompt_tokens=3, ttft_ms=1.5))


@pytest.fixture
def path(tmp_path):
    """A history of two conversations, each of one turn with a picture and a call."""
    made = Store(tmp_path / "history.sqlite")
    for turn in ("t1", "t2"):
        number = made.new_conversation(turn)
        made.append(number, turn, Message("user", (IMAGE, Text("what is this"))), origins=[Origin("picture", "x")])
        made.append(number, turn, Message("assistant", (Text("I see."),), (CALL,)))
        made.append(number, turn, Message("tool", (Text("{}"),), (), "", "c1", "notes_append"), RECORD)
        made.append(number, turn, Message("assistant", (Text("A mill."),)))
        made.finish(turn, OUTCOME)
    made.close()
    return tmp_path / "history.sqlite"


def change(path, statement, *values):
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA foreign_keys=OFF")
        assert db.execute(statement, values).rowcount > 0
    db.close()


OF_1 = "WHERE id = (SELECT MIN(id) FROM message WHERE turn = 't1')"
DAMAGES = {
    "body cut": (f"UPDATE message SET body = substr(body, 1, 20) {OF_1}", 1),
    "body of another kind": (f"UPDATE message SET body = '[1]' {OF_1}", 1),
    "body of bytes": (f"UPDATE message SET body = x'ff00fe' {OF_1}", 1),
    "unknown role": (f"UPDATE message SET body = replace(body, '\"user\"', '\"critic\"') {OF_1}", 1),
    "deep": (f"UPDATE message SET body = '{'[' * 100_000}' {OF_1}", 1),
    "call cut": ("UPDATE message SET record = substr(record, 1, 30) WHERE turn = 't1' AND record IS NOT NULL", 1),
    "unknown decision": (
        "UPDATE message SET record = replace(record, 'approved', 'guessed') WHERE turn = 't1' AND record IS NOT NULL", 1
    ),
    "outcome cut": ("UPDATE turn SET outcome = substr(outcome, 1, 30) WHERE id = 't1'", 1),
    "outcome of words": ("UPDATE turn SET outcome = replace(outcome, ': 3', ': \"3\"') WHERE id = 't1'", 1),
    "started": ("UPDATE turn SET started = 'yesterday', process = 'x' WHERE id = 't1'", 0),
    "started late": ("UPDATE turn SET started = 1e300 WHERE id = 't1'", 0),
}  # fmt: skip


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_record_costs_only_itself_and_is_kept(path, kind):
    statement, lost = DAMAGES[kind]
    change(path, statement)
    store = Store(path)
    before = store._db.execute("SELECT COUNT(*), SUM(LENGTH(body)) FROM message").fetchone()
    (turn,) = store.turns(1)
    assert turn.damaged == lost
    assert len(turn.messages) == 4 - ("body" in kind or kind in {"unknown role", "deep"})
    assert store.turns(2)[0].outcome == OUTCOME
    assert len(store.messages(2)) == 4
    assert store.messages(1)[-1].text == "A mill."
    assert [each.title for each in store.conversations()]
    assert store.conversation_of(["notes_append"], "n1") == 2
    store.append(1, "t3", Message("user", (Text("go on"),)))
    assert store._db.execute("SELECT COUNT(*), SUM(LENGTH(body)) FROM message WHERE turn != 't3'").fetchone() == before
    store.delete(1)
    assert [each.id for each in store.conversations()] == [2]
    store.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE media SET data = zeroblob(length(data))",
        "UPDATE media SET data = NULL || 'x'",
        "UPDATE media SET width = 7",
        "UPDATE media SET budget = 'many'",
        "DELETE FROM media",
    ],
)
def test_a_picture_that_is_lost_leaves_its_place_and_the_rest_of_the_message(path, statement):
    if "NULL" in statement:
        statement = "UPDATE media SET data = 'text'"
    change(path, statement)
    store = Store(path)
    assert store.messages(1)[0].parts == (Text(records.NO_PICTURE), Text("what is this"))
    assert store.turns(1)[0].messages[0].text.endswith("what is this")
    store.close()


def test_another_picture_in_the_place_of_one_is_not_taken_for_it(path):
    other = Store(path)
    other.append(1, "t1", Message("user", (Image(bytes(70 * 50 * 3), 70, 50, 280),)))
    other.close()
    change(path, "UPDATE media SET data = (SELECT data FROM media WHERE digest != ?)", IMAGE.digest)
    store = Store(path)
    assert store.messages(1)[0].parts[0] == Text(records.NO_PICTURE)
    store.close()


def test_where_a_message_came_from_is_the_worst_once_that_can_not_be_read(path):
    change(path, f"UPDATE message SET origins = substr(origins, 1, 9) {OF_1}")
    store = Store(path)
    (_, origins), *_ = store.traced(1)
    assert {origin.kind for origin in origins} == {"picture", "file"}
    assert all(origin.words for origin in origins)
    store.close()


def test_what_a_later_version_wrote_with_more_in_it_is_read(path):
    for table, column in (("turn", "outcome"), ("message", "body"), ("message", "record")):
        change(path, f"UPDATE {table} SET {column} = json_set({column}, '$.mood', 1) WHERE {column} != ''")
    change(path, "UPDATE turn SET outcome = json_set(outcome, '$.usage.watts', 3)")
    change(path, "UPDATE message SET origins = json_set(origins, '$[0].shade', 'x') WHERE origins != '[]'")
    store = Store(path)
    assert store.turns(1)[0].outcome == OUTCOME
    assert store.turns(1)[0].damaged == 0
    assert store.traced(1)[0][1] == (Origin("picture", "x"),)
    store.close()


def spoil(path, how):
    data = bytearray(path.read_bytes())
    match how:
        case "header":
            data[:64] = bytes(64)
        case "zero bytes":
            data[:] = bytes(len(data))
        case "cut":
            del data[len(data) // 3 :]
        case "a letter":
            data[:] = b"This is not a database, it is a letter to my aunt." * 100
    path.write_bytes(data)


def newer(path):
    change(path, "UPDATE turn SET started = started")
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version=99")
    db.close()


def foreign(path):
    path.unlink()
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE recipe (name TEXT)")
    db.close()


UNUSABLE = {
    "header": lambda path: spoil(path, "header"),
    "zero bytes": lambda path: spoil(path, "zero bytes"),
    "a letter": lambda path: spoil(path, "a letter"),
    "newer": newer,
    "of another program": foreign,
}


@pytest.mark.parametrize("kind", UNUSABLE)
def test_a_file_that_can_not_be_used_is_said_and_left_as_it_is(path, kind):
    UNUSABLE[kind](path)
    old = path.read_bytes()
    with pytest.raises(DamagedHistoryError, match="deskhand reset history"):
        Store(path)
    assert path.read_bytes() == old


def test_a_store_begins_afresh_and_keeps_the_old_file(path):
    store = Store(path)
    old = store.start_fresh()
    assert store.conversations() == []
    store.append(store.new_conversation(), "n1", Message("user", (Text("new"),)))
    assert len(store.messages(1)) == 1
    store.close()
    kept = Store(old)
    assert len(kept.conversations()) == 2
    assert len(kept.messages(1)) == 4
    kept.close()


def test_two_files_put_aside_in_one_second_are_both_kept(tmp_path):
    places = set()
    for number in range(3):
        (tmp_path / "a").write_text(str(number))
        places.add(private.set_aside(tmp_path / "a"))
    assert {place.read_text() for place in places} == {"0", "1", "2"}
    assert private.set_aside(tmp_path / "a") is None


@pytest.mark.parametrize("seed", range(4))
def test_whatever_the_bytes_of_the_file_are_only_a_history_error_comes_out(path, seed):
    """Fuzz of the edge: the file."""
    whole = path.read_bytes()
    for data in damaged(whole, seed, 30):
        for log in ("-wal", "-shm"):
            path.with_name(path.name + log).unlink(missing_ok=True)
        path.write_bytes(data)
        try:
            store = Store(path)
        except HistoryError:
            continue
        for use in USES:
            with contextlib.suppress(HistoryError):
                use(store)
        store.close()


USES = (
    lambda store: store.conversations(),
    lambda store: store.turns(1),
    lambda store: store.turns(2),
    lambda store: store.traced(1),
    lambda store: store.conversation_of(["x"], "n"),
    lambda store: store.new_conversation(),
    lambda store: store.delete(1),
)


def test_whatever_a_record_is_only_a_record_error_comes_out():
    """Fuzz of the edge: a record."""

    def media(digest):
        return IMAGE if digest == IMAGE.digest else None

    message = Message("user", (IMAGE, Text("ä")), (CALL,), "t", "c", "n")
    kinds = [
        (records.dump_message(message), lambda body: records.load_message(body, media)),
        (records.dump_call(RECORD), records.load_call),
        (records.dump_outcome(OUTCOME), lambda body: records.load_outcome(body, ())),
    ]  # fmt: skip
    wrong = [None, 1, 1.5, True, "x", [], {}, [[]], {"a": 1}, 10**400, "\ud800"]
    for good, load in kinds:
        load(good)
        bodies = [data.decode("utf-8", "replace") for data in damaged(good.encode(), 5, 400)]
        whole = json.loads(good)
        bodies += [json.dumps({**whole, key: value}) for key in whole for value in wrong]
        bodies += [json.dumps({**whole, key: [value]}) for key in whole for value in wrong]
        bodies += [json.dumps(value) for value in wrong]
        assert sum(not understood(load, body) for body in bodies) > 50
        for body in bodies:
            records.media_of(body)
            assert all(origin.words for origin in records.load_origins(body, message))


def understood(load, body):
    try:
        load(body)
    except records.RecordError:
        return False
    return True


def test_what_had_streamed_of_an_answer_is_kept_until_the_answer_is(tmp_path):
    path = tmp_path / "history.sqlite"
    store = Store(path)
    number = store.new_conversation()
    store.append(number, "t", Message("user", (Text("q"),)))
    for text in ("Once", "Once upon"):
        store.keep_partial("t", Message("assistant", (Text(text),)))
    assert [message.text for message in store.messages(number)] == ["q", "Once upon"]
    store.append(number, "u", Message("user", (Text("and?"),)))
    assert [message.text for message in store.messages(number)] == ["q", "Once upon", "and?"]
    assert [m.text for m in store.turns(number)[0].messages] == ["q", "Once upon"]
    store.append(number, "t", Message("assistant", (Text("Once upon a time"),)))
    assert [message.text for message in store.messages(number)] == ["q", "and?", "Once upon a time"]
    store.keep_partial("u", Message("assistant", (Text("private"),)))
    store.finish("u", OUTCOME)
    store.keep_partial("t", Message("assistant", (Text("private"),)))
    store.keep_partial("of no turn", Message("assistant", (Text("private"),)))
    store.delete(number)
    assert store._db.execute("SELECT COUNT(*) FROM partial").fetchone() == (0,)
    store.close()
