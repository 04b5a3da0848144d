"""What a tool may touch, in words that a skill declares, a person reads and code decides by.

A scope is ``kind`` or ``kind:detail``: ``screen``, ``files:data``, ``network:example.org``. What matters for safety is
the direction: a source brings in content that nobody vouches for, a sink lets something out or changes something.
"""

from __future__ import annotations

from collections.abc import Iterable

SCOPES = {
    "files:data": "its own files",
    "screen": "the screen",
    "apps": "applications",
}
"""Every scope that can be given, in a person's words."""

SOURCES = frozenset({"screen"})
"""Scopes whose tools bring in content of others: what the model reads after them is tainted."""

SINKS = frozenset({"apps"})
"""Scopes whose tools act on the world outside the skill's own folder."""


def brings_in(scopes: Iterable[str]) -> bool:
    """Whether a tool with these scopes reads what others wrote."""
    return any(scope in SOURCES for scope in scopes)


def lets_out(scopes: Iterable[str]) -> bool:
    """Whether a tool with these scopes sends, changes or starts something outside its own folder."""
    return any(scope in SINKS for scope in scopes)
