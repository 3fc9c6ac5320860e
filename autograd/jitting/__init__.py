"""Functions that are made into programs, and run as such: `jit`."""
