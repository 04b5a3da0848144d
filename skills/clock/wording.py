"""Times, days and lengths in words that can be said as they stand."""

from __future__ import annotations

from datetime import date, datetime, timedelta

OFTEN = {
    "daily": "every day",
    "weekdays": "every weekday",
    "weekly": "every week",
    "monthly": "every month",
    "yearly": "every year",
}
"""How often something comes, in words."""


def time(moment: datetime) -> str:
    """3:01 in the morning."""
    part = "in the morning" if moment.hour < 12 else "in the afternoon" if moment.hour < 18 else "in the evening"
    if moment.minute == moment.second == 0 and moment.hour in {0, 12}:
        return "noon" if moment.hour else "midnight"
    return f"{moment.hour % 12 or 12}:{moment.minute:02} {part}"


def day(moment: datetime | date, now: datetime) -> str:
    """Today, tomorrow, on Friday, 4 December; with the year where it is another."""
    which = moment.date() if isinstance(moment, datetime) else moment
    ahead = (which - now.date()).days
    if ahead in {-1, 0, 1}:
        return ("yesterday", "today", "tomorrow")[ahead + 1]
    return f"on {which:%A}, {dated(which, now)}"


def dated(which: date, now: datetime) -> str:
    """4 December; with the year where it is another."""
    return f"{which.day} {which:%B}" + (f" {which.year}" if which.year != now.year else "")


def moment(when: datetime, now: datetime) -> str:
    """Tomorrow at 3:01 in the morning; a midnight by the day that it ends."""
    if (when.hour, when.minute, when.second) == (0, 0, 0):
        before = day(when - timedelta(days=1), now)
        return "tonight at midnight" if before == "today" else f"at midnight at the end of {before.removeprefix('on ')}"
    return f"{day(when, now)} at {time(when)}"


def length(seconds: float) -> str:
    """An hour and 30 minutes; from a day on without seconds."""
    whole = timedelta(seconds=round(seconds))
    hours, rest = divmod(whole.seconds, 3600)
    pieces = [(whole.days, "day"), (hours, "hour"), (rest // 60, "minute"), (0 if whole.days else rest % 60, "second")]
    said = [f"{count} {name}{'' if count == 1 else 's'}" for count, name in pieces if count]
    return " and ".join(filter(None, (", ".join(said[:-1]), said[-1]))) if said else "0 seconds"


def adjective(seconds: float) -> str:
    """10-minute, 90-second; empty where it takes two units."""
    whole = round(seconds)
    for size, name in ((86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
        if whole % size == 0 and (whole >= size or size == 1) and (whole // size <= 120 or size == 86_400):
            return f"{whole // size}-{name}"
    return ""
