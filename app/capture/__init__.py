"""Screen capture: an ordered table of handlers, each of which says whether it works here."""
