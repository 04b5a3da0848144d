"""The X11 desktop: the one way to its server, its windows, and which of them would get a click or a key."""
