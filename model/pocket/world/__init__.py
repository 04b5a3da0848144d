"""The closed world that Pocket lives in: what there is to see, to hear and to ask, and the right answers."""
