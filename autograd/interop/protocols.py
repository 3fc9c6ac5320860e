"""NumPy's functions on tensors: np.exp(t), np.sum(t, axis=0), ndarray * t; and DLPack.

A NumPy function stands for the op of the same name. Where there is none, the call is an error that
says so, rather than a constant that silently has no gradient. What NumPy's function takes and the
op does not, `out` and `dtype` for instance, may be given as NumPy's default.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import cache
from types import FrameType
from typing import Any

import numpy as np

from autograd import ops
from autograd.engine.modes import array_within
from autograd.engine.tensor import Tensor
from autograd.ops.linear.subscripts import LETTERS
from autograd.runtime.trees import flatten


def _linalg_norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Tensor:
    """np.linalg.norm where it is a norm of vectors; of matrices only the default, Frobenius'."""
    axes = x.ndim if axis is None else len(np.atleast_1d(axis))
    if ord is not None and axes != 1:
        raise TypeError(
            f"np.linalg.norm with ord={ord} of a tensor over {axes} axes is a norm of matrices, "
            "which has no counterpart here; autograd.norm takes vector norms over any axes"
        )
    return ops.norm(x, ord, axis, keepdims)


def _einsum(*operands: Any, **options: Any) -> Tensor:
    """np.einsum, also in the form with lists of axes: einsum(x, [0, 1], y, [1, 2], [0, 2])."""
    if isinstance(operands[0], str):
        return ops.einsum(*operands, **options)
    count = len(operands) // 2
    terms = ["".join(map(_label, axes)) for axes in (*operands[1::2], *operands[2 * count :])]
    subscripts = "->".join([",".join(terms[:count]), *terms[count:]])
    return ops.einsum(subscripts, *operands[: 2 * count : 2], **options)


def _label(axis: Any) -> str:
    if axis is not ... and not 0 <= axis < len(_LABELS):
        raise ValueError(
            f"einsum: axis {axis} given, a number from 0 to {len(_LABELS) - 1} expected"
        )
    return "..." if axis is ... else _LABELS[axis]


_LABELS = LETTERS[26:] + LETTERS[:26]  # in the order in which axes without an output come


def _of_each(op: Callable[[Any], Tensor]) -> Callable[..., Any]:
    """np.atleast_1d and its like: of several arrays a tuple."""
    return lambda *arrays: op(*arrays) if len(arrays) == 1 else tuple([op(x) for x in arrays])


# NumPy's function -> the op. np.linalg's functions count as well: np.linalg.inv is ops.inv.
_OPS: dict[Any, Callable[..., Any]] = {
    getattr(namespace, name): getattr(ops, name)
    for namespace in (np, np.linalg)
    for name in ops.__all__
    if hasattr(namespace, name)
}
# What writes into an array and returns nothing is no op, which returns another and writes nothing.
del _OPS[np.put_along_axis]
# Other names, other forms; and of np.linalg what goes by the last two axes, or by matrices.
_OPS |= {
    np.amax: ops.max,
    np.amin: ops.min,
    np.around: ops.round,
    np.einsum: _einsum,
    np.atleast_1d: _of_each(ops.atleast_1d),
    np.atleast_2d: _of_each(ops.atleast_2d),
    np.atleast_3d: _of_each(ops.atleast_3d),
    np.linalg.trace: lambda x, *, offset=0: ops.trace(x, offset, -2, -1),
    np.linalg.diagonal: lambda x, *, offset=0: ops.diagonal(x, offset, -2, -1),
    np.linalg.norm: _linalg_norm,
    np.linalg.vector_norm: lambda x, *, axis=None, keepdims=False, ord=2: ops.norm(
        x, ord, axis, keepdims
    ),
}

# What tells about numbers rather than computes with them is answered for the array.
_SHAPES = {np.shape, np.ndim, np.size, np.result_type}
_ABOUT = {
    *_SHAPES,
    np.array_equal,
    np.allclose,
    np.isclose,
    np.array2string,
    np.array_repr,
    np.array_str,
    np.iscomplexobj,
    np.isrealobj,
    np.iscomplex,
    np.isreal,
    np.zeros_like,
    np.ones_like,
    np.empty_like,
}

# What is written in C tells no signature before NumPy 2.4: of those, what has more than the op.
_IN_C: dict[Any, Callable[..., Any]] = {
    np.concatenate: lambda arrays, axis=0, out=None, *, dtype=None, casting="same_kind": None,
    np.dot: lambda a, b, out=None: None,
}
_UFUNC_DEFAULTS = {"where": True, "casting": "same_kind", "order": "K", "dtype": None}
_SYNONYMS = {"correction": "ddof", "min": "a_min", "max": "a_max"}


def _array_ufunc(self: Tensor, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
    op = _OPS.get(ufunc)
    if op is None or method != "__call__":
        name = ufunc.__name__
        own = f"np.{name}" if getattr(np, name, None) is ufunc else f"the ufunc {name}"
        raise TypeError(_missing(own if method == "__call__" else f"{own}.{method}", name))
    more = [name for name, value in options.items() if _UFUNC_DEFAULTS.get(name, ...) is not value]
    if more:
        raise TypeError(
            f"np.{ufunc.__name__} on a tensor takes no {', '.join(more)}: nothing is written "
            "into, as in array += tensor; write array = array + tensor, and use where() or "
            "astype() on the result"
        )
    return op(*inputs)


def _array_function(
    self: Tensor, function: Any, types: Any, args: tuple[Any, ...], options: dict[str, Any]
) -> Any:
    if function in _ABOUT:
        return _of_arrays(
            function, args, options, array_within if function in _SHAPES else _numbers_of
        )
    if _asked_by_pandas(sys._getframe(1)):
        return _of_arrays(function, args, options, np.asarray)
    op = _OPS.get(function)
    if op is None:
        raise TypeError(_missing(_called(function), function.__name__))
    if len(args) <= 1 and not options:
        return op(*args)
    given, named = _as_op_takes(function, op, args, options)
    return op(*given, **named)


def _numbers_of(tensor: Tensor) -> Any:
    return tensor.data


def _of_arrays(
    function: Any, args: tuple[Any, ...], options: dict[str, Any], array: Callable[[Tensor], Any]
) -> Any:
    """NumPy's function of the arrays of tensors."""
    parts, rebuild = flatten([args, options])
    args, options = rebuild([array(p) if isinstance(p, Tensor) else p for p in parts])
    return function(*args, **options)


def _asked_by_pandas(frame: FrameType) -> bool:
    """Whether pandas makes the call, by its own code: it expects an array, and would build a Series
    around a tensor that fails when it is looked at."""
    return str(frame.f_globals.get("__name__")).startswith("pandas.")


def _as_op_takes(
    function: Any, op: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]
) -> tuple[Sequence[Any], dict[str, Any]]:
    """The arguments of a call of NumPy's function as the op takes them.

    Those that both have go by name, the first of them, which may be named otherwise, by place;
    those that NumPy alone has must be its defaults. Raises TypeError where one is not.
    """
    theirs, own, alike = _signatures(function, op)
    if len(args) <= alike and all(n in own and v is not np._NoValue for n, v in options.items()):
        return args, options
    positional: list[Any] = []
    named: dict[str, Any] = {}
    given = theirs.bind(*args, **options).arguments
    for place, (name, parameter) in enumerate(theirs.parameters.items()):
        if name not in given:
            continue
        value, name = given[name], _SYNONYMS.get(name, name)
        if parameter.kind is parameter.VAR_POSITIONAL:
            positional += value
        elif parameter.kind is parameter.VAR_KEYWORD:
            named |= value
        elif place < alike and place == len(positional):
            positional.append(value)
        elif value is np._NoValue or (value is parameter.default and name not in own):
            continue
        elif name in own or "options" in own:
            named[name] = value
        else:
            raise TypeError(
                f"{_called(function)} on a tensor takes no {name}={value!r}; arguments of "
                f"{', '.join(own)} are taken: use astype(), where() or transpose()"
            )
    return positional, named


@cache
def _signatures(function: Any, op: Callable[..., Any]) -> tuple[Any, dict[str, Any], int]:
    """NumPy's signature, the op's parameters, and how many of the first stand in the same place."""
    from inspect import signature  # slow to import, and seldom needed

    own = dict(signature(op).parameters)
    try:
        theirs = signature(_IN_C.get(function, function))
    except ValueError:
        theirs = signature(op)
    alike = 0
    for parameter, here in zip(theirs.parameters.values(), own.values(), strict=False):
        same = here.name == parameter.name or here.name not in theirs.parameters
        by_place = (here.POSITIONAL_ONLY, here.POSITIONAL_OR_KEYWORD)
        if not (same and here.kind in by_place and parameter.kind in by_place):
            break
        alike += 1
    return theirs, own, alike


def _called(function: Any) -> str:
    path = f"{function.__module__}.{function.__name__}"
    return f"np.{path.removeprefix('numpy').removeprefix('.')}"


def _missing(call: str, name: str) -> str:
    own = f"call autograd.{name}" if name in ops.__all__ else "declare it with @primitive"
    return (
        f"{call} has no differentiable counterpart here; for a constant call it on tensor.data, "
        f"for a gradient {own}"
    )


def _dlpack(self: Tensor, **options: Any) -> Any:
    """The array as a DLPack capsule; its consumer shares the memory."""
    if self.requires_grad:
        raise BufferError("a tensor with a history is not exported by DLPack; export its detach()")
    return self.data.__dlpack__(**options)


def _dlpack_device(self: Tensor) -> Any:
    return self.data.__dlpack_device__()


def _html(self: Tensor) -> str:
    """How notebooks show it."""
    from autograd.interop.notebook import tensor_html  # imported where there is a notebook

    return tensor_html(self)


for _name, _method in {
    "__array_ufunc__": _array_ufunc,
    "__array_function__": _array_function,
    "__dlpack__": _dlpack,
    "__dlpack_device__": _dlpack_device,
    "_repr_html_": _html,
}.items():
    setattr(Tensor, _name, _method)
