"""Writes a tiny bundle of the exact Gemma 4 architecture with seeded random weights."""
