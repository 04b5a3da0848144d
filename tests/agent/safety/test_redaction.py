import itertools
import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskhand.agent.safety.redaction import find, for_log, redact

PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\nabc\n-----END RSA PRIVATE KEY-----"
# Put together here, so that no scanner takes this file for a leak.
GITHUB = "gh" + "p_" + "a1B2" * 9
AWS = "AK" + "IA" + "ABCDEFGHIJKLMNOP"
JWT = "eyJ" + "hbGciOiJI" + ".eyJ" + "zdWIiOiIx" + "." + "c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        (f"use {GITHUB}, ok", "use ⟨key⟩, ok"),
        (f"id={AWS}", "id=⟨key⟩"),
        ("sk-" + "ant-" + "x" * 30, "⟨key⟩"),
        (f"cookie {JWT};", "cookie ⟨token⟩;"),
        (f"a\n{PEM}\nb", "a\n⟨private key⟩\nb"),
        (f"a\n{PEM[:60]}", "a\n⟨private key⟩"),
        ("Authorization: Bearer abcdef0123456789==", "Authorization: Bearer ⟨token⟩"),
        ("Authorization: Basic YWRhOmh1bnRlcjI=", "Authorization: Basic ⟨token⟩"),
        ("basic understanding of it", "basic understanding of it"),
        ("https://ann:hunter2@example.org/x", "https://ann:⟨password⟩@example.org/x"),
        ("password=hunter2", "password=⟨password⟩"),
        ("Password: hunter2 and more", "Password: ⟨password⟩ and more"),
        ('{"api_key": "0123456789"}', '{"api_key": "⟨password⟩"}'),
        ("DB_PASSWORD='s3cr3t!'", "DB_PASSWORD='⟨password⟩'"),
        ("the password is swordfish.", "the password is ⟨password⟩"),
        ("mysql --password hunter2 -u root", "mysql --password ⟨password⟩ -u root"),
        ("card 4111 1111 1111 1111 exp 12/27", "card ⟨card⟩ exp 12/27"),
        ("5500-0055-5555-5559", "⟨card⟩"),
        ("IBAN DE89 3704 0044 0532 0130 00 BIC COBADEFF", "IBAN ⟨account⟩ BIC COBADEFF"),
        ("GB82WEST12345698765432", "⟨account⟩"),
    ],
)
def test_secrets_are_painted_over(text, clean):
    assert redact(text) == clean


@pytest.mark.parametrize(
    "text",
    [
        "4111 1111 1111 1112",
        "order 1234567890123456",
        "commit 3f786850e387550fdab836ed7e6dc881de23001b",
        "sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "Password: ********",
        "password: <your password>",
        "token=$TOKEN",
        "The password is wrong",
        "DE00 3704 0044 0532 0130 00",
        "call +49 30 1234567 or 0900 1234567",
        "3.14159265358979323846",
        "2026-11-24 08:30:00",
        "ann@example.org",
        "https://example.org/a:b@c",
        "tokens: 5",
    ],
)
def test_what_only_looks_like_a_secret_stays(text):
    assert redact(text) == text


def test_mail_is_painted_over_if_wanted():
    assert redact("to ann.b+c@mail.example.org!", mail=True) == "to ⟨address⟩!"


def test_a_log_keeps_structure_and_no_secret():
    value = {
        "url": "https://a:bcde@x.io",
        "Password": "anything",
        "pin": 4,
        "list": [f"k {GITHUB}", 4111111111111111, None, True, 1.5],
        "long": "x" * 9_000,
        "token": "",
    }
    kept = for_log(value)
    assert kept["url"] == "https://a:⟨password⟩@x.io"
    assert kept["Password"] == "⟨password⟩"
    assert kept["pin"] == 4
    assert kept["list"] == ["k ⟨key⟩", "⟨card⟩", None, True, 1.5]
    assert kept["long"].endswith("… (9000 characters)")
    assert kept["token"] == ""
    assert json.dumps(kept)


plain = st.text(string.ascii_letters + string.digits + " .,:=\"'-/\n", max_size=60)


def luhn(digits):
    doubled = [d * 2 - 9 * (d > 4) for d in digits[::-2]]
    return [*digits, -(sum(doubled) + sum(digits[-2::-2])) % 10]


@given(plain, plain, st.lists(st.integers(0, 9), min_size=14, max_size=14), st.sampled_from([3, 4, 5, 6]))
def test_every_card_is_found_wherever_it_stands(before, after, digits, first):
    number = "".join(map(str, luhn([first, *digits])))
    if len(set(number)) < 2:
        return
    text = f"{before} | {number} | {after}"
    assert number not in redact(text)


@given(plain, plain, st.text(string.ascii_letters + string.digits, min_size=36, max_size=36))
def test_every_key_is_found_wherever_it_stands(before, after, body):
    key = f"gh{'p'}_{body}"
    assert key not in redact(f"{before} {key} {after}")


@given(st.text(max_size=300))
def test_finding_is_ordered_and_idempotent(text):
    found = find(text)
    assert all(one.end <= other.start for one, other in itertools.pairwise(found))
    assert all(0 <= secret.start < secret.end <= len(text) for secret in found)
