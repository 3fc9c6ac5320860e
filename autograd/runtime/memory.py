"""Keeps freed memory in the process, in large pages.

glibc hands every array above 128 KB back to the kernel when it is freed, and the next one is
faulted in again page by page, which can take longer than computing its contents. With the limits
raised, freed pages stay and are used again. And where Linux gives pages of 2 MiB to those who ask
("madvise", the default of most distributions), the part of the heap that is used first asks: arrays
of some MB then cost fewer faults and fewer misses of the address cache, which made a training step
of the basic net 8 % faster. Other C libraries are left as they are.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# From malloc.h; the mmap threshold is at its maximum, larger arrays are mapped afresh.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD, _M_MMAP_MAX = -1, -2, -3, -4
_MMAP_MAX = 65536  # mappings, as it is by default
_MADV_HUGEPAGE = 14  # from sys/mman.h
_MIB = 1 << 20
_HUGE = 2 * _MIB
_BLOCK, _BLOCKS = 31 * _MIB, 16  # each below the threshold, so that it comes from the heap

_raised: list[Any] = []  # the C library, once its limits are raised


def keep_pages() -> bool:
    """Raise glibc's limits for the whole process; says whether it did.

    The environment variable PULLBACK_KEEP_PAGES=0 turns it off.
    """
    if not sys.platform.startswith("linux") or os.environ.get("PULLBACK_KEEP_PAGES") == "0":
        return False
    library = ctypes.CDLL(None)
    try:
        mallopt = library.mallopt
    except AttributeError:
        return False  # musl has no mallopt
    raised = all(
        [
            mallopt(_M_MMAP_THRESHOLD, 32 * _MIB),
            mallopt(_M_TRIM_THRESHOLD, 1024 * _MIB),
            mallopt(_M_TOP_PAD, 64 * _MIB),
        ]
    )
    if raised:
        _ask_for_large_pages(library)
        _raised.append(library)
    return raised


@contextmanager
def within_pages() -> Iterator[None]:
    """A block in which arrays of any size lie in pages that are kept, where `keep_pages` holds;
    outside those above its limit get pages of their own each time, and give them back."""
    for library in _raised[:1]:
        library.mallopt(_M_MMAP_MAX, 0)
    try:
        yield
    finally:
        for library in _raised[:1]:
            library.mallopt(_M_MMAP_MAX, _MMAP_MAX)


def _ask_for_large_pages(library: ctypes.CDLL) -> None:
    """Advise the kernel of the addresses at the top of the heap, which nothing has touched yet.

    They are taken from the allocator for a moment, and take no memory before they are used.
    """
    malloc, free, madvise = library.malloc, library.free, library.madvise
    malloc.argtypes, malloc.restype = [ctypes.c_size_t], ctypes.c_size_t
    free.argtypes = [ctypes.c_size_t]
    madvise.argtypes = [ctypes.c_size_t, ctypes.c_size_t, ctypes.c_int]
    blocks = [block for block in (malloc(_BLOCK) for _ in range(_BLOCKS)) if block]
    if not blocks:
        return
    first, last = min(blocks), max(blocks) + _BLOCK
    if last - first < (len(blocks) + 1) * _BLOCK:  # side by side, with nothing of others between
        start = -(-first // _HUGE) * _HUGE
        madvise(start, last // _HUGE * _HUGE - start, _MADV_HUGEPAGE)
    for block in blocks:
        free(block)
