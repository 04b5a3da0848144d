"""Windows, devices and the command line: what a person sees, hears and types."""
