import base64
import io
import json
import os
import threading

import pytest
from PIL import Image as Pillow

from deskhand.agent.limits import Limits
from deskhand.agent.skills.loading import load_skills
from deskhand.agent.skills.secrets import Secrets
from deskhand.agent.tools.toolbox import Toolbox
from deskhand.model.types import ToolCall

HEAD = """---
name: counter
description: Counts words.
metadata:
  require-secret: {secret}
  require-secret-description: Get a key at the counter's office.
  homepage: https://example.org
---
Call the `run_js` tool with:
- script name: index.html
- data: a JSON string with the field text.
"""
PAGE = """<!DOCTYPE html>
<html lang="en"><head><title>Counter</title><script src="https://cdn.example.org/big.js"></script></head>
<body class="x"><div id="shown">0</div><canvas id="chart"></canvas>
<script src="./lib/words.js"></script>
<script>
{script}
</script></body></html>
"""
COUNT = """
window['ai_edge_gallery_get_result'] = async (data) => {
  const { text } = JSON.parse(data);
  const count = words(text).length;
  document.getElementById('shown').textContent = String(count);
  localStorage.setItem('last', text);
  await new Promise((then) => setTimeout(then, 5));
  return JSON.stringify({ result: `${document.querySelector('#shown').innerText} words` });
};
"""


@pytest.fixture
def counter(tmp_path, eyes):
    """A skill in Gallery's shape; ``run`` runs a script as its page."""
    folder = tmp_path / "skills" / "counter"
    (folder / "scripts" / "lib").mkdir(parents=True)
    (folder / "scripts" / "lib" / "words.js").write_text("const words = (text) => text.trim().split(/\\s+/);")

    class Counter:
        scripts = folder / "scripts"
        secret = ""

        def __init__(self):
            self.asked = []

        def ask(self, request):
            self.asked.append(request)
            request.reply.set_result(self.secret)

        def box(self, secret="false"):
            (folder / "SKILL.md").write_text(HEAD.format(secret=secret))
            secrets = Secrets(tmp_path / "secrets.json", self.ask)
            return Toolbox(load_skills([(folder.parent, "user")]), tmp_path / "data", eyes(), secrets=secrets)

        def run(self, script=COUNT, data=None, *, cancel=None, seconds=25.0, secret="false", **arguments):
            (self.scripts / "index.html").write_text(PAGE.replace("{script}", script))
            given = {"skillName": "counter", "data": json.dumps(data or {"text": "a b c"}), **arguments}
            limits = Limits(tool_seconds=seconds)
            return self.box(secret).run(ToolCall("c", "run_js", given), cancel or threading.Event(), limits)

    return Counter()


def returns(expression):
    return f"window.ai_edge_gallery_get_result = async (data, secret) => JSON.stringify({expression});"


def test_a_page_runs_with_its_own_scripts_and_returns_its_result(counter):
    assert counter.run().value == {"result": "3 words"}


def test_what_a_page_stores_is_there_at_the_next_call(counter, tmp_path):
    counter.run(data={"text": "kept words"})
    assert counter.run(returns("{result: localStorage.getItem('last')}")).value == {"result": "kept words"}
    assert json.loads((tmp_path / "data" / "counter" / "page-storage.json").read_text()) == {"last": "kept words"}


@pytest.mark.parametrize("kind", ["link", "link to a folder", "second name", "pipe", "large"])
def test_what_pages_store_is_kept_through_no_link(counter, tmp_path, kind):
    """F1: a script of the skill, which may write the same folder, reads and writes nothing else by it."""
    own = tmp_path / "data" / "counter"
    own.mkdir(parents=True)
    secrets = tmp_path / "secrets.json"
    secrets.write_text('{"other": "key"}')
    file = own / "page-storage.json"
    match kind:
        case "link":
            file.symlink_to(secrets)
        case "link to a folder":
            file.symlink_to(tmp_path)
        case "second name":
            file.hardlink_to(secrets)
        case "pipe":
            os.mkfifo(file)
        case _:
            file.write_bytes(b'{"other": "key"}' + b" " * (5 << 20))
    for name in ("page-storage.part", "page-storage.json.part"):
        (own / name).symlink_to(secrets)
    assert counter.run(returns("{result: String(localStorage.getItem('other'))}")).value == {"result": "null"}
    counter.run(data={"text": "kept words"})
    assert json.loads(file.read_text()) == {"last": "kept words"}
    assert secrets.read_text() == '{"other": "key"}'
    assert not file.is_symlink()


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("{result: [...new Uint8Array(await crypto.subtle.digest('SHA-1', new TextEncoder().encode('a')))][0]}", "134"),
        ("{result: new Intl.DateTimeFormat('de', {timeZone: 'Asia/Tokyo', hour: 'numeric'}).format(0)}", "09 Uhr"),
        ("{result: new URLSearchParams({a: 'b c'}).toString()}", "a=b+c"),
        ("{result: btoa(atob('YQ=='))}", "YQ=="),
        ("{result: {nested: [1, null]}}", '{"nested": [1, null]}'),
        ("{result: document.body.querySelectorAll('canvas').length}", "1"),
    ],
)
def test_what_pages_use_of_the_web_is_there(counter, expression, value):
    assert counter.run(returns(expression)).value["result"] == value


def test_a_picture_goes_to_the_model(counter):
    made = io.BytesIO()
    Pillow.new("RGB", (3, 2), (255, 0, 0)).save(made, "PNG")
    data = base64.b64encode(made.getvalue()).decode()
    for text in (data, f"data:image/png;base64,{data}"):
        result = counter.run(returns(f"{{result: 'red', image: {{base64: '{text}'}}}}"))
        (image,) = result.images
        assert (image.width, image.height, image.pixels[:3]) == (3, 2, b"\xff\0\0")
    broken = counter.run(returns("{result: 'x', image: {base64: 'bm8='}}"))
    assert broken.images == ()
    assert "is none" in broken.value["image"]


def test_what_is_drawn_on_a_canvas_becomes_a_picture(counter):
    script = """
    window.ai_edge_gallery_get_result = async () => {
      const canvas = document.getElementById('chart');
      canvas.width = 60; canvas.height = 40;
      const pen = canvas.getContext('2d');
      pen.fillStyle = '#ffffff'; pen.fillRect(0, 0, 60, 40);
      pen.save(); pen.translate(30, 0); pen.fillStyle = 'rgb(0, 0, 255)'; pen.fillRect(0, 0, 30, 40); pen.restore();
      pen.fillStyle = '#00ff00'; pen.beginPath(); pen.arc(15, 20, 8, 0, 2 * Math.PI); pen.fill();
      pen.strokeStyle = 'red'; pen.lineWidth = 3; pen.beginPath(); pen.moveTo(0, 38); pen.lineTo(60, 38); pen.stroke();
      pen.font = '20px sans-serif'; pen.textAlign = 'center'; pen.fillStyle = 'rgba(0, 0, 0, 1)';
      pen.fillText('M', 45, 25);
      return JSON.stringify({ result: 'drawn', image: { base64: canvas.toDataURL('image/png') } });
    };"""
    (image,) = counter.run(script).images

    def at(x, y):
        start = 3 * (y * 60 + x)
        return tuple(image.pixels[start : start + 3])

    assert (at(2, 2), at(55, 2), at(15, 20), at(5, 38)) == ((255, 255, 255), (0, 0, 255), (0, 255, 0), (255, 0, 0))
    assert any(sum(at(x, y)) < 60 for x in range(36, 54) for y in range(8, 26))


def test_a_page_to_show_is_told_and_not_opened(counter):
    value = counter.run(returns("{result: 'Chart.', webview: {url: 'webview.html?data=1', aspectRatio: 1.0}}")).value
    assert value["result"] == "Chart."
    assert "webview.html?data=1" in value["page"]


@pytest.mark.parametrize(
    ("script", "error"),
    [
        (returns("{error: 'No text was given.'}"), "No text was given."),
        ("let broken = ;", "Unexpected token"),
        ("const nothing = 1;", "does not define ai_edge_gallery_get_result"),
        ("window.ai_edge_gallery_get_result = async () => { throw new Error('boom'); };", "boom"),
        ("window.ai_edge_gallery_get_result = () => new Promise(() => {});", "without a result"),
        (returns("{result: await (await fetch('https://example.org')).text()}"), "no network"),
        (returns("{result: await (await import('https://example.org/x.js')).default}"), "failed"),
        (returns("{result: typeof Deno.readTextFileSync('/etc/passwd')}"), "Deno is not defined"),
        (returns("{result: (await import('node:fs')).readFileSync('/etc/passwd', 'utf8')}"), "failed"),
        ("const hog = []; for (;;) hog.push(new Uint8Array(10 << 20).fill(1));", "allocation failed"),
        ("for (let n = 0; ; n++) localStorage.setItem('k' + n, 'x'.repeat(100_000));", "storage is full"),
    ],
)
def test_whatever_a_page_does_is_one_sentence(counter, script, error):
    result = counter.run(script)
    assert error in result.error
    assert result.value is None


def test_a_page_that_hangs_is_stopped_and_so_is_one_that_the_person_stops(counter):
    assert "longer than 2 s" in counter.run("for (;;);", seconds=2).error
    cancel = threading.Event()
    threading.Timer(1, cancel.set).start()
    assert counter.run("for (;;);", cancel=cancel).error == "It was stopped."


@pytest.mark.parametrize("name", ["../../../etc/passwd", "/etc/passwd", "missing.html", "scripts/../../SKILL.md"])
def test_only_pages_of_the_skill_run(counter, name):
    assert counter.run(scriptName=name).error


def test_a_script_outside_of_the_skill_is_not_loaded(counter, tmp_path):
    (tmp_path / "out.js").write_text("var stolen = 1;")
    (counter.scripts / "lib" / "words.js").unlink()
    (counter.scripts / "lib" / "words.js").symlink_to(tmp_path / "out.js")
    assert "leads outside" in counter.run().error


SECRET = returns("{result: 'token ' + secret}")


def test_a_secret_is_asked_once_kept_privately_and_never_shown(counter, tmp_path):
    counter.secret = "s3cr3t-key"
    result = counter.run(SECRET, secret="true")
    assert result.value == {"result": "token [secret]"}
    (request,) = counter.asked
    assert (request.skill, request.description) == ("counter", "Get a key at the counter's office.")
    assert "s3cr3t" not in repr(request)
    counter.run(SECRET, secret="true")
    assert len(counter.asked) == 1
    # F15: with another page it is another version, which the person agrees to anew and which asks for its own.
    assert counter.run(returns("{error: secret}"), secret="true").error.startswith("[secret]")
    assert len(counter.asked) == 2
    assert (tmp_path / "secrets.json").stat().st_mode & 0o077 == 0


def test_without_a_secret_nothing_runs(counter):
    assert "none was given" in counter.run(SECRET, secret="true").error
    assert counter.run(returns("{result: typeof secret + secret}"), secret="false").value == {"result": "string"}


def test_a_skill_of_gallery_declares_what_it_needs(counter):
    counter.run()
    box = counter.box()
    assert [tool.name for tool in box.declared(("counter",))] == ["activate_skill", "read_skill_file", "run_js"]
    told = box.run(ToolCall("c", "load_skill", {"skillName": "counter"}), threading.Event(), Limits())
    assert told.value["activated"] == "counter"
    assert box.preview(box.find("run_js"), ToolCall("c", "run_js", {"skillName": "counter"})).endswith("index.html")


def modular(counter, script, **files):
    for name, text in files.items():
        (counter.scripts / "lib" / f"{name}.js").write_text(text)
    page = f"<script type='module'>{script}</script><script>var early = 'classic';</script>"
    (counter.scripts / "module.html").write_text(page)
    return counter.run(scriptName="module.html")


def test_modules_of_the_skill_import_each_other_once(counter):
    script = """
    import { twice } from './lib/double.js';
    import * as base from "./lib/base.js";
    import './lib/side.js';
    export const shown = 1;
    window.ai_edge_gallery_get_result = async () => {
      const { late } = await import('./lib/late.js');
      return JSON.stringify({ result: [twice(4), base.count(), globalThis.side, late, early].join(' ') });
    };"""
    result = modular(
        counter,
        script,
        base="let n = 0;\nexport const count = () => ++n;",
        double="import { count } from './base.js';\nexport const twice = (x) => { count(); return 2 * x; };",
        side="globalThis.side = 'side';",
        late="export { twice } from '../lib/double.js';\nexport const late = 'late';",
    )
    assert result.value == {"result": "8 2 side late classic"}


@pytest.mark.parametrize(
    ("script", "error"),
    [
        ("import x from 'https://example.org/x.js';", "not a file of the skill"),
        ("import fs from 'node:fs';", "not a file of the skill"),
        ("import x from 'lodash';", "not a file of the skill"),
        ("import x from '../../../etc/passwd';", "not there"),
        ("import x from './lib/one.js';", "in a circle"),
        ("import { no } from './lib/alone.js';", "failed"),
        ("const where = 'node:fs'; await import(where);", "Deno is not defined"),
        ("const where = 'https://example.org/x.js'; await import(where);", "failed"),
        ("let broken = ;", "failed"),
    ],
)
def test_a_module_is_of_the_skill_or_does_not_run(counter, script, error):
    files = {"one": "import './two.js';", "two": "import './one.js';", "alone": "export const yes = 1;"}
    result = modular(counter, script, **files)
    assert error in result.error
    assert result.value is None
