"""What stands between a model and the person's machine: permissions and the sandbox."""
