"""Files, prompts, tokens, pixels and sound: everything that knows llama.cpp, and nothing of agents or windows."""
