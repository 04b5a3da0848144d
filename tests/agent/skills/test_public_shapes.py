"""Texts of our own in the shapes of 41 public skills: of first-party collections, Gemma's and AI Edge Gallery.

Shapes are what loaders trip over: frontmatter, folder names, licences, scripts and files beside them.
"""

from __future__ import annotations

import threading

import pytest

from deskhand.agent.limits import Limits
from deskhand.agent.skills.loading import load_skills
from deskhand.agent.tools.toolbox import Toolbox
from deskhand.model.types import ToolCall

TERMS = "license: Proprietary. LICENSE.txt has complete terms\n"
APACHE = "license: Complete terms in LICENSE.txt\n"
SECRET = "metadata:\n  require-secret: true\n  require-secret-description: Get a key in your account.\n"
HOME = "metadata:\n  homepage: https://example.org/skills\n"
OFFICE = ("scripts/__init__.py", "scripts/office/pack.py", "scripts/office/schemas/part.xsd", "LICENSE.txt")
PAGE = ("scripts/index.html",)
SHOWN = ("scripts/index.html", "assets/webview.html", "assets/ui/view.js")

SHAPES: dict[str, tuple[str, tuple[str, ...]]] = {
    # Documents, design and development: a licence in a file, scripts in Python and shell, data in any format.
    "generated-art": (APACHE, ("templates/viewer.html", "templates/generator.js", "LICENSE.txt")),
    "house-style": (APACHE, ("LICENSE.txt",)),
    "poster-design": (APACHE, ("canvas-fonts/Own-Regular.ttf", "canvas-fonts/Own-OFL.txt", "LICENSE.txt")),
    "writing-together": ("", ()),
    "word-files": (TERMS, (*OFFICE, "ooxml.md")),
    "interface-design": (APACHE, ("LICENSE.txt",)),
    "news-inside": (APACHE, ("examples/3p-updates.md", "examples/faq-answers.md", "LICENSE.txt")),
    "server-builder": (APACHE, ("reference/python_server.md", "scripts/requirements.txt", "scripts/example.xml")),
    "paper-files": (TERMS, ("forms.md", "reference.md", "scripts/fill_form.py", "LICENSE.txt")),
    "slide-files": (TERMS, (*OFFICE, "editing.md", "scripts/thumbnail.py")),
    "skill-maker": ("", ("agents/grader.md", "assets/review.html", "eval-viewer/viewer.html", "scripts/run_eval.py")),
    "moving-pictures": (APACHE, ("core/easing.py", "requirements.txt", "LICENSE.txt")),
    "theme-maker": (APACHE, ("theme-showcase.pdf", "themes/arctic-frost.md", "LICENSE.txt")),
    "artifact-builder": (APACHE, ("scripts/init.sh", "scripts/components.tar.gz", "LICENSE.txt")),
    "page-testing": (APACHE, ("examples/logging.py", "scripts/with_server.py", "LICENSE.txt")),
    "sheet-files": (TERMS, (*OFFICE, "recalc.py")),
    "api-help": (APACHE, ("python/README.md", "shared/models.md", "curl/examples.md", "LICENSE.txt")),
    "template": ("NAME: template-skill\n", ()),
    # Knowledge of a model family: text and references without a tool.
    "family-dev": ("license: Apache-2.0\nmetadata:\n  author: someone\n  version: 1.10\n", ("references/run.md",)),
    "family-trainer": ("compatibility: Needs Python 3.11 and a GPU\n", ("references/tune.md", "scripts/train.py")),
    # Pages for a device: a script folder with a page, a secret, or intents and nothing but text.
    "text-spinner": (HOME, PAGE),
    "hash-of-text": (HOME, PAGE),
    "map-shower": (HOME, SHOWN),
    "kitchen-help": (HOME, ()),
    "word-count": (HOME, ("scripts/index.html", "scripts/index.js", "scripts/lib/words.mjs")),
    "encyclopedia": (HOME, PAGE),
    "mood-diary": (HOME, ("scripts/index.html", "assets/dashboard.html")),
    "code-picture": (HOME, ("scripts/index.html", "scripts/qr.min.js")),
    "mail-sender": ("", ()),
    "day-planner": ("", ()),
    "reminder": ("", ()),
    "piano": (HOME, SHOWN),
    "music-mood": (SECRET, ("scripts/index.html", "assets/player.html")),
    "place-finder": (SECRET, PAGE),
    "voice-notes": ("allowed-tools: Read, Bash(git *)\n", ()),
    "tip-splitter": ("allowed-tools:\n  - run_js\n", PAGE),
    "colour-wheel": ("version: 1.0.0\nauthor: someone\n", PAGE),
    "plant-doctor": ("metadata:\n  tags: [plants, garden]\n", ()),
    "word-game": ("metadata: none\n", PAGE),
    "Restaurant Wheel": ("", SHOWN),
    "city-guide": ("DESCRIBE: Use when travelling: plans days # and nights, won't book\n", ("skill.md",)),
}
"""A folder's name → what its frontmatter says besides name and description, and its other files."""

EXPECTED = {
    "template": ["The name “template-skill” differs from its folder “template”."],
    "colour-wheel": ["Unknown in the frontmatter: author, version."],
    "word-game": ["metadata is not a list of keys and values."],
    "Restaurant Wheel": ["The name “Restaurant Wheel” should be lower-case letters, digits and single hyphens."],
}


def _manifest(name: str, more: str) -> str:
    description = f'"Own text about {name}. Use when the person asks for it."'
    if more.startswith("NAME: "):
        name, more = more.removeprefix("NAME: ").strip(), ""
    if more.startswith("DESCRIBE: "):
        description, more = more.removeprefix("DESCRIBE: ").strip(), ""
    return f"---\nname: {name}\ndescription: {description}\n{more}---\n\n# {name}\n\n## Steps\n1. Do it.\n"


@pytest.fixture
def root(tmp_path):
    for number, (name, (more, files)) in enumerate(SHAPES.items()):
        folder = tmp_path / "public" / name
        for path in files:
            if path == "skill.md":
                continue
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(b"\0\1own" if path.endswith((".ttf", ".pdf", ".gz")) else b"own\n")
        folder.mkdir(parents=True, exist_ok=True)
        ending = "\r\n" if number % 7 == 0 else "\n"
        text = _manifest(name, more).replace("\n", ending)
        (folder / ("skill.md" if "skill.md" in files else "SKILL.md")).write_bytes(text.encode())
    return tmp_path / "public"


def test_all_load_with_exactly_the_expected_problems(root):
    loaded = load_skills([(root, "user")])
    assert len(SHAPES) == len(loaded.skills) == 41
    said: dict[str, list[str]] = {}
    for problem in loaded.problems:
        assert not problem.fatal
        said.setdefault(problem.path.parent.name, []).append(problem.text)
    assert said == EXPECTED
    for skill in loaded.skills:
        files = set(SHAPES[skill.folder.name][1]) - {"skill.md"}
        assert set(skill.files) == files
        assert not skill.tools
        assert not skill.scopes


def test_what_they_say_is_kept_as_they_wrote_it(root):
    skills = {skill.folder.name: skill for skill in load_skills([(root, "user")]).skills}
    assert skills["city-guide"].description == "Use when travelling: plans days # and nights, won't book"
    assert skills["family-dev"].metadata["version"] == "1.10"
    assert skills["word-files"].license == "Proprietary. LICENSE.txt has complete terms"
    assert skills["voice-notes"].requests == "Read, Bash(git *)"
    assert skills["tip-splitter"].requests == "run_js"
    assert skills["place-finder"].metadata["require-secret"] == "true"
    assert skills["plant-doctor"].metadata == {}


def test_each_activates_with_its_whole_text(root, tmp_path, eyes):
    loaded = load_skills([(root, "user")])
    box = Toolbox(loaded, tmp_path / "data", eyes())
    for skill in loaded.skills:
        result = box.run(ToolCall("c", "activate_skill", {"name": skill.name}), threading.Event(), Limits())
        assert not result.error
        assert skill.body in str(result.value["instructions"])
        assert "1. Do it." in skill.body
