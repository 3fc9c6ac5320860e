"""What surrounds the step of an optimizer: gradients that add up, clipping, losses."""

from __future__ import annotations

from typing import Any

import numpy as np
from support.jitted_ways.modules import linear
from support.jitted_ways.optimizers import step_of
from support.jitted_ways.playing import Play
from support.jitted_ways.table import numbers, way

import autograd as ag
import nn
from autograd import Tensor
from autograd.engine.modes import array_of


@way("right")
def gradients_that_add_up(play: Play) -> None:
    model = linear()
    play.watch(model)

    @play.jit
    def f(x: Tensor) -> Tensor:
        loss = (model(x) ** 2).mean()
        loss.backward()
        return loss

    for n, x in enumerate(numbers(4, 3)):
        play(f, Tensor(x))
        if n % 4 == 3:
            model.zero_grad()


@way("right")
def gradients_that_add_up_within(play: Play) -> None:
    model = linear()
    optimizer = nn.optim.Adam(model.parameters())
    play.watch(model, optimizer)

    @play.jit
    def f(x: Tensor, parts: int) -> Tensor:
        optimizer.zero_grad()
        total = Tensor(0.0)
        for i in range(parts):
            loss = (model(x[i::parts]) ** 2).mean() / parts
            loss.backward()
            total = total + loss.detach()
        optimizer.step()
        return total

    for n, x in enumerate(numbers(6, 3)):
        play(f, Tensor(x), 2 + n // 4 % 2)


@way("right")
def a_gradient_that_is_assigned(play: Play) -> None:
    model = linear()
    play.watch(model)

    @play.jit
    def f(x: Tensor) -> Tensor:
        loss = (model(x) ** 2).mean()
        loss.backward()
        return loss

    for n, x in enumerate(numbers(4, 3)):
        model.weight.grad = Tensor(np.full((2, 3), n, float)) if n % 3 else None
        play(f, Tensor(x))


@way("right")
def a_gradient_written_into(play: Play) -> None:
    model = linear()
    play.watch(model)

    @play.jit
    def f(x: Tensor) -> Tensor:
        loss = model(x).sum()
        loss.backward()
        return loss

    for n, x in enumerate(numbers(4, 3)):
        play(f, Tensor(x))
        model.bias.grad.data[:] = n
        if n % 3 == 2:
            model.zero_grad()


@way("right")
def clipping_by_norm(play: Play) -> None:
    model = linear()
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
    play.watch(model, optimizer)

    @play.jit
    def f(x: Tensor, scale: Tensor) -> Tensor:
        loss = (model(x) ** 2).mean() * scale
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return loss

    for n, x in enumerate(numbers(4, 3)):
        play(f, Tensor(x), Tensor([0.01, 10.0][n % 2]))


@way("right")
def a_clipping_norm_that_changes(play: Play) -> None:
    model = linear()
    play.watch(model)
    limit = 1.0

    @play.jit
    def f(x: Tensor) -> Tensor:
        loss = (model(x) ** 2).mean()
        model.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), limit)
        return loss

    for n, x in enumerate(numbers(4, 3)):
        limit = 0.1 + n // 4
        play(f, Tensor(x))


@way("right")
def the_norm_before_clipping_returned(play: Play) -> None:
    model = linear()
    play.watch(model)

    @play.jit
    def f(x: Tensor) -> Any:
        loss = (model(x) ** 2).mean()
        model.zero_grad()
        loss.backward()
        return loss, nn.utils.clip_grad_norm_(model.parameters(), 1.0)

    for x in numbers(4, 3):
        play(f, Tensor(x))


@way("right")
def clipping_by_value(play: Play) -> None:
    model = linear()
    play.watch(model)

    @play.jit
    def f(x: Tensor) -> Tensor:
        loss = (model(x) ** 2).mean()
        model.zero_grad()
        loss.backward()
        nn.utils.clip_grad_value_(model.parameters(), 0.1)
        return loss

    for x in numbers(4, 3):
        play(f, Tensor(x))


@way("right")
def no_step_where_the_loss_is_nan(play: Play) -> None:
    model = linear()
    optimizer = nn.optim.Adam(model.parameters())
    play.watch(model, optimizer)

    @play.jit
    def f(x: Tensor) -> Tensor:
        loss = (model(x) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        if ag.isfinite(loss):
            optimizer.step()
        return loss

    for n, x in enumerate(numbers(4, 3)):
        if n in (3, 7):
            x[0, 0] = np.nan
        play(f, Tensor(x))


@way("refused")
def a_moving_average_by_numpy(play: Play) -> None:
    model, average = linear(), linear()
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
    play.watch(model, average, optimizer)

    def after() -> None:
        with ag.no_grad():
            for own, p in zip(average.parameters(), model.parameters(), strict=True):
                own.rebind((own * 0.9 + p * 0.1).data)  # here

    f = play.jit(step_of(model, optimizer, after))
    for x, y in zip(numbers(4, 3), numbers(4, 2), strict=True):
        play(f, Tensor(x), Tensor(y))


@way("right")
def a_moving_average_of_parameters(play: Play) -> None:
    model, average = linear(), linear()
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
    play.watch(model, average, optimizer)

    def after() -> None:
        with ag.no_grad():
            for own, p in zip(average.parameters(), model.parameters(), strict=True):
                own.data = array_of(own * 0.9 + p * 0.1)

    f = play.jit(step_of(model, optimizer, after))
    for x, y in zip(numbers(4, 3), numbers(4, 2), strict=True):
        play(f, Tensor(x), Tensor(y))


@way("right")
def parameters_that_are_exchanged(play: Play) -> None:
    one, two = nn.Parameter(np.ones(3)), nn.Parameter(np.zeros(3))
    play.watch(one, two)

    @play.jit
    def f(x: Tensor) -> Tensor:
        with ag.no_grad():
            kept = one * 1.0
            one.data = array_of(two + x)
            two.data = array_of(kept)
        return (one * two).sum()

    for x in numbers(3):
        play(f, Tensor(x))


@way("right")
def a_parameter_that_becomes_the_argument(play: Play) -> None:
    one, two = nn.Parameter(np.ones(3)), nn.Parameter(np.zeros(3))
    play.watch(one, two)

    @play.jit
    def f(x: Tensor) -> Tensor:
        with ag.no_grad():
            one.data = array_of(x * 1.0)
            two.data = array_of(x * 0 + 1)
        return (one * two).sum()

    for n, x in enumerate(numbers(3)):
        given = Tensor(x)
        play(f, given)
        given.data[:] = n
        play.note(one, two)
        two.data[:] = 5


@way("right")
def amsgrad_that_is_turned_on(play: Play) -> None:
    model = linear()
    optimizer = nn.optim.Adam(model.parameters(), lr=0.1)
    play.watch(model, optimizer)
    f = play.jit(step_of(model, optimizer))
    for n, (x, y) in enumerate(zip(numbers(4, 3), numbers(4, 2), strict=True)):
        optimizer.param_groups[0]["amsgrad"] = n > 4
        play(f, Tensor(x), Tensor(y))


@way("right")
def a_parameter_taken_from_its_group(play: Play) -> None:
    model = linear()
    optimizer = nn.optim.Adam(model.parameters(), lr=0.1)
    play.watch(model)
    f = play.jit(step_of(model, optimizer))
    for n, (x, y) in enumerate(zip(numbers(4, 3), numbers(4, 2), strict=True)):
        if n == 5:
            optimizer.param_groups[0]["params"].pop()
        play(f, Tensor(x), Tensor(y))


@way("right")
def an_error_where_a_norm_is_not_finite(play: Play) -> None:
    model = linear()
    play.watch(model)

    @play.jit
    def f(x: Tensor) -> Tensor:
        model.zero_grad()
        loss = (model(x) ** 2).mean()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0, error_if_nonfinite=True)
        return loss

    for n, x in enumerate(numbers(4, 3)):
        try:
            play(f, Tensor(x * (np.nan if n % 4 == 3 else 1)))
        except RuntimeError as error:
            play.note(str(error))


@way("right")
def labels_that_are_ignored_at_times(play: Play) -> None:
    model = linear()
    play.watch(model)

    @play.jit
    def f(x: Tensor, y: Any) -> Tensor:
        model.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y, ignore_index=-1)
        loss.backward()
        return loss

    for n, x in enumerate(numbers(4, 3)):
        labels = (np.arange(4) + n) % 2
        labels[: n % 3] = -1
        play(f, Tensor(x), Tensor(labels))


@way("right")
def weights_of_classes_that_change(play: Play) -> None:
    model, weights = linear(), Tensor(np.ones(2))
    play.watch(model)

    @play.jit
    def f(x: Tensor, y: Any) -> Tensor:
        model.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y, weights, label_smoothing=0.1)
        loss.backward()
        return loss

    for n, x in enumerate(numbers(4, 3)):
        weights.data = np.array([1.0, n + 1])
        play(f, Tensor(x), Tensor((np.arange(4) + n) % 2))
