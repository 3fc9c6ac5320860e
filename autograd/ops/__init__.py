"""The built-in primitives, one file a family, each pullback beside its forward.

Fourier transforms are not among them. Gradients are real throughout: a tensor that wants one has a
floating dtype, and a rule that hands a complex gradient to a real argument is refused. fft, ifft,
rfft and irfft would put complex numbers between ops whose rules do not say what the gradient of a
complex number is, and half of the conventions in use conjugate it. Where the complex numbers stay
inside, as in a convolution or a power spectrum, declare one op with `primitive`: its forward and
its rules may use np.fft, and arrays enter and leave it real.
"""

import numpy as _np

from autograd.engine.needs import needs as _needs
from autograd.engine.tensor import Array as _Array
from autograd.ops.arguments import clear as _clear
from autograd.ops.arguments import settled as _settled
from autograd.ops.elementwise.arithmetic import (
    abs,
    absolute,
    add,
    cbrt,
    divide,
    hypot,
    multiply,
    negative,
    positive,
    power,
    reciprocal,
    remainder,
    sqrt,
    square,
    subtract,
)
from autograd.ops.elementwise.exponential import (
    exp,
    exp2,
    expit,
    expm1,
    log,
    log1p,
    log2,
    log10,
    logaddexp,
    logaddexp2,
    logit,
    logsumexp,
    softplus,
    xlogy,
)
from autograd.ops.elementwise.selection import clip, fmax, fmin, maximum, minimum, nan_to_num, where
from autograd.ops.elementwise.special import digamma, erf, erfc, erfinv, gammaln, polygamma
from autograd.ops.elementwise.steps import (
    ceil,
    equal,
    floor,
    floor_divide,
    greater,
    greater_equal,
    isfinite,
    isinf,
    isnan,
    less,
    less_equal,
    logical_and,
    logical_not,
    logical_or,
    not_equal,
    round,
    sign,
    trunc,
)
from autograd.ops.elementwise.trigonometric import (
    arccos,
    arccosh,
    arcsin,
    arcsinh,
    arctan,
    arctan2,
    arctanh,
    cos,
    cosh,
    deg2rad,
    degrees,
    rad2deg,
    radians,
    sin,
    sinc,
    sinh,
    tan,
    tanh,
)
from autograd.ops.linear.decompositions import cholesky, eigh, eigvalsh, qr, svd, svdvals
from autograd.ops.linear.linalg import cofactors, det, inv, matrix_power, pinv, slogdet, solve
from autograd.ops.linear.products import (
    cross,
    dot,
    inner,
    kron,
    matmul,
    matrix_transpose,
    outer,
    tensordot,
    vecdot,
)
from autograd.ops.linear.subscripts import einsum, scatter_diagonal
from autograd.ops.mistakes import of_forward as _of_forward
from autograd.ops.mistakes import of_rule as _of_rule
from autograd.ops.reductions.communication import allreduce
from autograd.ops.reductions.cumulative import cumprod, cumsum, diff, linear_recurrence, prod
from autograd.ops.reductions.extremum import (
    argmax,
    argmin,
    gather_first_max,
    max,
    min,
    scatter_first_max,
)
from autograd.ops.reductions.moments import std, var
from autograd.ops.reductions.norms import euclidean_norm, norm, p_norm
from autograd.ops.reductions.reduction import (
    all,
    any,
    count_nonzero,
    mean,
    sum,
    sum_of_products,
    sum_of_squares,
)
from autograd.ops.reductions.sorting import argsort, median, sort
from autograd.ops.shapes.diagonals import diag, diagonal, trace, tril, triu
from autograd.ops.shapes.indexing import (
    getitem,
    index_add,
    index_update,
    nonzero,
    put_along_axis,
    scatter,
    take,
    take_along_axis,
)
from autograd.ops.shapes.joining import (
    append,
    array_split,
    column_stack,
    concatenate,
    concatenate_all,
    dsplit,
    hsplit,
    hstack,
    split,
    stack,
    stack_all,
    vsplit,
    vstack,
)
from autograd.ops.shapes.joining import stack_nested as _stack_nested
from autograd.ops.shapes.padding import pad, pad_constant
from autograd.ops.shapes.shape import (
    ascontiguousarray,
    astype,
    atleast_1d,
    atleast_2d,
    atleast_3d,
    broadcast_to,
    copy,
    expand_dims,
    flip,
    fliplr,
    flipud,
    moveaxis,
    ravel,
    reshape,
    roll,
    rot90,
    squeeze,
    swapaxes,
    transpose,
)
from autograd.ops.shapes.shape import sum_to as _sum_to
from autograd.ops.shapes.tiling import repeat, tile
from autograd.ops.shapes.windows import fold_windows, sliding_windows
from autograd.ops.shapes.winograd import fold_tiles, transform_tiles
from autograd.runtime.threads import STREAMED as _STREAMED
from autograd.runtime.threads import in_slabs as _in_slabs


def _add_into(total: _Array, part: _Array) -> None:
    if total.size < _STREAMED:  # by one thread, without further ado
        _np.add(total, part, out=total)
    else:
        _in_slabs(_np.add, total, total, part)


_needs.add = add
_needs.sum_to = _sum_to
_needs.astype = astype
_needs.stack = _stack_nested
_needs.clear = _clear
_needs.settle = _settled
_needs.explain_forward = _of_forward
_needs.explain_rule = _of_rule
_needs.add_into = _add_into

__all__ = [
    "abs",
    "absolute",
    "add",
    "all",
    "allreduce",
    "any",
    "append",
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctan2",
    "arctanh",
    "argmax",
    "argmin",
    "argsort",
    "array_split",
    "ascontiguousarray",
    "astype",
    "atleast_1d",
    "atleast_2d",
    "atleast_3d",
    "broadcast_to",
    "cbrt",
    "ceil",
    "cholesky",
    "clip",
    "cofactors",
    "column_stack",
    "concatenate",
    "concatenate_all",
    "copy",
    "cos",
    "cosh",
    "count_nonzero",
    "cross",
    "cumprod",
    "cumsum",
    "deg2rad",
    "degrees",
    "det",
    "diag",
    "diagonal",
    "diff",
    "digamma",
    "divide",
    "dot",
    "dsplit",
    "eigh",
    "eigvalsh",
    "einsum",
    "equal",
    "erf",
    "erfc",
    "erfinv",
    "euclidean_norm",
    "exp",
    "exp2",
    "expand_dims",
    "expit",
    "expm1",
    "flip",
    "fliplr",
    "flipud",
    "floor",
    "floor_divide",
    "fmax",
    "fmin",
    "fold_tiles",
    "fold_windows",
    "gammaln",
    "gather_first_max",
    "getitem",
    "greater",
    "greater_equal",
    "hsplit",
    "hstack",
    "hypot",
    "index_add",
    "index_update",
    "inner",
    "inv",
    "isfinite",
    "isinf",
    "isnan",
    "kron",
    "less",
    "less_equal",
    "linear_recurrence",
    "log",
    "log1p",
    "log2",
    "log10",
    "logaddexp",
    "logaddexp2",
    "logical_and",
    "logical_not",
    "logical_or",
    "logit",
    "logsumexp",
    "matmul",
    "matrix_power",
    "matrix_transpose",
    "max",
    "maximum",
    "mean",
    "median",
    "min",
    "minimum",
    "moveaxis",
    "multiply",
    "nan_to_num",
    "negative",
    "nonzero",
    "norm",
    "not_equal",
    "outer",
    "p_norm",
    "pad",
    "pad_constant",
    "pinv",
    "polygamma",
    "positive",
    "power",
    "prod",
    "put_along_axis",
    "qr",
    "rad2deg",
    "radians",
    "ravel",
    "reciprocal",
    "remainder",
    "repeat",
    "reshape",
    "roll",
    "rot90",
    "round",
    "scatter",
    "scatter_diagonal",
    "scatter_first_max",
    "sign",
    "sin",
    "sinc",
    "sinh",
    "sliding_windows",
    "slogdet",
    "softplus",
    "solve",
    "sort",
    "split",
    "sqrt",
    "square",
    "squeeze",
    "stack",
    "stack_all",
    "std",
    "subtract",
    "sum",
    "sum_of_products",
    "sum_of_squares",
    "svd",
    "svdvals",
    "swapaxes",
    "take",
    "take_along_axis",
    "tan",
    "tanh",
    "tensordot",
    "tile",
    "trace",
    "transform_tiles",
    "transpose",
    "tril",
    "triu",
    "trunc",
    "var",
    "vecdot",
    "vsplit",
    "vstack",
    "where",
    "xlogy",
]
