"""Winograd's convolution with filters of 3 by 3: fewer multiplications than im2col needs.

F(m x m, 3 x 3) makes m by m pixels of output from a tile of t by t of input, t = m + 2:
Y = A^T [(G w G^T) * (B^T d B)] A, where the products of numbers (*) are summed over the channels
(Lavin & Gray 2016, "Fast algorithms for convolutional neural networks", section 4). A
pixel of output takes t^2 / m^2 multiplications for each channel instead of 9: 4 for m = 2 and 2.25
for m = 4. All three transforms are linear, so that the gradient is a composition like the forward.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import log2, prod
from typing import NamedTuple

import numpy as np

from autograd import Tensor
from autograd.ops.shapes.winograd import Matrix, Pair, fold_tiles, transform_tiles


class Algorithm(NamedTuple):
    """The matrices B^T (t, t), G (t, 3) and A (t, m) of F(m x m, 3 x 3)."""

    size: int
    of_input: Matrix
    of_weight: Matrix
    of_output: Matrix


def toom_cook(size: int, points: Sequence[Fraction]) -> Algorithm:
    """F(size x size, 3 x 3) by interpolation at m + 1 points and at infinity.

    A tile d and a filter w along one axis are the coefficients of polynomials. Their correlation is
    the transpose of a product of polynomials, which is known from its values at t points: row i of
    G and of A evaluates at a_i, row i of B^T holds the coefficients of prod_{k != i} (x - a_k), and
    G is divided by prod_{k != i} (a_i - a_k) (Lavin & Gray 2016, section 4; Barabasz et al. 2020,
    "Error analysis and improving the accuracy of Winograd convolution for deep neural networks",
    section 2). Rows of B^T and G may be scaled against each other: by powers of two, so that both
    have numbers of about one size.
    """
    of_input, of_weight, of_output = [], [], []
    for point in (*points, None):  # None is infinity, where the highest coefficient is left
        others = [p for p in points if p != point]
        row = [float(c) for c in _with_roots(others)]
        row += [0.0] * (len(points) + 1 - len(row))
        if point is None:
            evaluated = [0.0, 0.0, 1.0]
            of_output.append((0.0,) * (size - 1) + (1.0,))
        else:
            scale = prod(point - other for other in others)
            evaluated = [float(point**j / scale) for j in range(3)]
            of_output.append(tuple(float(point**j) for j in range(size)))
        ratio = sum(map(abs, evaluated)) / sum(map(abs, row))
        power = 2.0 ** round(log2(ratio) / 2)
        of_input.append(tuple(c * power for c in row))
        of_weight.append(tuple(c / power for c in evaluated))
    return Algorithm(size, tuple(of_input), tuple(of_weight), tuple(of_output))


def _with_roots(roots: Sequence[Fraction]) -> list[Fraction]:
    """The coefficients of prod (x - root), that of x^0 first."""
    coefficients = [Fraction(1)]
    for root in roots:
        higher, lower = [Fraction(0), *coefficients], [*coefficients, Fraction(0)]
        coefficients = [h - root * c for h, c in zip(higher, lower, strict=True)]
    return coefficients


# For tiles of 4 the paper has the points 0, 1, -1, 2 and -2. Of pairs of fractions of 16 these are
# among the most accurate: the errors are a fourth of those with the paper's points.
ALGORITHMS = {
    2: toom_cook(2, [Fraction(0), Fraction(1), Fraction(-1)]),
    4: toom_cook(4, [Fraction(n, 4) for n in (0, 3, -3, 6, -6)]),
}


def winograd_size(channels: int, filters: int, sizes: Pair, batch: int) -> int | None:
    """The size with which winograd_conv2d is faster than im2col, forward and backward together.

    Measured in float32 on two cores, in alternation, as a ratio of medians:

        channels, images, batch     size 2     size 4
        8 -> 8, 28x28, 64           1.05       0.80
        16 -> 16, 28x28, 64         0.75       0.55
        32 -> 32, 28x28, 64         0.69       0.53
        32 -> 32, 28x28, 8          1.0        0.76
        16 -> 32, 28x28, 64         1.1        0.83
        32 -> 64, 14x14, 64         0.83       0.84
        64 -> 64, 14x14, 64         0.68       0.67
        64 -> 64, 7x7, 64           1.1        0.84
        128 -> 128, 28x28, 32       0.57       0.41
        256 -> 256, 16x16, 32       0.58       0.39
        64 -> 64, 112x112, 1        0.78       0.63

    The transforms cost the same for each channel, whatever is saved in the product of all channels
    with all filters; so few channels lose (4 -> 16: 1.3 with size 4), many filters on few channels
    (16 -> 64: forward 1.27) and small arrays (16 -> 32, 14x14, 64: 1.05, 64 -> 64, 14x14, 8: 1.04).
    Size 2 is the more accurate, and no slower where tiles of 4 would be left empty in part.

    Args:
        channels, filters: of the weight.
        sizes: height and width of the output.
        batch: the number of images.

    Returns:
        None where im2col is faster, or no slower within what the measurements scatter.
    """

    def covered(size: int) -> int:
        return prod(-(-n // size) * size for n in sizes)

    least = min(channels, filters)
    if least < 8 or filters > 2 * channels:
        return None
    if channels * prod(sizes) * batch < (1 << 17 if channels >= 32 else 1 << 19):
        return None
    if covered(4) <= 1.2 * covered(2):
        return 4
    return 2 if least >= 16 else None


def winograd_conv2d(x: Tensor, weight: Tensor, border: tuple[Pair, Pair], size: int) -> Tensor:
    """Cross-correlation with filters of 3 by 3 at every pixel, by F(size x size, 3 x 3).

    In float32 the result, and both gradients, differ from those in float64 by at most 2e-6 of the
    largest element for size 2, and 8e-6 for size 4; im2col's by 1e-6. Seen at 16 to 256 channels
    with the weights of He et al. (2015): 0.9e-6, 3e-6 and 0.5e-6.

    A pixel that is inf or NaN makes NaN of every pixel of output whose tile it lies in, not only of
    those whose filter covers it.

    Args:
        x: (C, H, W, N).
        weight: (F, C, 3, 3).
        border: pixels of padding with zeros, before and after, for both axes.
        size: 2 or 4, pixels along each side of a tile of output.

    Returns:
        (F, H', W', N) with H' = H + sum(border[0]) - 2, and so for the width. Sizes that are no
        multiple of `size` are rounded up to whole tiles, and what is too much is dropped.
    """
    algorithm = ALGORITHMS[size]
    filters, channels = weight.shape[:2]
    sizes = (x.shape[1] + sum(border[0]) - 2, x.shape[2] + sum(border[1]) - 2)
    counts = (-(-sizes[0] // size), -(-sizes[1] // size))
    tile = (size + 2) ** 2
    matrix = np.asarray(algorithm.of_weight, np.result_type(weight.dtype, 1.0))
    both = np.kron(matrix, matrix).copy()  # what it gives is a view
    both.flags.writeable = False  # so that a program can rely on its numbers
    kernels = (Tensor(both) @ weight.reshape(-1, 9).T).reshape(tile, filters, channels)
    before = (-border[0][0], -border[1][0])
    tiles = transform_tiles(x, algorithm.of_input, size, before, counts)
    products = kernels @ tiles.reshape(tile, channels, -1)
    products = products.reshape(size + 2, size + 2, filters, *counts, x.shape[3])
    return fold_tiles(products, algorithm.of_output, size, (0, 0), sizes)
