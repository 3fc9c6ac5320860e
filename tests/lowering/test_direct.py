"""Convolutions by Winograd's algorithm in a program, computed without it: beside the program as it
was traced, and beside PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support.in_c.tiles import direct_of, names

import autograd as ag
from autograd import Tensor, jit, program_of
from autograd.lowering.convolutions import direct
from autograd.lowering.convolutions.direct import with_direct_convolutions
from autograd.program.passes import simplified
from autograd.program.program import Program
from autograd.program.running import run
from nn.functional.winograd import winograd_conv2d

Array = NDArray[Any]
Generator = np.random.Generator
Border = tuple[tuple[int, int], tuple[int, int]]

# Of the largest number: what winograd_conv2d states by its size, and for windows, with a float32.
BOUNDS = {2: 2e-6 + 1e-6, 4: 8e-6 + 1e-6}


def border_of(rng: Generator) -> Border:
    """None, one all around, or anything else."""
    kinds = [((0, 0), (0, 0)), ((1, 1), (1, 1)), rng.integers(0, 4, (2, 2)).tolist()]
    (a, b), (c, d) = kinds[rng.integers(3)]
    return (a, b), (c, d)


class Case:
    """A convolution of random shapes: images, filters, a border, whole tiles or not, one image."""

    def __init__(self, seed: int, dtype: str = "float64") -> None:
        rng = np.random.default_rng(seed)
        self.size = int(rng.choice([2, 4]))
        self.border = border_of(rng)
        channels, filters, batch = (int(n) for n in rng.integers(1, 5, 3))
        height, width = (int(n) for n in rng.integers(3, 12, 2))
        shape, (before, after) = (channels, height, width, batch), map(sum, self.border)
        out = (filters, height + before - 2, width + after - 2, batch)
        shapes = (shape, (filters, channels, 3, 3), out, (filters,))
        self.x, self.w, self.g, self.b = (rng.normal(size=s).astype(dtype) for s in shapes)

    def convolution(self, x: Any, w: Any) -> Any:
        return winograd_conv2d(x, w, self.border, self.size)

    def loss(self, x: Any, w: Any, g: Any) -> Any:
        return (ag.tanh(self.convolution(x, w)) * g).sum()

    def biased(self, x: Any, w: Any, g: Any, b: Any) -> Any:
        y = self.convolution(x, w) + b.reshape(-1, 1, 1, 1)
        return (ag.exp(-y * y) * g).sum()


def value(case: Case, x: Any, w: Any, g: Any, b: Any) -> Any:
    return [case.convolution(x, w)]


def vjp(case: Case, x: Any, w: Any, g: Any, b: Any) -> Any:
    return ag.vjp(case.convolution, x, w)[1](g)


def gradient(case: Case, x: Any, w: Any, g: Any, b: Any) -> Any:
    return ag.grad(case.biased, argnums=(0, 1, 3))(x, w, g, b)


def backward(case: Case, x: Any, w: Any, g: Any, b: Any, create_graph: bool = False) -> Any:
    case.loss(x, w, g).backward(create_graph=create_graph)
    return [x.grad, w.grad]


def jvp(case: Case, x: Any, w: Any, g: Any, b: Any) -> Any:
    return ag.jvp(case.convolution, (x, w), (x * 2, w * 3))[1:]


def twice(case: Case, x: Any, w: Any, g: Any, b: Any) -> Any:
    def squares(x: Any, w: Any, g: Any) -> Any:
        return sum((part * part).sum() for part in ag.grad(case.loss, argnums=(0, 1))(x, w, g))

    return ag.grad(squares, argnums=(0, 1, 2))(x, w, g)


def hvp(case: Case, x: Any, w: Any, g: Any, b: Any) -> Any:
    return [*ag.hvp(lambda x, w: case.loss(x, w, g), (x, w), (x * 2, w * 3))]


def thrice(case: Case, x: Any, w: Any, g: Any, b: Any) -> Any:
    def squares(x: Any, w: Any) -> Any:
        return sum((part * part).sum() for part in twice(case, x, w, g, b)[:2])

    return ag.grad(squares, argnums=(0, 1))(x, w)


def at_once(case: Case, x: Any, w: Any, g: Any, b: Any) -> Any:
    """A weight that is shared: sums of products of both kinds."""

    def both(x: Any, w: Any) -> Any:
        return (case.convolution(x, w) * g).sum() + (case.convolution(ag.tanh(x), w) ** 2).sum()

    return [*ag.grad(both, argnums=(0, 1))(x, w), *ag.jvp(both, (x, w), (w.sum() * x, w))]


FIRST = (value, vjp, gradient, backward, partial(backward, create_graph=True), jvp, at_once)
HIGHER = (twice, hvp, thrice)


def traced(f: Callable[..., Any], case: Case) -> Program:
    given = [Tensor(a, requires_grad=True) for a in (case.x, case.w, case.g, case.b)]
    return program_of(partial(f, case), *given)


def relative(made: Any, wanted: Any) -> float:
    """How far results are from others, of the largest number of each."""
    pairs = zip(made, wanted, strict=True)
    return max(float(np.abs(a - b).max() / np.abs(b).max()) for a, b in pairs)


# --- beside the program as it was traced ---------------------------------------------------------


@pytest.mark.parametrize("f", FIRST + HIGHER)
@pytest.mark.parametrize("simpler", [False, True], ids=["as traced", "simplified"])
@pytest.mark.parametrize("seed", range(6))
def test_the_same_is_computed(f: Callable[..., Any], simpler: bool, seed: int) -> None:
    case = Case(seed * len(FIRST + HIGHER) + (FIRST + HIGHER).index(f))
    program = traced(f, case)
    if simpler:
        program = simplified(program)
    given = case.x, case.w, case.g, case.b
    # Each sweep through Winograd's algorithm rounds some hundred terms, by coefficients up to 3.
    assert relative(run(direct_of(program), given), run(program, given)) < 1e-10


@pytest.mark.parametrize("f", [value, vjp])  # both linear
@pytest.mark.parametrize("seed", range(100, 110))
def test_in_float32(f: Callable[..., Any], seed: int) -> None:
    case = Case(seed, "float32")
    program = simplified(traced(f, case))
    given = case.x, case.w, case.g, case.b
    made = run(direct_of(program), given)
    assert [a.dtype for a in made] == [np.float32] * len(made)
    assert relative(made, run(program, given)) < BOUNDS[case.size]


@pytest.mark.parametrize("single", ["x", "w"])
@pytest.mark.parametrize("seed", range(200, 204))
def test_images_and_weight_of_two_precisions(single: str, seed: int) -> None:
    case = Case(seed)
    setattr(case, single, getattr(case, single).astype(np.float32))
    program = traced(vjp, case)
    given = case.x, case.w, case.g, case.b
    made, wanted = run(direct_of(program), given), run(program, given)
    assert [a.dtype for a in made] == [a.dtype for a in wanted]
    assert relative(made, wanted) < BOUNDS[case.size]


def test_calls_are_those_of_im2col() -> None:
    """As nn's convolution traces where it is by windows."""
    program = direct_of(traced(vjp, Case(0)))
    assert names(program) - {"alias"} <= {
        *("reshape", "transpose", "pad", "sliding_windows", "matmul", "fold_windows", "getitem"),
    }
    assert [call.op.name for call in program.calls].count("matmul") == 2
    assert [call.op.name for call in program.calls].count("sliding_windows") == 1


def test_parts_of_a_sweep_belong_to_calls_that_are_there() -> None:
    program = direct_of(simplified(traced(gradient, Case(1))))
    for call in program.calls:
        assert call.part is None or 0 <= call.part.call < len(program.calls)


@pytest.mark.parametrize("where", ["x", "w"])
def test_infinite_numbers_reach_what_they_are_factors_of(where: str) -> None:
    case = Case(3)
    array = getattr(case, where)
    array[0, 1, 1, 0] = np.inf
    given = case.x, case.w, case.g, case.b
    with np.errstate(invalid="ignore"):
        program = traced(value, case)
        (made,), (spread,) = run(direct_of(program), given), run(program, given)
        padded = np.pad(case.x, ((0, 0), *case.border, (0, 0)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
        wanted = np.einsum("chwnuv,fcuv->fhwn", windows, case.w)
    np.testing.assert_array_equal(np.isfinite(made), np.isfinite(wanted))
    assert (np.isfinite(spread) <= np.isfinite(made)).all()


# --- beside PyTorch ------------------------------------------------------------------------------


def torch_loss(torch: Any, case: Case, x: Any, w: Any, g: Any) -> Any:
    (top, bottom), (left, right) = case.border
    padded = torch.nn.functional.pad(x.permute(3, 0, 1, 2), (left, right, top, bottom))
    y = torch.nn.functional.conv2d(padded, w)
    return (torch.tanh(y.permute(1, 2, 3, 0)) * g).sum()


@pytest.mark.oracle
@pytest.mark.parametrize("seed", range(300, 312))
def test_gradients_of_both_orders_are_those_of_torch(torch: Any, seed: int) -> None:
    case = Case(seed)
    given = case.x, case.w, case.g
    leaves = [torch.tensor(a, requires_grad=True) for a in given]
    grads = torch.autograd.grad(torch_loss(torch, case, *leaves), leaves[:2], create_graph=True)
    seconds = torch.autograd.grad(sum((part * part).sum() for part in grads), leaves)
    for f, wanted in ((backward, grads), (twice, seconds)):
        made = run(direct_of(traced(f, case)), (*given, case.b))
        assert relative(made, [t.detach().numpy() for t in wanted]) < 1e-12


# --- in C ----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("in_c")
@pytest.mark.parametrize("seed", [400, 401])
def test_a_jitted_function_shows_what_runs(seed: int) -> None:
    case = Case(seed, "float32")
    f = jit(partial(gradient, case), backend="c")
    given = case.x, case.w, case.g, case.b
    made = f(*given)  # call by call beside NumPy
    assert relative(made, gradient(case, *given)) < BOUNDS[case.size]
    assert "tiles" not in f.report() + f.source
    assert f.program is not None
    assert not {"transform_tiles", "fold_tiles"} & names(f.program)


@pytest.mark.usefixtures("in_c")
def test_a_function_that_is_differentiated_from_outside() -> None:
    """Its sweep to come keeps tiles, and so they are read."""
    case = Case(402)
    f = jit(case.loss, backend="c")
    leaves = [Tensor(a, requires_grad=True) for a in (case.x, case.w)]
    f(*leaves, case.g).backward()
    wanted = ag.grad(case.loss, argnums=(0, 1))(case.x, case.w, case.g)
    assert relative([leaf.grad.data for leaf in leaves if leaf.grad is not None], wanted) < 1e-10


def test_whoever_says_that_it_is_no_better_has_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[Any, ...]] = []

    def third(*given: Any) -> bool:
        asked.append(given)
        return len(asked) == 3

    monkeypatch.setattr(direct, "is_better", third)
    case = Case(5)
    both, sizes = {case.x.shape[0], len(case.w)}, case.g.shape[1:3]
    made = with_direct_convolutions(traced(vjp, case)).check()
    assert [({a, b}, *rest) for a, b, *rest in asked] == [(both, 3, case.size, sizes)] * 3
    assert "fold_tiles" in names(made)
    assert names(made) & {"sliding_windows", "fold_windows"}
