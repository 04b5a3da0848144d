"""Times as people say them, in four languages: right, or asked about; never a silently wrong one."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.skills.conftest import skill_module
from tests.zone import living_in

moments = skill_module("clock", "moments")
wording = skill_module("clock", "wording")

PHRASES = [
    tuple(line.split("\t"))
    for line in (Path(__file__).parents[1] / "data" / "times.tsv").read_text("utf-8").splitlines()
    if not line.startswith("#")
]
NOW = datetime(2026, 11, 30, 14, 20, tzinfo=ZoneInfo("Europe/Berlin"))
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia", "UTC")
NOWS = st.datetimes(datetime.fromisoformat("2025-01-01"), datetime.fromisoformat("2030-01-01"))


def read(text, now=NOW):
    """The time on the wall, or ? and the sentence that asks."""
    try:
        found = moments.read(text, now)
    except moments.AskError as error:
        return "?", str(error)
    return f"{found.wall:%Y-%m-%d %H:%M}" + (f":{found.wall:%S}" if found.wall.second else ""), found


@pytest.fixture(autouse=True)
def berlin():
    with living_in("Europe/Berlin"):
        yield


def test_there_are_phrases_enough_in_each_language():
    languages = [language for language, _, _ in PHRASES]
    assert len(languages) >= 300
    assert all(languages.count(language) >= 40 for language in ("en", "de", "fr", "es"))


def test_every_phrase_is_what_people_mean_or_asked_about():
    wrong = [(phrase, wanted, read(phrase)[0]) for _, phrase, wanted in PHRASES if read(phrase)[0] != wanted]
    assert wrong == []


def test_what_asks_is_a_sentence_that_says_what_to_ask():
    for _, phrase, wanted in PHRASES:
        if wanted == "?":
            assert read(phrase)[1].endswith(".")
    assert read("today at 9 am")[1] == "Today 9:00 in the morning has passed: ask whether tomorrow is meant."
    assert read("tomorrow at 3")[1].endswith("can be 3:00 in the morning or 3:00 in the afternoon: ask which.")
    assert "11 December: ask which" in read("next Friday at 9")[1]
    assert read("tomorrow evening")[1].endswith("names no time: ask at what time.")


@pytest.mark.parametrize(
    ("phrase", "repeat"),
    [
        ("every day at 9", "daily"),
        ("daily at noon", "daily"),
        ("every morning at 8", "daily"),
        ("every weekday at 7:30 am", "weekdays"),
        ("every Monday at 9", "weekly"),
        ("every month on the 15th at 9", "monthly"),
        ("jeden Tag um 9", "daily"),
        ("jeden Morgen um 8", "daily"),
        ("jeden Montag um 9", "weekly"),
        ("werktags um 7 Uhr 30", "weekdays"),
        ("tous les jours à 9h", "daily"),
        ("tous les lundis à 9h", "weekly"),
        ("todos los días a las 9", "daily"),
        ("todos los lunes a las 9", "weekly"),
        ("tomorrow at 9", ""),
    ],
)
def test_how_often_is_heard(phrase, repeat):
    assert read(phrase)[1].repeat == repeat


def test_what_was_added_is_told():
    assert read("tomorrow")[1].note == "no time was given"
    with living_in("Europe/Berlin") as zone:
        found = moments.read("at 02:30", datetime(2027, 3, 27, 14, 0, tzinfo=zone))
    assert (f"{found.wall:%d %H:%M}", found.note) == (
        "28 02:30",
        "that day lacks 2:30 in the morning, for the clocks go forward",
    )


def test_a_time_that_the_clock_shows_twice_is_the_next_one():
    with living_in("Europe/Berlin") as zone:
        first = datetime(2026, 10, 25, 2, 40, tzinfo=zone)
        assert moments.read("02:30", first).due - first.timestamp() == 50 * 60


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(ZONES), NOWS, st.integers(0, 23), st.integers(0, 59))
def test_an_exact_time_is_the_next_that_the_clock_shows(name, now, hour, minute):
    with living_in(name) as zone:
        now = now.replace(tzinfo=zone)
        found = moments.read(f"{hour:02}:{minute:02}", now)
        shown = datetime.fromtimestamp(found.due, zone)
        assert 0 < found.due - now.timestamp() <= 49 * 3600
        assert (shown.hour, shown.minute) == (hour, minute) or found.note


LENGTHS = {
    "in {} minutes": 60, "in {} Minuten": 60, "dans {} minutes": 60, "dentro de {} minutos": 60, "{} min": 60,
    "in {} hours": 3600, "in {} Stunden": 3600, "dans {} heures": 3600, "en {} horas": 3600, "{} hours from now": 3600,
    "in {} seconds": 1, "{} Sekunden": 1, "{} secondes": 1, "{} segundos": 1,
    "in {} and a half hours": 3600, "in {} hours and a half": 3600, "dans {} heures et demie": 3600,
    "dentro de {} horas y media": 3600,
}  # fmt: skip
DIGITS = ("0123456789", "０１２３４５６７８９", "٠١٢٣٤٥٦٧٨٩")


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(ZONES), NOWS, st.sampled_from(sorted(LENGTHS)), st.integers(2, 59), st.sampled_from(DIGITS))
def test_a_length_is_that_long_wherever_the_clocks_change(name, now, phrase, number, digits):
    """Report 23: and the wall says when it will really ring."""
    with living_in(name) as zone:
        now = now.replace(tzinfo=zone)
        found = moments.read(phrase.format(str(number).translate(str.maketrans("0123456789", digits))), now)
        half = 1800 if "half" in phrase or "demie" in phrase or "media" in phrase else 0
        assert abs(found.due - now.timestamp() - number * LENGTHS[phrase] - half) < 1
        assert datetime.fromtimestamp(found.due, zone).replace(tzinfo=None, fold=0) == found.wall


PARTS = {
    "tomorrow at {} in the morning": range(1, 12),
    "morgen früh um {}": range(1, 12),
    "demain matin à {}h": range(1, 12),
    "mañana a las {} de la mañana": range(1, 12),
    "tomorrow at {} in the afternoon": range(1, 7),
    "morgen Nachmittag um {}": range(1, 7),
    "demain après-midi à {}h": range(1, 7),
    "mañana por la tarde a las {}": range(1, 8),
    "tomorrow evening at {}": range(5, 12),
    "morgen Abend um {} Uhr": range(5, 12),
    "demain soir à {} heures": range(5, 12),
    "mañana por la noche a las {}": range(7, 12),
    "tomorrow at {} am": range(1, 12),
    "tomorrow at {} p.m.": range(1, 12),
    "tomorrow at {}:30 pm": range(1, 12),
    "half past {} tomorrow evening": range(5, 12),
}


@pytest.mark.parametrize("phrase", sorted(PARTS))
def test_a_part_of_the_day_says_which_half(phrase):
    for hour in PARTS[phrase]:
        found = read(phrase.format(hour))[1]
        early = any(word in phrase for word in ("morning", "früh", "matin", "de la mañana", "} am"))
        minute = 30 if "30" in phrase or "half" in phrase else 0
        assert (f"{found.wall:%m-%d}", found.wall.hour, found.wall.minute) == (
            "12-01",
            hour + (0 if early else 12),
            minute,
        )


MONTHS = {
    "{day} {month} at 18:00": "January February March April May June July August September October November December",
    "am {day}. {month} um 18 Uhr": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "le {day} {month} à 18h": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "el {day} de {month} a las 18:00": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre"
    " diciembre",
}


@settings(deadline=None, max_examples=200)
@given(st.sampled_from(sorted(MONTHS)), NOWS, st.integers(1, 12), st.integers(1, 31), st.booleans())
def test_dates_in_words_are_the_next_such_day(phrase, now, month, day, with_year):
    names = MONTHS[phrase]
    now = now.replace(tzinfo=ZoneInfo("Europe/Berlin"))
    try:
        wanted = min(
            when
            for year in (now.year, now.year + 1)
            if (when := datetime(year, month, day, 18, tzinfo=now.tzinfo)) > now or when.date() == now.date()
        )
    except ValueError:
        wanted = None
    assume(wanted is None or now < wanted < now + timedelta(days=366))
    text = phrase.format(day=day, month=names.split()[month - 1])
    if with_year and wanted:
        text = text.replace(names.split()[month - 1], f"{names.split()[month - 1]} {wanted.year}")
    found = read(text, now)
    if wanted is None:
        assert found[0] == "?" or month == 2
    else:
        assert found[0] == f"{wanted:%Y-%m-%d} 18:00"


WORDS = sorted({word for _, phrase, _ in PHRASES for word in phrase.split()})


@settings(deadline=None, max_examples=500)
@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=6))
def test_any_words_are_a_moment_to_come_or_asked_about(words):
    found = read(" ".join(words))[1]
    if isinstance(found, str):
        assert found.endswith(".")
    else:
        assert NOW.timestamp() < found.due <= (NOW + timedelta(days=367)).timestamp()


@settings(deadline=None)
@given(st.text(max_size=40))
def test_any_text_is_a_moment_or_a_sentence(text):
    assert read(text)[1]


def test_no_words_take_long():
    """A pattern that goes back and forth over a text would hold the tool for seconds."""
    for text in ("1 hour " * 17, "9" * 120, "in " * 40, "a quarter past " * 8, "@" * 120, "1.1." * 30, "half " * 24):
        assert read(text)[0]


def test_times_are_said_as_they_can_be_read_out():
    def at(text):
        return datetime.fromisoformat(text).replace(tzinfo=NOW.tzinfo)

    times = ("03:01", "12:40", "15:01", "19:30", "00:05", "12:00")
    assert [wording.time(at(f"2026-11-30 {time}")) for time in times] == [
        "3:01 in the morning",
        "12:40 in the afternoon",
        "3:01 in the afternoon",
        "7:30 in the evening",
        "12:05 in the morning",
        "noon",
    ]
    stamps = ("2026-11-30 15:01", "2026-12-01 00:00", "2026-12-04 09:00", "2027-01-15 09:00")
    assert [wording.moment(at(text), NOW) for text in stamps] == [
        "today at 3:01 in the afternoon",
        "tonight at midnight",
        "on Friday, 4 December at 9:00 in the morning",
        "on Friday, 15 January 2027 at 9:00 in the morning",
    ]
    assert [wording.length(seconds) for seconds in (1, 60, 90, 3600, 5400, 93_784)] == [
        "1 second",
        "1 minute",
        "1 minute and 30 seconds",
        "1 hour",
        "1 hour and 30 minutes",
        "1 day, 2 hours and 3 minutes",
    ]
    lengths = (90, 600, 3600, 5400, 86_400, 3723)
    assert [wording.adjective(each) for each in lengths] == [
        "90-second",
        "10-minute",
        "1-hour",
        "90-minute",
        "1-day",
        "",
    ]
