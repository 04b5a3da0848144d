"""The local engine: one llama.cpp session over text, pixels and sound. Only native.py and media.py import llama_cpp."""
