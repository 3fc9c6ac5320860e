"""Programs in C that gave other numbers than NumPy, crashed, or were left to NumPy in silence."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from autograd import (
    Tensor,
    exp,
    grad,
    index_add,
    index_update,
    jit,
    matmul,
    power,
    primitive,
    reshape,
    scatter,
    std,
    sum,
)
from autograd.engine.tensor import Array
from autograd.ops import equal, greater, greater_equal, less, less_equal, not_equal

pytestmark = pytest.mark.usefixtures("in_c")


def ran(f: Callable[..., Any], *args: Any, verify: bool = True) -> tuple[list[Array], Any]:
    """The arrays of what f gives at its second call, and the jitted function."""
    compiled = jit(f, backend="c", verify=verify)
    compiled(*args)
    return [np.asarray(one.data) for one in compiled(*args)], compiled


@pytest.mark.parametrize(
    ("compare", "ufunc"),
    [
        (equal, np.equal),
        (not_equal, np.not_equal),
        (less, np.less),
        (less_equal, np.less_equal),
        (greater, np.greater),
        (greater_equal, np.greater_equal),
    ],
)
def test_integers_compare_with_numbers_that_their_type_does_not_have(
    compare: Any, ufunc: np.ufunc
) -> None:
    pairs = [
        (np.array([0, 44, 255], np.uint8), 300),
        (np.array([0, 1, 255], np.uint8), -1),
        (np.array([-128, 0, 127], np.int8), 200),
        (np.array([0, 2**32 - 1], np.uint32), -1),
        (np.array([-(2**63), 0, 2**63 - 1]), 2**63),
        (np.array([-(2**63), 0]), 2**70),
        (np.array([-1, 5]), np.array([5, 2**64 - 1], np.uint64)),
    ]
    arrays = [x for pair in pairs for x in pair if isinstance(x, np.ndarray)]

    def f(*given):
        rest = iter(given)
        return [
            compare(*[next(rest) if isinstance(x, np.ndarray) else x for x in pair])
            for pair in pairs
        ]

    found, _ = ran(f, *arrays)
    for made, pair in zip(found, pairs, strict=True):
        assert np.array_equal(made, ufunc(*pair)), pair


@pytest.mark.parametrize(
    "text",
    [
        *("x; }", "{x}", "x + {0}", "x /* ", "x // ", "x\n#error no\n", 'x + sizeof("x")', "", ";"),
        *("while(1); x", "for (;;) x; x", "x == 0.0; x", "unknown(x)", "x + y"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*its lowering:autograd.NativeWarning")
def test_a_lowering_that_is_no_line_of_c_is_left_to_numpy(text: str) -> None:
    @primitive(kind="elementwise", lowering=text)
    def doubled(x):
        return 2 * x

    x = np.arange(5.0)
    (found,), compiled = ran(lambda x: [doubled(x)], x)
    assert np.array_equal(found, 2 * x)
    assert not text or "NumPy: doubled" in compiled.report()


@pytest.mark.parametrize(
    "number",
    [
        *("0.1", ".1", "0.1f"),
        *[pytest.param(n, marks=pytest.mark.slow) for n in ("1e-1", "1.E-1", "10.0e-2")],
    ],
)
def test_numbers_of_a_lowering_have_the_type_of_the_array(number: str) -> None:
    @primitive(kind="elementwise", lowering=f"x * {number}")
    def tenth(x):
        return x * x.dtype.type(0.1)

    for dtype in (np.float32, np.float64):
        x = np.random.default_rng(0).standard_normal(200).astype(dtype)
        (found,), compiled = ran(lambda x: [tenth(x)], x)
        assert np.array_equal(found, x * dtype(0.1))
        assert "C, " in compiled.report()


def test_what_is_returned_shares_memory_as_without_c() -> None:
    def f(x):
        y = exp(x)
        return [x, x.T, x[1:], x[0], y, y.T, y[1:], reshape(y, (-1,)), x * 1]

    given = Tensor(np.arange(6.0).reshape(2, 3))
    plain, compiled = f(given), jit(f, backend="c", verify=False)
    compiled(given)
    found = compiled(given)
    for i, one in enumerate(plain):
        for j, other in enumerate(plain):
            shared = np.shares_memory(one.data, other.data)
            assert np.shares_memory(found[i].data, found[j].data) == shared, (i, j)


def test_a_view_that_is_read_by_numpy_and_returned_stays_what_it_is() -> None:
    """The result's memory was given back before C wrote to it."""

    def f(x):
        product = matmul(x, x.T)
        view = product[...]
        return [view, reshape(view, (1, -1))]

    x = np.random.default_rng(0).standard_normal((33, 33))
    compiled = jit(f, backend="c", verify=False)
    compiled(x)
    found = compiled(x)
    kept = [one.data.copy() for one in found]
    compiled(2 * x)
    for one, before in zip(found, kept, strict=True):
        assert np.array_equal(one.data, before)
        assert np.allclose(before.reshape(33, 33), x @ x.T)


@pytest.mark.parametrize(
    "index",
    [
        *(slice(5, 5), slice(5, 2), slice(3, 9, -1), slice(-100, -50), (1, slice(2, 2))),
        *((..., slice(0, 0, 3)), (slice(2, 2), slice(1, 3))),
    ],
)
def test_writing_where_an_index_reads_nothing(index: Any) -> None:
    x = np.arange(12.0).reshape(3, 4)
    found, _ = ran(lambda x: [index_update(x, index, 7.0), index_add(x, index, 7.0)], x)
    assert all(np.array_equal(one, x) for one in found)


def test_arrays_of_indices_of_a_function_may_change() -> None:
    rows, picked = np.arange(3), np.array([0, 3, 1])
    x = np.arange(12.0).reshape(3, 4)

    def f(x, picked):
        return [x[rows, picked], grad(lambda y: sum(y[rows, picked] ** 2))(x)]

    compiled = jit(f, backend="c", verify=False)
    for order in ([0, 1, 2], [0, 1, 2], [2, 1, 1], [1, 0, 2], [0, 1, 2]):
        rows[:] = order
        read, slope = compiled(x, picked)
        assert np.array_equal(read.data, x[rows, picked])
        want = np.zeros((3, 4))
        np.add.at(want, (rows, picked), 2 * x[rows, picked])
        assert np.array_equal(slope.data, want)


def test_an_index_of_no_dimensions_is_an_array_too() -> None:
    x, one = np.arange(12.0).reshape(3, 4), np.array(1)
    found, _ = ran(lambda x: [x[one], x[..., None, one], x[one, np.array([0, 3])]], x)
    for made, want in zip(found, [x[1], x[:, None, 1], x[1, [0, 3]]], strict=True):
        assert np.array_equal(made, want)


def test_one_array_of_indices_is_read_in_c() -> None:
    x, index = np.arange(12.0).reshape(6, 2), np.array([5, 0, -1, 0])
    found, compiled = ran(lambda x, i: [x[i] * 2, scatter(x[i], i, (6, 2)) + 1], x, index)
    want = np.ones((6, 2))
    np.add.at(want, index, x[index])
    assert np.array_equal(found[0], x[index] * 2)
    assert np.array_equal(found[1], want)
    assert "NumPy" not in compiled.report()


@pytest.mark.parametrize(
    "size", [7, *[pytest.param(size, marks=pytest.mark.slow) for size in (1, 2, 3, 4, 31, 100)]]
)
def test_what_becomes_float32_on_its_way_is_rounded(size: int) -> None:
    x = np.arange(size) * 0.1 + 0.3
    found, _ = ran(lambda x: [x.astype(np.float32).astype(np.float64) * 3], x)
    assert np.array_equal(found[0], x.astype(np.float32).astype(np.float64) * 3)
    single = x.astype(np.float32)
    (both,), _ = ran(lambda x: [exp(power(x, 1.3))], single)
    (first,), _ = ran(lambda x: [power(x, 1.3)], single)
    (then,), _ = ran(lambda x: [exp(x)], first)
    assert np.array_equal(both, then)


def test_numpy_reads_what_is_returned_in_the_shape_of_its_own() -> None:
    def f(x: Tensor) -> list[Tensor]:
        total = sum(x)
        return [reshape(total, (1,)), std(total, keepdims=True)]

    x = np.arange(5, dtype=np.uint8)
    (one, other), _ = ran(f, x)
    assert (one.shape, other.shape) == ((1,), ())
    assert (one == 10).all()
    assert other == 0
