"""The types of C for those of NumPy, and numbers as C writes them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

# What a function of C says that has not done its work.
OUT_OF_BOUNDS, NOT_FINITE, NO_MEMORY = 1, 2, 3

C_TYPES: dict[np.dtype[Any], str] = {
    np.dtype(np.float32): "float",
    np.dtype(np.float64): "double",
    np.dtype(np.bool_): "bool",
}
C_TYPES |= {
    np.dtype(f"{kind}{size // 8}"): f"{'u' * (kind == 'u')}int{size}_t"
    for kind in "iu"
    for size in (8, 16, 32, 64)
}


def literal(number: Any, dtype: np.dtype[Any]) -> str:
    """A number of this type, as C writes it."""
    if dtype.kind == "b":
        return "true" if number else "false"
    if dtype.kind in "iu":
        whole = int(number)
        if whole == -(1 << 63):
            return "INT64_MIN"
        return f"{whole}{'' if abs(whole) < 1 << 31 else 'u' * (whole >= 1 << 63) + 'll'}"
    single = dtype == np.float32
    value = float(np.float32(number) if single else number)
    if math.isnan(value):
        return "(float)NAN" if single else "(double)NAN"
    if math.isinf(value):
        name = "(float)INFINITY" if single else "(double)INFINITY"
        return name if value > 0 else f"-{name}"
    text = str(np.float32(value)) if single else repr(value)
    if not any(c in text for c in ".en"):
        text += ".0"
    elif "e" in text and "." not in text:
        text = text.replace("e", ".0e")
    return text + ("f" if single else "")
