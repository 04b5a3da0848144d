"""Text that leaves in an address is shown, however it is wrapped."""

import base64
from urllib.parse import quote, quote_plus

import pytest

from deskhand.agent.origin import Origin
from deskhand.agent.safety.taint import Taint

SECRET = "The door code of the archive is Amber Nine Delta"
READ = Taint((Origin("file", "a"),), ((Origin("file", "a"), f"Hello.\n{SECRET}\nBye."),))


@pytest.mark.parametrize(
    "wrapped",
    [
        quote(SECRET),
        quote_plus(SECRET),
        quote(quote("archive is Amber Nine Delta"))[:60].replace("%2520", "%20"),
        SECRET.replace(" ", "-").lower(),
        SECRET.replace(" ", "."),
        base64.b64encode(SECRET.encode()).decode(),
        base64.urlsafe_b64encode(SECRET.encode()).decode().rstrip("="),
        SECRET.encode().hex(),
        quote(base64.b64encode(SECRET.encode()).decode(), safe=""),
    ],
)
def test_a_query_that_carries_what_was_read_is_told(wrapped):
    found = READ.carried({"url": f"https://example.org/search?q={wrapped}"})
    assert found
    assert found[0].argument.startswith("url")
    assert "amber nine delta" in found[0].text.lower().replace("-", " ").replace(".", " ").replace("+", " ")
    assert found[0].origin == Origin("file", "a")


def test_an_address_of_its_own_words_is_not():
    assert not READ.carried({"url": "https://example.org/weather?city=Oslo&day=2026-11-24&id=c2FtcGxlIG9mIHdvcmRz"})
    assert not READ.carried({"url": "https://example.org/%ff%fe/" + "f" * 40})
