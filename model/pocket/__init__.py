"""Trains Pocket, a model of Gemma 4's encoder-free architecture small enough to ship. The product never imports it.

`world` makes what there is to see, hear and ask; the files here are the network's sizes, its tokens, its files and what
it is taught when; `training` needs PyTorch; `measuring` runs what was trained in the product's engine.
"""
