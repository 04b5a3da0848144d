"""One small tree of errors whose messages tell a person what happened and what to do next."""


class ModelError(Exception):
    """Anything that goes wrong below an engine."""


class BundleError(ModelError):
    """A model file is missing, truncated, foreign, or does not fit the others of its bundle."""


class DownloadError(ModelError):
    """A file could not be fetched, or is not what it should be."""


class PromptError(ModelError):
    """A prompt can't be made or does not fit: too long, or of a kind the engine can't read."""


class PromptTooLongError(PromptError):
    """A prompt holds more tokens than the engine's context; a shorter one would do."""


class RepetitionError(ModelError):
    """A completion went in a circle and was ended."""


class EngineDiedError(ModelError):
    """The engine's process ended while it was needed. A new one is started for the next request."""


class EngineBusyError(ModelError):
    """An engine was asked for a second generation while one was still running."""
