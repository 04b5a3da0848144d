"""F16: the question before an address is opened names where it really leads."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskhand.agent.safety import destination
from deskhand.agent.safety.sentence import sentence
from deskhand.agent.tool import Tool
from deskhand.model.types import ToolCall

OPEN = Tool("open_address", "open", "Opens.", {}, bundled=True)


def asked(url):
    return sentence(OPEN, ToolCall("c", "open_address", {"url": url}))


@pytest.mark.parametrize(
    ("url", "host", "note"),
    [
        ("https://example.org/paypal.com", "example.org", ""),
        ("example.org/x", "example.org", ""),
        ("https://paypal.com@evil.example/", "evil.example", "“paypal.com” before the @ is a name"),
        ("https://paypal.com%2Flogin@evil.example/", "evil.example", "before the @"),
        ("https://a:b@paypal.com@evil.example/", "evil.example", "“a:b@paypal.com” before the @"),
        ("https://аррӏе.com/", "xn--80ak6aa92e.com", "“аррӏе.com” in Cyrillic, Latin letters"),
        ("https://pаypal.com/", "xn--pypal-4ve.com", "of several alphabets"),
        ("https://xn--pypal-4ve.com/", "xn--pypal-4ve.com", "shown as “pаypal.com”"),
        ("https://президент.рф/", "xn--d1abbgf6aiiy.xn--p1ai", "in Cyrillic letters"),
        ("https://bücher.example/", "xn--bcher-kva.example", "shown as “bücher.example”"),
        ("https://ｅxample.org/", "example.org", ""),
        ("https://example.org:8443/", "example.org:8443", ""),
        ("http://2130706433/", "127.0.0.1", "this machine or its network"),
        ("http://0x7f.1/", "127.0.0.1", "“0x7f.1” is the address 127.0.0.1"),
        ("http://[::1]:9/", "::1:9", "this machine or its network"),
        ("http://localhost/", "localhost", "this machine or its network"),
        ("http://router/", "router", "this machine or its network"),
        ("ssh://evil.example/", "evil.example", "whichever program takes ssh: addresses"),
    ],
)
def test_the_real_host_is_named(url, host, note):
    found = destination.of(url)
    assert found.host == host
    assert note in "; ".join(found.notes)
    assert bool(found.notes) == bool(note)
    made = asked(url)
    assert made.question == f"Open a page of {host} in your browser?"
    assert note in made.note


def test_only_mixed_alphabets_within_a_word_are_called_odd():
    assert not any(
        "several" in note for url in ("https://президент.рф", "https://例え.com") for note in destination.of(url).notes
    )
    assert any("several" in note for note in destination.of("https://pаypal.com").notes)


def test_a_draft_names_its_readers_and_what_it_says():
    made = asked("mailto:ann@example.org,bob@xn--pypal-4ve.com?bcc=eve@evil.example&subject=Hi&body=Secret%20words")
    assert made.question == "Begin a mail in your mail program?"
    for piece in ("A draft to ann@example.org, bob@", "hidden copy to eve@evil.example", "Secret words", "About Hi"):
        assert piece in made.note


def test_a_draft_from_a_link_attaches_nothing():
    made = destination.harmless("mailto:ann@example.org?subject=Hi%20you&attach=/etc/passwd&ATTACHMENT=x&body=a%0Ab")
    assert made == "mailto:ann@example.org?subject=Hi%20you&body=a%0Ab"
    assert destination.harmless("mailto:a@b.c?subject=x%27,attachment=%27/etc/passwd") == "mailto:a@b.c"
    assert destination.harmless("https://a.example/?attach=x") == "https://a.example/?attach=x"


@given(st.text())
def test_any_text_leads_somewhere_or_nowhere(url):
    destination.of(url)
    destination.harmless(f"mailto:{url}")
    destination.of(f"https://{url}")
    destination.of(f"mailto:{url}")
    asked(url)
