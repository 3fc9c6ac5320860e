"""Shapes that hang on the numbers of a tensor."""

from __future__ import annotations

import numpy as np
from support.jitted_ways.playing import Play
from support.jitted_ways.table import numbers, way

import autograd as ag
from autograd import Tensor


@way("right")
def a_sum_over_a_mask(play: Play) -> None:
    f = play.jit(lambda x: x[x > 0].sum() * x)
    for x in numbers(5):
        play(f, Tensor(x))


@way("right")
def a_mean_over_a_mask(play: Play) -> None:
    f = play.jit(lambda x: x[x > 0].mean() * x)
    for n, x in enumerate(numbers(7, count=42)):
        play(f, Tensor(np.abs(x) * ([1] * (n % 7 + 1) + [-1] * (6 - n % 7))))


@way("right")
def a_mean_over_a_mask_of_one_size_at_first(play: Play) -> None:
    f = play.jit(lambda x: x[x > 0].mean())
    for values in (
        [1, 2, -1],
        [2, -3, 5],
        [-4, 1, 8],
        [1, 2, 3],
        [-1, -2, 5],
        [7, 7, 8],
        [1, 2, -1],
        [-4, 1, 8],
    ):
        play(f, Tensor(np.array(values, float)))


@way("right")
def the_size_of_a_masked_tensor(play: Play) -> None:
    f = play.jit(lambda x: x * x[x > 0].size)
    for values in (
        [1, 2, -1],
        [2, -3, 5],
        [-4, 1, 8],
        [1, 2, 3],
        [-1, -2, 5],
        [7, 7, 8],
        [1, 2, -1],
        [-4, 1, 8],
    ):
        play(f, Tensor(np.array(values, float)))


@way("right")
def a_gradient_through_a_mask(play: Play) -> None:
    f = play.jit(ag.grad(lambda x: (x[x > 0] ** 2).sum()))
    for values in (
        [1, 2, -1],
        [2, -3, 5],
        [-4, 1, 8],
        [1, 2, 3],
        [-1, -2, 5],
        [7, 7, 8],
        [1, 2, -1],
        [-4, 1, 8],
    ):
        play(f, Tensor(np.array(values, float)))


@way("right")
def what_a_mask_leaves_returned(play: Play) -> None:
    f = play.jit(lambda x: (x[x > 0], x[x <= 0] * 2))
    for x in numbers(6):
        play(f, Tensor(x))


@way("right")
def gradients_back_through_what_a_mask_left(play: Play) -> None:
    f = play.jit(lambda x: x[x > 0] * 3)
    for values in (
        [1, 2, -1],
        [2, -3, 5],
        [-4, 1, 8],
        [1, 2, 3],
        [-1, -2, 5],
        [7, 7, 8],
        [1, 2, -1],
        [-4, 1, 8],
    ):
        x = Tensor(np.array(values, float), requires_grad=True)
        y = play(f, x)
        (y * y).sum().backward()
        play.note(x)


@way("right")
def nonzero(play: Play) -> None:
    f = play.jit(lambda x: x[ag.nonzero(x > 0)].sum())
    for x in numbers(5):
        play(f, Tensor(x))


@way("right")
def counted_nonzero(play: Play) -> None:
    f = play.jit(lambda x: x * ag.count_nonzero(x > 0))
    for x in numbers(5):
        play(f, Tensor(x))


@way("right")
def places_of_nonzero_as_numbers(play: Play) -> None:
    f = play.jit(lambda x: ag.stack([*ag.nonzero(x > 0)]) * 2)
    for x in numbers(5):
        play(f, Tensor(x))


@way("right")
def a_loop_over_what_a_mask_left(play: Play) -> None:
    @play.jit
    def f(x: Tensor) -> Tensor:
        total = x[0] * 0
        for part in x[x > 0]:
            total = total * 0.5 + part
        return total

    for values in (
        [1, 2, -1],
        [2, -3, 5],
        [-4, 1, 8],
        [1, 2, 3],
        [-1, -2, 5],
        [7, 7, 8],
        [1, 2, -1],
        [-4, 1, 8],
    ):
        play(f, Tensor(np.array(values, float)))


@way("right")
def a_branch_by_how_many_a_mask_left(play: Play) -> None:
    @play.jit
    def f(x: Tensor) -> Tensor:
        found = x[x > 0]
        return x if found.shape[0] > 1 else -x

    for values in (
        [1, 2, -1],
        [2, -3, 5],
        [-4, 1, 8],
        [-1, -2, -3],
        [-1, -2, 5],
        [7, 7, 8],
        [1, 2, -1],
        [-4, 1, 8],
    ):
        play(f, Tensor(np.array(values, float)))


@way("right")
def what_a_mask_left_reshaped(play: Play) -> None:
    f = play.jit(lambda x: x[x > 0].reshape(-1, 1) @ np.ones((1, 2)))
    for x in numbers(5):
        play(f, Tensor(x))
