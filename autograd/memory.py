"""Keeps freed memory pages in the process.

glibc hands every array above 128 KB back to the kernel when it is freed, and the next one is
faulted in again page by page, which can take longer than computing its contents. With the limits
raised, freed pages stay and are used again. Other C libraries are left as they are.
"""

from __future__ import annotations

import ctypes
import os
import sys

# From malloc.h; the mmap threshold is at its maximum, larger arrays are mapped afresh.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3
_MIB = 1 << 20


def keep_pages() -> bool:
    """Raise glibc's limits for the whole process; says whether it did.

    The environment variable PULLBACK_KEEP_PAGES=0 turns it off.
    """
    if not sys.platform.startswith("linux") or os.environ.get("PULLBACK_KEEP_PAGES") == "0":
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return False  # musl has no mallopt
    return all(
        [
            mallopt(_M_MMAP_THRESHOLD, 32 * _MIB),
            mallopt(_M_TRIM_THRESHOLD, 1024 * _MIB),
            mallopt(_M_TOP_PAD, 64 * _MIB),
        ]
    )
