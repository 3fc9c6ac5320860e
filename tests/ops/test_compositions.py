"""The rows of compositions.py: values against NumPy, derivatives against finite differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from support.numerical import central, inner, only, unit_directions
from support.specs.compositions import COMPOSITIONS, Composition
from support.specs.sampling import Array, Sample
from support.streams import generator

from autograd import Tensor

_DRAWN = [(c, sample) for c in COMPOSITIONS for sample in c.samples(generator(c.title))]

every_case = pytest.mark.parametrize(
    ("composition", "sample"),
    [pytest.param(c, sample, id=f"{c.title}: {sample.name}") for c, sample in _DRAWN],
)


def floating(args: Sequence[Any]) -> list[int]:
    """The positions of the floating arrays, and of the scalars that NumPy makes of 0-d ones."""
    arrays = [isinstance(a, np.ndarray | np.generic) for a in args]
    return [i for i, a in enumerate(args) if arrays[i] and a.dtype.kind == "f"]


def as_list(out: Any) -> list[Any]:
    return list(out) if isinstance(out, tuple) else [out]


def total(v: Sequence[Any], outs: Sequence[Tensor]) -> Tensor:
    """The sum of all <v, out>."""
    return sum([(out * a).sum() for a, out in zip(v, outs, strict=True)], Tensor(0.0))


def recorded(args: Sequence[Any]) -> tuple[list[Tensor], list[Any]]:
    """Leaves for the floating arrays, and all arguments with these in place."""
    given = [
        Tensor(a, requires_grad=True) if i in floating(args) else a for i, a in enumerate(args)
    ]
    return [given[i] for i in floating(args)], given


def gradients(
    f: Callable[..., Any], args: Sequence[Any], v: Sequence[Array], options: dict[str, Any]
) -> list[Array]:
    """The engine's gradients of <v, f(args)> in the floating arrays."""
    leaves, given = recorded(args)
    total(v, as_list(f(*given, **options))).backward()
    return [gradient(leaf) for leaf in leaves]


def gradient(leaf: Tensor) -> Array:
    """What backward left; where nothing depends on the leaf, zeros."""
    return np.zeros(leaf.shape) if leaf.grad is None else leaf.grad.data


def on_arrays(f: Callable[..., Any], options: dict[str, Any]) -> Callable[[list[Any]], list[Array]]:
    return lambda args: [np.asarray(out) for out in as_list(f(*args, **options))]


@every_case
def test_value(composition: Composition, sample: Sample) -> None:
    for dtype in np.float64, np.float32:
        for order in "C", "F":
            args = [
                a.astype(dtype, order=order) if i in floating(sample.args) else a
                for i, a in enumerate(sample.args)
            ]
            outs = as_list(composition.function(*args, **sample.options))
            expected = as_list(composition.expected(*args, **sample.options))
            for out, right in zip(outs, expected, strict=True):
                assert out.shape == np.shape(right)
                assert out.dtype == dtype
                assert_allclose(out.data, right, 1e-6 if dtype == np.float32 else 1e-14)


@every_case
def test_first_derivative(
    composition: Composition, sample: Sample, rng: np.random.Generator
) -> None:
    """Against finite differences of NumPy's function."""
    args, f = list(sample.args), on_arrays(composition.expected, sample.options)
    v = [np.asarray(rng.uniform(-1, 1, out.shape)) for out in f(args)]
    pulled = gradients(composition.function, args, v, sample.options)
    for i, g in zip(floating(args), pulled, strict=True):
        slopes = [central(f, args, unit, v) for unit in unit_directions(args, i)]
        assert_allclose(g, np.reshape(slopes, args[i].shape), 1e-6, 1e-7)


@every_case
def test_second_derivative(
    composition: Composition, sample: Sample, rng: np.random.Generator
) -> None:
    args, options = list(sample.args), sample.options
    v = [
        np.asarray(rng.uniform(-1, 1, out.shape))
        for out in on_arrays(composition.expected, options)(args)
    ]
    places = floating(args)
    u = [np.asarray(rng.uniform(-1, 1, args[i].shape)) for i in places]

    def first(point: list[Any]) -> list[Array]:
        return gradients(composition.function, point[: len(args)], point[len(args) :], options)

    leaves, given = recorded(args)
    cotangents = [Tensor(a, requires_grad=True) for a in v]
    outs = as_list(composition.function(*given, **options))
    total(cotangents, outs).backward(create_graph=True)
    pulled = [leaf.grad for leaf in leaves if leaf.grad is not None]
    for leaf in leaves + cotangents:
        leaf.grad = None
    total(u, pulled).backward()

    point = [*args, *v]
    positions = [*places, *range(len(args), len(point))]
    for i, leaf in zip(positions, leaves + cotangents, strict=True):
        move = rng.uniform(-1, 1, point[i].shape)
        slope = central(first, point, only(point, i, move), u)
        assert_allclose(inner([move], [gradient(leaf)]), slope, 1e-6, 1e-7)
