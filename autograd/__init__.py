"""Reverse-mode automatic differentiation on NumPy arrays.

>>> from autograd import Tensor
>>> x = Tensor([1.0, 2.0, 3.0], requires_grad=True)
>>> (x * x).sum().backward()
>>> x.grad
Tensor([2., 4., 6.])
"""

from autograd import interop as _interop  # gives Tensor NumPy's protocols
from autograd import operators as _operators  # gives Tensor its operators
from autograd import random
from autograd.checkpointing import checkpoint
from autograd.conforming import BroadcastWarning
from autograd.debugging import debug
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
from autograd.tape import enable_grad, no_grad, sweep_hook
from autograd.tensor import Tensor
from autograd.threads import get_num_threads, set_num_threads
from autograd.transforms import (
    grad,
    hessian,
    hvp,
    jacobian,
    jvp,
    stop_gradient,
    value_and_grad,
    vjp,
)

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
    "checkpoint",
    "copy",
    "custom_vjp",
    "debug",
    "divide",
    "enable_grad",
    "equal",
    "exp",
    "fold_windows",
    "gather_first_max",
    "get_num_threads",
    "getitem",
    "grad",
    "greater",
    "greater_equal",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
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
    "set_num_threads",
    "sliding_windows",
    "sqrt",
    "stop_gradient",
    "subtract",
    "sum",
    "sum_of_products",
    "sum_of_squares",
    "swapaxes",
    "sweep_hook",
    "transpose",
    "value_and_grad",
    "vjp",
    "where",
]

del _interop, _operators
_keep_pages()
