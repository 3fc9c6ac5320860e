"""Texts of C become functions: compilers, what they made kept safely, loading."""

from autograd.native.loading import Library, NativeWarning, library

__all__ = ["Library", "NativeWarning", "library"]
