"""GGUF files: what is in their headers, which of them make a bundle, where they come from, how they are checked."""
