"""Random compositions of right rules: what no checker may complain about.

A `Program` is a list of random steps. It runs on tensors, so it can be checked; and it runs with
every sum, product and elementary function computed in another way, so its gradients can be compared
with others that are as right, and rounded differently.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from autograd import Tensor, no_grad, ops
from autograd.ops.reductions.norms import euclidean_norm

Array = NDArray[Any]
Function = Callable[..., Tensor]

_MOST = 20_000  # elements of an intermediate result
_DECADES = 8  # of the sizes of inputs and outputs, either way


class Step(NamedTuple):
    """One line: a new value from earlier ones.

    Attributes:
        name: of the op, for people.
        reads: numbers of the values that it takes.
        run: on tensors.
        otherwise: the same in other words, and no less accurate; None where there is but one way.
    """

    name: str
    reads: tuple[int, ...]
    run: Function
    otherwise: Function | None = None


class Program:
    """Random steps on some inputs, made by `random_program`.

    Attributes:
        inputs: arrays in float64 or float32.
        scales: the size of the inputs and of the result.
    """

    def __init__(self, inputs: list[Array], steps: list[Step], scales: tuple[float, float]) -> None:
        self.inputs, self.steps, self.scales = inputs, steps, scales

    def __str__(self) -> str:
        shapes = ", ".join(f"{a.dtype} {a.shape}" for a in self.inputs)
        lines = [f"{s.name}({', '.join(map(str, s.reads))})" for s in self.steps]
        return f"[{shapes}] at {self.scales}: {'; '.join(lines)}"

    def __call__(self, *tensors: Tensor) -> Tensor:
        return self._run(tensors, otherwise=False)

    def otherwise(self, *tensors: Tensor) -> Tensor:
        """The same function, computed in another way."""
        return self._run(tensors, otherwise=True)

    def _run(self, tensors: Sequence[Tensor], otherwise: bool) -> Tensor:
        inner, outer = self.scales
        values = [t if inner == 1 else t / inner for t in tensors]
        for step in self.steps:
            function = step.otherwise if otherwise and step.otherwise is not None else step.run
            values.append(function(*(values[i] for i in step.reads)))
        return values[-1] if outer == 1 else values[-1] * outer


def random_program(rng: np.random.Generator) -> Program:
    """One to seven steps on one to three inputs, of random shapes, scales and precision."""
    dtype = np.float64 if rng.random() < 0.5 else np.float32
    scales = tuple(float(10.0 ** rng.integers(-_DECADES, _DECADES + 1)) for _ in range(2))
    drawn = [_input(rng, dtype) for _ in range(rng.integers(1, 4))]
    inputs = [(a * scales[0]).astype(dtype) for a in drawn]
    builder = _Builder(rng, [a / dtype(scales[0]) for a in inputs])
    for _ in range(rng.integers(1, 8)):
        builder.add()
    builder.join(len(inputs))
    return Program(inputs, builder.steps, (scales[0], scales[1]))


def _input(rng: np.random.Generator, dtype: type) -> Array:
    """Numbers, or integers of which many are equal: kinks and ties."""
    dimensions = int(rng.choice([0, 1, 2, 2, 2, 3, 4]))
    shape = tuple(int(n) for n in rng.choice([1, 2, 3, 4, 5], dimensions))
    if rng.random() < 0.04:
        shape = tuple(int(n) for n in rng.integers(20, 60, 2))
    if rng.random() < 0.3:
        return np.asarray(rng.integers(-2, 3, shape), dtype)
    return np.asarray(rng.standard_normal(shape), dtype)


class _Builder:
    """Draws steps, and runs each to see what shape and size its result has."""

    def __init__(self, rng: np.random.Generator, inputs: list[Array]) -> None:
        self.rng = rng
        self.values = [np.asarray(a) for a in inputs]
        self.exact = [True] * len(inputs)  # computed in one way only, so that ties stay ties
        self.steps: list[Step] = []

    def add(self) -> None:
        """One more step; none where the one drawn does not fit."""
        family = self.rng.choice(len(_FAMILIES), p=_CHANCES)
        newest = len(self.values) - 1
        read = newest if self.rng.random() < 0.7 else int(self.rng.integers(len(self.values)))
        step = _FAMILIES[family][1](self, read)
        if step is not None:
            self.append(step)

    def append(self, step: Step) -> None:
        with no_grad(), np.errstate(all="ignore"):
            out = step.run(*(Tensor(self.values[i]) for i in step.reads)).data
        if out.size == 0 or out.size > _MOST or not np.isfinite(out).all():
            return
        self.steps.append(step)
        self.values.append(out)
        self.exact.append(step.otherwise is None and all(self.exact[i] for i in step.reads))
        top = float(np.abs(out).max())
        if top > 100:
            by = 1 / top
            self.append(Step(f"times {by:.3g}", (len(self.values) - 1,), lambda x: x * by))

    def join(self, inputs: int) -> None:
        """Let every input, and every value that nobody reads, into the result."""
        read = {i for step in self.steps for i in step.reads}
        open_ends = [i for i in range(len(self.values)) if i not in read]
        for i in open_ends[:-1]:
            last = len(self.values) - 1
            self.append(Step("plus sum", (last, i), lambda x, y: x + y.sum(), _plus_sum))
        if not self.steps:
            self.append(Step("sine", (inputs - 1,), ops.sin))

    def partner(self, i: int) -> int | None:
        """Another value, or the same, that broadcasts with value i."""
        shape = self.values[i].shape
        fitting = [k for k, v in enumerate(self.values) if _fits(v.shape, shape)]
        return int(self.rng.choice(fitting)) if fitting else None

    def axes(self, i: int) -> Any:
        """All axes, one, or two."""
        ndim = self.values[i].ndim
        if not ndim or self.rng.random() < 0.2:
            return None
        if ndim > 1 and self.rng.random() < 0.2:
            return tuple(int(a) for a in self.rng.permutation(ndim)[:2])
        return int(self.rng.integers(-ndim, ndim))


def _fits(shape: tuple[int, ...], other: tuple[int, ...]) -> bool:
    try:
        return len(np.broadcast_shapes(shape, other)) <= 4
    except ValueError:
        return False


def _plus_sum(x: Tensor, y: Tensor) -> Tensor:
    return ops.flip(y.reshape(-1)).cumsum()[-1] + x


# --- families of steps: each draws one that reads value i, or None ------------------------------

_SMOOTH: dict[str, tuple[Function, Function | None]] = {
    "sin": (ops.sin, lambda x: -ops.sin(-x)),
    "cos": (ops.cos, lambda x: ops.cos(-x)),
    "tanh": (ops.tanh, lambda x: -ops.tanh(-x)),
    "expit": (ops.expit, lambda x: ops.exp(-ops.softplus(-x))),
    "arctan": (ops.arctan, lambda x: -ops.arctan(-x)),
    "square": (ops.square, lambda x: x * x),
    "cube": (lambda x: x**3, lambda x: x * x * x),
    "softplus": (ops.softplus, lambda x: ops.logaddexp(x, 0.0)),
    "exp of tanh": (lambda x: ops.exp(ops.tanh(x)), lambda x: 1 / ops.exp(-ops.tanh(x))),
    "log of 1 + square": (lambda x: ops.log(1 + x * x), lambda x: ops.log1p(ops.square(x))),
    "sqrt of 1 + square": (lambda x: ops.sqrt(1 + x * x), lambda x: ops.hypot(x, 1.0)),
    "1 / (1 + square)": (lambda x: 1 / (1 + x * x), lambda x: ops.reciprocal(x * x + 1)),
    "erf": (ops.erf, lambda x: -ops.erf(-x)),
    "negative": (lambda x: -x, None),
    "times 3": (lambda x: 3 * x, None),
    "sinc": (ops.sinc, None),
}
_BENT: dict[str, Function] = {
    "relu": lambda x: ops.maximum(0, x),
    "absolute": ops.absolute,
    "clip": lambda x: ops.clip(x, -1, 1),
    "leaky": lambda x: ops.where(x.data > 0, x, 0.1 * x),
    "minimum with 0.5": lambda x: ops.minimum(x, 0.5),
}


def _smooth(builder: _Builder, i: int) -> Step:
    name = str(builder.rng.choice(list(_SMOOTH)))
    run, otherwise = _SMOOTH[name]
    return Step(name, (i,), run, otherwise)


def _bent(builder: _Builder, i: int) -> Step | None:
    if not builder.exact[i] and _close(builder.values[i], _KINKS):
        return None
    name = str(builder.rng.choice(list(_BENT)))
    return Step(name, (i,), _BENT[name])


_KINKS = (-1.0, 0.0, 0.5, 1.0)


def _close(values: Array, points: Sequence[float]) -> bool:
    """Whether rounding may put a value on the other side of a point."""
    return any(bool((np.abs(values - p) < 1e-4).any()) for p in points)


def _pair(builder: _Builder, i: int) -> Step | None:
    k = builder.partner(i)
    if k is None:
        return None
    pairs: dict[str, tuple[Function, Function | None]] = {
        "add": (lambda x, y: x + y, lambda x, y: y + x),
        "subtract": (lambda x, y: x - y, lambda x, y: -y + x),
        "multiply": (lambda x, y: x * y, lambda x, y: y * x),
        "divide": (lambda x, y: x / (1 + y * y), lambda x, y: x * (1 / (ops.square(y) + 1))),
        "hypot": (lambda x, y: ops.hypot(x, 1 + y * y), None),
        "maximum": (ops.maximum, None),
        "minimum": (ops.minimum, None),
        "logaddexp": (ops.logaddexp, None),
    }
    name = str(builder.rng.choice(list(pairs)))
    exact = builder.exact[i] and builder.exact[k]
    tied = not exact and _close(builder.values[i] - builder.values[k], (0.0,))
    if name in {"maximum", "minimum"} and tied:
        return None
    return Step(name, (i, k), *pairs[name])


def _reduction(builder: _Builder, i: int) -> Step | None:
    axis, keep = builder.axes(i), bool(builder.rng.random() < 0.7)
    options = {"axis": axis, "keepdims": keep}

    def summed(x: Tensor) -> Tensor:
        return ops.sum(ops.flip(x, axis), **options)

    def mean(x: Tensor) -> Tensor:
        return summed(x) * (ops.mean(x, **options).size / x.size)

    reductions: dict[str, tuple[Function, Function | None]] = {
        "sum": (lambda x: ops.sum(x, **options), summed),
        "mean": (lambda x: ops.mean(x, **options), mean),
        "logsumexp": (
            lambda x: ops.logsumexp(x, **options),
            lambda x: _by_exponentials(x, axis).reshape(ops.logsumexp(x, **options).shape),
        ),
        "var": (
            lambda x: ops.var(x, **options),
            lambda x: ops.mean((x - ops.mean(x, axis=axis, keepdims=True)) ** 2, **options),
        ),
        "norm": (
            lambda x: euclidean_norm(x, axis=axis, keepdims=keep),
            lambda x: ops.sqrt(ops.sum(x * x, **options)),
        ),
        "max": (lambda x: ops.max(x, **options), None),
        "min": (lambda x: ops.min(x, **options), None),
        "prod": (lambda x: ops.prod(ops.tanh(x), **options), None),
    }
    name = str(builder.rng.choice(list(reductions)))
    value = builder.values[i]
    if name in {"max", "min"} and not builder.exact[i] and _nearly_tied(value):
        return None
    if name == "norm" and not np.square(value).sum(axis=axis).all():
        return None  # a cone at its tip: no other way to compute it has the same rule there
    return Step(f"{name} over {axis}", (i,), *reductions[name])


def _nearly_tied(values: Array) -> bool:
    gaps = np.diff(np.sort(values, axis=None))
    return bool((gaps < 1e-4).any())


def _rearranged(builder: _Builder, i: int) -> Step | None:
    rng, shape = builder.rng, builder.values[i].shape
    if not shape:
        return Step("broadcast to 3", (i,), lambda x: ops.broadcast_to(x, (3,)))
    axis = int(rng.integers(len(shape)))
    rows = rng.integers(0, shape[0], rng.integers(1, 5))
    order = [int(a) for a in rng.permutation(len(shape))]
    choices: dict[str, Function] = {
        "transpose": lambda x: ops.transpose(x, order),
        "reshape": lambda x: x.reshape(-1),
        "rows": lambda x: x[rows],
        "first of two": lambda x: x[..., ::2],
        "flip": lambda x: ops.flip(x, axis),
        "roll": lambda x: ops.roll(x, 1, axis),
        "broadcast": lambda x: ops.broadcast_to(x, (2, *x.shape)),
        "pad": lambda x: ops.pad(x, 1),
        "concatenate": lambda x: ops.concatenate([x, x * 2], axis),
        "stack": lambda x: ops.stack([x, -x], axis),
    }
    if len(shape) > 3:
        del choices["broadcast"], choices["stack"]
    name = str(rng.choice(list(choices)))
    return Step(name, (i,), choices[name])


def _product(builder: _Builder, i: int) -> Step | None:
    shape = builder.values[i].shape
    if not shape:
        return None
    fitting = [
        k for k, v in enumerate(builder.values) if 0 < v.ndim < 3 and v.shape[0] == shape[-1]
    ]
    if fitting and len(shape) < 4:
        k = int(builder.rng.choice(fitting))
        return Step("matmul", (i, k), lambda x, y: x @ y, _matmul_by_sum)
    return Step("times its sums", (i,), _gram, lambda x: (x[..., None] * x[..., None, :]).sum(-1))


def _matmul_by_sum(x: Tensor, y: Tensor) -> Tensor:
    columns = y if y.ndim > 1 else y[:, None]
    product = (x[..., None] * columns).sum(-2)
    return product if y.ndim > 1 else product[..., 0]


def _gram(x: Tensor) -> Tensor:
    """x times the sum of itself along the last axis."""
    return x * ops.sum(x, axis=-1, keepdims=True)


def _normalized(builder: _Builder, i: int) -> Step | None:
    if not builder.values[i].ndim:
        return None
    axis = int(builder.rng.integers(builder.values[i].ndim))
    choices: dict[str, tuple[Function, Function | None]] = {
        "softmax": (
            lambda x: ops.exp(x - ops.logsumexp(x, axis=axis, keepdims=True)),
            lambda x: _exponentials(x, axis) / _exponentials(x, axis).sum(axis, keepdims=True),
        ),
        "log-softmax": (
            lambda x: x - ops.logsumexp(x, axis=axis, keepdims=True),
            lambda x: x - _by_exponentials(x, axis),
        ),
        "layer normalisation": (_standardized(axis, False), _standardized(axis, True)),
        "running sum": (lambda x: ops.cumsum(x, axis), None),
    }
    name = str(builder.rng.choice(list(choices)))
    return Step(name, (i,), *choices[name])


def _exponentials(x: Tensor, axis: Any) -> Tensor:
    """exp(x), each divided by the largest along the axis, a constant."""
    return ops.exp(x - x.data.max(axis=axis, keepdims=True))


def _by_exponentials(x: Tensor, axis: Any) -> Tensor:
    """logsumexp(x) with keepdims."""
    total = ops.sum(_exponentials(x, axis), axis=axis, keepdims=True)
    found: Tensor = ops.log(total) + x.data.max(axis=axis, keepdims=True)
    return found


def _standardized(axis: int, otherwise: bool) -> Function:
    def function(x: Tensor) -> Tensor:
        centred = x - ops.mean(x, axis=axis, keepdims=True)
        if otherwise:
            return centred / ops.sqrt(ops.mean(centred**2, axis=axis, keepdims=True) + 1e-3)
        return centred * (1 / ops.sqrt(ops.var(x, axis=axis, keepdims=True) + 1e-3))

    return function


_FAMILIES: tuple[tuple[float, Callable[[_Builder, int], Step | None]], ...] = (
    (5, _smooth),
    (2, _bent),
    (3, _pair),
    (3, _reduction),
    (2, _rearranged),
    (2, _product),
    (2, _normalized),
)
_CHANCES = np.array([chance for chance, _ in _FAMILIES]) / sum(c for c, _ in _FAMILIES)
