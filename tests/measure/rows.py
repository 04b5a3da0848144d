"""One figure of the benchmark."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Row:
    """A named figure for ours and the peers; None where a peer has no such thing or it can't be told from outside."""

    name: str
    ours: float
    stock_handler: float | None
    llama_server: float | None
    goal: str
    how: str
    detail: dict[str, Any] = field(default_factory=dict[str, Any])

    def as_json(self) -> dict[str, Any]:
        """As it stands in the file."""
        rest = {key: getattr(self, key) for key in ("ours", "stock_handler", "llama_server", "goal", "how")}
        return {**rest, **({"detail": self.detail} if self.detail else {})}


def stated(
    name: str,
    ours: float,
    goal: str,
    how: str,
    *,
    stock_handler: float | None = None,
    llama_server: float | None = None,
    detail: dict[str, Any] | None = None,
) -> Row:
    """A row whose peers are given by name."""
    return Row(name, ours, stock_handler, llama_server, goal, how, detail or {})
