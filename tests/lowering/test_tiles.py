"""Which products of tiles are convolutions: compositions of any options, what is none and stays,
and arrays as reshapes and transposes of others."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support.in_c.tiles import direct_of, names

from autograd import Tensor, program_of
from autograd.lowering.convolutions.direct import with_direct_convolutions
from autograd.lowering.convolutions.regrouped import whole
from autograd.ops.shapes.winograd import fold_tiles, transform_tiles
from autograd.program.passes import simplified
from autograd.program.program import Program
from autograd.program.running import run
from nn.functional.winograd import toom_cook

Array = NDArray[Any]
Generator = np.random.Generator
Border = tuple[tuple[int, int], tuple[int, int]]


class Composed:
    """The three products, of tiles anywhere: beyond the images, not over all of them, in part."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        m = int(rng.integers(1, 5))
        points = [Fraction(n) for n in (0, 1, -1, 2, -2)][: m + 1]
        self.algorithm = toom_cook(m, points)
        self.m, self.counts = m, (int(rng.integers(1, 4)), int(rng.integers(1, 4)))
        self.at_x, self.at_y = (tuple(rng.integers(-4, 4, 2).tolist()) for _ in range(2))
        self.sizes_x, self.sizes_y = (tuple(rng.integers(2, 14, 2).tolist()) for _ in range(2))
        self.channels, self.filters, self.batch = (int(n) for n in rng.integers(1, 4, 3))
        self.draw(rng)
        G = np.array(self.algorithm.of_weight)
        self.matrix = np.kron(G, G).copy()  # no view of what can be written to
        self.matrix.flags.writeable = False

    def draw(self, rng: Generator) -> None:
        self.x = rng.normal(size=(self.channels, *self.sizes_x, self.batch))
        self.g = rng.normal(size=(self.filters, *self.sizes_y, self.batch))
        self.w = rng.normal(size=(self.filters, self.channels, 3, 3))

    def tiles(self, x: Any, step: int | None = None) -> Any:
        return transform_tiles(x, self.algorithm.of_input, step or self.m, self.at_x, self.counts)

    def tiles_of_g(self, g: Any) -> Any:
        return transform_tiles(g, self.algorithm.of_output, self.m, self.at_y, self.counts)

    def kernels(self, w: Any) -> Any:
        flat = Tensor(self.matrix) @ w.reshape(-1, 9).T
        return flat.reshape(-1, self.filters, self.channels)

    def of_places(self, tiles: Any) -> Any:
        return tiles.reshape(len(self.matrix), tiles.shape[2], -1)

    def tiled(self, product: Any) -> Any:
        t = self.m + 2
        return product.reshape(t, t, -1, *self.counts, self.batch)

    def folded(self, product: Any) -> Any:
        tiles = self.tiled(product)
        return fold_tiles(tiles, self.algorithm.of_output, self.m, self.at_y, self.sizes_y)

    def convolution(self, x: Any, w: Any, g: Any) -> Any:
        return self.folded(self.kernels(w) @ self.of_places(self.tiles(x)))

    def images(self, x: Any, w: Any, g: Any) -> Any:
        product = self.kernels(w).mT @ self.of_places(self.tiles_of_g(g))
        tiles, matrix = self.tiled(product), self.algorithm.of_input
        return fold_tiles(tiles, matrix, self.m, self.at_x, self.sizes_x)

    def weight(self, x: Any, w: Any, g: Any) -> Any:
        product = self.of_places(self.tiles_of_g(g)) @ self.of_places(self.tiles(x)).mT
        flat = product.reshape(len(self.matrix), -1)
        return (Tensor(self.matrix).T @ flat).T.reshape(w.shape)

    def turned_convolution(self, x: Any, w: Any, g: Any) -> Any:
        product = (self.of_places(self.tiles(x)).mT @ self.kernels(w).mT).mT
        return self.folded(product)

    def turned_weight(self, x: Any, w: Any, g: Any) -> Any:
        product = self.of_places(self.tiles(x)) @ self.of_places(self.tiles_of_g(g)).mT
        flat = product.reshape(len(self.matrix), -1).T @ Tensor(self.matrix)
        return flat.reshape(self.channels, self.filters, 3, 3).transpose(1, 0, 2, 3)

    def program(self, f: Callable[..., Any]) -> Program:
        return program_of(lambda x, w, g: f(x, w, g), self.x, self.w, self.g)

    def run(self, program: Program) -> Array:
        return np.asarray(run(program, (self.x, self.w, self.g)))


WAYS = ["convolution", "images", "weight", "turned_convolution", "turned_weight"]


@pytest.mark.parametrize("way", WAYS)
def test_options_of_all_kinds_are_taken_exactly(way: str) -> None:
    for seed in range(60):
        case = Composed(seed)
        program = case.program(getattr(case, way))
        wanted = case.run(program)
        made = with_direct_convolutions(program).check()
        np.testing.assert_allclose(case.run(made), wanted, rtol=0, atol=1e-10)
        meet = bool(np.abs(wanted).max() > 1e-6)  # or all tiles lie beyond one of the images
        assert meet is not bool({"transform_tiles", "fold_tiles"} & names(made))


# --- what stays ----------------------------------------------------------------------------------


def disturbed(matrix: Any, by: float = 1e-3) -> Any:
    rows = [list(row) for row in matrix]
    rows[1][1] += by
    return tuple(map(tuple, rows))


class Missed(Composed):
    """What is no convolution, or is more: each method is one way to miss it."""

    def draw(self, rng: Generator) -> None:
        """Sizes that are all different, and tiles that meet the images."""
        self.channels, self.filters, self.batch, self.counts = 3, 4, 2, (2, 5)
        self.at_x, self.at_y = (-1, 0), (0, 1)
        self.sizes_x, self.sizes_y = (9, 13), (8, 11)
        super().draw(rng)

    def another_matrix_of_x(self, x: Any, w: Any, g: Any) -> Any:
        self.algorithm = self.algorithm._replace(of_input=disturbed(self.algorithm.of_input))
        return self.convolution(x, w, g)

    def another_matrix_of_the_result(self, x: Any, w: Any, g: Any) -> Any:
        self.algorithm = self.algorithm._replace(of_output=disturbed(self.algorithm.of_output))
        return self.images(x, w, g)

    def another_matrix_of_the_weight(self, x: Any, w: Any, g: Any) -> Any:
        self.matrix = self.matrix * (1 + 1e-6)
        self.matrix.flags.writeable = False
        return self.weight(x, w, g)

    def filters_from_right_to_left(self, x: Any, w: Any, g: Any) -> Any:
        self.matrix = self.matrix[:, ::-1]
        return self.convolution(x, w, g)

    def filters_transposed_in_the_weight_alone(self, x: Any, w: Any, g: Any) -> Any:
        t = self.m + 2
        tiles = self.tiles(x).transpose(1, 0, 2, 3, 4, 5)
        assert tiles.shape[:2] == (t, t)
        return self.folded(self.kernels(w) @ self.of_places(tiles))

    def a_matrix_that_can_be_written_to(self, x: Any, w: Any, g: Any) -> Any:
        self.matrix = self.matrix.copy()
        return self.convolution(x, w, g)

    def a_matrix_of_which_another_view_can(self, x: Any, w: Any, g: Any) -> Any:
        self.matrix = np.broadcast_to(self.matrix.copy(), self.matrix.shape)
        return self.convolution(x, w, g)

    def images_in_another_order(self, x: Any, w: Any, g: Any) -> Any:
        tiles = self.of_places(self.tiles(x).transpose(0, 1, 2, 5, 4, 3))
        return self.folded(self.kernels(w) @ tiles)

    def images_in_two_orders(self, x: Any, w: Any, g: Any) -> Any:
        tiles = self.of_places(self.tiles(x).transpose(0, 1, 2, 5, 4, 3))
        product = self.of_places(self.tiles_of_g(g)) @ tiles.mT
        return (Tensor(self.matrix).T @ product.reshape(len(self.matrix), -1)).T.reshape(w.shape)

    def overlapping_tiles(self, x: Any, w: Any, g: Any) -> Any:
        product = self.kernels(w) @ self.of_places(self.tiles(x, self.m + 1))
        return self.folded(product)

    def a_product_that_is_returned(self, x: Any, w: Any, g: Any) -> Any:
        product = self.kernels(w) @ self.of_places(self.tiles(x))
        return self.folded(product), product

    def a_product_that_is_read(self, x: Any, w: Any, g: Any) -> Any:
        product = self.kernels(w) @ self.of_places(self.tiles(x))
        return self.folded(product), product.sum()

    def a_product_that_is_folded_twice(self, x: Any, w: Any, g: Any) -> Any:
        product = self.tiled(self.kernels(w) @ self.of_places(self.tiles(x)))
        sizes = (self.sizes_y[0] + 1, self.sizes_y[1])
        matrix = self.algorithm.of_output
        return self.folded(product), fold_tiles(product, matrix, self.m, self.at_y, sizes)

    def tiles_that_are_returned(self, x: Any, w: Any, g: Any) -> Any:
        tiles = self.of_places(self.tiles(x))
        return self.folded(self.kernels(w) @ tiles), tiles

    def a_product_changed(self, x: Any, w: Any, g: Any) -> Any:
        return self.folded(abs(self.kernels(w) @ self.of_places(self.tiles(x))))

    def a_sum_with_what_is_none(self, x: Any, w: Any, g: Any) -> Any:
        product = self.kernels(w) @ self.of_places(self.tiles(x))
        return self.folded(product + w.sum() * Tensor(np.ones(product.shape)))

    def a_sum_that_broadcasts(self, x: Any, w: Any, g: Any) -> Any:
        whole, self.counts = self.counts, (1, 1)
        one = self.tiled(self.kernels(w) @ self.of_places(self.tiles(x)))
        self.counts = whole
        return self.folded(one + self.tiled(self.kernels(w) @ self.of_places(self.tiles(x))))

    def a_product_and_itself(self, x: Any, w: Any, g: Any) -> Any:
        product = self.kernels(w) @ self.of_places(self.tiles(x))
        return self.folded(product + product)

    def a_product_doubled_and_doubled(self, x: Any, w: Any, g: Any) -> Any:
        product = self.kernels(w) @ self.of_places(self.tiles(x))
        for _ in range(40):
            product = product + product
        return self.folded(product)

    def tiles_beside_as_many_others(self, x: Any, w: Any, g: Any) -> Any:
        tiles, self.counts = self.of_places(self.tiles(x)), self.counts[::-1]
        product = self.of_places(self.tiles_of_g(g)) @ tiles.mT
        return (Tensor(self.matrix).T @ product.reshape(len(self.matrix), -1)).T.reshape(w.shape)

    def tiles_in_another_order(self, x: Any, w: Any, g: Any) -> Any:
        product = self.tiled(self.kernels(w) @ self.of_places(self.tiles(x)))
        self.counts = self.counts[::-1]
        return self.folded(product.transpose(0, 1, 2, 4, 3, 5))

    def a_use_of_ones_own(self, x: Any, w: Any, g: Any) -> Any:
        return self.tiles(x).sum(), self.folded(self.tiles_of_g(g))

    def vectors(self, x: Any, w: Any, g: Any) -> Any:
        tiles = self.of_places(self.tiles(x))
        places = tiles.reshape(1, 1, *tiles.shape).mT
        return tiles.reshape(-1)[: self.channels], places @ tiles[0, :, 0], places @ tiles

    def a_vector_of_all_tiles(self, x: Any, w: Any, g: Any) -> Any:
        tiles = self.tiles(x).reshape(-1)
        return tiles @ tiles.reshape(1, 1, -1, 1), self.kernels(w).reshape(-1) @ self.kernels(
            w
        ).reshape(1, 1, -1, 1)

    def integers(self, x: Any, w: Any, g: Any) -> Any:
        return self.convolution(x.astype(np.int64), w, g)

    def half_precision(self, x: Any, w: Any, g: Any) -> Any:
        return self.convolution(x.astype(np.float16), w, g)


MISSES = [name for name in vars(Missed) if not name.startswith("_") and name != "draw"]


@pytest.mark.parametrize("miss", MISSES)
@pytest.mark.parametrize("seed", range(4))
def test_what_is_none_stays(miss: str, seed: int) -> None:
    case = Missed(seed)
    for way in WAYS:
        direct_of(case.program(getattr(case, way)))
    program = case.program(getattr(case, miss))
    assert with_direct_convolutions(program) is program
    assert with_direct_convolutions(simplified(program)).calls == simplified(program).calls


def test_sums_of_many_products() -> None:
    case = Missed(0)

    def together(x: Any, w: Any, g: Any) -> Any:
        products = [case.kernels(w * n) @ case.of_places(case.tiles(x)) for n in range(1, 50)]
        return case.folded(sum(products[1:], products[0]))

    program = case.program(together)
    np.testing.assert_allclose(
        case.run(direct_of(program)), case.run(program), rtol=1e-9, atol=1e-9
    )


# --- arrays as reshapes and transposes of others -------------------------------------------------


def test_reshapes_and_transposes_are_those_of_numpy(rng: Generator) -> None:
    known = 0
    for _ in range(300):
        sizes = rng.choice([1, 2, 3, 4], rng.integers(1, 5)).tolist()
        array = wanted = np.arange(np.prod(sizes)).reshape(sizes)
        seen = whole(None, sizes)
        for _ in range(4):
            if rng.random() < 0.5:
                order = rng.permutation(wanted.ndim).tolist()
                wanted, found = wanted.transpose(order), seen.transposed(order)
            else:
                shape = shape_of(wanted.size, rng)
                wanted, found = wanted.reshape(shape), seen.reshaped(shape)
            if found is None:
                break
            seen, known = found, known + 1
            assert seen.shape == wanted.shape
            np.testing.assert_array_equal(seen.numbers(array), wanted)
    assert known > 600


def shape_of(size: int, rng: Generator) -> list[int]:
    """A shape with so many elements, at random."""
    shape = [1] * int(rng.integers(1, 5))
    for prime in (2, 3):
        while size % prime == 0:
            size //= prime
            shape[rng.integers(len(shape))] *= prime
    return shape
