"""Sums of products in blocks of registers: convolutions of any sizes, and what is made of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from support.in_c.beside_numpy import beside_numpy, expect_same_bytes
from support.in_c.convolutions import convolution_parts, windows_by_hand
from support.in_c.joining import Joined, Part
from support.in_c.together import share_all, shared_loops

import autograd as ag
from autograd import Tensor
from autograd.lowering.c_backend import CompiledC
from autograd.lowering.indices import volume
from autograd.lowering.nests import Nest
from autograd.program.passes import simplified, without_dead_calls
from autograd.program.watching import program_of
from nn import functional as F

pytestmark = pytest.mark.usefixtures("in_c")

# What GCC 12 got wrong, of reads that hang on a condition.
FAILED = [34, 233, 296]


def expect_same(parts: Sequence[Part]) -> Joined:
    made, results = beside_numpy(parts)
    for part, got, want in results:
        scale = np.abs(want).max(initial=0.0)
        gap = np.abs(got - want).max(initial=0.0)
        assert gap <= 1e3 * np.finfo(want.dtype).eps * scale, part.name
    return made


@pytest.mark.slow
def test_convolutions_that_failed() -> None:
    expect_same(convolution_parts(FAILED))


def test_a_few_convolutions() -> None:
    expect_same(convolution_parts(range(5)))


@pytest.mark.slow
def test_some_convolutions() -> None:
    made = expect_same(convolution_parts(range(21)))
    blocks = made.compiled.generated.plan.blocks.values()
    assert Counter(one.along for one in blocks)[True] > 5  # not all are loops as any other
    assert Counter(one.along for one in blocks)[False] > 5


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(20))
def test_more_convolutions(chunk: int) -> None:
    expect_same(convolution_parts(range(1000 + chunk * 28, 1028 + chunk * 28)))


def test_any_number_of_threads_gives_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    share_all(monkeypatch)
    made = Joined(convolution_parts(range(30, 32)))
    blocks = made.compiled.generated.plan.blocks
    assert any(one.groups[0].nests[0] in blocks for one in shared_loops(made.compiled))
    expect_same_bytes(made)


@pytest.mark.slow
def test_all_products_of_a_strided_convolution_run_in_blocks() -> None:
    # The gradient of the result is read by a product of BLAS's too, which has a copy of its own.
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(16, 64, 16, 16)), rng.normal(size=(128, 64, 3, 3))

    def f(x: Tensor, w: Tensor) -> Any:
        def loss(x: Tensor, w: Tensor) -> Tensor:
            return (F.conv2d(x, w, stride=2, padding=1) ** 2).sum()

        return ag.grad(loss, (0, 1))(x, w)

    arrays = (x.astype(np.float32), w.astype(np.float32))
    program = without_dead_calls(simplified(program_of(f, *map(Tensor, arrays))))
    made = expect_same([Part("strided", program, arrays)])
    assert Counter(one.along for one in made.compiled.generated.plan.blocks.values()) == {
        False: 1,
        True: 1,
    }


@pytest.mark.parametrize("rows", [1, 2, 5, 8])
def test_a_matrix_of_which_each_number_serves_few_products_is_not_copied(rows: int) -> None:
    rng = np.random.default_rng(rows)
    g, w = (rng.normal(size=s).astype(np.float32) for s in ((rows, 64), (300, 64)))
    made = expect_same([Part("g @ w.T", program_of(lambda g, w: g @ w.T, g, w), (g, w))])
    assert made.compiled.generated.plan.blocks
    assert "another order in memory" not in made.compiled.source


def test_what_lies_in_a_good_order_is_read_though_there_is_a_copy_in_another() -> None:
    """Keys and values of an attention, of which the products of scores read a copy."""
    rng = np.random.default_rng(1)
    given = tuple([rng.normal(size=(2, 3, 32, 16)).astype(np.float32) for _ in range(4)])

    def f(q: Tensor, k: Tensor, v: Tensor, g: Tensor) -> Any:
        def attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            return F.softmax(q @ k.transpose(0, 1, 3, 2) / 4.0, dim=-1) @ v

        y, back = ag.vjp(attention, q, k, v)
        return (y, *back(g))

    made = expect_same([Part("attention", program_of(f, *given), given)])
    assert [one.along for one in made.compiled.generated.plan.blocks.values()] == [False] * 6


@pytest.mark.parametrize("stride", [1, pytest.param(2, marks=pytest.mark.slow)])
@pytest.mark.parametrize("given", ["g is an input", "g is a result", "x is a result"])
def test_factors_that_lie_in_a_given_order_run_in_blocks(given: str, stride: int) -> None:
    rng = np.random.default_rng(0)
    shapes = (16, 64, 16, 16), (32, 64, 3, 3), (16, 32, 16 // stride, 16 // stride)

    def f(x: Tensor, w: Tensor, g: Tensor) -> Any:
        made = ag.tanh(g if given == "g is a result" else x)
        x, g = (made if given == f"{name} is a result" else t for name, t in (("x", x), ("g", g)))

        def loss(x: Tensor, w: Tensor) -> Tensor:
            return (F.conv2d(x, w, stride=stride, padding=1) * ag.stop_gradient(g)).sum()

        return made, *ag.grad(loss, (0, 1))(x, w)

    arrays = tuple([rng.normal(size=shape).astype(np.float32) for shape in shapes])
    program = without_dead_calls(simplified(program_of(f, *map(Tensor, arrays))))
    made = expect_same([Part(given, program, arrays)])
    # Of the weights; that of the images is BLAS's where windows are further apart.
    assert len(made.compiled.generated.plan.blocks) == 3 - stride


@pytest.mark.slow
def test_windows_too_few_for_blocks() -> None:
    # GCC 12 got reads wrong that hang on a condition, where it had written out the loop within.
    rng, parts = np.random.default_rng(0), []
    sizes = [(4, 3, 8), (3, 4, 8), (7, 4, 4), (5, 5, 4), (3, 3, 11), (4, 6, 4)]
    for height, width, filters in sizes:
        given = (
            rng.normal(size=(1, height, width, 1)).astype(np.float32),
            rng.normal(size=(1, 3, 3, filters)).astype(np.float32),
        )
        program = without_dead_calls(simplified(program_of(windows_by_hand, *map(Tensor, given))))
        parts.append(Part(f"{height} {width} {filters}", program, given))
    made = expect_same(parts)
    assert not made.compiled.generated.plan.blocks


@pytest.mark.parametrize(
    ("conv", "image", "weight", "stride"),
    [
        (F.conv1d, (2, 1, 403), (3, 1, 50), 16),
        (F.conv2d, (2, 3, 20, 23), (4, 3, 5, 5), 3),
        (F.conv2d, (2, 3, 20, 23), (4, 3, 2, 2), 3),  # places that no window reaches
    ],
)
def test_windows_apart_are_summed_where_they_reach(
    conv: Any, image: tuple[int, ...], weight: tuple[int, ...], stride: int
) -> None:
    rng = np.random.default_rng(3)
    x, w = rng.standard_normal(image), rng.standard_normal(weight)

    def slope(x: Tensor, w: Tensor) -> Any:
        y, back = ag.vjp(lambda x: conv(x, w, stride=stride), x)
        return back(y)[0]

    program = program_of(slope, x, w)
    compiled = CompiledC(program)
    [found] = compiled.run(x, w).values()
    np.testing.assert_allclose(found, slope(Tensor(x), Tensor(w)).data, rtol=1e-10, atol=1e-11)
    [fold] = [n for n, call in enumerate(program.calls) if call.op.name == "fold_windows"]
    sums = [n for n in compiled.generated.lowerer.items if isinstance(n, Nest) and fold in n.calls]
    turns = (-(-weight[-1] // stride)) ** (len(image) - 2)
    assert max(volume(nest.reduced) for nest in sums) == turns


EINSUMS = [
    *("ij,jk->ik", "abc,abd->acd", "abcd,abed->abce", "abce,abed->abcd", "ij,ij->", "ij,ij->i"),
    *("i,j->ij", "ij,kj", "aij,jk->aik", "...ij,jk->...ik", "ijk,kl->jil", "achw,fc->afhw"),
    *("ab,cd->acbd", "ij,k->i"),
]


@pytest.mark.slow
def test_einsum_is_sums_of_products() -> None:
    sizes = dict(zip("abcdefhijklw", [2, 3, 4, 5, 6, 3, 4, 3, 5, 6, 2, 3], strict=True))
    rng = np.random.default_rng(5)
    parts = []
    for subscripts in EINSUMS:
        terms = subscripts.split("->")[0].replace("...", "ab").split(",")
        x, y = [rng.standard_normal([sizes[label] for label in term]) for term in terms]

        def slopes(x: Tensor, y: Tensor, subscripts: str = subscripts) -> Any:
            out, back = ag.vjp(lambda x, y: ag.einsum(subscripts, x, y), x, y)
            return (out, *back(ag.cos(out)))

        parts.append(Part(subscripts, program_of(slopes, x, y), (x, y)))
    x = rng.standard_normal((5, 7))  # one array in two places
    parts.append(Part("x x.T", program_of(lambda x: ag.einsum("ij,kj->ik", x, x), x), (x,)))
    made = expect_same(parts)
    assert not [line for line in made.compiled.fused if line.startswith("NumPy")]


@pytest.mark.parametrize("subscripts", ["ii,ij->j", "ij->ji", "ij,jk,kl->il"])
def test_other_einsums_are_left_to_numpy(subscripts: str) -> None:
    many = [np.eye(3) + i for i in range(subscripts.count(",") + 1)]
    compiled = CompiledC(program_of(lambda *x: ag.einsum(subscripts, *x) * 2, *many))
    [found] = compiled.run(*many).values()
    np.testing.assert_array_equal(found, 2 * np.einsum(subscripts, *many))
    assert any(line.startswith("NumPy: einsum") for line in compiled.fused)


@pytest.mark.parametrize(("count", "lines"), [(1, False), (3, False), (8, True)])
def test_windows_without_lines_are_left_to_blas(count: int, lines: bool) -> None:
    """Of few images of which every other pixel is taken nothing lies side by side."""
    rng = np.random.default_rng(count)
    x = rng.standard_normal((count, 8, 20, 20)).astype(np.float32)
    w = rng.standard_normal((16, 8, 3, 3)).astype(np.float32)

    def slopes(x: Tensor, w: Tensor) -> Any:
        y, back = ag.vjp(lambda x, w: F.conv2d(x, w, stride=2, padding=1), x, w)
        return (y, *back(y))

    program = program_of(slopes, x, w)
    compiled = CompiledC(program)
    found = compiled.run(x, w)
    for slot, want in zip(program.wanted(), slopes(Tensor(x), Tensor(w)), strict=True):
        np.testing.assert_allclose(found[slot], want.data, rtol=1e-4, atol=1e-3)
    assert any("windows without lines" in line for line in compiled.fused) is not lines
