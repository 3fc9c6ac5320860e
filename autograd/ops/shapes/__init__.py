"""Ops that move elements, and compute nothing of them but sums where they meet."""
