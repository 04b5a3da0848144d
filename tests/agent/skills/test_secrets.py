"""Keys of the person's: asked for once, kept privately, and found in no form in what is told."""

import base64
import json
import threading
import time
import urllib.parse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskhand.agent.limits import Stop
from deskhand.agent.skills.secrets import REDACTED, Secrets, SecretsError, hidden


def test_they_are_listed_by_name_and_forgotten(tmp_path):
    file = tmp_path / "deep" / "secrets.json"
    secrets = Secrets(file, lambda request: request.reply.set_result(f" key-of-{request.skill}\n"))
    for name in ("weather", "maps"):
        assert secrets.of(name, "1f", "", threading.Event()) == f"key-of-{name}"
    assert secrets.names == ("maps", "weather")
    assert file.stat().st_mode & 0o077 == 0
    secrets.forget("maps")
    assert secrets.names == Secrets(file).names == ("weather",)
    assert "maps" not in file.read_text()


def test_another_skill_of_that_name_and_another_version_get_nothing(tmp_path):
    """F15."""
    asked = []

    def ask(request):
        asked.append(request)
        request.reply.set_result(f"key-{len(asked)}")

    file, never = tmp_path / "secrets.json", threading.Event()
    assert Secrets(file, ask).of("weather", "1f", "", never) == "key-1"
    assert Secrets(file).of("weather", "1f", "", never) == "key-1"
    assert Secrets(file).of("weather", "2e", "", never) == ""
    assert Secrets(file).of("weather", "", "", never) == ""
    assert Secrets(file).of("maps", "1f", "", never) == ""
    assert Secrets(file, ask).of("weather", "2e", "", never) == "key-2"
    assert Secrets(file).of("weather", "1f", "", never) == ""  # of the one before nothing is kept
    Secrets(file).forget("weather", but="2e")
    assert Secrets(file).of("weather", "2e", "", never) == "key-2"
    Secrets(file).forget("weather", but="3d")
    assert Secrets(file).names == ()
    assert "key-" not in file.read_text()


def test_a_key_that_was_kept_by_name_is_asked_for_again(tmp_path):
    """F15: whose it was is not known any more."""
    file, never = tmp_path / "secrets.json", threading.Event()
    file.write_text(json.dumps({"weather": "old", "maps": "older"}))
    assert Secrets(file).names == ("maps", "weather")
    assert Secrets(file).of("weather", "1f", "", never) == ""
    assert Secrets(file, lambda request: request.reply.set_result("new")).of("weather", "1f", "", never) == "new"
    assert Secrets(file).of("weather", "1f", "", never) == "new"
    assert Secrets(file).names == ("weather",)
    assert "old" not in file.read_text()


@pytest.mark.parametrize("answer", ["", "  \n"])
def test_none_given_is_none_kept_and_asked_again(tmp_path, answer):
    asked = []

    def ask(request):
        asked.append(request)
        request.reply.set_result(answer)

    secrets = Secrets(tmp_path / "secrets.json", ask)
    assert [secrets.of("weather", "1f", "", threading.Event()) for _ in range(2)] == ["", ""]
    assert len(asked) == 2
    assert secrets.names == ()


def test_a_stopped_turn_takes_the_question_back(tmp_path):
    person = threading.Event()
    requests = []

    def ask(request):
        requests.append(request)
        person.set()

    secrets = Secrets(tmp_path / "secrets.json", ask)
    assert secrets.of("weather", "1f", "", person) == ""
    assert requests[0].reply.cancelled()


def test_the_time_in_which_the_person_looks_for_the_key_does_not_count(tmp_path):
    stop = Stop(threading.Event(), 2)

    def ask(request):
        threading.Timer(2.3, request.reply.set_result, ["key"]).start()

    assert Secrets(tmp_path / "secrets.json", ask).of("weather", "1f", "", stop) == "key"
    time.sleep(0)
    assert not stop.timed_out


def test_what_can_not_be_read_is_a_sentence(tmp_path):
    file = tmp_path / "secrets.json"
    file.write_text("{")
    for call in (lambda: Secrets(file).names, lambda: Secrets(file).forget("x")):
        with pytest.raises(SecretsError, match="can't be read"):
            call()


@given(st.text(st.characters(exclude_categories=("Cs",)), min_size=4), st.text(max_size=20))
def test_no_usual_spelling_of_a_secret_is_told(secret, around):
    raw = secret.encode()
    for told in (
        secret,
        json.dumps({"key": secret}),
        json.dumps({"key": secret}, ensure_ascii=False),
        f"https://x.example/?key={urllib.parse.quote(secret)}&b={urllib.parse.quote_plus(secret)}",
        base64.b64encode(raw).decode(),
        base64.urlsafe_b64encode(raw).decode().rstrip("="),
        raw.hex(),
        raw.hex().upper(),
    ):
        assert REDACTED in hidden(f"{around}{told}{around}", secret)
    assert hidden(around, "") == around
