"""Python source as a tree, in one thread at a time."""

from __future__ import annotations

import ast
import threading

_ONE = threading.Lock()
"""Before 3.11.8 CPython counted the depth of all threads' trees together: two that were built at once could end in a
SystemError (python/cpython issue 106905)."""


def parse(text: str | bytes) -> ast.Module:
    """The statements of a file; raises what `ast.parse` does."""
    with _ONE:
        return ast.parse(text)


def expression(text: str) -> ast.expr:
    """One expression; raises what `ast.parse` does."""
    with _ONE:
        return ast.parse(text, mode="eval").body
