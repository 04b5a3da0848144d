"""`make demo`: the main job, for real, in the real window; see `__main__.py` for its order."""
