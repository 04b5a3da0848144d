"""What `deskhand` does in the terminal, one file a command."""
