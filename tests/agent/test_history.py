import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import zlib

import pytest

from deskhand.agent import prompt
from deskhand.agent.events import CallRecord, Decision, Outcome
from deskhand.agent.history import HistoryError, Store
from deskhand.agent.origin import Origin
from deskhand.model.types import Audio, Image, Message, Text, ToolCall, Usage


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path / "deep" / "history.db")
    yield made
    made.close()


def user(text, *media):
    return Message("user", (*media, Text(text)))


def test_messages_come_back_exactly(store):
    noise = Image(random.Random(1).randbytes(70 * 50 * 3), 70, 50, 280)
    sound = Audio(random.Random(2).randbytes(4000))
    call = ToolCall("c1", "notes_append", {"text": '<|"|>\n"ä" \ud800 \0', "n": 1.5, "deep": [{"a": None}]})
    said = [
        user("look \u2028 here", noise, sound),
        Message("assistant", (Text("well"),), (call,), "a thought"),
        Message("tool", (Text("{}"), noise), call_id="c1", name="notes_append"),
    ]
    number = store.new_conversation()
    for message in said:
        store.append(number, "t1", message)
    assert store.messages(number) == said
    store._recent.clear()
    assert store.messages(number) == said


def test_media_are_stored_once_and_small(store):
    plain = Image(b"\xf0" * (1920 * 1080 * 3), 1920, 1080)
    number = store.new_conversation()
    for turn in ("a", "b", "c"):
        store.append(number, turn, user("again", plain))
    ((count, size),) = store._db.execute("SELECT COUNT(*), SUM(LENGTH(data)) FROM media").fetchall()
    assert count == 1
    assert size < 100_000
    assert store.messages(number)[0].parts[0] is store.messages(number)[2].parts[0]


def test_what_is_deleted_is_on_the_disk_no_more_and_what_others_share_stays(store, tmp_path):
    shared, own = (Image(random.Random(n).randbytes(90 * 60 * 3), 90, 60) for n in (1, 2))
    gone, kept = store.new_conversation(), store.new_conversation()
    store.append(gone, "a", user("the private sentence", shared, own))
    store.append(kept, "b", user("the other one", shared))
    call = CallRecord(ToolCall("c", "note", {"text": "private argument"}), Decision.ALLOWED, {})
    store.note_call(gone, "a", call)
    store.delete(gone)
    assert [each.id for each in store.conversations()] == [kept]
    assert store.messages(kept)[0].parts[0] == shared
    store._recent.clear()
    assert store.messages(kept)[0].parts[0] == shared
    assert store._db.execute("SELECT COUNT(*) FROM media").fetchone() == (1,)
    written = b"".join(path.read_bytes() for path in (tmp_path / "deep").iterdir())
    assert b"the other one" in written
    assert b"the private sentence" not in written
    assert b"private argument" not in written
    assert zlib.compress(own.pixels, 1)[100:200] not in written
    store.delete(gone)


def test_recent_media_are_bounded(store, monkeypatch):
    monkeypatch.setattr("deskhand.agent.history.RECENT_BYTES", 1000)
    number = store.new_conversation()
    for shade in range(5):
        store.append(number, f"t{shade}", user("x", Image(bytes([shade]) * 600, 20, 10)))
    assert len(store._recent) == 1
    assert [message.parts[0].pixels[0] for message in store.messages(number)] == [0, 1, 2, 3, 4]


def test_conversations_are_listed_by_last_use_with_a_title(store):
    first, second = store.new_conversation(), store.new_conversation("Given")
    assert store.latest() == second
    store.append(first, "t1", user("  what is \n this "))
    store.append(first, "t2", user("and that"))
    listed = store.conversations()
    assert [(c.id, c.title, c.turns) for c in listed] == [(first, "what is this", 2), (second, "Given", 0)]
    assert store.latest() == first


def test_turns_carry_calls_and_outcome(store):
    number = store.new_conversation()
    call = ToolCall("c1", "clock_time")
    record = CallRecord(call, Decision.ALLOWED, {"time": "12:00"}, "", 0.25)
    broken = CallRecord(ToolCall("c2", "unreadable", {"text": "x"}), Decision.REFUSED, error="bad")
    store.append(number, "t1", user("time?"))
    store.append(number, "t1", Message("assistant", calls=(call,)))
    store.append(number, "t1", Message("tool", (Text("12"),), call_id="c1", name="clock_time"), record)
    store.note_call(number, "t1", broken)
    outcome = Outcome("Noon.", (record, broken), "stop", Usage(prompt_tokens=3, ttft_ms=1.5))
    store.finish("t1", outcome)
    (turn,) = store.turns(number)
    assert turn.outcome == outcome
    assert turn.calls == (record, broken)
    assert not turn.interrupted
    assert [message.role for message in turn.messages] == ["user", "assistant", "tool"]


def test_a_running_turn_is_not_interrupted(store):
    number = store.new_conversation()
    store.append(number, "t1", user("hello"))
    (turn,) = store.turns(number)
    assert turn.outcome is None
    assert not turn.interrupted


KILLED = """
import os, signal, sys, time
from pathlib import Path
from deskhand.agent.history import Store
from deskhand.model.types import Image, Message, Text, ToolCall
store = Store(Path(sys.argv[1]))
number = store.new_conversation()
store.append(number, "t1", Message("user", (Image(bytes(300), 10, 10), Text("look"))))
store.append(number, "t1", Message("assistant", (Text("Let me"),), (ToolCall("c1", "screen_look"),)))
store._db.execute("BEGIN IMMEDIATE")
store._db.execute("DELETE FROM message")
print("ready", flush=True)
time.sleep(60)
"""


def test_kill_9_in_mid_turn_loses_nothing_and_shows_as_interrupted(tmp_path):
    path = tmp_path / "history.db"
    child = subprocess.Popen([sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE)
    assert child.stdout.readline() == b"ready\n"
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    child.stdout.close()
    store = Store(path)
    assert store._db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    (turn,) = store.turns(store.latest())
    assert turn.interrupted
    assert [message.text for message in turn.messages] == ["look", "Let me"]
    store.append(store.latest(), "t2", user("go on"))
    ready = prompt.whole(store.messages(store.latest()))
    assert [message.role for message in ready] == ["user", "assistant", "tool", "assistant", "user"]
    assert "not known whether this ran" in ready[2].text
    store.close()


def test_two_stores_and_many_threads_write_at_once(tmp_path):
    stores = [Store(tmp_path / "history.db") for _ in range(2)]
    number = stores[0].new_conversation()

    def write(store, name):
        for index in range(10):
            store.append(number, f"{name}-{index}", user(f"{name} {index}"))

    threads = [threading.Thread(target=write, args=(stores[n % 2], f"w{n}")) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(stores[0].messages(number)) == 40
    for store in stores:
        store.close()


def test_a_file_that_is_no_history_is_said(tmp_path):
    (tmp_path / "a").write_bytes(b"This is not a database, it is a letter to my aunt." * 100)
    with pytest.raises(HistoryError, match="no history of Deskhand"):
        Store(tmp_path / "a")


def test_a_newer_history_is_not_touched(tmp_path):
    with sqlite3.connect(tmp_path / "b") as db:
        db.execute("PRAGMA user_version=99")
    db.close()
    with pytest.raises(HistoryError, match="newer Deskhand"):
        Store(tmp_path / "b")


def test_a_folder_that_can_not_be_made_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(HistoryError, match="can't be written"):
        Store(tmp_path / "file" / "history.db")


def test_others_can_not_read_it(store):
    assert store._path.stat().st_mode & 0o077 == 0


def test_a_history_of_the_first_version_is_taken_over_and_trusts_nothing(tmp_path):
    path = tmp_path / "history.db"
    old = Store(path)
    conversation = old.new_conversation()
    image = Image(bytes(3), 1, 1)
    old.append(conversation, "t", Message("user", (image, Text("what is this"))))
    old.append(conversation, "t", Message("tool", (Text("{}"),), call_id="c", name="web_fetch"))
    old.close()
    with sqlite3.connect(path) as db:
        db.execute("ALTER TABLE message DROP COLUMN origins")
        db.execute("DROP TABLE tainted")
        db.execute("DROP TABLE partial")
        db.execute("PRAGMA user_version=1")
    db.close()
    store = Store(path)
    store.append(conversation, "t", Message("assistant", (Text("a dot"),)))
    store.append(conversation, "t", Message("tool", (Text("x"),)), origins=[Origin("file", "/a")])
    kinds = [[origin.kind for origin in origins] for _, origins in store.traced(conversation)]
    assert kinds == [["picture"], ["program"], [], ["file"]]
    assert store.marked() == frozenset()
    store.mark("notes", "~3:abc")
    store.mark("notes")
    store.mark()
    assert store.marked() == {"notes", "~3:abc"}
    store.close()
