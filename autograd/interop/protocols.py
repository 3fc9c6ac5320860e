"""NumPy's functions on tensors: np.exp(t), np.sum(t, axis=0), ndarray * t; and DLPack.

A NumPy function stands for the op of the same name. Where there is none, the call is an error that
says so, rather than a constant that silently has no gradient.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograd import ops
from autograd.engine.tensor import Tensor
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


# NumPy's function -> the op. np.linalg's functions count as well: np.linalg.inv is ops.inv.
_OPS: dict[Any, Callable[..., Any]] = {
    getattr(namespace, name): getattr(ops, name)
    for namespace in (np, np.linalg)
    for name in ops.__all__
    if hasattr(namespace, name)
}
# Of the same name, but not the same function: these go by the last two axes, or by matrices.
_OPS |= {
    np.linalg.trace: lambda x, *, offset=0: ops.trace(x, offset, -2, -1),
    np.linalg.diagonal: lambda x, *, offset=0: ops.diagonal(x, offset, -2, -1),
    np.linalg.norm: _linalg_norm,
    np.linalg.vector_norm: lambda x, *, axis=None, keepdims=False, ord=2: ops.norm(
        x, ord, axis, keepdims
    ),
}

# What tells about numbers rather than computes with them is answered for the array.
_ABOUT = {
    np.shape,
    np.ndim,
    np.size,
    np.result_type,
    np.array_equal,
    np.allclose,
    np.isclose,
    np.array2string,
    np.array_repr,
    np.array_str,
    np.iscomplexobj,
    np.isrealobj,
}


def _array_ufunc(self: Tensor, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
    op = _OPS.get(ufunc)
    if op is None or method != "__call__":
        name = ufunc.__name__
        own = f"np.{name}" if getattr(np, name, None) is ufunc else f"the ufunc {name}"
        raise TypeError(_missing(own if method == "__call__" else f"{own}.{method}", name))
    if options:
        raise TypeError(
            f"np.{ufunc.__name__} on a tensor takes no {', '.join(options)}: nothing is written "
            "into, as in array += tensor; write array = array + tensor, and use where() or "
            "astype() on the result"
        )
    return op(*inputs)


def _array_function(
    self: Tensor, function: Any, types: Any, args: tuple[Any, ...], options: dict[str, Any]
) -> Any:
    if function in _ABOUT:
        plain, rebuild = flatten([args, options])
        args, options = rebuild([p.data if isinstance(p, Tensor) else p for p in plain])
        return function(*args, **options)
    op = _OPS.get(function)
    if op is None:
        module = function.__module__.removeprefix("numpy")
        raise TypeError(_missing(f"np{module}.{function.__name__}", function.__name__))
    return op(*args, **options)


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
