"""Reverse-mode automatic differentiation on NumPy arrays.

>>> from autograd import Tensor
>>> x = Tensor([1.0, 2.0, 3.0], requires_grad=True)
>>> (x * x).sum().backward()
>>> x.grad
Tensor([2., 4., 6.])
"""

from autograd import operators as _operators  # gives Tensor its operators
from autograd import random
from autograd.conforming import BroadcastWarning
from autograd.memory import keep_pages as _keep_pages
from autograd.ops import (
    add,
    argmax,
    ascontiguousarray,
    astype,
    broadcast_to,
    copy,
    divide,
    equal,
    exp,
    fold_windows,
    gather_first_max,
    getitem,
    greater,
    greater_equal,
    less,
    less_equal,
    log,
    matmul,
    max,
    maximum,
    mean,
    multiply,
    negative,
    not_equal,
    pad,
    power,
    reshape,
    scatter,
    scatter_first_max,
    sliding_windows,
    sqrt,
    subtract,
    sum,
    sum_of_products,
    sum_of_squares,
    swapaxes,
    transpose,
    where,
)
from autograd.primitives import Primitive, Saved, custom_vjp, on_arrays, primitive
from autograd.tape import enable_grad, no_grad
from autograd.tensor import Tensor

__all__ = [
    "BroadcastWarning",
    "Primitive",
    "Saved",
    "Tensor",
    "add",
    "argmax",
    "ascontiguousarray",
    "astype",
    "broadcast_to",
    "copy",
    "custom_vjp",
    "divide",
    "enable_grad",
    "equal",
    "exp",
    "fold_windows",
    "gather_first_max",
    "getitem",
    "greater",
    "greater_equal",
    "less",
    "less_equal",
    "log",
    "matmul",
    "max",
    "maximum",
    "mean",
    "multiply",
    "negative",
    "no_grad",
    "not_equal",
    "on_arrays",
    "pad",
    "power",
    "primitive",
    "random",
    "reshape",
    "scatter",
    "scatter_first_max",
    "sliding_windows",
    "sqrt",
    "subtract",
    "sum",
    "sum_of_products",
    "sum_of_squares",
    "swapaxes",
    "transpose",
    "where",
]

del _operators
_keep_pages()
