"""Schedules and learning rates, set around a step and within it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from support.jitted_ways.modules import linear
from support.jitted_ways.optimizers import step_of
from support.jitted_ways.playing import Play
from support.jitted_ways.table import numbers, way

import nn
from autograd import Tensor


def scheduled(play: Play, schedule_of: Callable[[Any], Any], within: bool) -> None:
    model = linear()
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    schedule = schedule_of(optimizer)
    play.watch(model, optimizer, schedule)
    f = play.jit(step_of(model, optimizer, schedule.step if within else lambda: None))
    for x, y in zip(numbers(4, 3), numbers(4, 2), strict=True):
        play(f, Tensor(x), Tensor(y))
        if not within:
            schedule.step()


@way("right")
def a_schedule_outside(play: Play) -> None:
    scheduled(play, lambda o: nn.schedule.StepLR(o, 3, 0.5), within=False)


@way("right")
def a_schedule_within(play: Play) -> None:
    scheduled(play, lambda o: nn.schedule.CosineAnnealingLR(o, 10), within=True)


@way("right")
def one_cycle_within(play: Play) -> None:
    scheduled(play, lambda o: nn.schedule.OneCycleLR(o, 0.5, total_steps=20), within=True)


@way("right")
def schedules_in_sequence_within(play: Play) -> None:
    def of(o: Any) -> Any:
        parts = [nn.schedule.LinearLR(o, total_iters=3), nn.schedule.StepLR(o, 2, 0.5)]
        return nn.schedule.SequentialLR(o, parts, milestones=[3])

    scheduled(play, of, within=True)


@way("right")
def the_rate_of_a_schedule_returned(play: Play) -> None:
    model = linear()
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
    schedule = nn.schedule.StepLR(optimizer, 2, 0.5)
    play.watch(model, optimizer, schedule)
    inner = step_of(model, optimizer, schedule.step)
    f = play.jit(lambda x, y: (inner(x, y), schedule.get_last_lr()))
    for x, y in zip(numbers(4, 3), numbers(4, 2), strict=True):
        play(f, Tensor(x), Tensor(y))


@way("right")
def the_rate_multiplied_with_a_tensor(play: Play) -> None:
    model = linear()
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
    f = play.jit(lambda x: x * optimizer.lr + optimizer.param_groups[0]["lr"])
    for n, x in enumerate(numbers(4)):
        optimizer.lr = 0.1 * (n // 4)
        play(f, Tensor(x))


@way("right")
def a_schedule_that_steps_first(play: Play) -> None:
    model = linear()
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    schedule = nn.schedule.StepLR(optimizer, 2, 0.5)
    play.watch(model, optimizer, schedule)
    inner = step_of(model, optimizer)

    def step(x: Tensor, y: Tensor) -> Tensor:
        schedule.step()
        return inner(x, y)

    f = play.jit(step)
    for x, y in zip(numbers(4, 3), numbers(4, 2), strict=True):
        play(f, Tensor(x), Tensor(y))


@way("right")
def two_steps_and_a_schedule_between(play: Play) -> None:
    model = linear()
    optimizer = nn.optim.Adam(model.parameters(), lr=0.1)
    schedule = nn.schedule.StepLR(optimizer, 3, 0.5)
    play.watch(model, optimizer, schedule)
    inner = step_of(model, optimizer)

    def step(x: Tensor, y: Tensor) -> Any:
        first = inner(x, y)
        schedule.step()
        second = inner(x * 2, y)
        schedule.step()
        return first, second

    f = play.jit(step)
    for x, y in zip(numbers(4, 3), numbers(4, 2), strict=True):
        play(f, Tensor(x), Tensor(y))


@way("right")
def a_schedule_that_steps_at_times(play: Play) -> None:
    model = linear()
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
    schedule = nn.schedule.StepLR(optimizer, 2, 0.5)
    play.watch(model, optimizer, schedule)
    inner = step_of(model, optimizer)

    def step(x: Tensor, y: Tensor, last: bool) -> Tensor:
        loss = inner(x, y)
        if last:
            schedule.step()
        return loss

    f = play.jit(step)
    for n, (x, y) in enumerate(zip(numbers(4, 3), numbers(4, 2), strict=True)):
        play(f, Tensor(x), Tensor(y), n % 3 == 2)


@way("right")
def a_rate_that_decays_within(play: Play) -> None:
    model = linear()
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
    play.watch(model, optimizer)

    def after() -> None:
        optimizer.lr = optimizer.lr * 0.9

    f = play.jit(step_of(model, optimizer, after))
    for x, y in zip(numbers(4, 3), numbers(4, 2), strict=True):
        play(f, Tensor(x), Tensor(y))


@way("plain", "it changes an option")
def a_rate_in_its_group_that_decays_within(play: Play) -> None:
    model = linear()
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
    play.watch(model, optimizer)

    def after() -> None:
        for group in optimizer.param_groups:
            group["lr"] *= 0.9

    f = play.jit(step_of(model, optimizer, after))
    for x, y in zip(numbers(4, 3), numbers(4, 2), strict=True):
        play(f, Tensor(x), Tensor(y))
