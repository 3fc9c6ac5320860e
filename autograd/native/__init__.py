"""Texts of C become functions: compilers, what they made kept safely, loading."""

from __future__ import annotations

from autograd.native.compilers import last_cache, vector_registers
from autograd.native.loading import Library, NativeWarning, library

__all__ = ["Library", "NativeWarning", "last_cache", "library", "unavailable", "vector_registers"]


def unavailable() -> str | None:
    """Why there are no functions in C, in words; None if there are."""
    made = library("void nothing(void) {}", {"nothing": ()})
    return made if isinstance(made, str) else None
