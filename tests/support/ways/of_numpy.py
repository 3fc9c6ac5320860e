"""What NumPy makes arrays of, and what it writes into them; masked, structured and matrices."""

from __future__ import annotations

import io
import operator
from typing import Any

import numpy as np
from support.ways.judging import Flat, Refused, Right, Said, each, ways


def after(write: Any, *shape: int, dtype: Any = float) -> Any:
    """An array of zeros after something was written into it."""
    array = np.zeros(shape or 3, dtype)
    write(array)
    return array


def written(write: Any, x: Any, *args: Any, **options: Any) -> Any:
    """What was given, after something was written into it."""
    write(x, *args, **options)
    return x


def reloaded(save: Any) -> Any:
    """What np.load finds after `save` has written to a file."""
    file = io.BytesIO()
    save(file)
    file.seek(0)
    return np.load(file)


put = operator.setitem
RNG = np.random.default_rng(0)

WAYS = [
    *ways(
        Refused(RuntimeError, ("stack()", "detach()", ".data")),
        {
            "np.array(t)": lambda x: np.array(x),
            "np.array([a, b])": lambda a, b: np.array([a, b]),
            "np.array([a, b], float)": lambda a, b: np.array([a, b], float),
            "np.array([a, b], object)": lambda a, b: np.array([a, b], object),
            "np.array([t, t])": lambda x: np.array([x, x]),
            "np.array(t, copy=False)": lambda x: np.array(x, copy=False),
            **each(np.asarray, np.asanyarray, np.ascontiguousarray, np.require, name="np."),
            **each(np.asfortranarray, np.asarray_chkfinite, np.matrix, name="np."),
            "np.copy([a, b])": lambda a, b: np.copy([a, b]),
            "np.atleast_1d([a, b])": lambda a, b: np.atleast_1d([a, b]),
            "t.__array__()": lambda x: x.__array__(),
            "np.full(n, t)": lambda a: np.full(3, a),
            "np.full((2, 3), t)": lambda x: np.full((2, 3), x),
            "np.arange(0, t, t)": lambda a, b: np.arange(0, b, a),
            "np.r_[a, b]": lambda a, b: np.r_[a, b],
            "np.r_[0, t]": lambda x: np.r_[0.0, x],
            "np.c_[t, t]": lambda x: np.c_[x, x],
            "np.mgrid[0:1:t]": lambda a: np.mgrid[0:3:a],
            "np.diag([a, b])": lambda a, b: np.diag([a, b]),
            **each(np.float32, np.longdouble, np.complex128, np.int64, np.bool_, name="np."),
            "np.stack([[a, b]])": lambda a, b: np.stack([[a, b], [b, a]]),
            "np.concatenate([[a], [b]])": lambda a, b: np.concatenate([[a], [b]]),
            "np.sum([a, b])": lambda a, b: np.sum([a, b]),
            "np.mean(losses)": lambda a, b: np.mean([a * a, b * b]),
            "np.exp([a, b])": lambda a, b: np.exp([a, b]),
            "np.add([a, b], 1)": lambda a, b: np.add([a, b], 1),
            "np.where(c, [a, b], 0)": lambda a, b: np.where([True, False], [a, b], 0),
            "np.dot([a, b], [1, 2])": lambda a, b: np.dot([a, b], [1.0, 2.0]),
            "np.linalg.det of a list": lambda a, b: np.linalg.det([[a, 0.1], [0.2, b]]),
            "np.fft.fft([a, b])": lambda a, b: np.fft.fft([a, b]),
            "array - [a, b]": lambda a, b: np.ones(2) - [a, b],
            "array @ (a, b)": lambda a, b: np.eye(2) @ (a, b),
            "array == [a, b]": lambda a, b: np.ones(2) == [a, b],
            "np.float32(1) - [a, b]": lambda a, b: np.float32(1) - [a, b],
            "np.pad(constant_values=t)": lambda a: np.pad(np.ones(3), 1, constant_values=a),
            "array[:] = t": lambda x: after(lambda array: put(array, slice(None), x)),
            "array[:1] = t": lambda a: after(lambda array: put(array, slice(1), a)),
            "array[...] = t": lambda a: after(lambda array: put(array, ..., a)),
            "array[mask] = t": lambda a: after(lambda array: put(array, array == 0, a)),
            "array[:2] = [a, b]": lambda a, b: after(lambda array: put(array, slice(2), [a, b])),
            "array.flat = t": lambda x: after(lambda array: setattr(array, "flat", x)),
            "array.put(i, t)": lambda a: after(lambda array: array.put([0], a)),
            "np.fill_diagonal": lambda a: after(lambda array: np.fill_diagonal(array, a), 3, 3),
            "np.place(a, c, [t])": lambda a: after(lambda array: np.place(array, array == 0, [a])),
            "array.dot([a, b])": lambda a, b: np.eye(2).dot([a, b]),
            "array.searchsorted(t)": lambda a: np.arange(3.0).searchsorted(a),
            "array.choose([t, t])": lambda x: np.array([0, 1, 0]).choose([x, x]),
            "np.ma.array(t)": lambda x: np.ma.array(x, mask=[0, 0, 1]),
            "np.ma.array([a, b])": lambda a, b: np.ma.array([a, b]),
            **each(np.ma.sum, np.ma.asarray, np.ma.exp, np.ma.median, name="np.ma."),
            "masked * t": lambda x: np.ma.array([1.0, 2, 3], mask=[1, 0, 0]) * x,
            "masked + t": lambda a: np.ma.array([1.0, 2, 3], mask=[1, 0, 0]) + a,
            "masked.filled(t)": lambda a: np.ma.array([1.0, 2], mask=[1, 0]).filled(a),
            "masked += t": lambda x: operator.iadd(np.ma.zeros(3), x),
            "np.rec.fromarrays([t])": lambda x: np.rec.fromarrays([x]),
            "structured['a'] = t": lambda x: after(lambda s: put(s, "a", x), dtype=[("a", float)]),
            "np.matrix([[a, b]])": lambda a, b: np.matrix([[a, b]]),
            "rng.normal(t, t)": lambda a, b: RNG.normal(a, b),
            "rng.normal([a, b])": lambda a, b: RNG.normal([a, b]),
            **each(RNG.gamma, RNG.poisson, RNG.exponential, RNG.choice, name="rng."),
            **each(RNG.permutation, RNG.dirichlet, name="rng."),
            "rng.choice(3, p=t)": lambda x: RNG.choice(3, p=x / x.sum()),
            "rng.multivariate_normal": lambda x: RNG.multivariate_normal(x, np.eye(3)),
            "RandomState.normal": lambda a, b: np.random.RandomState(0).normal(a, b),
            **each(np.nditer, np.ndenumerate, np.broadcast, name="np."),
            "as_strided": lambda x: np.lib.stride_tricks.as_strided(x, (2,), (8,)),
            "assert_allclose(t, t)": lambda x: np.testing.assert_allclose(x, x),
            "assert_array_equal(t, t)": lambda x: np.testing.assert_array_equal(x, x),
        },
    ),
    *ways(
        Refused(TypeError, ("tensor.data", "no differentiable counterpart")),
        {
            "np.full(n, t, float)": lambda a: np.full(3, a, float),
            "np.full_like(array, t)": lambda a: np.full_like(np.zeros(3), a),
            **each(np.vander, np.ix_, np.broadcast_arrays, name="np."),
            "np.linspace(t, t, 5)": lambda a, b: np.linspace(a, b, 5),
            "np.geomspace(t, t, 5)": lambda a, b: np.geomspace(a, b, 5),
            "np.savez(file, t)": lambda x: reloaded(lambda file: np.savez(file, x)),
            "np.save(file, t)": lambda x: reloaded(lambda file: np.save(file, x)),
            "np.savetxt(file, t)": lambda x: np.savetxt(io.StringIO(), x),
            "np.r_[t:t:5j]": lambda a, b: np.r_[a:b:5j],
            "np.meshgrid(t, t)": lambda x: np.meshgrid(x, x),
            "np.block([t, t])": lambda x: np.block([x, x]),
            "np.copyto(array, t)": lambda x: after(lambda array: np.copyto(array, x)),
            "np.put(array, i, t)": lambda a: after(lambda array: np.put(array, [0], a)),
            "np.putmask(array, c, t)": lambda x: after(
                lambda array: np.putmask(array, [1, 0, 1], x)
            ),
            "np.put_along_axis(array, i, t)": lambda x: after(
                lambda array: np.put_along_axis(array, np.arange(3), x, 0)
            ),
            "np.put_along_axis of rows": lambda a: after(
                lambda array: np.put_along_axis(array, np.array([[0], [2]]), a, 1), 2, 3
            ),
            "np.put_along_axis(t, i, array)": lambda x: written(
                np.put_along_axis, x, np.array([1]), 5.0, 0
            ),
            "np.put(t, i, array)": lambda x: written(np.put, x, [1], 5.0),
            "np.place(t, c, array)": lambda x: written(np.place, x, [True, False, True], [5.0]),
            "np.putmask(t, c, array)": lambda x: written(np.putmask, x, [1, 0, 1], 5.0),
            "np.copyto(t, array)": lambda x: written(np.copyto, x, 5.0, where=[1, 0, 1]),
            "np.fill_diagonal(t, array)": lambda m: written(np.fill_diagonal, m, 5.0),
        },
    ),
    *ways(
        Refused(TypeError, ("array = array + tensor",)),
        {
            "array += t": lambda x: operator.iadd(np.zeros(3), x),
            "array *= t, of no axes": lambda a: operator.imul(np.ones(()), a),
            "array @= t": lambda m: operator.imatmul(np.eye(2), m),
        },
    ),
    *ways(
        Refused(TypeError, ("np.matrix", "np.asarray")),
        {
            "t * np.matrix": lambda m: m * np.matrix(np.eye(2)),
            "t @ np.matrix": lambda m: m @ np.matrix(np.eye(2)),
        },
    ),
    *ways(
        Refused((TypeError, BufferError)),
        {
            "np.zeros(t)": lambda a: np.zeros(a),
            "np.matrix * t": lambda m: np.matrix(np.eye(2)) * m,
            "np.indices((t,))": lambda a: np.indices((a,)),
            "array.reshape(t)": lambda a: np.arange(3.0).reshape(a),
            "array.round(t)": lambda a: np.arange(3.0).round(a),
            "np.ndarray(buffer=t)": lambda x: np.ndarray((3,), buffer=x),
            **each(np.frombuffer, np.from_dlpack, name="np."),
        },
    ),
    *ways(
        Refused(Exception),
        {
            "np.exp of an array of objects": lambda a, b: np.exp(
                after(lambda array: (put(array, 0, a), put(array, 1, b)), 2, dtype=object)
            ),
            "np.timedelta64(t)": lambda a: np.timedelta64(a, "s"),
            "assert_equal(t, t)": lambda x: np.testing.assert_equal(x, x),
            "rng.shuffle(t)": lambda x: np.random.default_rng(0).shuffle(x),
        },
    ),
    *ways(
        Right(),
        {
            "np.array_split, np.split": lambda x: (np.array_split(x, 2), np.split(x, 3)),
            "np.atleast_1d, np.copy": lambda x: (np.atleast_1d(x), np.copy(x)),
            "np.eye(3) * t": lambda x: np.eye(3) * x,
            "np.diag(t)": lambda x: np.diag(x),
            "np.mgrid[t:t:3j]": lambda a, b: np.mgrid[a:b:3j],
            "np.fromfunction": lambda x: np.fromfunction(lambda i: i * x, (3,)),
            "np.fromiter(t, object)": lambda x: np.fromiter(x, object),
            "array[0] = t, of objects": lambda a: after(
                lambda array: put(array, 0, a), 1, dtype=object
            ),
            "rng.shuffle(list of t)": lambda x: (
                lambda parts: (np.random.default_rng(0).shuffle(parts), parts)[1]
            )(list(x)),
            "recarray * t": lambda x: np.ones(3).view(np.recarray) * x,
            "np.concatenate, np.stack": lambda x: (
                np.concatenate([np.ones(2), x]),
                np.stack([x, x]),
            ),
        },
    ),
    *ways(
        Flat(),
        {
            "np.shape, np.ndim, np.size": lambda x: (np.shape(x), np.ndim(x), np.size(x)),
            "np.array_equal, np.isclose": lambda x: (np.array_equal(x, x), np.isclose(x, 1)),
            "np.ones(3) < t, == t": lambda x: (np.ones(3) < x, np.ones(3) == x),
        },
    ),
    *ways(
        Said("float"),
        {
            "array[0] = t": lambda a: after(lambda array: put(array, 0, a)),
            "array[0] += t": lambda a: after(lambda array: put(array, 0, array[0] + a)),
            "array[0, 0] = t": lambda a: after(lambda array: put(array, (0, 0), a), 2, 2),
            "array.flat[0] = t": lambda a: after(lambda array: put(array.flat, 0, a)),
            "array.fill(t)": lambda a: after(lambda array: array.fill(a)),
            "masked[0] = t": lambda a: after(lambda array: put(np.ma.asarray(array), 0, a)),
            "structured['a'][0] = t": lambda a: after(
                lambda s: put(s["a"], 0, a), dtype=[("a", float)]
            )["a"],
            "structured[0] = (t,)": lambda a: after(
                lambda s: put(s, 0, (a,)), dtype=[("a", float)]
            )["a"],
            "np.array([(t, 1)], dtype=[...])": lambda a: np.array(
                [(a, 1)], [("a", float), ("b", int)]
            )["a"],
            "np.float64(t)": lambda a: np.float64(a),
            "np.fromiter(t, float)": lambda x: np.fromiter((v * v for v in x), float),
            "np.vectorize(f, otypes=[float])": lambda a: np.vectorize(
                lambda v: v * a, otypes=[float]
            )(np.ones(3)),
            "array.sum(initial=t)": lambda a: np.ones(3).sum(initial=a),
            "np.max(array, initial=t)": lambda b: np.max(np.ones(3), initial=b),
            "np.std(array, ddof=t)": lambda a: np.std(np.arange(3.0), ddof=a),
            "array of objects, astype(float)": lambda a, b: after(
                lambda array: (put(array, 0, a), put(array, 1, b)), 2, dtype=object
            ).astype(float),
        },
    ),
]
