"""Modules that remember: buffers, attributes that change within, hooks."""

from __future__ import annotations

from typing import Any

import numpy as np
from support.jitted_ways.modules import batch, linear
from support.jitted_ways.playing import Play
from support.jitted_ways.table import numbers, way

import autograd as ag
import nn
from autograd import Tensor
from nn import functional as F


class Counting(nn.Module):
    def __init__(self) -> None:
        self.count = nn.Buffer(np.zeros(()))
        self.mean = nn.Buffer(np.zeros(3))

    def forward(self, x: Tensor) -> Tensor:
        y = x - self.mean
        self.mean.data = F.relu(self.mean * 0.9 + x.mean(axis=0) * 0.1).data  # here
        return y


class CountingByNumpy(Counting):
    def forward(self, x: Tensor) -> Tensor:
        self.count.data = self.count.data + 1  # here
        return x / self.count


class CountingInPython(nn.Module):
    def __init__(self) -> None:
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return x * self.calls


class Remembering(nn.Module):
    def __init__(self) -> None:
        self.last: Any = None

    def forward(self, x: Tensor) -> Tensor:
        y = x if self.last is None else x + self.last
        self.last = x * 2
        return y


@way("right")
def running_statistics(play: Play) -> None:
    model = nn.BatchNorm1d(3)
    play.watch(model)
    f = play.jit(lambda x: model(x))
    for n, x in enumerate(batch(8, 3)):
        play(f, x)
        if n == 4:
            model.running_mean.data = np.zeros(3, np.float32)


@way("right")
def the_momentum_of_running_statistics(play: Play) -> None:
    model = nn.BatchNorm1d(3)
    play.watch(model)
    f = play.jit(lambda x: model(x))
    for n, x in enumerate(batch(8, 3)):
        play(f, x)
        model.momentum = 0.1 * (n // 5)


@way("plain", "momentum=None")
def running_statistics_that_are_plain_averages(play: Play) -> None:
    model = nn.BatchNorm1d(3, momentum=None)
    play.watch(model)
    f = play.jit(lambda x: model(x))
    for x in batch(8, 3):
        play(f, x)


@way("refused")
def a_buffer_moved_by_numpy(play: Play) -> None:
    model = CountingByNumpy()
    play.watch(model)
    f = play.jit(lambda x: model(x))
    for x in batch(8, 3):
        play(f, x)


@way("refused")
def a_buffer_moved_by_the_data_of_a_tensor(play: Play) -> None:
    model = Counting()
    play.watch(model)
    f = play.jit(lambda x: model(x))
    for x in batch(8, 3):
        play(f, x)


@way("plain", "it changes")
def a_buffer_that_is_bound_to_another(play: Play) -> None:
    class Own(nn.Module):
        def __init__(self) -> None:
            self.mean = nn.Buffer(np.zeros(3))

        def forward(self, x: Tensor) -> Tensor:
            y = x - self.mean
            self.mean = nn.Buffer(self.mean * 0.9 + x.mean(axis=0) * 0.1)
            return y

    model = Own()
    play.watch(model)
    f = play.jit(lambda x: model(x))
    for x in batch(8, 3):
        play(f, x)


@way("plain", "it changes 'calls' of")
def a_module_that_counts_in_python(play: Play) -> None:
    model = CountingInPython()
    f = play.jit(lambda x: model(x))
    for x in batch(8, 3):
        play(f, x)
        play.note(model.calls)


@way("plain", "it changes")
def a_module_that_remembers_a_tensor(play: Play) -> None:
    model = Remembering()
    f = play.jit(lambda x: model(x))
    for x in batch(8, 3):
        play(f, x)
        play.note(model.last)


@way("plain", "it changes")
def a_module_that_remembers_in_a_list(play: Play) -> None:
    class Own(nn.Module):
        def __init__(self) -> None:
            self.history: list[Any] = []

        def forward(self, x: Tensor) -> Tensor:
            self.history.append(x.sum())
            return sum(self.history) * x

    model = Own()
    f = play.jit(lambda x: model(x))
    for x in batch(8, 3):
        play(f, x)
        play.note([float(h) for h in model.history])


# --- hooks ---------------------------------------------------------------------------------------


@way("plain", "hooks")
def a_forward_hook(play: Play) -> None:
    model = linear()
    model.register_forward_hook(lambda module, args, out: out * 2)
    f = play.jit(lambda x: model(x))
    for x in batch(4, 3):
        play(f, x)


@way("plain", "hooks")
def a_forward_pre_hook(play: Play) -> None:
    model = linear()
    model.register_forward_pre_hook(lambda module, args: (args[0] * 2,))
    f = play.jit(lambda x: model(x))
    for x in batch(4, 3):
        play(f, x)


@way("plain", "hooks")
def a_forward_hook_that_reads_numbers(play: Play) -> None:
    model, seen = linear(), list[Any]()
    model.register_forward_hook(lambda module, args, out: seen.append(out.sum().item()))
    f = play.jit(lambda x: model(x))
    for x in batch(4, 3):
        play(f, x)
        play.note(seen)


@way("plain", "hooks")
def a_forward_hook_that_comes_later_and_goes(play: Play) -> None:
    model = linear()
    f = play.jit(lambda x: model(x))
    handle = None
    for n, x in enumerate(batch(4, 3, count=24)):
        if n in (3, 8):
            handle = model.register_forward_hook(lambda module, args, out: out * 2)
        if n == 5:
            assert handle is not None
            handle.remove()
        play(f, x)


@way("plain", "hooks")
def a_hook_on_a_parameter(play: Play) -> None:
    model = linear()
    model.weight.register_hook(lambda g: g * 2)
    play.watch(model)

    @play.jit
    def f(x: Tensor) -> Tensor:
        loss = (model(x) ** 2).mean()
        loss.backward()
        return loss

    for x in batch(4, 3):
        play(f, x)


@way("right")
def a_hook_on_a_parameter_that_comes_later(play: Play) -> None:
    model = linear()
    play.watch(model)

    @play.jit
    def f(x: Tensor) -> Tensor:
        loss = (model(x) ** 2).mean()
        loss.backward()
        return loss

    remove = None
    for n, x in enumerate(batch(4, 3)):
        if n == 3:
            remove = model.weight.register_hook(lambda g: g * 2)
        if n == 5:
            assert remove is not None
            remove()
        play(f, x)


@way("plain", "a hook is put on a tensor")
def a_hook_on_a_tensor_within(play: Play) -> None:
    w = Tensor(np.ones(3), requires_grad=True)
    play.watch(w)

    @play.jit
    def f(x: Tensor) -> Tensor:
        y = w * x
        y.register_hook(lambda g: g * 2)
        loss = (y * y).sum()
        loss.backward()
        return loss

    for x in batch(3):
        play(f, x)


@way("right")
def a_hook_on_an_argument(play: Play) -> None:
    f = play.jit(lambda x: (x * x).sum())
    for n, x in enumerate(numbers(3, count=16)):
        t = Tensor(x, requires_grad=True)
        if n > 4:
            t.register_hook(lambda g: g * 3)
        play(f, t).backward()
        play.note(t)


@way("right")
def a_hook_on_a_result(play: Play) -> None:
    f = play.jit(lambda x: x * x)
    for x in numbers(3, count=16):
        t = Tensor(x, requires_grad=True)
        y = play(f, t)
        y.register_hook(lambda g: g * 3)
        y.retain_grad()
        y.sum().backward()
        play.note(t, y)


@way("right")
def a_moving_average_that_is_assigned(play: Play) -> None:
    average, w = nn.Buffer(np.zeros(3)), nn.Parameter(np.ones(3))
    play.watch(average, w)

    @play.jit
    def f(x: Tensor) -> Tensor:
        with ag.no_grad():
            average.data = 0.9 * average + 0.1 * x
            w.data = w - 0.1 * average
        return (w * x).sum()

    for x in numbers(3):
        play(f, Tensor(x))
