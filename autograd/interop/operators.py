"""Gives Tensor its operators and methods, each an op of `autograd.ops` under NumPy's name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autograd import ops
from autograd.engine.primitives import Primitive
from autograd.engine.tensor import Tensor
from autograd.ops.shapes.indexing import as_index


def _operator(op: Primitive) -> Callable[[Tensor, Any], Tensor]:
    # A function, as binding one takes no Python code of ours, and the call itself, as looking up
    # how an object is called takes a twentieth of it.
    call = Primitive.__call__
    return lambda self, other: call(op, self, other)


def _reflected(op: Any) -> Any:
    return lambda self, other: op(other, self)


def _transpose(self: Tensor, *axes: Any) -> Tensor:
    if len(axes) == 1 and not isinstance(axes[0], int):
        return ops.transpose(self, axes[0])
    return ops.transpose(self, axes or None)


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
    "reshape": lambda self, *shape: ops.reshape(self, shape[0] if len(shape) == 1 else shape),
    "transpose": _transpose,
    "swapaxes": ops.swapaxes,
    "astype": ops.astype,
    "copy": ops.copy,
    "clip": lambda self, min=None, max=None: ops.clip(self, min, max),
    "round": ops.round,
}

for _name, _op in _BINARY.items():
    setattr(Tensor, f"__{_name}__", _operator(_op))
    setattr(Tensor, f"__r{_name}__", _reflected(_op))
for _name, _op in _METHODS.items():
    setattr(Tensor, _name, _op)
