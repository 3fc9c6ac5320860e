"""Matrices with values that are given, and derivatives of what is computed of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from support.numerical import central, unit_directions
from support.specs.specs import SPECS  # first: it has what specs_linalg takes from it
from support.specs.specs_linalg import symmetric, with_values

from autograd import Tensor, grad

__all__ = ["Array", "Function", "gradient", "hessian", "slopes", "symmetric", "with_values"]

Array = NDArray[Any]
Function = Callable[..., Any]

assert SPECS


def slopes(f: Function, x: Array) -> Array:
    """The derivative of f, from an array to one number, by each element of x."""
    one = [np.ones(())]
    found = [central(lambda a: [np.asarray(f(a[0]))], [x], u, one) for u in unit_directions([x], 0)]
    return np.reshape(found, x.shape)


def gradient(f: Function, x: Array) -> Array:
    return np.asarray(grad(f)(Tensor(x)).data)


def hessian(f: Function, x: Array) -> Array:
    """Row by row, as a matrix of (x.size, x.size)."""
    rows = [gradient(lambda x, i=i: grad(f)(x)[i], x).ravel() for i in np.ndindex(x.shape)]  # type: ignore[misc]
    return np.stack(rows)
