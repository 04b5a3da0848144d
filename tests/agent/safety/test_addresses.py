"""Which addresses of the web may be fetched: the open internet over http and https, and nothing else."""

import pytest

from deskhand.agent.safety import addresses
from deskhand.agent.safety.addresses import AddressError


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.9.9.9", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
        "224.0.0.1", "255.255.255.255", "240.0.0.1", "198.18.0.1", "192.0.2.1", "::1", "::", "fe80::1", "fe80::1%eth0",
        "fc00::1", "fd12:3456::1", "fec0::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1",
        "64:ff9b::a00:1", "2002:7f00:1::", "2002:c0a8:101::1", "2001:db8::1", "not an address", "",
    ],
)  # fmt: skip
def test_what_is_not_public_is_refused(address):
    assert not addresses.public(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "1.1.1.1", "2606:4700:4700::1111", "64:ff9b::101:101"])
def test_the_open_internet_is_public(address):
    assert addresses.public(address)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("example.org", "https://example.org/"),
        (" https://Example.ORG/A?b=c#part ", "https://example.org/A?b=c"),
        ("https://example.org:443/", "https://example.org/"),
        ("http://example.org:80", "http://example.org/"),
        ("https://bücher.example/ä?ö=%20", "https://xn--bcher-kva.example/%C3%A4?%C3%B6=%20"),
        ("https://[2606:4700:4700::1111]/x", "https://[2606:4700:4700::1111]/x"),
        ("https://example.org./", "https://example.org/"),
    ],
)
def test_an_address_is_taken_apart(text, url):
    assert addresses.parse(text).url == url


@pytest.mark.parametrize(
    "text",
    [
        "", "file:///etc/passwd", "ftp://example.org/", "gopher://example.org/", "javascript:alert(1)",
        "data:text/html,x",        "https://ann:secret@example.org/", "https://example.org@evil.example/", "https://example.org:22/",
        "http://example.org:443/", "https:///path", "https://exa mple.org", "https://example.org\\@evil.example",
        "https://example.org/\r\nCookie: a", "https://[::1", "view-source:https://example.org", "x" * 3_000,
        "https://exa%6dple.org/", "https://-/",
    ],
)  # fmt: skip
def test_what_is_no_address_of_the_web_is_a_sentence(text):
    with pytest.raises(AddressError, match=r"\.$"):
        addresses.parse(text)
    assert addresses.host(text) == ""
