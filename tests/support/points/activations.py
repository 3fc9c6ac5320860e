"""The points of nn.functional: activations and losses where their pieces meet and in their tails,
normalisations of equal numbers, maxima that tie."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
from mpmath import mpf
from support.points.elementwise import ONE, REAL, TINY, logistic
from support.points.judging import INF, NAN, Row, Told, along

import autograd as ag
from autograd import Tensor
from nn import functional as F

TAILS = [*REAL, 20.5, 40.0, -9.0, -20.0, -37.0, -40.0, -745.0]


def _gelu(index: tuple[int], x: Any) -> Any:
    """x times the normal distribution, of which derivatives are Hermite's polynomials times e."""
    (n,) = index

    def normal(n: int) -> Any:
        if n == 0:
            return mpmath.erfc(-x / mpmath.sqrt(2)) / 2 if x > -1e5 else mpf(0)
        bell = mpmath.exp(-x * x / 2) / mpmath.sqrt(2 * mpmath.pi)
        return bell * (1, -x, x * x - 1)[n - 1]

    return x * normal(n) + n * normal(n - 1) if n else x * normal(0)


def _gelu_by_tanh(x: Any) -> Any:
    u = mpmath.sqrt(8 / mpmath.pi) * (x + mpf(0.044715) * x**3)
    return x / (1 + mpmath.exp(-u)) if x > -1e5 else mpf(0)


def _silu(x: Any) -> Any:
    return x / (1 + mpmath.exp(-x))


def _softplus(x: Any, beta: float = 1.0) -> Any:
    return x if beta * x > 20 else mpmath.log1p(mpmath.exp(beta * x)) / beta


def _leaky(x: Any, slope: Any) -> Any:
    return x if x > 0 else slope * x


def _elu(x: Any, alpha: Any = 1) -> Any:
    return x if x > 0 else alpha * mpmath.expm1(x)


def _huber(x: Any, target: Any, delta: float = 1.0) -> Any:
    e = abs(x - target)
    return e * e / 2 if e <= delta else delta * (e - delta / mpf(2))


def _softmax(index: tuple[int, int], x: Any, y: Any) -> Any:
    return (-1) ** index[1] * logistic(sum(index), x - y)


def _log_softmax(index: tuple[int, int], x: Any, y: Any) -> Any:
    return -((-1) ** index[0]) * logistic(sum(index) - 1, y - x)


def _cross_entropy(n: int, x: Any, target: float) -> Any:
    return target * (-1) ** n * logistic(n - 1, -x) + (1 - target) * logistic(n - 1, x)


def _standardized(x: Any, eps: float) -> Any:
    mean = sum(x.ravel()) / x.size
    variance = sum((v - mean) ** 2 for v in x.ravel()) / x.size
    return (x - mean) / mpmath.sqrt(variance + mpf(eps))


def _pair(x: Tensor, y: Tensor) -> Tensor:
    """(n, 2): as scores of two classes."""
    return ag.stack([x, y], axis=1)


def _option(f: Any) -> Any:
    return lambda x, y: f(x, y if isinstance(y, Tensor) else float(y[0]))


def _of_target(loss: Any, target: float, **options: Any) -> Any:
    return lambda x: loss(x, np.full(x.shape, target), reduction="none", **options)


# fmt: off
SCORES = [(0.0, 0.0), (1.0, 1.0), (40.0, 0.0), (0.0, 40.0), (-745.0, 0.0), (1000.0, -1000.0),
          (1e300, 1e300), (1e300, -1e300), (-INF, 0.0), (0.0, -INF), (INF, 0.0), (-INF, -INF)]
INFINITE = Told((0, 1, 2, 3), NAN, "inf - inf", lambda x, y: x == INF or x == y == -INF)
ROUNDED = Told((0, 1, 2, 3), 0, "right to the rounding of 1", lambda x, y: abs(x - y) == 40)

ACTIVATIONS = [
    Row("F.relu", F.relu, lambda x: max(x, 0), REAL,
        [Told(1, 0, "the slope at 0 is 0", lambda x: x == 0)]),
    Row("F.leaky_relu", F.leaky_relu, lambda x: _leaky(x, 0.01), REAL,
        [Told(1, 0.01, "so is the slope at 0", lambda x: x == 0)]),
    *[Row(f"F.leaky_relu(x, y) at {p}", _option(F.leaky_relu), _leaky, [p],
          [Told("x", lambda x, y: y, "so is the slope at 0", lambda x, y: x == 0),
           Told("xy", 1, "so is the slope at 0", lambda x, y: x == 0)])
      for p in ((0.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (1.0, 2.0))],
    Row("F.elu", F.elu, _elu, [*REAL, 710.0, -745.0],
        [Told((2, 3), 1, "so are all derivatives at 0", lambda x: x == 0)]),
    Row("F.elu(x, 0.5)", lambda x: F.elu(x, 0.5), lambda x: _elu(x, mpf(0.5)), [0.0, -0.0, TINY],
        [Told((1, 2, 3), 0.5, "so are all derivatives at 0", lambda x: x == 0)]),
    *[Row(f"F.elu(x, y) at {p}", _option(F.elu), _elu, [p],
          [Told(("x", "xx", "xxx"), lambda x, y: y, "so are all derivatives", lambda x, y: x == 0),
           Told(("xy", "xxy"), 1, "so are all derivatives at 0", lambda x, y: x == 0)])
      for p in ((0.0, 1.0), (0.0, 2.0), (-1.0, 0.0), (-745.0, 1.0), (710.0, 1.0))],
    Row("F.gelu", F.gelu, None, TAILS, slopes=_gelu, rtol32=1e-5),
    Row("F.gelu(x, 'tanh')", lambda x: F.gelu(x, "tanh"), _gelu_by_tanh, TAILS, digits=700),
    Row("F.sigmoid", F.sigmoid, lambda x: 1 / (1 + mpmath.exp(-x)), [0.0, 40.0, -40.0, -745.0]),
    Row("F.silu", F.silu, _silu, TAILS,
        [Told((0, 1, 2, 3), NAN, "inf * 0", np.isinf)], digits=400),
    Row("F.tanh", F.tanh, mpmath.tanh, [0.0, -0.0, 1e-8, 400.0]),
    Row("F.softplus", F.softplus, None, TAILS,
        slopes=lambda i, x: logistic(i[0] - 1, x) if x < 20 else (x, 1, 0, 0)[i[0]]),
    Row("F.softplus(x, 2)", lambda x: F.softplus(x, 2), None, TAILS,
        slopes=lambda i, x: logistic(i[0] - 1, 2 * x) * mpf(2) ** (i[0] - 1) if x < 10
        else (x, 1, 0, 0)[i[0]]),
    *[Row(f"F.softplus(x, y) at {p}", _option(F.softplus), _softplus, [p])
      for p in ((0.0, 1.0), (-2.0, 0.5), (30.0, 1.0), (1.0, 30.0))],
    Row("F.softmax", lambda x, y: F.softmax(_pair(x, y))[:, 0], None, SCORES,
        [INFINITE, ROUNDED], slopes=_softmax),
    Row("F.log_softmax", lambda x, y: F.log_softmax(_pair(x, y))[:, 0], None, SCORES,
        [INFINITE, ROUNDED], slopes=_log_softmax),
]

ERRORS = [0.0, -0.0, TINY, -1e-300, 0.5, 1.0, -1.0, ONE, 2.0, 1e300, -INF, INF]

LOSSES = [
    Row("F.mse_loss", _of_target(F.mse_loss, 0.5), lambda x: (x - 0.5) ** 2,
        [0.5, 0.0, 1e300, INF]),
    Row("F.l1_loss", _of_target(F.l1_loss, 0.5), lambda x: abs(x - 0.5), [0.5, 0.0, 1e300, INF],
        [Told(1, 0, "with slope 0 where they are equal", lambda x: x == 0.5)]),
    Row("F.huber_loss", _of_target(F.huber_loss, 0.0), lambda x: _huber(x, 0), ERRORS,
        [Told(2, 1, "Where e = delta the second derivative is 1", lambda x: abs(x) == 1)]),
    Row("F.huber_loss(x, y, delta=2)", lambda x, y: F.huber_loss(x, y, "none", 2),
        lambda x, y: _huber(x, y, 2), [(0.0, 0.0), (1.0, 1.0), (3.0, 0.0), (1e300, -1e300)]),
    *[Row(f"F.huber_loss(x, 0, delta=y) at {p}",
          _option(lambda x, y: F.huber_loss(x, np.zeros(x.shape), "none", y)),
          lambda x, y: _huber(x, 0, y), [p]) for p in ((0.0, 1.0), (0.5, 2.0), (-3.0, 0.25))],
    Row("F.smooth_l1_loss", _of_target(F.smooth_l1_loss, 0.0), lambda x: _huber(x, 0), ERRORS,
        [Told(2, 1, "Huber's loss by beta, where e = beta too", lambda x: abs(x) == 1)]),
    *[Row(f"F.smooth_l1_loss(x, 0, beta=y) at {p}",
          _option(lambda x, y: F.smooth_l1_loss(x, np.zeros(x.shape), "none", y)),
          lambda x, y: _huber(x, 0, y) / y, [p]) for p in ((0.0, 1.0), (0.5, 2.0), (-3.0, 0.25))],
    Row("F.smooth_l1_loss(x, beta=1e-300)", _of_target(F.smooth_l1_loss, 0.0, beta=1e-300),
        lambda x: _huber(x, 0, 1e-300) / mpf(1e-300), [1e-310, 1.0], float32=False),
    Row("F.smooth_l1_loss(x, beta=0)", _of_target(F.smooth_l1_loss, 0.0, beta=0), abs, [0.0, 1.0],
        [Told(1, 0, "with beta 0 the L1 loss", lambda x: x == 0)]),
    *[
        Row(f"F.binary_cross_entropy_with_logits(x, {t})",
            _of_target(F.binary_cross_entropy_with_logits, t), None,
            [0.0, -0.0, 1e-17, 40.0, -40.0, 700.0, -700.0, 1e4, -1e4, INF, -INF],
            [Told((0, 1), NAN, "0 * inf", np.isinf)],
            slopes=lambda i, x, t=t: _cross_entropy(i[0], x, t))
        for t in (0.0, 1.0, 0.25)
    ],
    Row("F.cross_entropy", lambda x, y: F.cross_entropy(_pair(x, y), np.zeros(x.shape, int),
        reduction="none"), None, SCORES, [INFINITE, ROUNDED],
        slopes=lambda i, x, y: -_log_softmax(i, x, y)),
]

FIRST = [
    Told("x", 1, "the first in row-major order gets the gradient of a tie", lambda x, y: x == y),
    Told("y", 0, "the first in row-major order gets the gradient of a tie", lambda x, y: x == y),
]


def _equal(op: Any, exact: Any, name: str) -> list[Row]:
    arrays = {"equal numbers": [2.0] * 4, "nearly equal ones": [2.0, 2.0, 2.0, 2 + 1e-9],
              "huge ones": [1e100, -1e100, 3e100, 0.0]}
    return [
        along(name, op, exact, x, label, size=max(map(abs, x)) / 2, float32=label[:5] == "equal")
        for label, x in arrays.items()
    ]


OTHERS = [
    *_equal(lambda x: F.layer_norm(x, 4), lambda x: _standardized(x, 1e-5), "F.layer_norm"),
    *_equal(lambda x: F.group_norm(x.reshape(1, 2, 2), 1), lambda x: _standardized(x, 1e-5),
            "F.group_norm"),
    *_equal(lambda x: F.batch_norm(x.reshape(4, 1), None, None), lambda x: _standardized(x, 1e-5),
            "F.batch_norm"),
    Row("F.max_pool2d",
        lambda x, y: F.max_pool2d(_pair(x, y).reshape(1, -1, 1, 2), (1, 2)).reshape(-1), max,
        [(0.0, 0.0), (0.0, -0.0), (1.0, 1.0), (1.0, 2.0), (INF, INF), (-INF, 1.0)], FIRST),
    Row("F.max_pool1d", lambda x, y: F.max_pool1d(_pair(x, y).reshape(1, -1, 2), 2).reshape(-1),
        max, [(2.0, 1.0), (1.0, 2.0)]),
]
# fmt: on

ROWS: list[Row] = [*ACTIVATIONS, *LOSSES, *OTHERS]

PLAIN: dict[str, str] = {
    **dict.fromkeys(
        (
            *("F.adaptive_avg_pool2d", "F.avg_pool1d", "F.avg_pool2d", "F.dropout", "F.embedding"),
            *("F.flatten", "F.nll_loss"),
        ),
        "linear",
    ),
    **dict.fromkeys(("F.conv1d", "F.conv2d", "F.linear"), "linear in each argument"),
    "F.pair": "of lengths",
}
