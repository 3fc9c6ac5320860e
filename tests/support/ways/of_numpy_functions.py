"""NumPy's functions and ufuncs, and what calls Python functions for it."""

from __future__ import annotations

from typing import Any

import numpy as np
from support.ways.judging import Flat, Refused, Right, each, ways

from autograd import Tensor

GRID = np.linspace(0, 2, 7)


def written(write: Any) -> Any:
    """An array of zeros after something was written into it."""
    array = np.zeros(3)
    write(array)
    return array


WAYS = [
    *ways(
        Right(),
        {
            "np.exp(t), np.sum(t)": lambda x: (np.exp(x), np.sum(x, axis=0)),
            "np.clip(array, t, t)": lambda a, b: np.clip(GRID, a, b),
            "np.clip(array, a_min=t)": lambda a: np.clip(GRID, a_min=a, a_max=None),
            "np.maximum(array, t)": lambda x: np.maximum(np.full(3, 0.6), x),
            "np.where(c, t, 0)": lambda x: np.where(x > 0.5, x, 0),
            "np.dot(array, t), np.dot(list, t)": lambda x: np.dot([1.0, 2.0, 3.0], x),
            "np.einsum, np.tensordot": lambda x: (
                np.einsum("i,i", x, np.ones(3)),
                np.tensordot(x, x, 1),
            ),
            "np.std, np.var, np.median": lambda x: (np.std(x), np.var(x), np.median(x)),
            "np.linalg.norm, np.linalg.solve": lambda x: (
                np.linalg.norm(x),
                np.linalg.solve(2 * np.eye(3), x),
            ),
            "np.linalg.det, np.linalg.inv": lambda m: (np.linalg.det(m), np.linalg.inv(m)),
            "np.append(t, 1)": lambda x: np.append(x, 1.0),
            "np.column_stack([t, t])": lambda x: np.column_stack([x, x]),
            **each(np.diff, np.real, name="np."),
            "np.diff(prepend=t)": lambda a: np.diff(np.ones(3), prepend=a),
            "np.frompyfunc, closing over t": lambda a: np.frompyfunc(lambda v: v * a, 1, 1)(
                np.ones(3)
            ),
            "np.apply_over_axes": lambda a: np.apply_over_axes(
                lambda array, axis: array * a, np.ones((2, 2)), [0]
            ),
            "np.fft.fftfreq(4, t)": lambda a: np.fft.fftfreq(4, a),
            "np.trapezoid(array, dx=t)": lambda a: np.trapezoid(np.arange(3.0), dx=a),
            "np.polynomial.chebval": lambda x: np.polynomial.chebyshev.chebval(x, [1.0, 2.0, 3.0]),
            "array.__add__(t)": lambda x: np.ones(3).__add__(x),
        },
    ),
    *ways(
        Refused(TypeError, ("no differentiable counterpart", "tensor.data")),
        {
            "np.add.reduce(t)": lambda x: np.add.reduce(x),
            "np.add.accumulate(t)": lambda x: np.add.accumulate(x),
            "np.multiply.outer(t, t)": lambda x: np.multiply.outer(x, x),
            "np.add.at(array, i, t)": lambda a: written(lambda array: np.add.at(array, 0, a)),
            "np.add.reduceat(t)": lambda x: np.add.reduceat(x, [0, 1]),
            "np.frompyfunc(f, 1, 1)(t)": lambda x: np.frompyfunc(lambda v: v * v, 1, 1)(x),
            "np.insert(array, 0, t)": lambda a: np.insert(np.ones(2), 0, a),
            "np.dstack([t, t])": lambda x: np.dstack([x, x]),
            "np.average(weights=t)": lambda x: np.average(np.arange(3.0), weights=x),
            "np.quantile(array, t)": lambda a: np.quantile(np.arange(5.0), a / 2),
            **each(np.nanmean, np.gradient, np.trapezoid, np.average, name="np."),
            **each(np.roots, np.unique, np.histogram, np.angle, np.i0, name="np."),
            **each(np.modf, np.frexp, np.unwrap, np.fft.fft, np.fft.rfft, name="np."),
            "np.gradient(array, t)": lambda a: np.gradient(np.arange(3.0), a),
            "np.trapezoid(array, x=t)": lambda x: np.trapezoid(np.arange(3.0), x),
            "np.interp(t, xp, fp)": lambda x: np.interp(x, [0.0, 1.0, 2.0], [0.0, 1.0, 4.0]),
            "np.interp(0.5, xp, t)": lambda x: np.interp(0.5, [0.0, 1.0, 2.0], x),
            "np.convolve(array, t)": lambda x: np.convolve(np.ones(4), x),
            "np.correlate(t, t)": lambda x: np.correlate(x, x),
            "np.cov(array, t)": lambda x: np.cov(np.arange(3.0), x),
            "np.histogram(weights=t)": lambda x: np.histogram([0.1, 0.2, 0.3], weights=x),
            "np.bincount(weights=t)": lambda x: np.bincount([0, 1, 1], weights=x),
            "np.polyval(t, 2)": lambda x: np.polyval(x, 2.0),
            "np.polyfit(array, t, 1)": lambda x: np.polyfit([1.0, 2.0, 3.0], x, 1),
            "np.apply_along_axis(f, 0, t)": lambda x: np.apply_along_axis(lambda v: 2 * v, 0, x),
            "np.piecewise(t, c, [f])": lambda x: np.piecewise(x, [[True, False, True]], [abs, 0]),
            "np.select([c], [t])": lambda x: np.select([GRID[:3] > 1], [x], 0),
            "np.choose(i, [t, t])": lambda x: np.choose([0, 1, 0], [x, x]),
            "np.linalg.eig(m)": lambda m: np.linalg.eig(m),
            "np.linalg.cond(m)": lambda m: np.linalg.cond(m),
            "np.linalg.lstsq(array, t)": lambda x: np.linalg.lstsq(np.eye(3), x),
            "np.heaviside(0, t)": lambda x: np.heaviside(np.zeros(3), x),
            "np.fmod(t, 0.5)": lambda x: np.fmod(x, 0.5),
            "np.copysign(t, -1)": lambda x: np.copysign(x, -1),
            "np.float_power(t, 2)": lambda x: np.float_power(x, 2),
            "np.emath.sqrt(t)": lambda x: np.emath.sqrt(x),
            "sliding_window_view": lambda x: np.lib.stride_tricks.sliding_window_view(x, 2),
        },
    ),
    *ways(
        Refused(TypeError),
        {
            "np.exp(t, where=c)": lambda x: np.exp(x, where=[True, False, True]),
            "np.exp(array, where=t)": lambda x: np.exp(np.ones(3), where=x > 0.5),
            "np.exp(t, out=array)": lambda x: np.exp(x, out=np.zeros(3)),
            "np.exp(array, out=t)": lambda x: np.exp(np.ones(3), out=x),
            "np.exp(t, dtype=...)": lambda x: np.exp(x, dtype=np.float32),
            "np.sum(t, where=c)": lambda x: np.sum(x, where=[True, False, True]),
            "np.sum(t, out=array)": lambda x: np.sum(x, out=np.zeros(())),
            "np.linalg.norm(m, 2), a matrix norm": lambda m: np.linalg.norm(m, 2),
        },
    ),
    *ways(
        Refused((RuntimeError, TypeError), (".data",)),
        {
            "np.vectorize(f)(t)": lambda x: np.vectorize(lambda v: v * v)(x),
            "np.vectorize, closing over t": lambda a: np.vectorize(lambda v: v * a)(np.ones(3)),
            "np.vectorize(signature=...)": lambda x: np.vectorize(
                lambda v: v * x, signature="(n)->(n)"
            )(np.ones((2, 3))),
            "np.apply_along_axis, closing over t": lambda x: np.apply_along_axis(
                lambda v: v * x, 0, np.ones(3)
            ),
            "np.piecewise(array, c, [t])": lambda a: np.piecewise(
                np.ones(3), [[True, False, True]], [a, 0]
            ),
            "np.piecewise(array, c, [f of t])": lambda a: np.piecewise(
                np.ones(3), [[True, False, True]], [lambda v: v * a, 0]
            ),
            "np.select(default=t)": lambda a: np.select([GRID > 1], [GRID], a),
            "np.add.reduce([a, b])": lambda a, b: np.add.reduce([a, b]),
            "np.bincount(weights=[a, b])": lambda a, b: np.bincount([0, 1], weights=[a, b]),
            "np.poly1d([a, b])": lambda a, b: np.poly1d([a, b])(2.0),
            "np.polynomial.Polynomial([a, b])": lambda a, b: np.polynomial.Polynomial([a, b])(2.0),
            "np.polynomial.Polynomial()(t)": lambda x: np.polynomial.Polynomial([1.0, 2.0])(x),
            "np.polynomial.hermval": lambda a, b: np.polynomial.hermite.hermval(0.5, [a, b]),
            "np.kaiser(5, t)": lambda a: np.kaiser(5, a),
        },
    ),
    *ways(
        Flat(),
        {
            "np.round, np.floor, np.sign": lambda x: (np.round(x, 1), np.floor(x), np.sign(x)),
            "np.argmax, np.argsort": lambda x: (np.argmax(x), np.argsort(x)),
            **each(np.zeros_like, np.ones_like, name="np."),
            "np.iterable, np.isscalar": lambda x: (np.iterable(x), np.isscalar(x)),
            "index by a tensor of integers": lambda x: Tensor(np.arange(3.0))[x.astype(int)],
        },
    ),
]
