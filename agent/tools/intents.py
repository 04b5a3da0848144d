"""``run_intent``: what AI Edge Gallery skills ask of a phone, done on a desktop with the bundled skills' own tools.

A draft is opened and never sent, an event is opened and never entered: the person does the last step in their own
program. Names and parameters are those of Gallery (IntentHandler.kt), with what skills in the wild write instead.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

from deskhand.agent.limits import Limits
from deskhand.agent.tool import Group, Tool, ToolResult
from deskhand.agent.tools.host import Asked, Host, HostError
from deskhand.agent.tools.skill_tools import BUILT_IN
from deskhand.model.types import ToolCall

RUN_INTENT = "run_intent"
NAMES = (
    "send_email",
    "create_calendar_event",
    "schedule_notification",
    "get_current_date_and_time",
    "read_calendar_events",
    "send_sms",
)
MOST_MAIL = 6_000
"""Characters of a mail's address: what mail programs and desktops take of a ``mailto:``."""

Run = Callable[[ToolCall, threading.Event, Limits], ToolResult]


class IntentError(Exception):
    """An intent that can't be done; the message is a sentence."""


class Intents:
    """A `Provider` of one tool.

    Args:
        run: runs a call of a bundled skill's tool.
        data: where events are written to be opened.
        host: opens files with the person's own program.
        now: the local time.
    """

    def __init__(
        self,
        run: Run,
        data: Path,
        host: Host,
        now: Callable[[], datetime] = lambda: datetime.now().astimezone(),
    ) -> None:
        self._run = run
        self._folder = data / "calendar"
        self._host = host
        self._now = now

    @property
    def groups(self) -> tuple[Group, ...]:
        """None: the tool is declared when an active skill asks for it."""
        return ()

    @property
    def tools(self) -> tuple[Tool, ...]:
        """`RUN_INTENT`."""
        properties = {
            "intent": {"type": "string", "enum": list(NAMES)},
            "parameters": {"type": "string", "default": "{}", "description": "a JSON text, as the instructions say"},
        }
        parameters = {"type": "object", "properties": properties, "required": ["intent"]}
        told = "Open a mail draft or a calendar event, set a reminder, or tell the time, as an active skill says."
        return (Tool(RUN_INTENT, BUILT_IN, told, parameters, ("apps", "notify"), bundled=True, keeps=("parameters",)),)

    def touches(self, tool: Tool) -> tuple[str, ...]:  # noqa: ARG002 - of the protocol
        """What intents do."""
        return ("your mail or calendar program, where you finish it yourself; timers of Deskhand",)

    def preview(self, tool: Tool, call: ToolCall) -> str:  # noqa: ARG002 - of the protocol
        """What exactly would be opened or set; or why nothing will."""
        try:
            return self._plan(call)[0]
        except IntentError as error:
            return str(error)

    def run(self, tool: Tool, call: ToolCall, cancel: threading.Event, limits: Limits) -> ToolResult:  # noqa: ARG002
        """Do it; see `Provider.run`."""
        try:
            _, do = self._plan(call)
            return do(cancel, limits)
        except (IntentError, HostError) as error:
            return ToolResult(error=str(error))
        except OSError as error:
            return ToolResult(error=f"It could not be opened: {error.strerror or error}.")

    def _plan(self, call: ToolCall) -> tuple[str, Callable[[threading.Event, Limits], ToolResult]]:
        given = _parameters(call.arguments.get("parameters") or "{}")
        match call.arguments["intent"]:
            case "send_email":
                return self._tool("open_address", "opens a draft, which you send or not:", {"url": _mail(given)})
            case "schedule_notification":
                return self._tool("clock_set_timer", "sets a timer:", self._timer(given))
            case "create_calendar_event":
                return self._event(given)
            case "get_current_date_and_time":
                now = f"{self._now():%Y-%m-%dT%H:%M:%S %A}"
                return "tells the date and time", lambda _cancel, _limits: ToolResult({"result": now})
            case "read_calendar_events":
                raise IntentError("Deskhand can't read calendars: ask the person what is in theirs.")
            case other:
                raise IntentError(f"A desktop can't do {other}: tell the person what you would have sent.")

    def _tool(
        self, name: str, told: str, arguments: dict[str, Any]
    ) -> tuple[str, Callable[[threading.Event, Limits], ToolResult]]:
        shown = ", ".join(f"{key} = {value}" for key, value in arguments.items())

        def do(cancel: threading.Event, limits: Limits) -> ToolResult:
            result = self._run(ToolCall("intent", name, arguments), cancel, limits)
            return ToolResult(error=result.error) if result.error else ToolResult({"result": "succeeded"})

        return f"{told} {shown}", do

    def _timer(self, given: dict[str, Any]) -> dict[str, Any]:
        """Seconds until the next time that the given hour and minute are, on the given day if one is given."""
        now = self._now()
        try:
            due = now.replace(hour=int(given["hour"]), minute=int(given["minute"]), second=0, microsecond=0)
            if given.get("day"):
                year, month = int(given.get("year") or now.year), int(given.get("month") or now.month)
                due = due.replace(year=year, month=month, day=int(given["day"]))
            elif due <= now:
                due += timedelta(days=1)
        except (KeyError, ValueError, TypeError) as error:
            raise IntentError(
                f"A notification needs hour and minute, and perhaps year, month and day: {error}."
            ) from error
        if due <= now:
            raise IntentError(f"{due:%Y-%m-%d %H:%M} has passed.")
        if str(given.get("repeat_daily", "")).lower() == "true":
            raise IntentError("A repeated notification can't be set: set one for each day, or a reminder of the clock.")
        words = (str(given.get(key, "")).strip() for key in ("title", "message"))
        # By the clock on the wall, which may be put forward or back until then.
        seconds = due.replace(tzinfo=None).timestamp() - now.timestamp()
        return {"seconds": seconds, "label": ": ".join(filter(None, words))[:200]}

    def _event(self, given: dict[str, Any]) -> tuple[str, Callable[[threading.Event, Limits], ToolResult]]:
        begin, end = _time(given, "begin_time"), _time(given, "end_time")
        if end < begin:
            raise IntentError("The event would end before it begins.")
        title = " ".join(str(given.get("title") or "Event").split())[:200]
        text = _calendar(title, str(given.get("description") or "")[:4000], begin, end, self._now())

        def do(cancel: threading.Event, _limits: Limits) -> ToolResult:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = self._folder / f"{re.sub(r'[^A-Za-z0-9]+', '-', title).strip('-')[:40] or 'event'}.ics"
            file.write_bytes(text.encode())
            self._host.ask(Asked("open_file", {"path": str(file)}, RUN_INTENT, BUILT_IN, ("apps",), cancel))
            return ToolResult({"result": "succeeded"})

        return f"opens an event, which you save or not: {title}, {begin:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M}", do


def _parameters(text: str) -> dict[str, Any]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise IntentError(f"The parameters are not JSON: {error}.") from error
    if not isinstance(data, dict):
        raise IntentError("The parameters must be a JSON object.")
    return cast("dict[str, Any]", data)


def _mail(given: dict[str, Any]) -> str:
    def field(*names: str) -> str:
        value = next((given[name] for name in names if given.get(name)), "")
        return ", ".join(map(str, cast("list[Any]", value))) if isinstance(value, list) else str(value)

    to = field("extra_email", "email", "to")
    if not re.fullmatch(r"[^@\s,;<>\"]+@[^@\s,;<>\"]+(\s*,\s*[^@\s,;<>\"]+@[^@\s,;<>\"]+)*", to):
        raise IntentError(f"“{to[:100]}” is not a mail address.")
    addresses = ",".join(quote(address.strip(), safe="@") for address in to.split(","))
    subject, body = (
        quote(field("extra_subject", "subject"), safe=""),
        quote(field("extra_text", "body", "text"), safe=""),
    )
    address = f"mailto:{addresses}?subject={subject}&body={body}"
    if len(address) > MOST_MAIL:
        raise IntentError("The mail is too long to be opened as a draft: shorten it.")
    return address


def _time(given: dict[str, Any], name: str) -> datetime:
    text = str(given.get(name, "")).strip()
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise IntentError(f"{name} must be like 2026-01-31T14:00:00, and not “{text[:40]}”.") from error


def _calendar(title: str, description: str, begin: datetime, end: datetime, now: datetime) -> str:
    """An iCalendar file (RFC 5545): local times float, lines end with CRLF and are folded."""
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Deskhand//EN",
        "BEGIN:VEVENT",
        f"UID:{now.timestamp():.6f}@deskhand",
        f"DTSTAMP:{now.astimezone(UTC):%Y%m%dT%H%M%SZ}",
        f"DTSTART:{_stamp(begin)}",
        f"DTEND:{_stamp(end)}",
        f"SUMMARY:{_escaped(title)}",
        f"DESCRIPTION:{_escaped(description)}",
        "END:VEVENT",
        "END:VCALENDAR",
    ]
    return "".join(f"{folded}\r\n" for line in lines for folded in _folded(line))


def _stamp(moment: datetime) -> str:
    return f"{moment:%Y%m%dT%H%M%S}" if moment.tzinfo is None else f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _escaped(text: str) -> str:
    plain = "".join(char for char in text.replace("\r\n", "\n") if char == "\n" or char.isprintable())
    return re.sub(r"([\\;,])", r"\\\1", plain).replace("\n", "\\n")


def _folded(line: str) -> list[str]:
    """Pieces of at most 70 bytes, of which all but the first begin with a space."""
    pieces, piece = [], ""
    for char in line:
        if len((piece + char).encode()) > 70:
            pieces.append(piece)
            piece = " "
        piece += char
    return [*pieces, piece]
