"""What goes into a forward and what comes out of a rule, made to conform: dtypes and shapes."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd.engine.keeping import Dropped
from autograd.engine.needs import needs
from autograd.engine.tensor import Tensor

# Types of arguments that are passed on as they are. Python's scalars are weak (NEP 50): they take
# the dtype of the array they meet.
CLEAR = frozenset(
    {np.ndarray, int, float, bool, complex, tuple, slice, type(None), type(...), str, type}
)


class BroadcastWarning(UserWarning):
    """A rule of an op that declares no broadcasting gave a gradient that had to be summed."""


def cleared(arrays: list[Any], expected: list[bool]) -> list[Any]:
    """Lists, and scalars that stand alone, as arrays, at the positions where arrays are expected.

    Python numbers beside an array stay what they are, and lists of them follow its dtype: neither
    makes float64 of float32. NumPy's scalars are taken as Python's for that reason.
    """
    arrays = [a.item() if isinstance(a, np.number | np.bool_) else a for a in arrays]
    floats = [a for a in arrays if isinstance(a, np.ndarray) and a.dtype.kind == "f"]
    alone = not any(isinstance(a, np.ndarray) for a in arrays)
    for i, a in enumerate(arrays):
        if isinstance(a, Dropped):
            a.refuse()
        if not expected[i]:
            continue
        if isinstance(a, list):
            array = np.asarray(a)
            follows = floats and array.dtype.kind in "biuf"
            arrays[i] = array.astype(np.result_type(*floats)) if follows else array
        elif alone and isinstance(a, int | float | complex):
            arrays[i] = np.asarray(a)
    return arrays


def drifted(out: NDArray[Any], arrays: list[Any]) -> bool:
    """Whether integers alone made the result wider than its widest floating argument."""
    if out.dtype.kind != "f":
        return False
    dtypes = [a.dtype for a in arrays if isinstance(a, np.ndarray)]
    widest = max((d.itemsize for d in dtypes if d.kind == "f"), default=out.dtype.itemsize)
    return widest < out.dtype.itemsize and any(d.kind in "biu" for d in dtypes)


def integers_as_floats(arrays: list[Any]) -> list[Any]:
    """The integer arrays in the dtype of the floating ones, which then do not become wider."""
    dtype = np.result_type(
        *(a for a in arrays if isinstance(a, np.ndarray) and a.dtype.kind == "f")
    )
    return [
        a.astype(dtype) if isinstance(a, np.ndarray) and a.dtype.kind in "biu" else a
        for a in arrays
    ]


def conformed(
    g: Any, array: NDArray[Any] | Dropped, out: Any, name: str, position: int, broadcasts: bool
) -> Tensor:
    """The one place that checks what a rule returned, and sums it over broadcast axes.

    Args:
        g: what rule `position` of the op `name` returned.
        array: the argument that it is the gradient of.
        out: the output of the op, or its outputs.
        broadcasts: whether the op declares that its arguments broadcast.

    Raises:
        TypeError: g is no Tensor, or has another dtype than the argument.
        ValueError: g has a shape that the argument's does not broadcast to.
    """
    if not isinstance(g, Tensor):
        raise TypeError(
            f"rule {position} of '{name}' returned {type(g).__name__}, "
            "a Tensor made by primitives expected; wrap a rule on arrays in on_arrays()"
        )
    gradient: Tensor = g
    if gradient._array.shape != array.shape:
        gradient = _summed_back(gradient, array.shape, name, position, broadcasts)
    if gradient._array.dtype != array.dtype:
        if array.dtype == (out[0] if isinstance(out, tuple) else out).dtype:
            raise TypeError(
                f"rule {position} of '{name}' returned {gradient.dtype} for an argument of "
                f"{array.dtype}: a constant in the rule has drifted; use Python numbers, or "
                "arrays of the argument's dtype"
            )
        if array.dtype.kind == "f" and gradient._array.dtype.kind == "c":
            raise TypeError(
                f"rule {position} of '{name}' returned {gradient.dtype} for an argument of "
                f"{array.dtype}: the gradient of a real argument is real; take its real part"
            )
        return needs.astype(gradient, array.dtype)  # the adjoint of the promotion in the forward
    return gradient


def _summed_back(
    g: Tensor, shape: tuple[int, ...], name: str, position: int, broadcasts: bool
) -> Tensor:
    extra = g.ndim - len(shape)
    padded = (1,) * extra + shape
    if extra < 0 or any(n not in (1, m) for n, m in zip(padded, g.shape, strict=True)):
        raise ValueError(
            f"rule {position} of '{name}' returned a gradient of shape {g.shape} for an "
            f"argument of shape {shape}; the two must be equal"
        )
    if not broadcasts:
        axes = broadcast_axes(g.shape, shape)
        warnings.warn(
            f"rule {position} of '{name}' returned shape {g.shape} for an argument of "
            f"shape {shape}: summed over {'axis' if len(axes) == 1 else 'axes'} "
            f"{', '.join(map(str, axes))}. Sum in the rule, or declare "
            "@primitive(broadcasts=True) where the op broadcasts its arguments",
            BroadcastWarning,
            stacklevel=2,
        )
    return needs.sum_to(g, shape)


def broadcast_axes(long: tuple[int, ...], short: tuple[int, ...]) -> tuple[int, ...]:
    """The axes of `long` along which an array of shape `short` is repeated to fill it."""
    extra = len(long) - len(short)
    return tuple(i for i, n in enumerate(long) if i < extra or short[i - extra] != n)
