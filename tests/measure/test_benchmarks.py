"""The benchmark's page, its figures, and the arithmetic that its theory rests on."""

import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


@pytest.fixture(autouse=True)
def _beside(monkeypatch):
    """The benchmark's files are scripts in this folder."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))


def figures():
    return {
        name: row
        for name, row in json.loads((DOCS / "benchmarks.json").read_text()).items()
        if isinstance(row, dict) and "ours" in row
    }


def test_every_figure_says_how_and_on_what_it_was_made():
    assert len(figures()) >= 10
    for name, row in figures().items():
        assert isinstance(row["ours"], int | float), name
        assert all(
            row[peer] is None or isinstance(row[peer], int | float) for peer in ("stock_handler", "llama_server")
        )
        assert row["goal"], name
        assert row["how"], name
        assert row["made"], name


def test_the_page_shows_the_figures_of_the_file():
    page = (DOCS / "benchmarks.md").read_text()
    for name, row in figures().items():
        assert f"| `{name}` | {row['ours']:g} |" in page
    for picture in DOCS.joinpath("benchmarks").glob("*.png"):
        assert f"benchmarks/{picture.name}" in page


@pytest.mark.parametrize(
    ("known", "steps"),
    [(set(), 9), ({1, 2, 3, 4, 5, 6, 7, 8}, 3), ({1, 3, 5, 7}, 5)],
)
def test_the_fewest_steps_of_a_text(known, steps):
    import decoding

    # Nine tokens; depth 3: the prompt gives the first, a step at most four more.
    assert decoding._ideal_steps(list(range(9)), known, 9) == steps


def test_a_chain_takes_each_token_once():
    from vocabulary import Chain

    from deskhand.model.tiny.spec import TinySpec
    from deskhand.model.tiny.vocab import vocabulary

    spec = TinySpec(drafter_agreement=0.75)
    words = vocabulary(spec.vocab).words[:100]
    chain = Chain(spec, vocabulary(spec.vocab), words)
    scores = chain.embeddings[words][:, : spec.identity] @ chain.output[:, : spec.identity].T
    assert scores.argmax(axis=1).tolist() == [*words[1:], words[0]]
    drafted = chain.embeddings[words][:, : spec.identity] @ chain.drafted[:, : spec.identity].T
    right = {
        successor
        for successor, found in zip([*words[1:], words[0]], drafted.argmax(axis=1), strict=True)
        if successor == found
    }
    assert right == chain.known
    assert 75 <= len(right) < 90
    with pytest.raises(ValueError, match="twice"):
        Chain(spec, vocabulary(spec.vocab), [words[0], words[0]])
