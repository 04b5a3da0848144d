"""Tools of all skills: what the model may call, checked arguments, and the process in which a call runs."""
