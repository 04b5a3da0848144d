"""What goes wrong with servers, in sentences for the person and the model."""

from __future__ import annotations


class ConfigError(Exception):
    """The configuration or an entry of it can't be used."""


class LinkError(Exception):
    """A connection or a call failed."""


class SlowError(LinkError):
    """A call took too long; whether it goes on is not known."""
