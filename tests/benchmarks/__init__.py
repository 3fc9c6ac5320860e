"""Speed and memory beside PyTorch and others; see run.py."""
