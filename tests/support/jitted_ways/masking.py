"""Shapes that hang on the numbers of a tensor."""

from __future__ import annotations

from typing import Any

import numpy as np
from support.jitted_ways.playing import Play
from support.jitted_ways.table import numbers, way

import autograd as ag
import nn
from autograd import Tensor

# Two above zero in the first three, and then another number of them.
SOME_ABOVE_ZERO = (
    [1, 2, -1],
    [2, -3, 5],
    [-4, 1, 8],
    [1, 2, 3],
    [-1, -2, 5],
    [7, 7, 8],
    [1, 2, -1],
    [-4, 1, 8],
)


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
    for values in SOME_ABOVE_ZERO:
        play(f, Tensor(np.array(values, float)))


@way("right")
def the_size_of_a_masked_tensor(play: Play) -> None:
    f = play.jit(lambda x: x * x[x > 0].size)
    for values in SOME_ABOVE_ZERO:
        play(f, Tensor(np.array(values, float)))


@way("right")
def a_gradient_through_a_mask(play: Play) -> None:
    f = play.jit(ag.grad(lambda x: (x[x > 0] ** 2).sum()))
    for values in SOME_ABOVE_ZERO:
        play(f, Tensor(np.array(values, float)))


@way("right")
def what_a_mask_leaves_returned(play: Play) -> None:
    f = play.jit(lambda x: (x[x > 0], x[x <= 0] * 2))
    for x in numbers(6):
        play(f, Tensor(x))


@way("right")
def gradients_back_through_what_a_mask_left(play: Play) -> None:
    f = play.jit(lambda x: x[x > 0] * 3)
    for values in SOME_ABOVE_ZERO:
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

    for values in SOME_ABOVE_ZERO:
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


@ag.primitive
def positives(x: Any) -> Any:
    """Those above 0: an op of somebody's own whose shape hangs on numbers."""
    return x[x > 0]


@ag.primitive
def spread(g: Any, x: Any) -> Any:
    out = np.zeros_like(x)
    out[x > 0] = g
    return out


positives.defvjp(lambda g, out, x: spread(g, x))


@way("right")
def an_op_of_ones_own_whose_shape_hangs_on_numbers(play: Play) -> None:
    f = play.jit(ag.value_and_grad(lambda x: (positives(x) ** 2).mean()))
    for values in ([1, 2, -1], [2, -3, 5], [-4, 1, 8], [1, 2, 3], [-1, -2, 5], [2, 3, -1]):
        play(f, Tensor(np.array(values, float)))


@way("right")
def only_the_shape_of_what_an_op_of_ones_own_gives(play: Play) -> None:
    f = play.jit(lambda x: x * positives(x).size)
    for values in ([1, 2, -1], [2, -3, 5], [-4, 1, 8], [1, 2, 3], [-1, -2, 5], [2, 3, -1]):
        play(f, Tensor(np.array(values, float)))


@way("right")
def a_mask_in_the_closure_written_into(play: Play) -> None:
    mask = np.array([True, True, False])
    f = play.jit(lambda x: x[mask].mean() * x[mask].size)
    for n, x in enumerate(numbers(3)):
        mask[:] = [True, n // 4 % 2 == 0, n // 3 % 2 == 1]
        play(f, Tensor(x))


@way("right")
def a_mask_that_is_an_argument(play: Play) -> None:
    f = play.jit(lambda x, mask: x[mask].mean() * x[mask].size)
    for n, x in enumerate(numbers(3)):
        play(f, Tensor(x), np.array([True, n // 4 % 2 == 0, n // 3 % 2 == 1]))


@way("right")
def a_mask_that_is_a_buffer(play: Play) -> None:
    mask = nn.Buffer(np.array([True, True, False]))
    w = nn.Parameter(np.ones(3))
    play.watch(w)

    @play.jit
    def f(x: Tensor) -> Tensor:
        w.grad = None
        loss = ((w * x)[mask] ** 2).mean()
        loss.backward()
        return loss

    for n, x in enumerate(numbers(3)):
        mask.data = np.array([True, n // 4 % 2 == 0, n // 3 % 2 == 1])
        play(f, Tensor(x))


@way("right")
def a_step_on_what_a_mask_leaves(play: Play) -> None:
    model = nn.Linear(3, 1).to(np.float64)
    model.weight.data, model.bias.data = np.ones((1, 3)), np.zeros(1)
    optimizer = nn.optim.Adam(model.parameters(), lr=0.1)
    play.watch(model, optimizer)

    @play.jit
    def f(x: Tensor, y: Tensor) -> Tensor:
        kept = x[:, 0] > 0
        loss = ((model(x[kept]) - y[kept]) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    for x, y in zip(numbers(6, 3, count=20), numbers(6, 1, count=20), strict=True):
        x[0] = np.abs(x[0])
        play(f, Tensor(x), Tensor(y))


@way("right")
def places_that_are_updated(play: Play) -> None:
    f = play.jit(lambda x, i, v: ag.index_update(x, i, v) + ag.index_add(x, i, v))
    for n, x in enumerate(numbers(4)):
        play(f, Tensor(x), np.array([n % 4, 3 - n % 4]), Tensor(x[:2] * 3))
