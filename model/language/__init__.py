"""How models are spoken to: messages and tools to prompt pieces and grammars, generated pieces to deltas."""
