"""How recognised text stands in for pixels and sound in a message."""

from __future__ import annotations

SCREEN_CHARACTERS = 6000
"""The most text of one picture that is given to the model: some 1,500–2,000 tokens; a full 1080p screen holds less."""


def screen_text(text: str) -> str:
    """What was read on a picture, marked as such, shortened to `SCREEN_CHARACTERS`; says so if it is nothing."""
    if not text.strip():
        return "[A picture of the screen was looked at, and no text was found on it]"
    if len(text) > SCREEN_CHARACTERS:
        text = text[:SCREEN_CHARACTERS] + "\n[The rest is left out]"
    return f"[Text on the screen, read by OCR]\n{text}\n[End of the screen]"
