"""Gives Tensor its operators and methods, each an op of `autograd.ops` under NumPy's name; and what
Python asks of a container of numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod
from types import FunctionType
from typing import Any, NoReturn

import numpy as np

from autograd import ops
from autograd.engine.modes import array_within, mode
from autograd.engine.primitives import Primitive
from autograd.engine.tensor import Array, Tensor
from autograd.ops.arguments import UnsupportedError
from autograd.ops.shapes.indexing import as_index
from autograd.runtime.scopes import tracer

# Functions, as binding one takes no Python code of ours, and the call itself, as looking up how an
# object is called takes a twentieth of it.
_call = Primitive.__call__


def _operator(op: Primitive) -> Callable[[Tensor, Any], Tensor]:
    def operator(self: Tensor, other: Any) -> Any:
        try:
            return _call(op, self, other)
        except UnsupportedError:
            return _left_to(other)

    return operator


def _reflected(op: Primitive) -> Callable[[Tensor, Any], Tensor]:
    def operator(self: Tensor, other: Any) -> Any:
        try:
            return _call(op, other, self)
        except UnsupportedError:
            return _left_to(other)

    return operator


def _left_to(other: Any) -> Any:
    """NotImplemented, for an operand whose class may know what to do; of a list the error that is
    being handled is raised again, as it says what is in it."""
    if isinstance(other, list | tuple):
        raise
    return NotImplemented


def _truth(self: Tensor) -> bool:
    if prod(self.shape) != 1:
        raise ValueError(
            f"bool: the truth of a tensor of shape {self.shape} is ambiguous; "
            "compare one element, or use np.any or np.all on its .data"
        )
    if (trace := tracer()) is not None:
        return bool(trace.decide(self))
    return bool(self.data.item())


def _array(self: Tensor) -> Array:
    """The array itself, not a copy."""
    return self.data


def _number(kind: type[float]) -> Callable[[Tensor], float]:
    def converted(self: Tensor) -> float:
        if mode.observer is not None:
            mode.observer.converting(self)
        return kind(self.item())

    return converted


def _formatted(self: Tensor, how: str) -> str:
    """As NumPy does: a number where there is one, without axes; else only what str gives."""
    if not self.shape and how:
        if mode.observer is not None:
            mode.observer.converting(self)
        return format(self.item(), how)
    if how:
        raise TypeError(
            f"format: a tensor of shape {self.shape} was given the format {how!r}, which is for "
            "one number; format its elements, or use np.array2string on its .data"
        )
    return str(self)


def _length(self: Tensor) -> int:
    if not self.shape:
        raise TypeError("len: a tensor of shape () has no length")
    return self.shape[0]


def _elements(self: Tensor) -> Iterator[Tensor]:
    return (self[i] for i in range(len(self)))


def _assign(self: Tensor, index: Any, value: Any) -> NoReturn:
    raise TypeError(
        "tensors are not assigned to element by element: the tape would keep the old values. "
        "Use index_update(t, index, value) or where() for a new tensor, or write to .data "
        "of a tensor that nothing was computed from yet"
    )


def _text(self: Tensor) -> str:
    if (trace := tracer()) is not None:
        trace.refuse("it makes text of a tensor, by print or str")
    body = np.array2string(array_within(self), separator=", ", prefix="Tensor(")
    notes = [] if self.dtype in (np.float64, np.int64, np.bool_) else [f"dtype={self.dtype}"]
    if self.op_name is not None:
        notes.append(f"op={self.op_name}")
    elif self.requires_grad:
        notes.append("requires_grad=True")
    return f"{type(self).__name__}({', '.join([body, *notes])})"


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
    "__bool__": _truth,
    "__float__": _number(float),
    "__int__": _number(int),
    "__format__": _formatted,
    "numpy": _array,
    "__len__": _length,
    "__iter__": _elements,
    "__setitem__": _assign,
    "__repr__": _text,
    "__neg__": ops.negative,
    "__pos__": ops.positive,
    "__abs__": ops.absolute,
    "__lt__": _operator(ops.less),
    "__le__": _operator(ops.less_equal),
    "__gt__": _operator(ops.greater),
    "__ge__": _operator(ops.greater_equal),
    "__eq__": _operator(ops.equal),
    "__ne__": _operator(ops.not_equal),
    "__getitem__": lambda self, index: ops.getitem(self, as_index(index)),
    "ndim": property(lambda self: len(self.shape)),
    "size": property(lambda self: prod(self.shape)),
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
    "flatten": lambda self: ops.ravel(self),
    "reshape": lambda self, *shape: ops.reshape(self, shape[0] if len(shape) == 1 else shape),
    "transpose": _transpose,
    "swapaxes": ops.swapaxes,
    "astype": ops.astype,
    "copy": ops.copy,
    "clip": lambda self, min=None, max=None: ops.clip(self, min, max),
    "round": ops.round,
}

for _name, _op in _BINARY.items():
    _METHODS |= {f"__{_name}__": _operator(_op), f"__r{_name}__": _reflected(_op)}
for _name, _op in _METHODS.items():
    if isinstance(_op, FunctionType):
        _op.__qualname__ = f"Tensor.{_name}"  # what Python's own errors call it
    setattr(Tensor, _name, _op)
