"""Ops on PyTorch's own sample inputs: values and gradients of every sample in our domain.

`pytest -m oracle tests/test_oracle_ops.py -s` prints how many samples were compared, and how many
were left out for which reason.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from support.shares import shared
from support.streams import generator

import autograd as ag
import nn
from autograd import Tensor

pytestmark = pytest.mark.oracle

F = nn.functional


class OutsideError(Exception):
    """A sample that is not in our domain, with the reason."""


def dims(options: dict[str, Any], *renamed: tuple[str, str]) -> dict[str, Any]:
    """PyTorch's names of options as NumPy's."""
    names = {"dim": "axis", "keepdim": "keepdims", **dict(renamed)}
    if options.get("dtype") is not None:
        raise OutsideError("an option dtype, which NumPy's reductions have and ours have not")
    return {names.get(k, k): v for k, v in options.items() if v is not None or k == "dim"}


def reduction(op: Callable[..., Any]) -> Callable[..., Any]:
    def call(x: Any, *args: Any, **options: Any) -> Any:
        return op(x, *args, **dims(options))

    return call


def same(op: Callable[..., Any]) -> Callable[..., Any]:
    return op


def scaled(op: Callable[..., Any]) -> Callable[..., Any]:
    """add and sub take an alpha."""

    def call(x: Any, y: Any, alpha: Any = 1) -> Any:
        return op(x, y if alpha == 1 else alpha * y)

    return call


def variance(op: Callable[..., Any]) -> Callable[..., Any]:
    def call(x: Any, dim: Any = None, unbiased: Any = None, **options: Any) -> Any:
        if isinstance(dim, bool):
            dim, unbiased = None, dim
        correction = options.pop("correction", None)
        ddof = 1 if correction is None else correction
        if unbiased is not None:
            ddof = int(unbiased)
        count = (
            x.size if dim in (None, (), []) else np.prod([x.shape[d] for d in np.atleast_1d(dim)])
        )
        if count - ddof <= 0:
            raise OutsideError("a variance with no degree of freedom")
        axis = None if dim in ((), []) else tuple(dim) if isinstance(dim, list) else dim
        return op(x, axis=axis, ddof=ddof, **dims(options))

    return call


def division(x: Any, y: Any, rounding_mode: Any = None) -> Any:
    if rounding_mode is not None:
        raise OutsideError("a division that rounds")
    return ag.divide(x, y)


def extremum(op: Callable[..., Any], other: Callable[..., Any]) -> Callable[..., Any]:
    """torch.max and torch.min: of all, of two tensors, or values and indices along an axis."""

    def call(x: Any, *args: Any, **options: Any) -> Any:
        if args and isinstance(args[0], Tensor):
            return other(x, args[0])
        if options.get("other") is not None:
            return other(x, options["other"])
        return op(x, *args, **dims(options))

    return call


def softplus(x: Any, beta: float = 1, threshold: float = 20) -> Any:
    return F.softplus(x, beta, threshold)


UNARY = {
    "abs": "abs",
    "acos": "arccos",
    "acosh": "arccosh",
    "asin": "arcsin",
    "asinh": "arcsinh",
    "atan": "arctan",
    "atanh": "arctanh",
    "ceil": "ceil",
    "cos": "cos",
    "cosh": "cosh",
    "deg2rad": "deg2rad",
    "digamma": "digamma",
    "erf": "erf",
    "erfc": "erfc",
    "erfinv": "erfinv",
    "exp": "exp",
    "exp2": "exp2",
    "expm1": "expm1",
    "fliplr": "fliplr",
    "flipud": "flipud",
    "floor": "floor",
    "isfinite": "isfinite",
    "isinf": "isinf",
    "isnan": "isnan",
    "lgamma": "gammaln",
    "log": "log",
    "log10": "log10",
    "log1p": "log1p",
    "log2": "log2",
    "logical_not": "logical_not",
    "neg": "negative",
    "positive": "positive",
    "rad2deg": "rad2deg",
    "ravel": "ravel",
    "reciprocal": "reciprocal",
    "sigmoid": "expit",
    "sign": "sign",
    "sin": "sin",
    "sinc": "sinc",
    "sinh": "sinh",
    "sqrt": "sqrt",
    "square": "square",
    "tan": "tan",
    "tanh": "tanh",
    "trunc": "trunc",
}
BINARY = {
    "atan2": "arctan2",
    "eq": "equal",
    "fmax": "fmax",
    "fmin": "fmin",
    "ge": "greater_equal",
    "gt": "greater",
    "hypot": "hypot",
    "inner": "inner",
    "kron": "kron",
    "le": "less_equal",
    "logaddexp": "logaddexp",
    "logaddexp2": "logaddexp2",
    "logical_and": "logical_and",
    "logical_or": "logical_or",
    "lt": "less",
    "matmul": "matmul",
    "maximum": "maximum",
    "minimum": "minimum",
    "mul": "multiply",
    "ne": "not_equal",
    "outer": "outer",
    "pow": "power",
    "remainder": "remainder",
    "true_divide": "divide",
    "xlogy": "xlogy",
    "__radd__": "add",
    "__rmul__": "multiply",
    "mm": "matmul",
    "bmm": "matmul",
    "mv": "matmul",
    "dot": "dot",
    "linalg.det": "det",
    "linalg.inv": "inv",
    "linalg.slogdet": "slogdet",
    "linalg.matrix_power": "matrix_power",
    "broadcast_to": "broadcast_to",
    "movedim": "moveaxis",
    "permute": "transpose",
    "reshape": "reshape",
    "tile": "tile",
    "tril": "tril",
    "triu": "triu",
    "trace": "trace",
    "transpose": "swapaxes",
}
REDUCTIONS = {
    "all": "all",
    "any": "any",
    "amax": "max",
    "amin": "min",
    "argmax": "argmax",
    "argmin": "argmin",
    "cumprod": "cumprod",
    "cumsum": "cumsum",
    "logsumexp": "logsumexp",
    "mean": "mean",
    "prod": "prod",
    "sum": "sum",
    "unsqueeze": "expand_dims",
}


def adapters() -> dict[str, Callable[..., Any]]:
    """PyTorch's name of an op -> a function of the same arguments, as tensors of ours."""
    table: dict[str, Callable[..., Any]] = {}
    for names, made in ((UNARY, same), (BINARY, same), (REDUCTIONS, reduction)):
        table |= {theirs: made(getattr(ag, ours)) for theirs, ours in names.items()}
    table |= {
        "add": scaled(ag.add),
        "sub": scaled(ag.subtract),
        "rsub": lambda x, y, alpha=1: ag.subtract(y, x if alpha == 1 else alpha * x),
        "__rsub__": lambda x, y: ag.subtract(y, x),
        "__rdiv__": lambda x, y: ag.divide(y, x),
        "__rpow__": lambda x, y: ag.power(y, x),
        "__rmatmul__": lambda x, y: ag.matmul(y, x),
        "div": division,
        "var": variance(ag.var),
        "std": variance(ag.std),
        "max": extremum(ag.max, ag.maximum),
        "min": extremum(ag.min, ag.minimum),
        "rsqrt": lambda x: 1 / ag.sqrt(x),
        "logit": lambda x, eps=None: ag.logit(x if eps is None else ag.clip(x, eps, 1 - eps)),
        "clamp": lambda x, min=None, max=None: ag.clip(x, min, max),
        "where": lambda x, condition, y: ag.where(condition, x, y),
        "cat": lambda tensors, dim=0: (
            ag.concatenate(tensors, dim)
            if len({t.ndim for t in tensors}) == 1
            else outside("an empty tensor of another rank, which PyTorch's cat overlooks")
        ),
        "flip": lambda x, dims: ag.flip(x, dims),
        "squeeze": lambda x, dim=None: (
            ag.squeeze(x, dim)
            if all(x.shape[d] == 1 for d in np.atleast_1d(() if dim is None else dim))
            else outside("squeezing a longer axis, which PyTorch overlooks and NumPy refuses")
        ),
        "take_along_dim": lambda x, indices, dim=None: (
            ag.take_along_axis(x, indices, dim)
            if dim is not None
            else ag.take_along_axis(ag.ravel(x), ag.ravel(indices), 0)
        ),
        "sort": lambda x, dim=-1, descending=False, stable=False: (
            ag.sort(x, dim) if not descending else outside("a descending sort, which NumPy has not")
        ),
        "linalg.solve": lambda A, b, left=True: (
            ag.solve(A, b)
            if left and (b.ndim == 1 or b.ndim == A.ndim)
            else outside("a stack of vectors, which NumPy takes for matrices")
        ),
        "stack": lambda tensors, dim=0: ag.stack(tensors, dim),
        "column_stack": ag.column_stack,
        "hsplit": ag.hsplit,
        "vsplit": ag.vsplit,
        "dsplit": ag.dsplit,
        "diff": lambda x, n=1, dim=-1, prepend=None, append=None: ag.diff(
            x, n, dim, prepend, append
        ),
        "roll": lambda x, shifts, dims=None: ag.roll(x, shifts, dims),
        "rot90": lambda x, k=1, dims=(0, 1): ag.rot90(x, k, tuple(dims)),
        "diagonal": lambda x, offset=0, dim1=0, dim2=1: ag.diagonal(x, offset, dim1, dim2),
        "einsum": lambda operands, equation: ag.einsum(equation, *operands),
        "softmax": lambda x, dim, dtype=None: F.softmax(*plain_dtype(x, dtype), dim),
        "log_softmax": lambda x, dim, dtype=None: F.log_softmax(*plain_dtype(x, dtype), dim),
        "nn.functional.relu": F.relu,
        "nn.functional.softplus": softplus,
        "nn.functional.linear": F.linear,
        "linalg.cholesky": lambda x, upper=False: (
            ag.cholesky(x) if not upper else ag.swapaxes(ag.cholesky(x), -1, -2)
        ),
        "linalg.svdvals": lambda x: ag.svd(x, full_matrices=False)[1],
        "gather": lambda x, dim, index, sparse_grad=False: (
            ag.take_along_axis(x, index, dim)
            if x.ndim and index.ndim == x.ndim and fits(x, index, dim)
            else outside("an index smaller than the tensor, which NumPy would broadcast")
        ),
        "__getitem__": lambda x, index: x[index],
        "repeat": lambda x, *sizes: ag.tile(x, sizes[0] if len(sizes) == 1 else sizes),
    }
    return table


def fits(x: Any, index: Any, dim: int) -> bool:
    return all(
        n == m
        for i, (n, m) in enumerate(zip(x.shape, index.shape, strict=True))
        if i != dim % x.ndim
    )


def outside(reason: str) -> Any:
    raise OutsideError(reason)


def plain_dtype(x: Any, dtype: Any) -> tuple[Any]:
    if dtype is not None:
        raise OutsideError("an option dtype, which NumPy's reductions have and ours have not")
    return (x,)


TABLE = adapters()


def converted(value: Any, torch: Any, pairs: list[tuple[Any, Tensor]]) -> Any:
    """Their argument as ours; `pairs` collects tensors that want a gradient."""
    if isinstance(value, torch.Tensor):
        array = value.detach().resolve_conj().resolve_neg().numpy()
        tensor = Tensor(array, requires_grad=value.requires_grad)
        if value.requires_grad:
            pairs.append((value, tensor))
        return tensor
    if isinstance(value, list | tuple):
        made = [converted(part, torch, pairs) for part in value]
        return made if isinstance(value, list) else tuple(made)
    if isinstance(value, torch.dtype):
        return value
    return value


def samples(op: Any, torch: Any) -> Iterator[Any]:
    kept = np.random.get_state()  # some samples are drawn from NumPy's global state
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(0)
        np.random.seed(0)
        drawn = list(op.sample_inputs("cpu", torch.float64, requires_grad=op.supports_autograd))
    np.random.set_state(kept)
    yield from drawn


def compare(op: Any, sample: Any, ours: Callable[..., Any], torch: Any, rng: Any) -> None:
    """Values and gradients of one sample; raises AssertionError, or OutsideError."""
    pairs: list[tuple[Any, Tensor]] = []
    args = [converted(a, torch, pairs) for a in (sample.input, *sample.args)]
    options = {k: converted(v, torch, pairs) for k, v in sample.kwargs.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = op(sample.input, *sample.args, **sample.kwargs)
        found = ours(*args, **options)
        several = isinstance(expected, tuple | list)
        theirs = list(expected) if several else [expected]
        mine = list(found) if isinstance(found, tuple | list) else [found]
        theirs = theirs[: len(mine)]
        roots, loss = [], None
        for their, own in zip(theirs, mine, strict=True):
            value = their.detach().numpy()
            np.testing.assert_allclose(own.data, value, rtol=1e-9, atol=1e-12)
            assert own.shape == tuple(their.shape)
            if their.requires_grad and own.requires_grad:
                v = rng.standard_normal(value.shape)
                roots.append((their, torch.tensor(v)))
                term = (own * v).sum()
                loss = term if loss is None else loss + term
        if not roots or loss is None or not pairs:
            return
        gradients = torch.autograd.grad(
            [r for r, _ in roots],
            [t for t, _ in pairs],
            [v for _, v in roots],
            allow_unused=True,
        )
        loss.backward()
        for (_, own), gradient in zip(pairs, gradients, strict=True):
            if gradient is None or own.grad is None:
                assert gradient is None or not gradient.any()
                assert own.grad is None or not own.grad.data.any()
                continue
            np.testing.assert_allclose(own.grad.data, gradient.numpy(), rtol=1e-8, atol=1e-11)


@pytest.fixture(scope="module")
def database() -> dict[str, list[Any]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        common = pytest.importorskip(
            "torch.testing._internal.common_methods_invocations",
            reason="PyTorch's samples need expecttest: pip install pullback[oracle]",
        )
    found: dict[str, list[Any]] = {}
    for op in common.op_db:
        found.setdefault(op.name, []).append(op)
    return found


counts: Counter[str] = Counter()
left_out: Counter[tuple[str, str]] = Counter()


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=marks) for name, marks in shared(sorted(TABLE), 3)]
)
def test_op(name: str, database: dict[str, list[Any]], torch: Any) -> None:
    rng = generator(name)
    op = database[name][0]  # further variants are the same op, measured otherwise
    for sample in samples(op, torch):
        reason = sample_outside(name, sample, torch)
        if reason is None:
            try:
                compare(op, sample, TABLE[name], torch, rng)
            except OutsideError as error:
                reason = str(error)
        if reason is None:
            counts[name] += 1
        else:
            left_out[name, reason] += 1
    assert counts[name], f"no sample of {name} is in our domain"


ALONG_AXES = {
    *REDUCTIONS,
    "sort",
    "flip",
    "max",
    "min",
    "squeeze",
    "transpose",
    "softmax",
    "log_softmax",
}
NEED_ELEMENTS = {"softmax", "log_softmax", "logsumexp", "amax", "amin"}


def sample_outside(name: str, sample: Any, torch: Any) -> str | None:
    values = [sample.input, *sample.args, *sample.kwargs.values()]
    flat = [v for value in values for v in (value if isinstance(value, list | tuple) else [value])]
    for value in flat:
        if isinstance(value, torch.Tensor) and value.is_complex():
            return "complex numbers"
        if isinstance(value, complex):
            return "complex numbers"
    tensor = sample.input
    if isinstance(tensor, torch.Tensor):
        if not tensor.ndim and (
            name == "sort"
            or "dim" in sample.kwargs
            or (
                name in ALONG_AXES
                and any(type(a) is int or isinstance(a, tuple | list) for a in sample.args)
            )
        ):
            return "an axis of a 0-d tensor, which NumPy refuses"
        if not tensor.numel() and name in NEED_ELEMENTS:
            return "a maximum over no elements"
    return None


def test_counts_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        total, out = sum(counts.values()), sum(left_out.values())
        print(f"\n{total} samples of {len(counts)} ops agree with PyTorch; {out} left out:")
        for (name, reason), number in sorted(left_out.items()):
            print(f"  {number:4} {name}: {reason}")
