"""Where secrets stand in lines of text with places."""

import pytest

from deskhand.agent.safety import covering
from deskhand.model.cascade.ocr import Line

KEY = "ghp_16C7e42F292c6912E7710c838347Ae178B4a"


def line(text, left=0, top=0, high=20):
    """Ten pixels a character."""
    centres = tuple(left + 10 * at + 5 for at in range(len(text)))
    return Line(text, left, top, left + 10 * len(text), top + high, centres)


def painted(lines, dots=()):
    """Each line with # for characters that lie under paint."""
    found = covering.places(lines, dots)
    return [
        "".join(
            "#"
            if any(p.left <= x <= p.right and p.top <= (each.top + each.bottom) / 2 <= p.bottom for p in found)
            else letter
            for letter, x in zip(each.text, each.centres, strict=True)
        )
        for each in lines
    ]


def test_only_the_secret_of_a_line_is_covered_and_with_a_margin():
    lines = [line(f"the key {KEY} is")]
    assert painted(lines) == ["the key " + "#" * len(KEY) + " is"]
    (place,) = covering.places(lines)
    assert place.kind == "key"
    assert place.left < 80
    assert place.right > 80 + 10 * len(KEY)
    assert place.top < 0
    assert place.bottom > 20


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("DB PASSW0RD=korrekt-Pferd1", "DB PASSW0RD=##############"),
        ("STRIPE KEY=sk live wkKdMQHnVL9xl90TwN8XK329", "STRIPE KEY=################################"),
        ("use AlzajgGMlJ0qjUoNb7NcbfxVv5Obk3krgxPVzWN.", "use #######################################."),
        ("DE89 3704 0044 0532 0130 01", "###########################"),
        ("pay 4111 1111 1111 1112 now", "pay ################### now"),
        ("WLAN-Passwort： Hund047$", "WLAN-Passwort： ########"),
        ("aws_access_key_id AKIA30RXSLwwV5BHT6MG", "aws_access_key_id ####################"),
        ("your PIN is 4821", "your PIN is ####"),
        ("pass phrase for the archive: winter303?", "pass phrase for the archive: ##########"),
    ],
)
def test_what_reading_gets_wrong_is_covered_all_the_same(text, shown):
    assert painted([line(text)]) == [shown]


@pytest.mark.parametrize(
    "text",
    [
        "A password is required.",
        "Set API_KEY=<your key> before you begin",
        "Commit 9633ea3cbb65c68f6d32e09a2d19515e06ea7923",
        "on page 12 of the pin table",
        "I forgot my password again, can you reset it?",
        "risk-assessment-of-the-year.pdf",
        "9b7b99fe-12ab-4cde-8f01-f3058e3e422e",
    ],
)
def test_what_is_no_secret_stays(text):
    assert painted([line(text)]) == [text]


def test_a_value_stands_beside_its_label_or_below_it():
    beside = [line("Passwort"), line("Sommer2024!", 400), line("Name", 0, 60), line("Ada", 400, 60)]
    assert painted(beside) == ["Passwort", "###########", "Name", "Ada"]
    below = [line("Password"), line("Hund047$", 10, 40), line("Forgot password?", 0, 120)]
    assert painted(below) == ["Password", "########", "Forgot password?"]
    assert painted([line("PIN"), line("4821", 0, 40)]) == ["PIN", "####"]


def test_a_heading_over_text_is_no_label():
    text = "Choose a long one that you use nowhere else."
    assert painted([line("Password"), line(text, 0, 30)]) == ["Password", text]


def test_a_secret_goes_on_in_the_next_line_and_is_one():
    lines = [line("github_pat_xaAFcqvEk3NGmYK3FHV6cHFk6ndetFgRw"), line("fZGCmcj5CCTMMjzqCQc5d83JjGT", 0, 26)]
    assert painted(lines) == ["#" * len(each.text) for each in lines]
    assert covering.count(covering.places(lines)) == 1
    assert painted([line(KEY), line("is the key of the house", 0, 26)])[1] == "is the key of the house"


def test_a_secret_goes_on_across_pieces_of_a_row():
    lines = [line("4111 1111"), line("1111 1111", 96)]
    assert painted(lines) == ["#" * 9, "#" * 9]


def test_two_numbers_of_a_table_are_no_card():
    cells = [line("41111111"), line("11111111", 300), line("11111111", 0, 26)]
    assert covering.places(cells) == []


def test_a_private_key_is_covered_from_its_first_line_to_its_last():
    body = "SJ0L+2x8nTeebnALCmc7osXhqbqC/78xodqFyA2rwkUuJUkUah/PKb4WAUko+2gg"
    lines = [
        line("$ cat id_rsa"),
        line("-BEGIN PRIVATE KEY-", 40, 26),  # the dashes were lost
        line(body, 0, 52),
        line("FUsus2JHθIRhTCT", 0, 78),
        line("---END PRIVATE KEY-", 20, 104),
        line("$ cat door.crt", 0, 130),
    ]
    assert painted(lines) == ["$ cat id_rsa", *("#" * len(each.text) for each in lines[1:5]), "$ cat door.crt"]
    assert covering.count(covering.places(lines)) == 1


def test_rows_of_bullets_are_covered_that_were_not_read():
    lines = [line("Altes Kennwort"), line("IBAN", 0, 40)]
    found = covering.places(lines, [(400, 5, 500, 11)])
    assert [(place.kind, place.left < 400, place.right > 500) for place in found] == [("password", True, True)]


def test_text_that_does_not_run_across_is_covered_whole():
    found = covering.places([Line(KEY, 0, 0, 20, 400)])
    assert (found[0].left, found[0].right) < (0, 20)
