"""A skill in the shape of AI Edge Gallery's with ``require-secret``, through whole turns: its key is told nowhere."""

import base64
import json

import pytest

from deskhand.agent.events import Answer, ApprovalRequested, CallEnded
from deskhand.agent.safety.audit import Audit
from deskhand.agent.skills.loading import load_skills
from deskhand.agent.skills.secrets import Secrets
from deskhand.agent.tools.toolbox import Toolbox

KEY = 'sk-live.4f9+Q/z"ü-key'
SKILL = """---
name: weather
description: Tells the weather.
metadata:
  require-secret: true
  require-secret-description: Get a key at the office.
  homepage: https://example.org
---
Call the `run_js` tool with the field place in its data.
"""
PAGE = """<!DOCTYPE html><html><body><script>
window['ai_edge_gallery_get_result'] = async (data, secret) => {
  const { place } = JSON.parse(data);
  console.log('with ' + secret);
  if (place === 'nowhere') throw new Error('no place for ' + secret);
  if (place === 'moon') return JSON.stringify({ error: 'refused ' + encodeURIComponent(secret) });
  const bytes = new TextEncoder().encode(secret);
  return JSON.stringify({
    result: { place, length: secret.length, key: secret, coded: btoa(String.fromCharCode(...bytes)) },
    webview: { url: 'page.html?key=' + encodeURIComponent(secret) },
  });
};
</script></body></html>"""


@pytest.fixture
def weather(stage, tmp_path):
    """The stage with that skill; ``stage.asked`` are the requests for its key, ``stage.key`` what is answered."""
    folder = tmp_path / "skills" / "weather"
    (folder / "scripts").mkdir(parents=True)
    (folder / "SKILL.md").write_text(SKILL)
    (folder / "scripts" / "index.html").write_text(PAGE)
    stage.asked, stage.key = [], KEY

    def ask(request):
        stage.asked.append(request)
        if stage.key is None:
            stage.cancel.set()
        else:
            request.reply.set_result(stage.key)

    secrets = Secrets(tmp_path / "private" / "secrets.json", ask)
    stage.toolbox = Toolbox(load_skills([(folder.parent, "user")]), stage.data, stage.eyes, secrets=secrets)
    stage.audit = Audit(tmp_path / "audit.jsonl")
    stage.answers = [Answer.ONCE] * 4
    return stage


def play(stage, player, script, place):
    engine = player(
        script.calls("run_js", skillName="weather", data=json.dumps({"place": place})), script.says("Done."), []
    )
    outcome = stage.run(engine, "/weather please")
    return engine, outcome


def everywhere(stage, engine, tmp_path):
    """All that the turn left, but for the file of secrets."""
    files = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "secrets.json"]
    texts = [path.read_bytes().decode("utf-8", "replace") for path in files]
    return "\n".join([*texts, repr(engine.requests), repr(stage.events), repr(stage.asked)])


def traces():
    raw = KEY.encode()
    return [KEY, KEY[3:-4], json.dumps(KEY)[1:-1], base64.b64encode(raw).decode(), "4f9%2BQ", raw.hex()]


@pytest.mark.parametrize("place", ["Oslo", "moon", "nowhere"])
def test_the_key_is_in_no_prompt_history_log_or_event(weather, player, script, tmp_path, place):
    engine, outcome = play(weather, player, script, place)
    (run,) = (record for record in outcome.calls if record.call.name == "run_js")
    told = json.dumps([run.result, run.error])
    assert "[secret]" in told, told
    if place == "Oslo":
        assert json.loads(run.result["result"])["length"] == len(KEY)  # the page did get it
    left = everywhere(weather, engine, tmp_path)
    assert "weather" in left
    for trace in traces():
        assert trace not in left
    assert [request.skill for request in weather.asked] == ["weather"]
    assert weather.asked[0].description == "Get a key at the office."


def test_the_question_shows_the_exact_page_before_it_runs(weather, player, script, tmp_path):
    play(weather, player, script, "Oslo")
    (request,) = (event.request for event in weather.events if isinstance(event, ApprovalRequested))
    assert request.command == str(tmp_path / "skills" / "weather" / "scripts" / "index.html")
    assert any("sandbox" in line for line in request.touches)


def test_no_key_is_a_clear_error_and_asked_again_next_time(weather, player, script):
    weather.key = ""
    for count in (1, 2):
        _, outcome = play(weather, player, script, "Oslo")
        assert outcome.calls[-1].error == "weather needs a secret of yours, and none was given."
        assert outcome.finish == "stop"
        assert len(weather.asked) == count


def test_stop_ends_the_question(weather, player, script):
    weather.key = None
    _, outcome = play(weather, player, script, "Oslo")
    assert outcome.finish == "cancelled"
    assert weather.asked[0].reply.cancelled()
    (ended,) = (e.record for e in weather.events if isinstance(e, CallEnded) and e.record.call.name == "run_js")
    assert ended.error


def test_a_script_is_asked_about_with_its_exact_command_line(weather, player, script, tmp_path):
    folder = tmp_path / "skills" / "forms"
    (folder / "scripts").mkdir(parents=True)
    (folder / "SKILL.md").write_text("---\nname: forms\ndescription: Fills forms.\n---\nRun scripts/fill.sh.\n")
    (folder / "scripts" / "fill.sh").write_text("echo $1")
    weather.toolbox = Toolbox(load_skills([(folder.parent, "user")]), weather.data, weather.eyes)
    calls = script.calls("run_script", skill="forms", script="scripts/fill.sh", args=["a b", "$HOME; rm -rf ~"])
    weather.run(player(calls, script.says("Done."), []), "/forms go")
    (request,) = (event.request for event in weather.events if isinstance(event, ApprovalRequested))
    assert request.command == f"/usr/bin/sh {folder}/scripts/fill.sh 'a b' '$HOME; rm -rf ~'"
