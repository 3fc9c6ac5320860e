"""Reverse-mode automatic differentiation on NumPy arrays.

>>> from autograd import Tensor
>>> x = Tensor([1.0, 2.0, 3.0], requires_grad=True)
>>> (x * x).sum().backward()
>>> x.grad
Tensor([2., 4., 6.])
"""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

from autograd.engine.conforming import BroadcastWarning
from autograd.engine.primitives import Primitive, Saved, primitive
from autograd.engine.tensor import Tensor
from autograd.interop import operators as _operators  # gives Tensor its operators
from autograd.interop import protocols as _protocols  # gives Tensor NumPy's protocols
from autograd.ops import (
    abs,
    absolute,
    add,
    all,
    allreduce,
    any,
    append,
    arccos,
    arccosh,
    arcsin,
    arcsinh,
    arctan,
    arctan2,
    arctanh,
    argmax,
    argmin,
    argsort,
    array_split,
    ascontiguousarray,
    astype,
    atleast_1d,
    atleast_2d,
    atleast_3d,
    broadcast_to,
    cbrt,
    ceil,
    cholesky,
    clip,
    cofactors,
    column_stack,
    concatenate,
    conj,
    conjugate,
    copy,
    cos,
    cosh,
    count_nonzero,
    cross,
    cumprod,
    cumsum,
    deg2rad,
    degrees,
    det,
    diag,
    diagonal,
    diff,
    digamma,
    divide,
    dot,
    dsplit,
    eigh,
    eigvalsh,
    einsum,
    equal,
    erf,
    erfc,
    erfinv,
    exp,
    exp2,
    expand_dims,
    expit,
    expm1,
    flip,
    fliplr,
    flipud,
    floor,
    floor_divide,
    fmax,
    fmin,
    fold_windows,
    gammaln,
    gather_first_max,
    getitem,
    greater,
    greater_equal,
    hsplit,
    hstack,
    hypot,
    imag,
    index_add,
    index_update,
    inner,
    inv,
    isfinite,
    isinf,
    isnan,
    kron,
    less,
    less_equal,
    log,
    log1p,
    log2,
    log10,
    logaddexp,
    logaddexp2,
    logical_and,
    logical_not,
    logical_or,
    logit,
    logsumexp,
    matmul,
    matrix_power,
    matrix_transpose,
    max,
    maximum,
    mean,
    median,
    min,
    minimum,
    moveaxis,
    multiply,
    nan_to_num,
    negative,
    nonzero,
    norm,
    not_equal,
    outer,
    pad,
    pinv,
    polygamma,
    positive,
    power,
    prod,
    put_along_axis,
    qr,
    rad2deg,
    radians,
    ravel,
    real,
    reciprocal,
    remainder,
    repeat,
    reshape,
    roll,
    rot90,
    round,
    scatter,
    scatter_diagonal,
    scatter_first_max,
    sign,
    sin,
    sinc,
    sinh,
    sliding_windows,
    slogdet,
    softplus,
    solve,
    sort,
    split,
    sqrt,
    square,
    squeeze,
    stack,
    std,
    subtract,
    sum,
    sum_of_products,
    sum_of_squares,
    svd,
    svdvals,
    swapaxes,
    take,
    take_along_axis,
    tan,
    tanh,
    tensordot,
    tile,
    trace,
    transpose,
    tril,
    triu,
    trunc,
    var,
    vecdot,
    vsplit,
    vstack,
    where,
    xlogy,
)
from autograd.runtime.threads import get_num_threads, set_num_threads

if _TYPE_CHECKING:
    from autograd import random
    from autograd.checking import GradcheckError, check_backward, check_tape, compare, gradcheck
    from autograd.explanation import explain, tape_of
    from autograd.jitting.capture import FrozenError
    from autograd.jitting.jit import JitWarning, jit
    from autograd.jitting.verifying import VerificationError
    from autograd.native.loading import NativeWarning
    from autograd.ops.declaring import custom_vjp, on_arrays
    from autograd.profiling import LostGradientWarning, debug, profile
    from autograd.program.watching import program_of
    from autograd.runtime.holding import enable_grad, no_grad
    from autograd.runtime.memory import keep_pages
    from autograd.runtime.scopes import sweep_hook
    from autograd.transforms.checkpointing import checkpoint

    # isort: off
    from autograd.transforms.derivatives import grad, hessian, hvp, jacobian, jvp
    from autograd.transforms.derivatives import stop_gradient, value_and_grad, vjp
    # isort: on

# fmt: off
__all__ = [  # noqa: RUF022 (sorted plainly: log10 before log2)
    "BroadcastWarning", "FrozenError", "GradcheckError", "JitWarning", "LostGradientWarning",
    "NativeWarning", "Primitive", "Saved", "Tensor", "VerificationError",
    "abs", "absolute", "add", "all", "allreduce", "any", "append", "arccos", "arccosh", "arcsin",
    "arcsinh", "arctan", "arctan2", "arctanh", "argmax", "argmin", "argsort", "array_split",
    "ascontiguousarray", "astype", "atleast_1d", "atleast_2d", "atleast_3d", "broadcast_to", "cbrt",
    "ceil", "check_backward", "check_tape", "checkpoint", "cholesky", "clip", "cofactors",
    "column_stack", "compare",
    "concatenate", "conj", "conjugate", "copy", "cos", "cosh", "count_nonzero", "cross", "cumprod",
    "cumsum", "custom_vjp", "debug", "deg2rad", "degrees", "det", "diag", "diagonal", "diff",
    "digamma", "divide", "dot", "dsplit", "eigh", "eigvalsh", "einsum", "enable_grad", "equal",
    "erf", "erfc", "erfinv", "exp", "exp2", "expand_dims", "expit", "explain", "expm1", "flip",
    "fliplr", "flipud", "floor", "floor_divide", "fmax", "fmin", "fold_windows", "gammaln",
    "gather_first_max", "get_num_threads", "getitem", "grad", "gradcheck", "greater",
    "greater_equal", "hessian", "hsplit", "hstack", "hvp", "hypot", "imag", "index_add",
    "index_update", "inner", "inv", "isfinite", "isinf", "isnan", "jacobian", "jit", "jvp",
    "keep_pages",
    "kron", "less", "less_equal", "log", "log10", "log1p", "log2", "logaddexp", "logaddexp2",
    "logical_and", "logical_not", "logical_or", "logit", "logsumexp", "matmul", "matrix_power",
    "matrix_transpose", "max", "maximum", "mean", "median", "min", "minimum", "moveaxis",
    "multiply", "nan_to_num", "negative", "no_grad", "nonzero", "norm", "not_equal", "on_arrays",
    "outer", "pad", "pinv", "polygamma", "positive", "power", "primitive", "prod", "profile",
    "program_of", "put_along_axis", "qr", "rad2deg", "radians", "random", "ravel", "real",
    "reciprocal", "remainder", "repeat", "reshape", "roll", "rot90", "round", "scatter",
    "scatter_diagonal", "scatter_first_max", "set_num_threads", "sign", "sin", "sinc", "sinh",
    "sliding_windows",
    "slogdet", "softplus", "solve", "sort", "split", "sqrt", "square", "squeeze", "stack", "std",
    "stop_gradient", "subtract", "sum", "sum_of_products", "sum_of_squares", "svd", "svdvals",
    "swapaxes", "sweep_hook", "take", "take_along_axis", "tan", "tanh", "tape_of", "tensordot",
    "tile", "trace", "transpose", "tril", "triu", "trunc", "value_and_grad", "var", "vecdot", "vjp",
    "vsplit", "vstack", "where", "xlogy",
]
# fmt: on

del _operators, _protocols

# What a program may never ask for is imported when it does, which saves a third of the time.
# fmt: off
_LATER = {
    "autograd.checking": ("GradcheckError", "check_backward", "check_tape", "compare", "gradcheck"),
    "autograd.explanation": ("explain", "tape_of"),
    "autograd.jitting.capture": ("FrozenError",),
    "autograd.jitting.jit": ("JitWarning", "jit"),
    "autograd.jitting.verifying": ("VerificationError",),
    "autograd.native.loading": ("NativeWarning",),
    "autograd.ops.declaring": ("custom_vjp", "on_arrays"),
    "autograd.profiling": ("LostGradientWarning", "debug", "profile"),
    "autograd.program.watching": ("program_of",),
    "autograd.runtime.holding": ("enable_grad", "no_grad"),
    "autograd.runtime.memory": ("keep_pages",),
    "autograd.runtime.scopes": ("sweep_hook",),
    "autograd.transforms.checkpointing": ("checkpoint",),
    "autograd.transforms.derivatives": (
        "grad", "hessian", "hvp", "jacobian", "jvp", "stop_gradient", "value_and_grad", "vjp",
    ),
}
# fmt: on


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> _Any:
    if name == "random":
        return _import_module("autograd.random")
    for module, names in _LATER.items():
        if name in names:
            globals()[name] = found = getattr(_import_module(module), name)
            return found
    raise AttributeError(f"module 'autograd' has no attribute {name!r}")
