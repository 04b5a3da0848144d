import json
import threading
from datetime import datetime
from pathlib import Path

import pytest

from deskhand.agent.limits import Limits
from deskhand.agent.tool import ToolResult
from deskhand.agent.tools.host import HostError, Told
from deskhand.agent.tools.intents import Intents
from deskhand.model.types import ToolCall
from tests.zone import living_in

NOW = datetime(2026, 11, 24, 9, 30).astimezone()


class Desktop:
    """The bundled tools and the desktop behind an intent."""

    def __init__(self, error=""):
        self.calls = []
        self.opened = []
        self.error = error

    def run(self, call, cancel, limits):
        self.calls.append((call.name, dict(call.arguments)))
        return ToolResult({}, error=self.error)

    def ask(self, asked):
        if self.error:
            raise HostError(self.error)
        self.opened.append((asked.name, Path(asked.arguments["path"]).read_bytes().decode()))
        return Told()


@pytest.fixture
def run(tmp_path):
    def go(intent, desktop=None, **parameters):
        desktop = desktop or Desktop()
        intents = Intents(desktop.run, tmp_path, desktop, now=lambda: NOW)
        call = ToolCall("c", "run_intent", {"intent": intent, "parameters": json.dumps(parameters)})
        (tool,) = intents.tools
        return intents.run(tool, call, threading.Event(), Limits()), desktop, intents.preview(tool, call)

    return go


def test_a_mail_is_a_draft(run):
    result, desktop, shown = run(
        "send_email", extra_email="ann@example.org", extra_subject="Hä & co?", extra_text="a\nb"
    )
    assert result.value == {"result": "succeeded"}
    url = "mailto:ann@example.org?subject=H%C3%A4%20%26%20co%3F&body=a%0Ab"
    assert desktop.calls == [("open_address", {"url": url})]
    assert "opens a draft" in shown
    assert url in shown


@pytest.mark.parametrize("to", ["", "nobody", "a@b?bcc=evil@example.org x", "a@b\nBcc: evil@example.org", "<a@b>"])
def test_what_is_no_address_opens_nothing(run, to):
    result, desktop, _ = run("send_email", extra_email=to, extra_subject="s", extra_text="t")
    assert "is not a mail address" in result.error
    assert desktop.calls == []


def test_a_question_mark_in_an_address_adds_no_field(run):
    _, desktop, _ = run("send_email", extra_email="a?bcc=evil@example.org", extra_subject="", extra_text="")
    assert desktop.calls[0][1]["url"].startswith("mailto:a%3Fbcc%3Devil@example.org?subject=")


def test_an_event_is_opened_as_a_file(run):
    result, desktop, shown = run(
        "create_calendar_event",
        title="Tea; two",
        description="Bring: cups,\nBEGIN:VALARM " + "long " * 40,
        begin_time="2026-12-01T15:00:00",
        end_time="2026-12-01T16:00:00",
    )
    assert result.value == {"result": "succeeded"}
    ((name, text),) = desktop.opened
    lines = text.split("\r\n")
    assert name == "open_file"
    assert "SUMMARY:Tea\\; two" in lines
    assert {"DTSTART:20261201T150000", "DTEND:20261201T160000"} <= set(lines)
    assert not any(line.startswith("BEGIN:VALARM") for line in lines)
    assert all(len(line.encode()) <= 75 for line in lines)
    assert "Tea; two, 2026-12-01 15:00" in shown


@pytest.mark.parametrize(
    ("parameters", "seconds"),
    [
        ({"hour": 10, "minute": 0}, 1800),
        ({"hour": "9", "minute": "0"}, 23.5 * 3600),
        ({"hour": 9, "minute": 30, "year": 2026, "month": 11, "day": 25}, 86400),
    ],
)
def test_a_notification_is_a_timer(run, parameters, seconds):
    _, desktop, _ = run("schedule_notification", title="Tea", message="is ready", **parameters)
    assert desktop.calls == [("clock_set_timer", {"seconds": seconds, "label": "Tea: is ready"})]


def test_a_notification_beyond_a_change_of_the_clocks_is_at_its_time_on_the_wall(tmp_path):
    """Report 23, in another place."""
    with living_in("Europe/Berlin") as zone:
        now, desktop = datetime(2027, 3, 27, 20, 0, tzinfo=zone).astimezone(), Desktop()
        intents = Intents(desktop.run, tmp_path, desktop, now=lambda: now)
        given = {"intent": "schedule_notification", "parameters": '{"hour": 9, "minute": 0, "title": "Tea"}'}
        intents.run(intents.tools[0], ToolCall("c", "run_intent", given), threading.Event(), Limits())
    assert desktop.calls == [("clock_set_timer", {"seconds": 12 * 3600, "label": "Tea"})]


@pytest.mark.parametrize(
    ("intent", "parameters", "error"),
    [
        ("schedule_notification", {"title": "x"}, "needs hour and minute"),
        ("schedule_notification", {"hour": 25, "minute": 0}, "needs hour and minute"),
        ("schedule_notification", {"hour": 9, "minute": 0, "day": 1}, "has passed"),
        ("schedule_notification", {"hour": 10, "minute": 0, "repeat_daily": True}, "repeated"),
        ("create_calendar_event", {"begin_time": "soon", "end_time": ""}, "begin_time must be like"),
        (
            "create_calendar_event",
            {"begin_time": "2026-12-01T15:00:00", "end_time": "2026-12-01T14:00:00"},
            "end before it begins",
        ),
        ("read_calendar_events", {}, "can't read calendars"),
        ("send_sms", {"phone_number": "1", "sms_body": "x"}, "A desktop can't do send_sms"),
    ],
)
def test_what_can_not_be_done_is_said(run, intent, parameters, error):
    result, desktop, shown = run(intent, **parameters)
    assert error in result.error
    assert error in shown
    assert desktop.calls == desktop.opened == []


def test_the_time_is_told_and_failures_are_passed_on(run):
    assert run("get_current_date_and_time")[0].value == {"result": "2026-11-24T09:30:00 Tuesday"}
    broken = Desktop("Nothing opens addresses here.")
    assert run("send_email", broken, extra_email="a@b", extra_text="")[0].error == "Nothing opens addresses here."
    times = {"begin_time": "2026-12-01T15:00:00", "end_time": "2026-12-01T16:00:00"}
    assert run("create_calendar_event", broken, **times)[0].error == "Nothing opens addresses here."


@pytest.mark.parametrize("text", ["{", "[]", "[" * 5000])
def test_parameters_that_are_no_object_are_said(tmp_path, text):
    desktop = Desktop()
    intents = Intents(desktop.run, tmp_path, desktop)
    call = ToolCall("c", "run_intent", {"intent": "send_email", "parameters": text})
    assert "JSON" in intents.run(intents.tools[0], call, threading.Event(), Limits()).error
