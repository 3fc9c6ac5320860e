"""The array ops that are compositions, against NumPy and finite differences; and what the rows of
specs_arrays.py do not reach: ties, zeros, NaN, repeated indices, layouts in memory, errors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from conftest import generator
from numerical import central, inner, only, unit_directions
from numpy.testing import assert_allclose, assert_array_equal
from sampling import Array, Real, Sample, Samples, calls, reductions

import autograd as ag
from autograd import Tensor, ops


@dataclass(frozen=True)
class Composition:
    """A function made of primitives, and the same on arrays; by default NumPy's of that name."""

    function: Callable[..., Any]
    samples: Samples
    reference: Callable[..., Any] | None = None
    name: str = ""

    @property
    def title(self) -> str:
        return self.name or self.function.__name__

    def expected(self, *args: Any, **options: Any) -> Any:
        return (self.reference or getattr(np, self.function.__name__))(*args, **options)


def of_sequence(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of a sequence as one of its elements."""
    return lambda *arrays, **options: function(list(arrays), **options)


def sequences(name: str, samples: Samples) -> Composition:
    return Composition(
        of_sequence(getattr(ag, name)), samples, of_sequence(getattr(np, name)), name
    )


def put(x: Array, indices: Array, values: Any, axis: int | None) -> Array:
    out = np.array(x, order="C")
    np.put_along_axis(out, indices, values, axis)
    return out


def vector_norm(x: Array, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Array:
    ord = 2 if ord in (None, "fro") else ord
    return np.linalg.vector_norm(x, axis=axis, keepdims=keepdims, ord=ord)


ROWS = np.array([2, 0, 2, 2])
PLACES = np.array([[0, 2, 2], [1, 0, 3]])
ALONG_0 = np.array([[2, 0, 1, 1], [0, 0, 2, -1]])
ALONG_1 = np.array([[3, 0, 0], [1, -1, 2], [0, 1, 2]])
ORDERS = (1, 2, None, "fro", 3, 2.5, np.inf, -np.inf, -1, 0.5)
MODES = ("edge", "reflect", "symmetric", "wrap")

COMPOSITIONS = [
    Composition(ag.ravel, calls("2x3", "0-d", "0x3")),
    Composition(
        ag.swapaxes, calls((Real(2, 3, 4), 0, 2), (Real(2, 3, 4), -1, 1), (Real(2, 3), 0, 0))
    ),
    Composition(
        ag.moveaxis,
        calls(
            *((Real(2, 3, 4), 0, 2), (Real(2, 3, 4), -1, 0), (Real(2, 3, 4), (0, 1), (-1, 0))),
            *((Real(2, 3, 4), [2, 0], [0, 1]), (Real(2, 0), 0, 1)),
        ),
    ),
    Composition(
        ag.expand_dims,
        calls(*((Real(2, 3), a) for a in (0, 1, -1, (0, 3), (-1, 0))), (Real(), 0)),
    ),
    Composition(
        ag.squeeze,
        calls("1x3x1", *((Real(1, 3, 1), a) for a in (0, -1, (0, 2), ())), "2x3", "1x1"),
    ),
    Composition(ag.atleast_1d, calls("0-d", "3", "2x3")),
    Composition(ag.atleast_2d, calls("0-d", "3", "2x3", "0")),
    Composition(ag.atleast_3d, calls("0-d", "3", "2x3", "2x1x3")),
    Composition(
        ag.rot90,
        calls(
            *((Real(2, 3), k) for k in range(-2, 6)),
            *((Real(2, 3, 4), k, axes) for k in (1, 2, 3) for axes in ((1, 0), (0, 2), (-1, 1))),
        ),
    ),
    Composition(
        ag.repeat,
        calls(
            *((Real(2, 3), 2), (Real(2, 3), 3, 0), (Real(2, 3), 2, -1), (Real(2, 3), 0, 1)),
            *((Real(2, 3), [1, 0, 2], 1), (Real(2, 3), np.array([2, 1]), 0), (Real(), 3)),
            *((Real(2, 3), [2], 1), (Real(2, 3), [1, 0, 2, 1, 1, 3]), (Real(0, 3), 2, 0)),
        ),
    ),
    Composition(
        ag.tile,
        calls(
            *((Real(2, 3), reps) for reps in (2, (2, 3), (1, 1), (2, 1, 3), (0, 1), [3])),
            *((Real(), 3), (Real(3), (2, 2)), (Real(2, 1, 3), (2, 3)), (Real(0, 3), 2)),
        ),
    ),
    *(
        Composition(
            ag.pad,
            calls(
                *((Real(3, 4), width, mode) for width in (1, (2, 1), ((1, 0), (2, 3)), 0)),
                *((Real(3), 7, mode), (Real(1), (2, 3), mode), (Real(2), (3, 0), mode)),
                *((Real(4), (4, 9), mode), (Real(2, 0), ((1, 2), (0, 0)), mode)),
            ),
            name=f"pad {mode}",
        )
        for mode in MODES
    ),
    Composition(ag.pad, calls((Real(2, 3), 1, "constant"), (Real(2), (1, 0))), name="pad constant"),
    sequences(
        "concatenate",
        calls(
            *("2x3, 1x3", "3", (Real(2, 3), Real(2, 2), {"axis": -1})),
            (Real(2, 3), Real(4), Real(), {"axis": None}),
        ),
    ),
    sequences("stack", calls("2x3, 2x3", "0-d, 0-d", (Real(2), Real(2), {"axis": -1}))),
    sequences("hstack", calls("2, 3", "0-d, 2", "2x1, 2x3", "2x1x2, 2x3x2")),
    sequences("vstack", calls("3, 3", "2x3, 3", "0-d, 0-d", "1x2x2, 3x2x2")),
    Composition(
        ag.array_split,
        calls(
            *((Real(7), n) for n in (1, 2, 3, 7, 9)),
            *((Real(2, 5), 2, 1), (Real(5, 2), [1, 3], 0), (Real(2, 5), 3, -1), (Real(0, 2), 2)),
        ),
        lambda *args: tuple(np.array_split(*args)),
        "array_split",
    ),
    *(
        Composition(
            function,
            calls(*((Real(*s), k) for s in ((3, 4), (2, 3, 3), (4, 2)) for k in (-2, 0, 1)), "0x3"),
        )
        for function in (ag.tril, ag.triu)
    ),
    Composition(ag.diag, calls(*((Real(*s), k) for s in ((3,), (3, 4), (0,)) for k in (-1, 0, 2)))),
    *(
        Composition(
            function,
            calls(
                *((Real(3, 4), k) for k in (-3, -1, 0, 2, 4)),
                *((Real(2, 3, 4), 0, 1, 2), (Real(2, 3, 4), 1, 2, 0), (Real(2, 3, 4), -1, -1, 0)),
                (Real(0, 3),),
            ),
        )
        for function in (ag.diagonal, ag.trace)
    ),
    Composition(
        ag.take,
        calls(
            *((Real(3, 4), 1), (Real(3, 4), PLACES), (Real(3, 4), [0, 0, -1], 1)),
            *((Real(3, 4), ROWS, 0), (Real(3, 4), PLACES, -1), (Real(3, 4), 2, 1)),
            (Real(3, 4), np.zeros(0, int), 0),
        ),
    ),
    Composition(
        ag.take_along_axis,
        calls(
            *((Real(3, 4), ALONG_0, 0), (Real(3, 4), ALONG_1, 1), (Real(3, 4), ALONG_1, -1)),
            *((Real(3, 4), np.array([[1, 1, 3]]), 1), (Real(1, 4), ALONG_1, 1)),
            *((Real(3, 4), np.array([5, 0, 5]), None), (Real(0, 3), np.zeros((0, 2), int), 1)),
        ),
    ),
    Composition(
        ag.put_along_axis,
        calls(
            *((Real(3, 4), ALONG_0, Real(2, 4), 0), (Real(3, 4), ALONG_1, Real(3, 3), 1)),
            *((Real(3, 4), ALONG_1, Real(3, 1), -1), (Real(3, 4), np.array([5, 0, 5]), 0.5, None)),
        ),
        put,
    ),
    Composition(
        ag.sort,
        calls(
            *((Real(3, 4), axis) for axis in (0, 1, -1, None)),
            *((Real(5),), (Real(1),), (Real(0, 3), 0), (Real(2, 3, 2), -2)),
        ),
    ),
    Composition(ag.median, reductions()),
    *(
        Composition(
            ag.norm,
            calls(
                *((Real(2, 3), ord, axis) for axis in (None, 0, (0, 1))),
                *((Real(2, 3), ord, 1, True), (Real(3), ord), (Real(2, 3, 2), ord, (0, -1), True)),
                avoid=(0,),
            ),
            vector_norm,
            f"norm {ord}",
        )
        for ord in ORDERS
    ),
]

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


# --- products, where elements are zero -----------------------------------------------------------


@pytest.mark.parametrize("zeros", [0, 1, 2, 3])
def test_derivatives_of_a_product_with_zeros(zeros: int) -> None:
    x = np.array([0.0] * zeros + [2.0, -3.0, 0.5, 4.0][: 4 - zeros])
    g = ag.grad(ag.prod)(x)
    H = ag.hessian(ag.prod)(x)
    assert_allclose(g.data, [np.prod(np.delete(x, i)) for i in range(4)])
    expected = [
        [0 if i == j else np.prod(np.delete(x, [i, j])) for j in range(4)] for i in range(4)
    ]
    assert_allclose(H.data, expected)
    assert_allclose(ag.grad(lambda x: ag.hessian(ag.prod)(x)[0, 1])(x).data, third(x))


def third(x: Array) -> list[float]:
    """d3 prod(x) / dx_0 dx_1 dx_k."""
    return [0, 0, x[3], x[2]]


@pytest.mark.parametrize("zeros", [(), (0,), (2,), (1, 3), (0, 1, 2, 3)])
def test_jacobian_of_cumprod_with_zeros(zeros: tuple[int, ...]) -> None:
    x = np.array([2.0, -3.0, 0.5, 4.0])
    x[list(zeros)] = 0
    expected = [
        [np.prod(np.delete(x[: i + 1], k)) if k <= i else 0 for k in range(4)] for i in range(4)
    ]
    assert_allclose(ag.jacobian(ag.cumprod)(x).data, expected)


def test_product_whose_factors_underflow() -> None:
    """out / x would give 0."""
    x = np.array([1e-200, 1e-200, 3.0])
    assert_allclose(ag.grad(ag.prod)(x).data, [3e-200, 3e-200, 0])


# --- places without a slope ----------------------------------------------------------------------


@pytest.mark.parametrize("ord", ORDERS)
def test_norm_has_slope_zero_at_zero(ord: Any) -> None:
    x = np.zeros((2, 3))
    assert_array_equal(ag.grad(lambda x: ag.norm(x, ord))(x).data, x)
    along_rows = np.array([[0.0, 0, 0], [3, 4, 12]])
    g = ag.grad(lambda x: ag.norm(x, ord, axis=1).sum())(along_rows).data
    assert_array_equal(g[0], np.zeros(3))
    assert np.isfinite(g).all()
    assert g[1].any()


@pytest.mark.parametrize("ord", [2, 3, 4, 1.5])
def test_norm_has_no_curvature_at_zero(ord: float) -> None:
    assert_array_equal(ag.hessian(lambda x: ag.norm(x, ord))(np.zeros(2)).data, np.zeros((2, 2)))


@pytest.mark.parametrize("ord", [-1, -2.5])
def test_norm_of_negative_order_is_flat_beside_a_zero(ord: float) -> None:
    value, g = ag.value_and_grad(lambda x: ag.norm(x, ord))(np.array([0.0, 3, -4]))
    assert value.data == 0
    assert_array_equal(g.data, np.zeros(3))


@pytest.mark.parametrize("p", [3, 4, 2.5, 6])
def test_curvature_of_a_norm_beside_a_zero_element(p: float) -> None:
    x = np.array([0.0, 0.6, -0.8])
    exact = ag.hessian(lambda x: (ag.absolute(x) ** p).sum() ** (1 / p))(x)
    assert_allclose(ag.hessian(lambda x: ag.norm(x, p))(x).data, exact.data, atol=1e-14)


def test_number_of_nonzero_elements_as_norm() -> None:
    x = Tensor(np.array([[1, 0, 2], [0, 0, 3]], np.float32), requires_grad=True)
    out = ag.norm(x, 0, axis=1)
    assert_array_equal(out.data, [2, 1])
    assert out.dtype == np.float32
    assert not out.requires_grad


def test_norm_of_integers_and_of_complex_numbers() -> None:
    large = np.array([100, 100], np.int8)  # whose squares int8 does not hold
    assert_allclose(ag.norm(large.astype(np.int64)).data, np.hypot(100, 100))
    assert_allclose(ag.norm(large).data, np.hypot(100, 100), 1e-3)
    assert_allclose(ag.norm(np.array([3 + 4j, 12j])).data, 13)


@pytest.mark.parametrize("ord", ["nuc", "inf"])
def test_norm_names_the_orders_it_knows(ord: str) -> None:
    with pytest.raises(ValueError, match=rf"norm: ord '{ord}' given, a number or 'fro' expected"):
        ag.norm(np.ones((2, 2)), ord)


@pytest.mark.parametrize("value", [0.0, 0.1, -3.0])
@pytest.mark.parametrize("axis", [None, 0])
def test_std_of_equal_numbers_has_a_finite_slope(value: float, axis: int | None) -> None:
    g = ag.grad(lambda x: ag.std(x, axis).sum())(np.full((4, 2), value)).data
    assert np.isfinite(g).all()
    if value != 0.1:  # the mean of which is not exact, so that deviations are left
        assert_array_equal(g, np.zeros((4, 2)))


def test_variance_without_degrees_of_freedom_is_as_in_numpy() -> None:
    x = Tensor([1.0], requires_grad=True)
    with np.errstate(all="ignore"):
        with pytest.warns(RuntimeWarning, match="Degrees of freedom"):
            out = ag.var(x, ddof=1)
        out.backward()
    assert np.isnan(out.data)
    assert np.isnan(gradient(x))


# --- ties and NaN --------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(2, 3), (5, 7)])  # by passes over few elements, or not
@pytest.mark.parametrize("op", [ag.max, ag.min])
def test_first_extremum_gets_the_gradient(op: Any, shape: tuple[int, int]) -> None:
    x = np.ones(shape)
    for axis, index in ((None, (0, 0)), ((0, 1), (0, 0)), (0, 0), (1, (slice(None), 0))):
        expected = np.zeros(shape)
        expected[index] = 1
        assert_array_equal(ag.grad(lambda x, a=axis: op(x, a).sum())(x).data, expected)


@pytest.mark.parametrize("n", [3, 16, 17, 40])  # up to 16 are looked at one by one
@pytest.mark.parametrize(("op", "place"), [(ag.max, np.argmax), (ag.min, np.argmin)])
def test_extremum_of_few_and_of_many(op: Any, place: Any, n: int, rng: np.random.Generator) -> None:
    x = rng.standard_normal((5, n))
    g = ag.grad(lambda x: op(x, axis=1).sum())(x).data
    assert_array_equal(g, np.arange(n) == place(x, axis=1)[:, None])


@pytest.mark.parametrize("op", [ag.max, ag.min, ag.median])
@pytest.mark.parametrize("n", [3, 4, 40])
def test_nan_passes_through_with_its_gradient(op: Any, n: int) -> None:
    x = np.arange(n, dtype=float)
    x[1] = np.nan
    value, g = ag.value_and_grad(op)(x)
    assert np.isnan(value.data)
    assert_array_equal(g.data, np.arange(n) == 1)


def test_equal_elements_stay_in_their_order() -> None:
    x = np.array([2.0, 1, 2, 1, 2])
    assert_array_equal(ag.argsort(x).data, [1, 3, 0, 2, 4])
    assert_array_equal(ag.jacobian(ag.sort)(x).data, np.eye(5)[[1, 3, 0, 2, 4]])
    many = np.tile(x, 20)
    assert_array_equal(ag.argsort(many).data, np.argsort(many, kind="stable"))


def test_nan_is_sorted_to_the_end() -> None:
    assert_array_equal(ag.sort(np.array([np.nan, 1, -np.inf])).data, [-np.inf, 1, np.nan])


def test_median_with_ties() -> None:
    g = ag.grad(ag.median)(np.array([1.0, 3, 2, 2, 2, 5])).data
    assert_array_equal(
        g, [0, 0, 0, 0.5, 0.5, 0]
    )  # the second and third of the 2s are in the middle
    assert_array_equal(ag.grad(ag.median)(np.array([2.0, 1, 2])).data, [1, 0, 0])


def test_median_of_nothing_is_as_in_numpy() -> None:
    with pytest.warns(RuntimeWarning):
        assert np.isnan(ag.median(np.zeros(0)).data)


# --- indices -------------------------------------------------------------------------------------

X = np.arange(24.0).reshape(2, 3, 4)
I = np.array([1, 0, 1])  # noqa: E741
M = np.arange(24).reshape(2, 3, 4) % 5 < 2

INDICES: list[Any] = [
    *(M, M[:, :, 0], M[:, 0, 0], np.True_, np.False_, np.zeros((2, 3), bool), M[0, 0].nonzero()),
    *((slice(None), M[0]), (slice(None), M[0, :, 0]), (..., M[0, 0]), (M[:, 0, 0], 1)),
    *((M[:, 0, 0], None, ..., 0), (0, M[0]), (slice(None), M[0], None)),
    *(I, (I, I), (I, I, I), (I[:, None], I), (slice(None), I), (slice(None), I, slice(1, 3))),
    *((I, slice(None), I), (I, ..., I), (None, I, ..., None), (0, ..., I), (I, None, I, 0)),
    *((I, slice(None, None, -1)), (np.array(1), I), np.array(0), (slice(None), np.array([[0, 2]]))),
    *((np.array([-1, -2]), M[0, :, 0]), (np.zeros((0,), int), 1), np.zeros((2, 0), int)),
]


@pytest.mark.parametrize("index", INDICES, ids=range(len(INDICES)))
@pytest.mark.parametrize("kind", [Tensor, list, np.asarray])
def test_indices_of_every_kind(index: Any, kind: Any, rng: np.random.Generator) -> None:
    """As tensors, lists and arrays: the same values as NumPy's, and a gradient that adds up."""

    def converted(part: Any) -> Any:
        if not isinstance(part, np.ndarray | np.bool_):
            return part
        return part.tolist() if kind is list and part.size else kind(part)

    given = tuple(map(converted, index)) if isinstance(index, tuple) else converted(index)
    x = Tensor(X, requires_grad=True)
    out = x[given]
    assert_array_equal(out.data, X[index])
    v = rng.uniform(-1, 1, out.shape)
    (out * v).sum().backward()
    expected = np.zeros_like(X)
    np.add.at(expected, index, v)
    assert_allclose(gradient(x), expected)
    assert_array_equal(ag.getitem(x, given).data, X[index])

    added = ag.index_add(X, given, v)
    assert_allclose(added.data, X + expected)
    updated = np.array(X)
    updated[index] = v
    assert_array_equal(ag.index_update(X, given, v).data, updated)
    assert_array_equal(X, np.arange(24.0).reshape(2, 3, 4))  # nothing was written to it


@pytest.mark.parametrize("size", [1, 5, 1000])  # of few and of many indices
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
@pytest.mark.parametrize("order", ["C", "F"])
def test_repeated_indices_add_up(
    size: int, dtype: Any, order: Any, rng: np.random.Generator
) -> None:
    rows, columns = rng.integers(4, size=size), rng.integers(-6, 6, size=size)
    g = np.array(rng.uniform(-1, 1, (size, 5)).astype(dtype), order=order)
    expected = np.zeros((4, 6, 5), dtype)
    for row, column, line in zip(rows, columns, g, strict=True):
        expected[row, column] += line
    out = ag.scatter(g, (rows, columns), (4, 6, 5))
    assert out.dtype == dtype
    assert_allclose(out.data, expected, 1e-5, 1e-5)
    x = np.array(np.zeros((4, 6, 5), dtype), order=order)
    assert_allclose(ag.index_add(x, (rows, columns), g).data, expected, 1e-5, 1e-5)


def test_last_of_repeated_updates_stays_and_gets_the_gradient() -> None:
    x, y = np.zeros(3), np.array([1.0, 2, 3, 4])
    index = np.array([0, 2, 0, 0])
    assert_array_equal(ag.index_update(x, index, y).data, [4, 0, 2])
    by_x, by_y = ag.jacobian(lambda x, y: ag.index_update(x, index, y), argnums=(0, 1))(x, y)
    assert_array_equal(by_x.data, np.diag([0, 1, 0]))
    assert_array_equal(by_y.data, [[0, 0, 0, 1], [0, 0, 0, 0], [0, 1, 0, 0]])
    negative = ag.jacobian(lambda y: ag.index_update(x, np.array([0, -3]), y))(y[:2])
    assert_array_equal(negative.data, [[0, 1], [0, 0], [0, 0]])


@pytest.mark.parametrize("update", [ag.index_add, ag.index_update])
@pytest.mark.parametrize("index", [np.array([0]), [0], slice(0, 1), np.array([True, False])])
def test_updates_keep_float32(update: Any, index: Any) -> None:
    x = np.zeros(2, np.float32)
    for y in (2, 0.5, [1], np.array(1), np.array([3]), np.float64(2), np.float32(1)):
        assert update(x, index, y).dtype == np.float32
    assert update(np.zeros(2, int), index, np.float32([1])).dtype == np.float32
    assert update(np.zeros(2, int), index, 1).dtype == np.int64
    assert update(x, index, np.ones(1)).dtype == np.float64  # as x + y


def test_an_index_computed_from_tensors_has_no_gradient() -> None:
    x = Tensor([3.0, 1.0, 2.0], requires_grad=True)
    order = ag.argsort(x)
    assert not order.requires_grad
    x[order][0].backward()
    assert_array_equal(gradient(x), [0, 1, 0])
    x.grad = None
    x[x > 1.5].sum().backward()
    assert_array_equal(gradient(x), [1, 0, 1])


# --- layouts in memory ---------------------------------------------------------------------------


BATCH_INNERMOST: dict[str, Callable[[Tensor], Tensor]] = {
    "cumsum": lambda x: ag.cumsum(x, 1),
    "cumprod": lambda x: ag.cumprod(x, 2),
    "flip": lambda x: ag.flip(x, 2) * 1,
    "roll": lambda x: ag.roll(x, 1, 2),
    "repeat": lambda x: ag.repeat(x, 2, 2),
    "tile": lambda x: ag.tile(x, (1, 1, 2, 2)),
    "concatenate": lambda x: ag.concatenate([x, x], 1),
    "index_add": lambda x: ag.index_add(x, (0, 1), 1),
    "index_update": lambda x: ag.index_update(x, (slice(None), [1, 1]), 1),
    "tril": ag.tril,
    "prod": lambda x: ag.prod(x, 1, keepdims=True),
    "var": lambda x: ag.var(x, 1, keepdims=True),
    "max": lambda x: ag.max(x, (2, 3), keepdims=True),
    "min": lambda x: ag.min(x, (2, 3), keepdims=True),
    "split": lambda x: ag.split(x, 2, 1)[1] * 1,
    **{
        f"pad {mode}": lambda x, mode=mode: ag.pad(x, ((0, 0), (0, 0), (1, 2), (2, 1)), mode)
        for mode in ("constant", *MODES)
    },
}


@pytest.mark.parametrize("name", BATCH_INNERMOST)
def test_batch_stays_innermost_in_memory(name: str) -> None:
    """(N, C, H, W) activations are stored as (C, H, W, N); so are results and gradients."""
    f = BATCH_INNERMOST[name]
    x = Tensor(np.ones((4, 5, 6, 3)).transpose(3, 0, 1, 2), requires_grad=True)
    out = f(x)
    assert innermost(out.data) == 0
    out.backward(Tensor(np.ones_like(out.data)))
    assert x.grad is not None
    assert innermost(x.grad.data) == 0


def innermost(x: Array) -> int:
    return int(np.argmin([s if n > 1 else np.inf for s, n in zip(x.strides, x.shape, strict=True)]))


# --- methods, NumPy's functions, constants -------------------------------------------------------

METHODS: list[tuple[str, tuple[Any, ...]]] = [
    *((name, ()) for name in ("all", "any", "argmax", "argmin", "cumprod", "cumsum", "flatten")),
    *((name, ()) for name in ("max", "mean", "min", "prod", "ravel", "squeeze", "std", "sum")),
    *((name, ()) for name in ("argsort", "diagonal", "trace", "var")),
    *((name, (1,)) for name in ("all", "any", "argmax", "argmin", "cumprod", "cumsum", "argsort")),
    *((name, (1,)) for name in ("max", "mean", "min", "prod", "repeat", "std", "take", "var")),
    *(("repeat", (2, 0)), ("take", ([1, 0], 1)), ("squeeze", (2,)), ("diagonal", (1, 1, 0))),
]


@pytest.mark.parametrize(("name", "args"), METHODS)
def test_methods_are_those_of_arrays(name: str, args: tuple[Any, ...]) -> None:
    x = np.array([[[0.5], [2], [0]], [[-1], [3], [0.25]]])
    out = getattr(Tensor(x), name)(*args)
    expected = np.asarray(getattr(x, name)(*args))
    assert_allclose(out.data, expected, 1e-15)
    assert out.dtype == expected.dtype
    assert_array_equal(Tensor(x).T.data, x.T)


def test_constants_have_no_gradient() -> None:
    x = Tensor([[1.0, 0.0], [3.0, 4.0]], requires_grad=True)
    for out in (x.argmax(), x.argsort(), ag.count_nonzero(x), x.all(), x.any(0), *ag.nonzero(x)):
        assert isinstance(out, Tensor)
        assert not out.requires_grad


def test_parts_are_views() -> None:
    x = np.arange(12.0).reshape(6, 2)
    for part in (*ag.split(x, 3), *ag.array_split(x, 4), ag.flip(x), ag.ravel(x)):
        assert np.shares_memory(part.data, x)


def test_a_part_without_a_gradient_counts_as_zero() -> None:
    x = Tensor(np.arange(6.0), requires_grad=True)
    ag.split(x, 3)[1].sum().backward()
    assert_array_equal(gradient(x), [0, 0, 1, 1, 0, 0])


@pytest.mark.parametrize("axis", [0, 1, -1, None])
def test_many_arrays_are_joined(axis: int | None, rng: np.random.Generator) -> None:
    parts = [Tensor(rng.uniform(-1, 1, (3, 3)), requires_grad=True) for _ in range(40)]
    out = ag.concatenate(parts, axis)
    v = rng.uniform(-1, 1, out.shape)
    (out * v).sum().backward()
    for part, piece in zip(parts, np.split(v, 40, axis or 0), strict=True):
        assert_array_equal(gradient(part), piece.reshape(3, 3))


def test_several_dtypes_are_joined_as_they_add() -> None:
    narrow, wide = np.ones(2, np.float32), np.ones(2)
    assert ag.concatenate([narrow, np.ones(2, int)]).dtype == np.float32
    assert ag.stack([narrow, [1, 2]]).dtype == np.float32
    x = Tensor(narrow, requires_grad=True)
    joined = ag.concatenate([x, wide])
    assert joined.dtype == np.float64
    joined.sum().backward()
    assert gradient(x).dtype == np.float32


# --- errors --------------------------------------------------------------------------------------

NOTHING = np.zeros((0, 3))
ERRORS: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (
        lambda: ag.argmax(NOTHING, 0),
        ValueError,
        r"argmax\(float64 \(0, 3\), 0\).*at least one element",
    ),
    (lambda: ag.argmin(NOTHING), ValueError, r"argmin\(float64 \(0, 3\)\).*at least one element"),
    (lambda: ag.max(NOTHING, 0), ValueError, r"max\(float64 \(0, 3\), 0\).*at least one element"),
    (lambda: ag.min(NOTHING, 0), ValueError, r"min\(float64 \(0, 3\), 0\).*at least one element"),
    (lambda: ag.sum(X, 3), ValueError, r"sum\(float64 \(2, 3, 4\), 3\): axis 3 is out of bounds"),
    (lambda: ag.prod(X, (0, 0)), ValueError, "prod.*duplicate|prod.*repeated"),
    (
        lambda: ag.split(np.ones(7), 3),
        ValueError,
        "length 7 cannot be cut into 3 equal.*array_split",
    ),
    (lambda: ag.split(np.ones(7), 0), ValueError, "cannot be cut into 0"),
    (lambda: ag.split(np.ones(7), [3, 1]), ValueError, r"before \[3, 1\].*overlap.*ascending"),
    (lambda: ag.array_split(np.ones(7), 0), ValueError, "array_split: 0 parts given"),
    (lambda: ag.concatenate([]), ValueError, "concatenate: no arrays given"),
    (lambda: ag.stack([]), ValueError, "stack: no arrays given"),
    (lambda: ag.stack([np.ones(2), np.ones(3)]), ValueError, "float64 .3,.*expected arrays of one"),
    (lambda: ag.concatenate([np.ones((2, 3)), np.ones((2, 4))]), ValueError, "equal but along"),
    (lambda: ag.squeeze(X, 1), ValueError, r"axis 1 of shape \(2, 3, 4\) given, axes of length 1"),
    (lambda: ag.squeeze(X, 3), ValueError, "axis 3 is out of bounds"),
    (lambda: ag.rot90(X, 1, (0, 3)), ValueError, "axis 3 is out of bounds"),
    (lambda: ag.rot90(X, 1, (0, -3)), ValueError, "two different axes expected"),
    (lambda: ag.rot90(X[0, 0]), ValueError, "axis 1 is out of bounds"),
    (lambda: ag.repeat(X, [1, 2], 1), ValueError, r"\[1, 2\] given for axis 1 .*3 of them"),
    (lambda: ag.repeat(X, 1.5), ValueError, "1.5 given.*a whole number"),
    (lambda: ag.repeat(X, -1), ValueError, "-1 given, numbers of at least 0"),
    (lambda: ag.tile(X, (2, -1)), ValueError, r"\(2, -1\) given, numbers of at least 0"),
    (lambda: ag.pad(X, 1, "mirror"), ValueError, "mode 'mirror' given, one of constant, edge"),
    (lambda: ag.pad(X, (1, 2, 3)), ValueError, "for 3 axes; a pair"),
    (lambda: ag.pad(X, 1.5, "edge"), ValueError, "pad_width 1.5 given"),
    (lambda: ag.pad(X, -1), ValueError, "at least 0 expected, -1 given"),
    (lambda: ag.tril(X[0, 0]), ValueError, r"tril: a tensor of shape \(4,\) given, matrices"),
    (lambda: ag.diag(X), ValueError, r"diag: .*\(2, 3, 4\) given, a vector or a matrix"),
    (lambda: ag.trace(X[0, 0]), ValueError, "matrices"),
    (lambda: ag.take(X, M), TypeError, "indices of dtype bool given, integers expected"),
    (lambda: ag.take(X, [0.5]), TypeError, "indices of dtype float64 given"),
    (lambda: ag.take(X, 24), IndexError, "index 24 is out of bounds"),
    (lambda: ag.take_along_axis(X, I, 0), ValueError, r"shape \(3,\) given for .*as many axes"),
    (lambda: ag.index_add(X, 5, 1), IndexError, "index_add.*index 5 is out of bounds"),
    (lambda: ag.index_update(X, 0, np.ones(3)), ValueError, "y that broadcasts to"),
    (lambda: Tensor(X)[0.5], IndexError, "getitem.*only integers, slices"),
    (lambda: Tensor(X)[Tensor([0.5])], IndexError, "must be of integer"),
    (lambda: ops.linear_recurrence(X, X[0]), ValueError, "expected two arrays of one shape"),
]


@pytest.mark.parametrize(("call", "error", "message"), ERRORS, ids=range(len(ERRORS)))
def test_errors_say_what_was_expected(
    call: Callable[[], Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        call()
