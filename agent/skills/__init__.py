"""Skill folders in the open SKILL.md format, and the typed functions in them."""
