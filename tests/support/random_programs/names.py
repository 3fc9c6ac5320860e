"""What the names in a random program mean: on Pullback's tensors, and on NumPy's arrays.

A program is Python source. Who runs it says what its names stand for, so that the same lines are
differentiated by the engine and evaluated without it. The ops declared here are a user's: their
rules are written in primitives, beside the forward, as the README says.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

import autograd as ag
from autograd import Saved, Tensor, custom_vjp, primitive

Array = NDArray[Any]

# These are called alike by Pullback and NumPy, and NumPy's take complex numbers.
# fmt: off
SHARED = [
    "arctan", "broadcast_to", "concatenate", "cos", "cumprod", "cumsum", "diagonal", "dot",
    "einsum", "exp", "expand_dims", "expm1", "flip", "inner", "inv", "log", "log1p", "matmul",
    "mean", "moveaxis", "outer", "pad", "prod", "ravel", "reciprocal", "repeat", "reshape", "roll",
    "sin", "sinh", "solve", "split", "sqrt", "square", "squeeze", "stack", "sum", "swapaxes",
    "take", "tanh", "tensordot", "tile", "trace", "transpose", "tril", "triu", "where",
]
# These NumPy has not, or not for complex numbers; they are written out in `numpy_names`.
OWN = [
    "absolute", "expit", "index_add", "index_update", "logaddexp", "logsumexp", "max", "maximum",
    "min", "minimum", "norm", "softplus", "std", "var",
]
# fmt: on

TIE = 1e-3  # nearer than this to a kink no program is drawn


class TieError(Exception):
    """The point lies at a kink, or so near that rounding could choose the side."""


class Frozen:
    """Values that are fixed at the base point: of detached parts, and which side of a kink.

    They are noted while the program runs there, and given again, in the same order, whenever it
    runs elsewhere: a derivative by the tape takes them as constants at every order.
    """

    def __init__(self) -> None:
        self._values: list[Any] = []
        self._next: int | None = None

    def replay(self) -> None:
        """From now on the noted values are given, starting with the first."""
        self._next = 0

    def __call__(self, value: Any) -> Any:
        if self._next is None:
            self._values.append(value)
            return value
        self._next += 1
        return self._values[self._next - 1]


# --- a user's ops ---------------------------------------------------------------------------------


@primitive(broadcasts=True)
def wave(x: Array) -> Array:
    """One argument; the rule reads it."""
    return x * np.sin(x)


wave.defvjp(lambda g, out, x: g * (ag.sin(x) + x * ag.cos(x)))


@primitive(broadcasts=True)
def bell(x: Array) -> Array:
    """One argument; the rule reads the output too."""
    return np.exp(-x * x)


bell.defvjp(lambda g, out, x: g * out * x * -2)


@primitive(broadcasts=True)
def blend(x: Array, y: Array) -> Array:
    """Two arguments, which broadcast."""
    return np.tanh(x) * y


blend.defvjp(
    lambda g, out, x, y: g * y * (1 - ag.tanh(x) ** 2),
    lambda g, out, x, y: g * ag.tanh(x),
)


@primitive(broadcasts=True)
def turned(x: Array, y: Array) -> tuple[Array, Array]:
    """Two outputs, of which the rules read one."""
    return x * np.cos(y), x * np.sin(y)


turned.defvjp(
    lambda g, out, x, y: g[0] * ag.cos(y) + g[1] * ag.sin(y),
    lambda g, out, x, y: g[1] * out[0] - g[0] * x * ag.sin(y),
)


@primitive(broadcasts=True)
def sum_of_sines(*xs: Array) -> Array:
    """Any number of arguments, weighted by their position."""
    total = np.sin(xs[0])
    for i, x in enumerate(xs[1:], 2):
        total = total + i * np.sin(x)
    return total


sum_of_sines.defvjp_each(lambda i, g, out, *xs: g * ag.cos(xs[i]) * (i + 1))


@custom_vjp
def log_cosh(x: Tensor) -> Tensor:
    """A composition with a rule that is its derivative, in a stabler form."""
    return ag.log(ag.exp(x) + ag.exp(-x))


log_cosh.defvjp(lambda g, out, x: g * ag.tanh(x))

SLOPE = 1.5


@custom_vjp
def straight(x: Tensor) -> Tensor:
    """A composition whose rule is not its derivative, but that of SLOPE * x."""
    return ag.sin(x * 2)


straight.defvjp(lambda g, out, x: g * SLOPE)


@primitive(broadcasts=True)
def kept(x: Array) -> Saved:
    """The rule reads what the forward saved: first derivatives only."""
    scale = np.exp(-x)
    return Saved(scale * x, scale)


kept.defvjp(lambda g, out, x, saved: g * (saved - out))

detach = Tensor.detach


def nest(*parts: Any) -> list[Any]:
    """A list, which an op takes for an array."""
    return list(parts)


def hooked(x: Any, factor: float) -> Any:
    """x, whose gradient a hook scales."""
    if x.requires_grad:
        x.register_hook(lambda g: g * factor)
    return x


def slope_inside(x: Tensor, y: Tensor) -> Any:
    return ag.grad(lambda a: ag.sum(ag.sin(a) * y))(x)


def pulled_inside(x: Tensor, y: Tensor) -> Any:
    return ag.vjp(lambda a: ag.exp(a * 0.5) * y, x)[1](y)[0]


def pushed_inside(x: Tensor, y: Tensor) -> Any:
    return ag.jvp(lambda a: ag.tanh(a) * y, [x], [y])[1]


def curved_inside(x: Tensor, y: Tensor) -> Any:
    return ag.hvp(lambda a: ag.sum(ag.sin(a) * y), [x], [y])


def checkpointed_slope(x: Tensor, y: Tensor) -> Any:
    return ag.grad(lambda a: ag.sum(ag.checkpoint(lambda b: ag.sin(b) * y)(a)))(x)


USER_OPS: dict[str, Any] = {
    op.name: op for op in (wave, bell, blend, turned, sum_of_sines, log_cosh, straight, kept)
}
INSIDE: dict[str, Callable[..., Any]] = {
    f.__name__: f
    for f in (slope_inside, pulled_inside, pushed_inside, curved_inside, checkpointed_slope)
}
_LINALG = ("inv", "solve")

pullback_names: dict[str, Any] = {
    "np": np,
    "Tensor": Tensor,
    "detach": detach,
    "hooked": hooked,
    "nest": nest,
    **{name: getattr(ag, name) for name in SHARED + OWN},
    **{name: getattr(ag, name) for name in ("checkpoint", "no_grad", "stop_gradient")},
    **USER_OPS,
    **INSIDE,
}


def plain_forms(m: Any, held: Callable[[Any], Any]) -> dict[str, Any]:
    """Names of this module in elementary functions of `m`: numpy, or what is called like it.

    `held` gives a value as a constant.
    """

    def scaled(x: Any, y: Any, slope: float) -> Any:
        """The value y, with the derivative of slope * x."""
        return slope * x + held(y - slope * x)

    def no_grad() -> Callable[..., Any]:
        return lambda f: lambda: held(f())

    return {
        "detach": held,
        "stop_gradient": held,
        "no_grad": no_grad,
        "checkpoint": lambda f: f,
        "hooked": lambda x, factor: scaled(x, x, factor),
        "wave": lambda x: x * m.sin(x),
        "bell": lambda x: m.exp(-x * x),
        "blend": lambda x, y: m.tanh(x) * y,
        "turned": lambda x, y: (x * m.cos(y), x * m.sin(y)),
        "sum_of_sines": lambda *xs: sum(i * m.sin(x) for i, x in enumerate(xs, 1)),
        "log_cosh": lambda x: m.log(m.exp(x) + m.exp(-x)),
        "straight": lambda x: scaled(x, m.sin(2 * x), SLOPE),
        "kept": lambda x: m.exp(-x) * x,
        "slope_inside": lambda x, y: m.cos(x) * y,
        "checkpointed_slope": lambda x, y: m.cos(x) * y,
        "pulled_inside": lambda x, y: 0.5 * m.exp(0.5 * x) * y * y,
        "pushed_inside": lambda x, y: (1 - m.tanh(x) ** 2) * y * y,
        "curved_inside": lambda x, y: -m.sin(x) * y * y,
    }


_NUMPY: dict[str, Any] = {
    "np": np,
    "Tensor": np.asarray,
    "nest": lambda *parts: np.stack(parts),
    **{name: getattr(np, name) for name in SHARED if name not in _LINALG},
    **{name: getattr(np.linalg, name) for name in _LINALG},
}


def _sum(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    return x.sum(axis, keepdims=keepdims)  # np.sum takes twice as long on small arrays


def numpy_names(frozen: Frozen) -> dict[str, Any]:
    """The names on real or complex arrays, analytic wherever the program is smooth.

    Which element is the largest, say, is decided at the base point alone: where real numbers near
    it would choose the same, so that the function continues to complex ones.
    """

    def first_hit(x: Array, axis: Any, larger: bool) -> Array:
        """1 at the one extremum along the axes, 0 elsewhere."""
        best = (np.max if larger else np.min)(x, axis=axis, keepdims=True)
        if np.count_nonzero(np.abs(x - best) < TIE) != best.size:
            raise TieError
        return np.asarray(x == best, float)

    def extremum(larger: bool) -> Callable[..., Any]:
        def chosen(x: Array, axis: Any = None, keepdims: bool = False) -> Any:
            hit = frozen(None if np.iscomplexobj(x) else first_hit(x, axis, larger))
            return np.sum(x * hit, axis=axis, keepdims=keepdims)

        return chosen

    def side(difference: Array) -> Array:
        """1 where the first of two is larger, 0 where it is smaller."""
        if np.any(np.abs(difference) < TIE):
            raise TieError
        return np.asarray(difference > 0, float)

    def first_is_larger(x: Any, y: Any) -> Any:
        difference = x - y
        return frozen(None if np.iscomplexobj(difference) else side(difference))

    def maximum(x: Any, y: Any) -> Any:
        first = first_is_larger(x, y)
        return x * first + y * (1 - first)

    def minimum(x: Any, y: Any) -> Any:
        first = first_is_larger(x, y)
        return x * (1 - first) + y * first

    def absolute(x: Any) -> Any:
        return x * (2 * first_is_larger(x, np.zeros(())) - 1)

    def var(x: Array, axis: Any = None, keepdims: bool = False, ddof: int = 0) -> Any:
        apart = x - np.mean(x, axis=axis, keepdims=True)
        squares = np.sum(apart * apart, axis=axis, keepdims=keepdims)
        return squares / (x.size / squares.size - ddof)

    def index_update(x: Array, index: Any, y: Any) -> Array:
        out = np.array(x, np.result_type(x, y))
        out[index] = y
        return out

    def index_add(x: Array, index: Any, y: Any) -> Array:
        out = np.array(x, np.result_type(x, y))
        np.add.at(out, index, y)
        return out

    return {
        **_NUMPY,
        **plain_forms(np, frozen),
        "sum": _sum,
        "max": extremum(True),
        "min": extremum(False),
        "maximum": maximum,
        "minimum": minimum,
        "absolute": absolute,
        "var": var,
        "std": lambda x, **options: np.sqrt(var(x, **options)),
        "norm": lambda x, **options: np.sqrt(np.sum(x * x, **options)),
        "logsumexp": lambda x, **options: np.log(np.sum(np.exp(x), **options)),
        "logaddexp": lambda x, y: np.log(np.exp(x) + np.exp(y)),
        "softplus": lambda x: np.log(1 + np.exp(x)),
        "expit": lambda x: 1 / (1 + np.exp(-x)),
        "index_update": index_update,
        "index_add": index_add,
    }
