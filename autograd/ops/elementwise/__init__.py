"""Ops that work on each element by itself; their arguments broadcast."""
