"""The special functions: accuracy, edges, symmetries and recurrences."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support.specs.special_values import VALUES

import autograd as ag
from autograd import Tensor
from autograd.ops.elementwise.exponential import expit_slope

Array = NDArray[Any]

FUNCTIONS: dict[str, Callable[[Any], Tensor]] = {
    **{name: getattr(ag, name) for name in VALUES if not name.startswith("polygamma")},
    **{f"polygamma{n}": partial(ag.polygamma, n) for n in (1, 2, 3, 7, 20)},
}

# What the docstrings promise, relative to each value. On negative arguments of the gamma family,
# where reflection subtracts, the grids keep off the zeros.
PROMISED = 1e-12


def powers(lowest: float, highest: float, count: int = 60) -> Array:
    return np.asarray(10 ** np.linspace(lowest, highest, count))


LEFT = np.arange(-20, 0, 1 / 8) + 1 / 16  # no integers, and no zeros of the gamma family
RIGHT = np.linspace(0.02, 14, 401)
SMALL = powers(-300, -1)
GRIDS: dict[str, Array] = {
    "erf": np.concatenate([np.linspace(-7, 7, 301), SMALL, -SMALL]),
    "erfc": np.concatenate([np.linspace(-7, 26.5, 401), SMALL]),
    "erfinv": np.concatenate([np.linspace(-0.99, 0.99, 91), SMALL, 1 - powers(-15.5, -2)]),
    "gammaln": np.concatenate(
        [RIGHT, powers(-300, 300), 1 - powers(-14, -1), 2 + powers(-14, -1), LEFT]
    ),
    "digamma": np.concatenate(
        [RIGHT, powers(-300, 300), 1.4616321449683622 + powers(-15, -1), LEFT]
    ),
    "expit": np.linspace(-700, 700, 301),
    "logit": np.concatenate([np.linspace(0.01, 0.99, 98), SMALL, 0.5 + powers(-14, -1)]),
    "softplus": np.concatenate([np.linspace(-700, 700, 301), np.linspace(-4, 4, 81)]),
    **{
        f"polygamma{n}": np.concatenate([np.linspace(0.02, 40, 100), powers(-4, 4), LEFT])
        for n in (1, 2, 3, 7, 20)
    },
}


@pytest.mark.parametrize("name", VALUES)
def test_values(name: str) -> None:
    arguments = np.array([x for x, _ in VALUES[name]])
    right = np.array([float(value) for _, value in VALUES[name]])
    np.testing.assert_allclose(FUNCTIONS[name](arguments).data, right, PROMISED, 0)


@pytest.mark.parametrize("name", GRIDS)
def test_values_on_a_grid(name: str) -> None:
    mpmath = pytest.importorskip("mpmath")
    exact: dict[str, Callable[[Any], Any]] = {
        "erf": mpmath.erf,
        "erfc": mpmath.erfc,
        "erfinv": mpmath.erfinv,
        "gammaln": lambda x: mpmath.re(mpmath.loggamma(x)),
        "digamma": mpmath.digamma,
        "expit": lambda x: 1 / (1 + mpmath.exp(-x)),
        "logit": lambda x: mpmath.log(x / (1 - x)),
        "softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
        **{f"polygamma{n}": partial(mpmath.psi, n) for n in (1, 2, 3, 7, 20)},
    }
    with mpmath.workdps(40):
        right = [float(exact[name](mpmath.mpf(float(x)))) for x in GRIDS[name]]
    np.testing.assert_allclose(FUNCTIONS[name](GRIDS[name]).data, right, PROMISED, 0)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_float32_is_right_to_the_last_bit_but_one(name: str) -> None:
    grid = GRIDS[name][np.abs(np.log10(np.abs(GRIDS[name]) + 1e-30)) < 3]
    x = grid.astype(np.float32)
    out = FUNCTIONS[name](x).data
    right = FUNCTIONS[name](x.astype(np.float64)).data
    assert out.dtype == np.float32
    sized = (np.abs(right) > 1e-37) & (np.abs(right) < 1e38)
    np.testing.assert_allclose(out[sized], right[sized], 2.5e-7, 0)


def test_integers_are_taken_as_float64() -> None:
    out = ag.gammaln(np.array([1, 2, 3, 5]))
    assert out.dtype == np.float64
    np.testing.assert_allclose(out.data, np.log([1, 1, 2, 24]), 1e-15)


INF, NAN = math.inf, math.nan

EDGES: dict[str, list[tuple[float, float]]] = {
    "erf": [(0, 0), (INF, 1), (-INF, -1), (1e300, 1), (5e-324, 5e-324), (NAN, NAN)],
    "erfc": [(0, 1), (INF, 0), (-INF, 2), (1e300, 0), (-1e300, 2), (30, 0), (NAN, NAN)],
    "erfinv": [(0, 0), (1, INF), (-1, -INF), (1.5, NAN), (-1.5, NAN), (INF, NAN), (NAN, NAN)],
    "gammaln": [
        *((0, INF), (-0.0, INF), (-1, INF), (-30, INF), (-1e300, INF), (INF, INF), (-INF, INF)),
        *((1, 0), (2, 0), (1e308, INF), (NAN, NAN)),
    ],
    "digamma": [(0, -INF), (-1, NAN), (-1e300, NAN), (INF, INF), (-INF, NAN), (NAN, NAN)],
    "polygamma1": [(0, INF), (-1, INF), (INF, 0), (-INF, NAN), (1e300, 1e-300), (NAN, NAN)],
    "polygamma2": [(0, -INF), (-1, NAN), (INF, -0.0), (1e300, -0.0), (NAN, NAN)],
    "expit": [(0, 0.5), (INF, 1), (-INF, 0), (1e300, 1), (-1e300, 0), (NAN, NAN)],
    "logit": [(0.5, 0), (0, -INF), (1, INF), (-0.1, NAN), (1.1, NAN), (NAN, NAN)],
    "softplus": [(INF, INF), (-INF, 0), (1e300, 1e300), (-1e300, 0), (NAN, NAN)],
}


@pytest.mark.parametrize("name", EDGES)
def test_edges_without_a_warning(name: str) -> None:
    for x, right in EDGES[name]:
        np.testing.assert_equal(FUNCTIONS[name](np.array(x)).item(), right, f"{name}({x})")
    together = FUNCTIONS[name](np.array([[x for x, _ in EDGES[name]]])).data
    np.testing.assert_equal(together, [[right for _, right in EDGES[name]]])


def test_pieces_of_large_arrays_fit_together() -> None:
    x = np.linspace(-3, 30, 1 << 18).reshape(512, 512)
    rows = [ag.gammaln(row).data for row in x[::73]]
    np.testing.assert_array_equal(ag.gammaln(x).data[::73], rows)
    np.testing.assert_array_equal(ag.gammaln(x.T).data.T[::73], rows)
    y = np.arange(1.0, 513)
    np.testing.assert_allclose(ag.xlogy(x, y).data, x * np.log(y), 1e-14)


def test_symmetries(rng: np.random.Generator) -> None:
    x = rng.uniform(-6, 6, 500)
    np.testing.assert_array_equal(ag.erf(-x).data, -ag.erf(x).data)
    np.testing.assert_array_equal(ag.erfinv(-x / 6).data, -ag.erfinv(x / 6).data)
    np.testing.assert_allclose(ag.erfc(-x).data + ag.erfc(x).data, 2, 1e-15)
    np.testing.assert_allclose(ag.expit(-x).data + ag.expit(x).data, 1, 1e-15)
    np.testing.assert_allclose((ag.softplus(x) - ag.softplus(-x)).data, x, 1e-14, 1e-15)


def test_inverses(rng: np.random.Generator) -> None:
    x = rng.uniform(-2, 2, 500)
    np.testing.assert_allclose(ag.erfinv(ag.erf(x)).data, x, 1e-12)
    np.testing.assert_allclose(ag.logit(ag.expit(x)).data, x, 1e-14, 1e-15)


@pytest.mark.parametrize("n", [0, 1, 2, 5, 30])
def test_recurrence_of_polygamma(n: int, rng: np.random.Generator) -> None:
    """psi_n(x + 1) - psi_n(x) = (-1)**n n! / x**(n + 1), across all ways of computing."""
    x = rng.uniform(0.1, 60, 500)
    step = (-1.0) ** n * math.factorial(n) / x ** (n + 1)
    here = ag.polygamma(n, x).data
    error = np.abs(ag.polygamma(n, x + 1).data - (here + step))
    assert np.all(error <= 1e-14 * (np.abs(here) + np.abs(step)))


def test_log_gamma_of_integers_and_duplication(rng: np.random.Generator) -> None:
    n = np.arange(1.0, 160)
    right = [math.log(math.factorial(int(k) - 1)) for k in n]
    np.testing.assert_allclose(ag.gammaln(n).data, right, 2e-15)
    x = rng.uniform(0.1, 50, 500)
    halves = ag.gammaln(x).data + ag.gammaln(x + 0.5).data
    whole = ag.gammaln(2 * x).data + (1 - 2 * x) * math.log(2) + math.log(math.pi) / 2
    np.testing.assert_allclose(halves, whole, 1e-13, 1e-14)


def test_polygamma_takes_an_order() -> None:
    x = np.array([1.0, 2.0])
    np.testing.assert_array_equal(ag.polygamma(0, x).data, ag.digamma(x).data)
    np.testing.assert_array_equal(ag.polygamma(np.int64(2), x).data, ag.polygamma(2, x).data)
    for order in (-1, 1.5, np.array([1, 2]), 151):
        with pytest.raises(ValueError, match=r"polygamma\(.*order.*expected an int"):
            ag.polygamma(order, x)


def test_every_derivative_of_log_gamma() -> None:
    x = np.array([0.3, 1.46, 4.0, 25.0, -0.6, -3.3])
    found: Tensor = ag.gammaln(leaf := Tensor(x, requires_grad=True))
    for n in range(5):
        found.sum().backward(create_graph=True)
        assert leaf.grad is not None
        found, leaf.grad = leaf.grad, None
        np.testing.assert_allclose(found.data, ag.polygamma(n, x).data, 1e-14)


@pytest.mark.parametrize("scale", [1.0, 4.0, 20.0])
def test_the_slope_of_expit_in_single_precision(scale: float, rng: np.random.Generator) -> None:
    """Near enough for what C gives, within half an ulp of the true value, to be within 5 of it."""
    x = (scale * rng.standard_normal(300_000)).astype(np.float32)
    x[0] = 4.1403146  # where e / (1 + e)**2 is 5.1 ulp off
    e = np.exp(-np.abs(x.astype(np.float64)))
    want = e / (1 + e) ** 2
    off = np.abs(expit_slope(Tensor(x)).data - want)
    assert np.all(off <= 4.5 * np.spacing(want.astype(np.float32)))
