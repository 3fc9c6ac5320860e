"""Random tensors from generators that are seeded here; NumPy's global state is never touched."""

from autograd.runtime.draws import Generator, default_generator, drawing_from, seed

__all__ = ["Generator", "default_generator", "drawing_from", "seed"]
