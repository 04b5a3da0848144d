"""What needs PyTorch: the network, its training, and the files made of it. Runs in a virtual environment of its own."""
