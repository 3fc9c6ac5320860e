"""Sums of products of matrices that become one product of stacks: beside the program as it was
traced, and in C."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import autograd as ag
from autograd import Tensor, jit, program_of
from autograd.lowering.products.batches import with_whole_batches
from autograd.lowering.products.stacks import with_stacks
from autograd.program.passes import simplified
from autograd.program.program import Program
from autograd.program.running import compute, run

Array = NDArray[Any]
Generator = np.random.Generator
ROWS, COLUMNS = 12, 10  # so many that adding takes longer than copying


def counts(program: Program) -> Counter[str]:
    return Counter(call.op.name for call in program.calls)


def beside(
    pass_: Callable[[Program], Program], f: Callable[..., Any], *given: Array
) -> tuple[Counter[str], Counter[str]]:
    """What a function calls, and what it calls after a pass, which must give the same."""
    program = simplified(program_of(f, *map(Tensor, given)))
    made = pass_(program).check()
    assert made.wanted() == program.wanted()
    for was, now in zip(_results(program, given), _results(made, given), strict=True):
        assert was.dtype == now.dtype
        assert was.shape == now.shape
        np.testing.assert_array_equal(np.isnan(was), np.isnan(now))
        tolerance = 1e4 * np.finfo(was.dtype).eps if was.dtype.kind == "f" else 0
        np.testing.assert_allclose(now, was, rtol=tolerance, atol=tolerance * _size(was))
    return counts(program), counts(made)


def _size(x: Array) -> float:
    return float(np.abs(x[np.isfinite(x)]).max(initial=0.0))


def _results(program: Program, given: tuple[Array, ...]) -> list[Array]:
    with np.errstate(all="ignore"):
        found = run(program, list(given))
    return [np.asarray(x) for x in (found if isinstance(found, list) else [found])]


def factors(n: int, rng: Generator, dtype: str = "float64") -> tuple[Array, Array]:
    return (
        rng.normal(size=(n, 4, 64)).astype(dtype),
        rng.normal(size=(n, 4, 48)).astype(dtype),
    )


def terms(x: Any, g: Any, n: int) -> list[Any]:
    """n products (64, 4) @ (4, 48), of what is computed for each."""
    return [ag.tanh(x[i]).T @ ag.sin(g[i]) for i in range(n)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_chain_is_one_product(dtype: str) -> None:
    rng = np.random.default_rng(0)

    def chain(x: Any, g: Any) -> Any:
        total, *rest = terms(x, g, 9)
        for term in rest:
            total = total + term
        return total

    before, after = beside(with_stacks, chain, *factors(9, rng, dtype))
    assert (before["matmul"], before["add"]) == (9, 8)
    assert (after["matmul"], after["add"], after["concatenate"]) == (1, 0, 2)


@pytest.mark.parametrize("seed", range(12))
def test_trees_of_any_shape(seed: int) -> None:
    """Of products of different lengths, transposed or reshaped, of sums that are transposed as a
    whole, and of other terms."""
    rng = np.random.default_rng(seed)
    n = 12

    def leaf(i: int, x: Any, g: Any) -> Any:
        length = 1 + (seed + i) % 4
        a, b = ag.tanh(x[i, :length]), ag.sin(g[i, :length])
        return [
            lambda: a.T @ b,
            lambda: (b.T @ a).T,
            lambda: (a.T @ b).reshape(48, 64).reshape(64, 48),
            lambda: ag.exp(x[i, 0, :, None] + g[i, 0]),
        ][rng.integers(4)]()

    def tree(parts: list[Any]) -> Any:
        if len(parts) == 1:
            return parts[0]
        cut = int(rng.integers(1, len(parts)))
        left, right = tree(parts[:cut]), tree(parts[cut:])
        return (left.T + right.T).T if rng.integers(2) else left + right

    def f(x: Any, g: Any) -> Any:
        return tree([leaf(i, x, g) for i in range(n)])

    before, after = beside(with_stacks, f, *factors(n, rng))
    assert after["matmul"] < before["matmul"]
    assert after["matmul"] <= 4  # one for each way in which products are seen


def test_batches_of_products() -> None:
    rng = np.random.default_rng(1)

    def f(x: Any, g: Any) -> Any:
        a, b = ag.tanh(x), ag.sin(g)
        return sum(a[i].mT @ b[i] for i in range(1, 6)) + a[0].mT @ b[0]

    given = rng.normal(size=(6, 3, 2, 32)), rng.normal(size=(6, 3, 2, 40))
    _, after = beside(with_stacks, f, *given)
    assert after["matmul"] == 1


def test_infinities_and_nan_stay() -> None:
    rng = np.random.default_rng(2)
    x, g = factors(6, rng)
    x[1, 0, 3], x[2, 1, 4], g[4, 2, 5] = np.inf, -np.inf, np.nan
    x[0, 0, 7], x[5, 0, 7] = np.inf, -np.inf

    def f(x: Any, g: Any) -> Any:
        return sum((abs(x[i]) * x[i]).T @ abs(g[i]) for i in range(1, 6)) + x[0].T @ abs(g[0])

    with np.errstate(all="ignore"):
        _, after = beside(with_stacks, f, x, g)
    assert after["matmul"] == 1


def test_what_others_read_stays() -> None:
    rng = np.random.default_rng(3)

    def product(x: Any, g: Any) -> Any:
        first, *rest = terms(x, g, 6)
        return [sum(rest, first), ag.exp(first)]

    def partial_sum(x: Any, g: Any) -> Any:
        a, b, c, d = terms(x, g, 4)
        return [a + b, (a + b) + c + d]

    _, after = beside(with_stacks, product, *factors(6, rng))
    assert after["matmul"] == 2
    _, after = beside(with_stacks, partial_sum, *factors(4, rng))
    assert after["matmul"] >= 2


def test_few_sums_of_long_products_stay() -> None:
    rng = np.random.default_rng(4)
    given = rng.normal(size=(3, 400, 8)), rng.normal(size=(3, 400, 9))
    before, after = beside(with_stacks, lambda x, g: sum(terms(x, g, 3)), *given)
    assert before == after


def test_integers_and_numbers_stay() -> None:
    rng = np.random.default_rng(5)
    x, g = rng.integers(-9, 9, (6, 4, 64)), rng.integers(-9, 9, (6, 4, 48))
    before, after = beside(
        with_stacks, lambda x, g: sum(x[i].T @ g[i] for i in range(1, 6)) + x[0].T @ g[0], x, g
    )
    assert before["matmul"] == after["matmul"]
    x, g = factors(6, rng)
    _, after = beside(with_stacks, lambda x, g: sum(terms(x, g, 6)) + 2.5, x, g)
    assert after["matmul"] == 1
    _, after = beside(with_stacks, lambda x, g: sum(terms(x, g, 6)) + g[0, 0], x, g)
    assert after["matmul"] == 1  # which broadcasts


def test_a_stack_that_is_there_is_read() -> None:
    rng = np.random.default_rng(6)

    def before(x: Any, g: Any) -> Any:
        rows = [ag.tanh(x[i]) for i in range(7)]
        stacked = ag.stack(rows)
        total = sum(rows[i].T @ ag.sin(g[i]) for i in range(5, -1, -1)) + rows[6].T @ ag.sin(g[6])
        return [total, ag.exp(stacked)]

    def after(x: Any, g: Any) -> Any:
        rows = [ag.tanh(x[i]) for i in range(7)]
        total = sum(rows[i].T @ ag.sin(g[i]) for i in range(5, -1, -1)) + rows[6].T @ ag.sin(g[6])
        return [total, ag.exp(ag.concatenate([row[None] for row in rows]))]

    for f in (before, after):
        _, made = beside(with_stacks, f, *factors(7, rng))
        assert made["matmul"] == 1
        assert made["concatenate"] + made["stack"] == 2


def test_what_is_stacked_twice_is_one_but_for_results() -> None:
    """Results would share memory."""
    rng = np.random.default_rng(12)
    x, g = factors(6, rng)
    for kind, result, left in [("f8", False, 1), ("f4", False, 1), ("f8", True, 2)]:

        def f(x: Any, g: Any, kind: str = kind, result: bool = result) -> Any:
            rows = [ag.tanh(x[0]), ag.cos(x[1]).astype(kind)]
            both = ag.stack(rows), ag.concatenate(rows)
            first, *rest = terms(x, g, 6)
            return [sum(rest, first), *(both if result else map(ag.exp, both))]

        _, made = beside(with_stacks, f, x, g)
        assert made["concatenate"] + made["stack"] == 2 + left


def test_terms_lie_as_what_is_stacked_once_and_is_there() -> None:
    """One factor is in several terms, so that those have no order by it."""
    rng = np.random.default_rng(13)

    def f(x: Any, g: Any) -> Any:
        a, b = [ag.tanh(x[i]).T for i in range(2)]
        gs = [ag.sin(g[i]) for i in range(6)]
        total = a @ gs[5]
        for i in range(4, -1, -1):
            total = total + (a if i % 2 else b) @ gs[i]
        pair, stacked = ag.concatenate([b.T, a.T]), ag.stack(gs)
        return [total, ag.exp(pair), ag.exp(stacked)]

    _, made = beside(with_stacks, f, *factors(6, rng))
    assert made["matmul"] == 1
    assert made["concatenate"] + made["stack"] == 3


def test_sums_along_another_axis_of_what_is_stacked_stay() -> None:
    rng = np.random.default_rng(14)

    def f(x: Any, g: Any) -> Any:
        gs = [ag.sin(g[i]) for i in range(8)]
        weight = sum(ag.tanh(x[i]).T @ gs[i] for i in range(1, 8)) + ag.tanh(x[0]).T @ gs[0]
        return [weight, sum(gs[i].T.sum(axis=0) for i in range(1, 8)) + gs[0].T.sum(axis=0)]

    before, after = beside(with_stacks, f, *factors(8, rng))
    assert (after["sum"], after["matmul"], after["concatenate"]) == (before["sum"], 1, 2)


def test_numbers_in_another_order_of_bytes_are_others() -> None:
    """NumPy's numbers, which an index of all axes gives, are in the machine's order."""
    rng = np.random.default_rng(15)
    swapped = np.dtype(float).newbyteorder()
    numbers = [rng.normal(size=1).astype(swapped) for _ in range(9)]

    def f(x: Any) -> Any:
        first, *rest = [
            ag.tanh(row).T @ ag.reshape(ag.getitem(number, 0), (1, 1))
            for row, number in zip(x, numbers, strict=True)
        ]
        return sum(rest, first)

    x = rng.normal(size=(9, 1, 1500))
    _, after = beside(with_stacks, f, x)
    assert after["matmul"] == 1
    made = with_stacks(simplified(program_of(f, Tensor(x))))
    arrays = {slot: constant.array for slot, constant in made.constants.items()}
    arrays[made.inputs[0].slot] = x
    for call in made.calls:
        arrays |= zip(call.gives(), compute(call, arrays), strict=True)
        assert all(arrays[slot].dtype == made.slots[slot].dtype for slot in call.gives())


def test_sums_along_what_is_stacked_are_one() -> None:
    rng = np.random.default_rng(7)

    def f(x: Any, g: Any) -> Any:
        gs = [ag.sin(g[i]) for i in range(8)]
        weight = sum(ag.tanh(x[i]).T @ gs[i] for i in range(1, 8)) + ag.tanh(x[0]).T @ gs[0]
        bias = sum(gs[i].sum(axis=0) for i in range(1, 8)) + gs[0].sum(axis=0)
        return [weight, bias]

    def alone(x: Any, g: Any) -> Any:
        return sum(ag.sin(g[i]).sum(axis=0) for i in range(1, 8)) + x[0, 0, :48]

    before, after = beside(with_stacks, f, *factors(8, rng))
    assert before["sum"] == 8
    assert (after["sum"], after["matmul"], after["concatenate"]) == (1, 1, 2)
    before, after = beside(with_stacks, alone, *factors(8, rng))
    assert before == after


# --- batches -----------------------------------------------------------------------------------


@pytest.mark.parametrize("axis", [0, 1, (0, 1), (1, 0), -4])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("turned", [False, True])
def test_sums_over_a_batch(axis: Any, keepdims: bool, turned: bool) -> None:
    rng = np.random.default_rng(8)

    def f(x: Any, g: Any) -> Any:
        y = ag.tanh(x).mT @ ag.sin(g)
        return (y.mT if turned else y).sum(axis=axis, keepdims=keepdims)

    given = rng.normal(size=(3, 5, 4, 16)), rng.normal(size=(3, 5, 4, 12))
    before, after = beside(with_whole_batches, f, *given)
    assert before["sum"] == 1
    assert after["sum"] == 0


def test_sums_over_a_batch_of_axes_that_lie_anyhow() -> None:
    rng = np.random.default_rng(9)
    x, g = rng.normal(size=(4, 3, 16)), rng.normal(size=(3, 4, 12))
    f = lambda x, g: (ag.transpose(x, (1, 2, 0)) @ g).sum(axis=0)  # noqa: E731
    before, after = beside(with_whole_batches, f, x, g)
    assert after["sum"] == before["sum"] - 1
    long = rng.normal(size=(400, 3, 2)), rng.normal(size=(3, 400, 2))
    before, after = beside(with_whole_batches, f, *long)  # to copy takes longer than to add
    assert before == after


def test_sums_over_other_axes_of_products_stay() -> None:
    rng = np.random.default_rng(10)
    x, g = rng.normal(size=(3, 4, 16)), rng.normal(size=(3, 4, 12))
    for axis in (1, 2, (0, 1), None):
        before, after = beside(with_whole_batches, lambda x, g, a=axis: (x.mT @ g).sum(a), x, g)
        assert before == after
    before, after = beside(with_whole_batches, lambda x, g: [y := x.mT @ g, y.sum(axis=0)], x, g)
    assert before == after


def test_many_small_matrices_by_one() -> None:
    rng = np.random.default_rng(11)
    w = rng.normal(size=(64, 32))
    f = lambda x, w: ag.tanh(x @ w)  # noqa: E731
    _, after = beside(with_whole_batches, f, rng.normal(size=(300, 8, 64)), w)
    assert after["reshape"] == 2
    before, after = beside(with_whole_batches, f, rng.normal(size=(30, 8, 64)), w)
    assert before == after  # which stays in C
    before, after = beside(
        with_whole_batches,
        lambda x, w: ag.tanh(ag.transpose(x, (1, 0, 2)) @ w),
        rng.normal(size=(8, 300, 64)),
        w,
    )
    assert before == after  # which would be copied


# --- in C --------------------------------------------------------------------------------------


class Recurrence:
    """h' = tanh(x W + h U + b), with gates that are parts of one product."""

    def __init__(self, steps: int, dtype: str) -> None:
        rng = np.random.default_rng(steps)
        self.steps = steps
        self.shapes = (24, 96), (24, 96), (96,), (steps, 6, 24)
        self.given = [rng.normal(size=s).astype(dtype) * 0.3 for s in self.shapes]

    def loss(self, w: Any, u: Any, b: Any, x: Any) -> Any:
        h = ag.tanh(x[0])
        for i in range(self.steps):
            i, f, g, o = ag.split(x[i] @ w + h @ u + b, 4, axis=1)
            h = ag.expit(o) * ag.tanh(ag.expit(f) * h + ag.expit(i) * ag.tanh(g))
        return (h * h).sum()


@pytest.mark.usefixtures("in_c")
@pytest.mark.parametrize(
    ("steps", "dtype"),
    [
        (3, "float64"),
        pytest.param(11, "float64", marks=pytest.mark.slow),
        pytest.param(20, "float32", marks=pytest.mark.slow),
    ],
)
def test_gradients_of_a_recurrence(steps: int, dtype: str) -> None:
    case = Recurrence(steps, dtype)
    f = jit(lambda *given: ag.grad(case.loss, argnums=(0, 1, 2))(*given), backend="c")
    wanted = ag.grad(case.loss, argnums=(0, 1, 2))(*map(Tensor, case.given))
    found = f(*map(Tensor, case.given))
    for got, want in zip(found, wanted, strict=True):
        tolerance = 1e3 * np.finfo(dtype).eps * _size(want.numpy())
        np.testing.assert_allclose(got.numpy(), want.numpy(), rtol=0, atol=tolerance)
    made = counts(f.program)
    assert made["matmul"] <= 3 * steps + 3


@pytest.mark.slow
@pytest.mark.usefixtures("in_c")
def test_second_derivatives_of_a_recurrence() -> None:
    case = Recurrence(4, "float64")

    def penalty(w: Any, u: Any, b: Any, x: Any) -> Any:
        first = ag.grad(case.loss, argnums=(0, 1))(w, u, b, x)
        return sum((g * g).sum() for g in first)

    second = ag.grad(penalty, argnums=(0, 1, 2))
    wanted = second(*map(Tensor, case.given))
    found = jit(lambda *given: second(*given), backend="c")(*map(Tensor, case.given))
    for got, want in zip(found, wanted, strict=True):
        tolerance = 1e4 * np.finfo(float).eps * _size(want.numpy())
        np.testing.assert_allclose(got.numpy(), want.numpy(), rtol=0, atol=tolerance)
