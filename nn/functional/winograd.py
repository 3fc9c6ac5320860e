"""Winograd's convolution with filters of 3 by 3: fewer multiplications than im2col needs.

F(m x m, 3 x 3) makes m by m pixels of output from a tile of t by t of input, t = m + 2:
Y = A^T [(G w G^T) * (B^T d B)] A, where the products of numbers (*) are summed over the channels
(Lavin & Gray 2016, "Fast algorithms for convolutional neural networks", section 4). A
pixel of output takes t^2 / m^2 multiplications for each channel instead of 9: 4 for m = 2 and 2.25
for m = 4. All three transforms are linear, so that the gradient is a composition like the forward.
"""

from __future__ import annotations

from math import prod
from typing import NamedTuple

import numpy as np

from autograd import Tensor
from autograd.ops.winograd import Matrix, Pair, fold_tiles, transform_tiles


class Algorithm(NamedTuple):
    """The matrices B^T, G and A of F(m x m, 3 x 3)."""

    size: int
    of_input: Matrix
    of_weight: Matrix
    of_output: Matrix


# Sections 4.1 and 4.3 of the paper.
ALGORITHMS = {
    2: Algorithm(
        size=2,
        of_input=((1, 0, -1, 0), (0, 1, 1, 0), (0, -1, 1, 0), (0, 1, 0, -1)),
        of_weight=((1, 0, 0), (1 / 2, 1 / 2, 1 / 2), (1 / 2, -1 / 2, 1 / 2), (0, 0, 1)),
        of_output=((1, 0), (1, 1), (1, -1), (0, -1)),
    ),
    4: Algorithm(
        size=4,
        of_input=(
            (4, 0, -5, 0, 1, 0),
            (0, -4, -4, 1, 1, 0),
            (0, 4, -4, -1, 1, 0),
            (0, -2, -1, 2, 1, 0),
            (0, 2, -1, -2, 1, 0),
            (0, 4, 0, -5, 0, 1),
        ),
        of_weight=(
            (1 / 4, 0, 0),
            (-1 / 6, -1 / 6, -1 / 6),
            (-1 / 6, 1 / 6, -1 / 6),
            (1 / 24, 1 / 12, 1 / 6),
            (1 / 24, -1 / 12, 1 / 6),
            (0, 0, 1),
        ),
        of_output=(
            (1, 0, 0, 0),
            (1, 1, 1, 1),
            (1, -1, 1, -1),
            (1, 2, 4, 8),
            (1, -2, 4, -8),
            (0, 0, 0, 1),
        ),
    ),
}


def winograd_size(channels: int, filters: int, sizes: Pair, batch: int) -> int | None:
    """The size with which winograd_conv2d is faster than im2col, forward and backward together.

    Measured in float32 on two cores, in alternation, as a ratio of medians:

        channels, images, batch     size 2     size 4
        16 -> 16, 28x28, 64         0.73       0.75
        32 -> 32, 28x28, 64         0.66       0.64
        32 -> 64, 14x14, 64         0.90       1.1
        64 -> 64, 14x14, 64         0.70       0.80
        128 -> 128, 28x28, 32       0.53       0.40
        256 -> 256, 16x16, 32       0.57       0.39
        64 -> 64, 112x112, 1        0.73       0.68

    The transforms cost the same for each channel, whatever is saved in the product of all channels
    with all filters; so few channels lose (8 -> 8: 0.88, 4 -> 16: 1.5), many filters on few
    channels (16 -> 64: 0.98), small arrays (64 -> 64, 14x14, 8: 1.05) and sizes that leave much of
    the last tiles empty (64 -> 64, 7x7, 64: 1.04). Size 4 loses more accuracy, and pays well from
    128 channels on.

    Args:
        channels, filters: of the weight.
        sizes: height and width of the output.
        batch: the number of images.

    Returns:
        None where im2col is faster, or no slower within what the measurements scatter.
    """

    def wasted(size: int) -> float:
        return prod(-(-n // size) * size for n in sizes) / prod(sizes)

    if min(channels, filters) < 16 or filters > 2 * channels:
        return None
    if channels * prod(sizes) * batch < 1 << 18:
        return None
    if min(channels, filters) >= 128 and wasted(4) <= 1.1:
        return 4
    return 2 if wasted(2) <= 1.2 else None


def winograd_conv2d(x: Tensor, weight: Tensor, border: tuple[Pair, Pair], size: int) -> Tensor:
    """Cross-correlation with filters of 3 by 3 at every pixel, by F(size x size, 3 x 3).

    In float32 the result, and both gradients, differ from those in float64 by at most 2e-6 of the
    largest element for size 2, and 3e-5 for size 4; im2col's by 1e-6. Seen at 16 to 256 channels
    with the weights of He et al. (2015): 0.9e-6, 1.1e-5 and 0.5e-6.

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
    matrix = np.asarray(algorithm.of_weight, np.result_type(weight.data, 1.0))
    kernels = (Tensor(np.kron(matrix, matrix)) @ weight.reshape(-1, 9).T).reshape(
        tile, filters, channels
    )
    before = (-border[0][0], -border[1][0])
    tiles = transform_tiles(x, algorithm.of_input, size, before, counts)
    products = kernels @ tiles.reshape(tile, channels, -1)
    products = products.reshape(size + 2, size + 2, filters, *counts, x.shape[3])
    return fold_tiles(products, algorithm.of_output, size, (0, 0), sizes)
