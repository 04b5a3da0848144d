"""Trains Pocket, a model of Gemma 4's encoder-free architecture small enough to ship. The product never imports it."""
