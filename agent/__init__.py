"""Messages, tools, skills, permissions, history and the loop: everything between a front end and an engine."""
