"""What becomes of a gradient where a tensor meets something: it is right, or an error says what to
do, or it is lost where the documentation says so.

A way is tried on leaves that want a gradient. What it gives is compared, in value and gradient,
with differences of the same function of plain numbers.
"""

from __future__ import annotations

import inspect
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd import Tensor

Array = np.ndarray[Any, Any]

# What a way is given, by the names of its parameters.
LEAVES = {
    "x": np.array([0.7, 1.3, 0.4]),
    "a": np.array(0.9),
    "b": np.array(1.6),
    "m": np.array([[2.0, 0.3], [0.1, 1.5]]),
}
STEP = 1e-5


@dataclass(frozen=True)
class Right:
    """The gradient is that of the function."""


@dataclass(frozen=True)
class Refused:
    """An error of this kind, with these words in its message, forward or backward."""

    kind: type[Exception] | tuple[type[Exception], ...]
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Flat:
    """The function is piecewise constant: its derivative is zero, and the result a constant."""


@dataclass(frozen=True)
class Said:
    """Numbers leave the graph where somebody says so: by what, of those in autograd/README.md."""

    by: str


@dataclass(frozen=True)
class Way:
    """One way to lose a gradient.

    Args:
        does: a function of LEAVES, which depends on each of them.
        plain: the same on plain arrays, where `does` itself does not take them.
        package: what has to be installed.
    """

    name: str
    does: Callable[..., Any]
    expects: Right | Refused | Flat | Said
    plain: Callable[..., Any]
    package: str = ""


@dataclass(frozen=True)
class Verdict:
    """What became of it: "right", "error", "flat", "lost" or "wrong"; and what there is to say."""

    kind: str
    said: str
    error: Exception | None = None


Rows = dict[str, Any]  # of a way's name: what it does, or that and the same on plain arrays


def ways(expects: Right | Refused | Flat | Said, rows: Rows, package: str = "") -> list[Way]:
    """Ways that share what is expected of them."""
    pairs = {name: row if isinstance(row, tuple) else (row, row) for name, row in rows.items()}
    return [Way(name, does, expects, plain, package) for name, (does, plain) in pairs.items()]


def each(*functions: Any, name: str = "") -> Rows:
    """Rows of functions that are called with one tensor."""
    return {f"{name}{f.__name__}(t)": lambda x, f=f: f(x) for f in functions}


def judged(way: Way) -> Verdict:
    """What becomes of the gradients of the leaves, whatever is expected."""
    parameters = inspect.signature(way.does).parameters
    arrays = [LEAVES[name] for name in parameters if name in LEAVES]
    leaves = [Tensor(array.copy(), requires_grad=True) for array in arrays]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of libraries, of what they are asked here
        try:
            outs = list(_parts(way.does(*leaves)))
            values = _numbers(outs)
            cotangent = np.random.default_rng(0).uniform(0.5, 1.5, values.size)
            tracked = _pull(outs, cotangent)
        except Exception as error:
            return Verdict("error", f"{type(error).__name__}: {error}", error)
        expected = [_slopes(way.plain, arrays, i, cotangent) for i in range(len(arrays))]
        difference = values - _numbers(_parts(way.plain(*arrays)))
    got = [np.zeros(x.shape) if x.grad is None else x.grad.data for x in leaves]
    flat = all(np.allclose(slope, 0, atol=1e-9) for slope in expected)
    if np.abs(difference).max(initial=0) > 1e-12:
        return Verdict("wrong", f"the value is off by {np.abs(difference).max():g}")
    if all(np.allclose(g, slope, 1e-6, 1e-8) for g, slope in zip(got, expected, strict=True)):
        return Verdict("flat", "its derivative is zero") if flat else Verdict("right", "")
    if not tracked:
        return Verdict("lost", f"a constant: {type(outs[0]).__name__}")
    return Verdict("wrong", f"gradient {got}, {expected} expected")


def complaint(way: Way, verdict: Verdict) -> str | None:
    """What is wrong with a verdict; None where it is as expected."""
    expects = way.expects
    if isinstance(expects, Refused) and verdict.error is not None:
        missing = [word for word in expects.words if word not in verdict.said]
        if not isinstance(verdict.error, expects.kind):
            return f"{expects.kind} expected; {verdict.said}"
        return f"{missing} expected in: {verdict.said}" if missing else None
    kinds = {Right: "right", Refused: "error", Flat: "flat", Said: "lost"}
    wanted = kinds[type(expects)]
    return None if verdict.kind == wanted else f"{wanted} expected; {verdict.kind}: {verdict.said}"


def _parts(result: Any) -> Iterator[Any]:
    """The tensors, arrays and numbers of a result, in whatever they are."""
    if isinstance(result, dict):
        result = list(result.values())
    if isinstance(result, list | tuple | set | deque):
        for part in result:
            yield from _parts(part)
    elif isinstance(result, np.ndarray) and result.dtype == object:
        yield from _parts(result.ravel().tolist())
    else:
        yield result


def _numbers(parts: Any) -> Array:
    arrays = [part.data if isinstance(part, Tensor) else part for part in parts]
    return np.concatenate([np.ravel(np.asarray(array, float)) for array in arrays])


def _pull(outs: list[Any], cotangent: Array) -> bool:
    """backward from all parts; whether any of them wants a gradient."""
    start, tracked = 0, False
    for out in outs:
        size = np.size(out.data if isinstance(out, Tensor) else out)
        if isinstance(out, Tensor) and out.requires_grad:
            tracked = True
            out.backward(cotangent[start : start + size].reshape(out.shape), retain_graph=True)
        start += size
    return tracked


def _slopes(f: Callable[..., Any], arrays: list[Array], i: int, cotangent: Array) -> Array:
    """Central differences of <cotangent, f> by each element of one argument."""
    slopes = np.zeros(arrays[i].shape)
    for place in np.ndindex(slopes.shape):
        ends = []
        for step in STEP, -STEP:
            moved = [array.copy() for array in arrays]
            moved[i][place] += step
            ends.append(cotangent @ _numbers(_parts(f(*moved))))
        slopes[place] = (ends[0] - ends[1]) / (2 * STEP)
    return slopes
