"""Programs in C with the compiler's checks of addresses and undefined behaviour, in a process of
their own, with the library of these checks preloaded:

    python -m support.in_c.sanitized rows|random|graphs|empty|products|beyond FROM TO

Each value lies in memory of its own, so that a place beside it is none of another's.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.compiling import COMPILER

TESTS = Path(__file__).parents[2]
CHECKS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g0", "-O0")
_OPTIONS = "detect_leaks=0:abort_on_error=0:exitcode=99"


def ran(kind: str, start: int, stop: int) -> subprocess.CompletedProcess[str]:
    """The process for these programs, ended; where there are no such checks the test skips."""
    environment = {**os.environ, "LD_PRELOAD": checks(), "ASAN_OPTIONS": _OPTIONS}
    environment["PYTHONPATH"] = os.pathsep.join([str(TESTS.parent), str(TESTS)])
    environment.pop("PULLBACK_JIT", None)
    command = [sys.executable, "-m", "support.in_c.sanitized", kind, str(start), str(stop)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def expect_clean(kind: str, start: int, stop: int) -> None:
    """These programs run without a complaint."""
    done = ran(kind, start, stop)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
    assert done.stdout.startswith("clean: "), done.stdout
    assert "runtime error" not in done.stderr, done.stderr[-6000:]


def checks() -> str:
    """The library to preload."""
    if COMPILER is None or not sys.platform.startswith("linux"):
        pytest.skip("needs cc, gcc or clang, on Linux")
    asked = [COMPILER, "-print-file-name=libasan.so"]
    found = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    if not os.path.isabs(found):
        pytest.skip("the compiler has no library that checks addresses")
    return os.path.realpath(found)


# --- in that process ----------------------------------------------------------------------------


def _parts(kind: str, start: int, stop: int) -> list[Any]:
    from support.in_c.convolutions import convolution_parts
    from support.in_c.graphs import graph_parts
    from support.in_c.random_parts import random_parts
    from support.in_c.samples import parts_of

    from autograd.lowering.rows.table import ROWS

    if kind == "rows":
        return [part for op in itertools.islice(ROWS, start, stop) for part in parts_of(op)[::3]]
    if kind == "products":
        return convolution_parts(range(start, stop))
    if kind == "random":
        return random_parts(range(start, stop))
    return graph_parts(range(start, stop), empty=kind == "empty")


def _apart() -> None:
    """Let blocks have each value in memory of its own, and nothing behind it."""
    from autograd.lowering import c_backend, memory

    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    libc.malloc.argtypes = [ctypes.c_size_t]
    place = memory.Block.__init__

    def placed(block: Any, made: Any) -> None:
        place(block, made)
        for value in made.offsets:
            position, size = made.positions[value], made.nbytes(value)
            own = (ctypes.c_char * size).from_address(libc.malloc(size))
            block.pointers[position] = ctypes.addressof(own)
            flat = np.frombuffer(own, value.dtype)[: prod(value.shape)]
            block.flat[position] = flat
            steps = tuple([s * value.dtype.itemsize for s in made.plan.strides[value]])
            block.arrays[position] = np.ndarray(value.shape, value.dtype, flat.data, 0, steps)
            block.rooms[position] = memory._room(block.arrays[position])

    memory.Block.__init__ = placed  # type: ignore[method-assign]
    c_backend.FLAGS = (*c_backend.FLAGS, *CHECKS)  # type: ignore[assignment]


def _read_beyond() -> None:
    """Let the text read one place behind the end of arrays."""
    from autograd.lowering import generating

    written = generating._written

    def mistaken(*args: Any) -> str:
        return re.sub(r"= (v\d+)\[(i\d+)\]", r"= \1[\2 + 1]", written(*args))

    generating._written = mistaken


def main(given: Sequence[str]) -> None:
    from support.in_c.joining import Joined, split

    _apart()
    if given[0] == "beyond":
        _read_beyond()
    kind, start, stop = given[0], int(given[1]), int(given[2])
    count = 0
    for parts in split(_parts(kind, start, stop), 60):
        made = Joined(parts)
        told = made.difference()
        assert told is None, told
        made.results()
        count += len(parts)
    print(f"clean: {count} programs")


if __name__ == "__main__":
    main(sys.argv[1:])
