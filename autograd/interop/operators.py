"""Gives Tensor its operators and methods, each an op of `autograd.ops` under NumPy's name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograd import ops
from autograd.engine.primitives import Primitive
from autograd.engine.saving import LARGE
from autograd.engine.tape import Record, mode
from autograd.engine.tensor import Tensor, empty
from autograd.ops.shapes.indexing import as_index

_NUMBERS = frozenset({int, float})
_NO_OPTIONS: dict[str, Any] = {}


# Functions, not the ops themselves: binding one of these takes no Python code of ours.
def _operator(op: Primitive) -> Callable[[Tensor, Any], Tensor]:
    """The op of two arguments, as an operator.

    On tiny tensors an op costs what the interpreter does around its ufunc. The usual case, small
    arrays of one dtype or an array and a number, is written out here, and records what the call
    of the op would: 1.3 µs instead of 2.8, of which the ufunc takes 0.3.
    """
    ufunc = op.ufunc
    if ufunc is None:
        return lambda self, other: op(self, other)

    def operator(self: Tensor, other: Any) -> Tensor:
        x, parent = self.data, self._place
        if isinstance(other, Tensor):
            y, other_parent = other.data, other._place
            usual = type(x) is type(y) is np.ndarray and x.nbytes < LARGE > y.nbytes
        else:
            y, other_parent = other, None
            usual = type(x) is np.ndarray and x.nbytes < LARGE and type(y) in _NUMBERS
        here = mode.__dict__
        if not usual or here["observer"] is not None:
            return op(self, other)
        try:
            out = ufunc(x, y)
        except (ValueError, TypeError):
            out = None
        if out is None or out.dtype is not x.dtype:
            return op(self, other)  # says what is wrong; keeps integers from making it wider
        if type(out) is not np.ndarray:
            out = np.asarray(out)
        result = empty(Tensor)  # as `wrap` does, whose call would take 0.05 µs
        result.data = out
        result.grad = None
        if (parent is None and other_parent is None) or not here["recording"]:
            result._place = None
        else:
            places = (parent, other_parent)
            result._place = Record(op, (x, y), places, _NO_OPTIONS, out, None, here["scope"])
        return result

    return operator


def _reflected(op: Any) -> Any:
    return lambda self, other: op(other, self)


def _reshape(self: Tensor, *shape: Any) -> Tensor:
    return ops.reshape(self, shape[0] if len(shape) == 1 else shape)


def _transpose(self: Tensor, *axes: Any) -> Tensor:
    if len(axes) == 1 and not isinstance(axes[0], int):
        return ops.transpose(self, axes[0])
    return ops.transpose(self, axes or None)


def _clip(self: Tensor, min: Any = None, max: Any = None) -> Tensor:
    return ops.clip(self, min, max)


_BINARY = {
    "add": ops.add,
    "sub": ops.subtract,
    "mul": ops.multiply,
    "truediv": ops.divide,
    "floordiv": ops.floor_divide,
    "mod": ops.remainder,
    "pow": ops.power,
    "matmul": ops.matmul,
}

_METHODS: dict[str, Any] = {
    "__neg__": ops.negative,
    "__pos__": ops.positive,
    "__abs__": ops.absolute,
    "__lt__": ops.less,
    "__le__": ops.less_equal,
    "__gt__": ops.greater,
    "__ge__": ops.greater_equal,
    "__eq__": ops.equal,
    "__ne__": ops.not_equal,
    "__getitem__": lambda self, index: ops.getitem(self, as_index(index)),
    "T": property(ops.transpose),
    "mT": property(ops.matrix_transpose),
    "dot": ops.dot,
    "sum": ops.sum,
    "mean": ops.mean,
    "max": ops.max,
    "all": ops.all,
    "any": ops.any,
    "argmax": ops.argmax,
    "argmin": ops.argmin,
    "argsort": ops.argsort,
    "cumprod": ops.cumprod,
    "cumsum": ops.cumsum,
    "diagonal": ops.diagonal,
    "min": ops.min,
    "prod": ops.prod,
    "ravel": ops.ravel,
    "repeat": ops.repeat,
    "squeeze": ops.squeeze,
    "std": ops.std,
    "take": ops.take,
    "trace": ops.trace,
    "var": ops.var,
    "flatten": ops.ravel,
    "reshape": _reshape,
    "transpose": _transpose,
    "swapaxes": ops.swapaxes,
    "astype": ops.astype,
    "copy": ops.copy,
    "clip": _clip,
    "round": ops.round,
}

for _name, _op in _BINARY.items():
    setattr(Tensor, f"__{_name}__", _operator(_op))
    setattr(Tensor, f"__r{_name}__", _reflected(_op))
for _name, _op in _METHODS.items():
    setattr(Tensor, _name, _op)
