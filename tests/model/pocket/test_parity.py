"""llama.cpp against the trainer's network: the same random weights in files and in PyTorch.

The golden arrays are made by ``make pocket-parity``; this file needs no PyTorch.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from deskhand.model.config import LocalConfig
from deskhand.model.language.template import Gemma4Dialect
from deskhand.model.llama.session import Session
from deskhand.model.pocket.comparing import DRAFTED, ROWS, SEED, SPEC, TURNS, Turn
from deskhand.model.pocket.encoding import Encoder
from deskhand.model.pocket.writing import write_untrained

GOLDEN = Path(__file__).parent / "golden.npz"
STALE = "If Pocket's shapes, tokenizer or windows were changed on purpose, run `make pocket-parity`."
MAX_DELTA = 0.05
"""Of logits of a spread of one: llama.cpp takes GELU from a table of float16."""

every_turn = pytest.mark.parametrize("turn", TURNS, ids=lambda turn: turn.name)


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    bundle = write_untrained(tmp_path_factory.mktemp("untrained"), SPEC, SEED)
    session = Session(
        LocalConfig(
            main=bundle.main,
            mmproj=bundle.mmproj,
            drafter=bundle.drafter,
            context_length=512,
            kv_type="f32",
            flash_attention=False,
            threads=1,
            draft_depth=ROWS - 1,
        )
    )
    yield session
    session.close()


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    with np.load(GOLDEN) as arrays:
        return dict(arrays)


def read(session: Session, turn: Turn) -> int:
    """Evaluate a prompt in an empty memory; the position after it."""
    session.cache.clear()
    list(session.run(Gemma4Dialect().render(turn.request), max_tokens=0))
    return session.cache.position


def assert_same(ours: np.ndarray, theirs: np.ndarray) -> None:
    assert ours.shape == theirs.shape
    for one, other in zip(ours, theirs, strict=True):
        assert np.corrcoef(one, other)[0, 1] >= 0.9999
        assert one.argmax() == other.argmax()
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=MAX_DELTA)


@every_turn
def test_logits_are_those_of_the_trainer(session, golden, turn):
    forced = Encoder().answer(turn.answer)[: ROWS - 1]
    position = read(session, turn)
    assert golden[f"{turn.name}/ids"].size == position + len(forced), STALE
    rows = [session.context.logits(-1).copy()]
    session.context.decode(forced, position, outputs=len(forced))
    rows += [session.context.logits(row).copy() for row in range(len(forced))]
    assert_same(np.stack(rows), golden[f"{turn.name}/logits"])


@every_turn
def test_drafts_are_those_of_the_trainer(session, golden, turn):
    (first, *_) = Encoder().answer(turn.answer)
    position = read(session, turn)
    items = session.prompt(Gemma4Dialect().render(turn.request)).items
    # The prompt's last batch is what comes after its last medium.
    row = next((i for i, item in enumerate(reversed(items)) if not isinstance(item, int)), len(items)) - 1
    expected = golden[f"{turn.name}/draft"]
    rows = []
    for count in range(1, DRAFTED + 1):
        proposed = session.drafter.propose(first, row, position, count)
        assert proposed == expected[:count].argmax(-1).tolist()
        rows.append(session.drafter._context.logits(0).copy())
    assert_same(np.stack(rows), expected)
