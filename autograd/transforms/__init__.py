"""Functions made from functions: derivatives, and checkpoints."""
