"""A library is loaded of its bytes."""

from __future__ import annotations

import ctypes
import itertools
import os
import sys
from contextlib import suppress
from pathlib import Path

_spellings = itertools.count(1)


def opened(path: Path, content: bytes) -> ctypes.CDLL:
    """A library: on Linux of these bytes, whatever becomes of the file; elsewhere of the file.

    What is mapped from a file changes with it, and is gone where it is cut: a crash. A file in
    memory has no name but by its descriptor's number, which others get later, and the C library
    takes equal names for equal libraries: so each name has another row of slashes and dots.
    """
    if sys.platform == "linux" and hasattr(os, "memfd_create"):
        with suppress(OSError), open(os.memfd_create("pullback"), "wb") as file:
            file.write(content)
            file.flush()
            row = "".join("/" if bit == "0" else "/./" for bit in f"{next(_spellings):b}")
            return ctypes.CDLL(f"/proc/self/fd{row}{file.fileno()}")
    return ctypes.CDLL(str(path))
