"""Where it was measured, and what else that machine was doing."""

from __future__ import annotations

import ctypes
import os
import platform
import shlex
from typing import Any

import numpy as np
from benchmarks.sides import cores

from autograd.native import compilers
from autograd.runtime.blas import openblas_libraries

VECTORS = ("avx", "avx2", "avx512f", "avx512_bf16", "amx_tile", "asimd", "sve")


def avx2_alone() -> dict[str, str]:
    """Variables under which NumPy, its BLAS, PyTorch, XLA and our C do without AVX-512.

    Raises RuntimeError where there is no C compiler to tell.
    """
    compiler = next(compilers.found([]), None)
    if compiler is None:
        raise RuntimeError(f"no C compiler that could be held to AVX2; {compilers.ADVICE}")
    return {
        "CC": shlex.join([*compiler.command, "-mno-avx512f"]),
        "NPY_DISABLE_CPU_FEATURES": " ".join(
            n for n in numpy_uses() if n.startswith(("AVX512", "X86_V4"))
        ),
        "OPENBLAS_CORETYPE": "Haswell",
        "ATEN_CPU_CAPABILITY": "avx2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        "XLA_FLAGS": "--xla_cpu_max_isa=AVX2",
    }


def numpy_uses() -> list[str]:
    """What NumPy chooses kernels by, of what this processor has."""
    from numpy._core import _multiarray_umath as compiled

    return [name for name in compiled.__cpu_dispatch__ if compiled.__cpu_features__.get(name)]


def facts() -> dict[str, Any]:
    info = _cpuinfo()
    words = (info.get("flags") or info.get("Features") or "").split()
    return {
        "platform": platform.platform(),
        "processor": info.get("model name") or platform.processor(),
        "vectors": [name for name in VECTORS if name in words],
        "cores": cores(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "blas": _blas(),
    }


def lines() -> list[str]:
    known = facts()
    of = " ".join(known["vectors"]) or "vectors unknown"
    return [
        f"{known['processor'] or 'processor unknown'} ({of}), cores to use: {known['cores']}",
        f"Python {known['python']}, NumPy {known['numpy']}, {known['blas'] or 'BLAS unknown'}",
    ]


def load() -> float | None:
    """The mean number of programs that wanted to run in the last minute."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def warn_if_busy() -> None:
    """Say so if other programs are at work."""
    busy = load() or 0.0
    if busy > 0.5:
        print(
            f"The load of the last minute was {busy:.1f}: beside other work these figures mean "
            "little. PyTorch's threads wait for each other by spinning, and a step of 10 ms has "
            "been seen to take 170."
        )


def _cpuinfo() -> dict[str, str]:
    """What Linux says of the first core; empty elsewhere."""
    try:
        with open("/proc/cpuinfo") as file:
            first = file.read().partition("\n\n")[0]
    except OSError:
        return {}
    pairs = (line.partition(":") for line in first.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}


def _blas() -> str:
    """OpenBLAS's own words, which end with the kernels it chose for this processor; else empty."""
    for library in openblas_libraries():
        for name in ("scipy_openblas_get_config64_", "openblas_get_config"):
            if (told := getattr(library, name, None)) is not None:
                told.restype = ctypes.c_char_p
                return str(told().decode())
    return ""
