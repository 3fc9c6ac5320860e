"""Numbers of a tensor that leave the function while it is watched."""

from __future__ import annotations

import contextlib
import copy
import math
import pickle
import warnings

import numpy as np
from support.jitted_ways.playing import Play
from support.jitted_ways.table import numbers, way

import autograd as ag
from autograd import Tensor


@way("refused")
def item(play: Play) -> None:
    f = play.jit(lambda x: x * x.sum().item())  # here
    for x in numbers(3):
        play(f, Tensor(x))


@way("refused")
def float_of_a_tensor(play: Play) -> None:
    f = play.jit(lambda x: x * float(x[0]))  # here
    for x in numbers(3):
        play(f, Tensor(x))


@way("refused")
def int_of_a_tensor(play: Play) -> None:
    f = play.jit(lambda x: x * int(x[0] * 10))  # here
    for x in numbers(3):
        play(f, Tensor(x))


@way("refused")
def data_of_an_argument(play: Play) -> None:
    f = play.jit(lambda x: x * x.data.max())  # here
    for x in numbers(3):
        play(f, Tensor(x))


@way("refused")
def data_of_an_array_among_the_arguments(play: Play) -> None:
    f = play.jit(lambda x: np.asarray(x).max() * x)  # here
    for x in numbers(3):
        play(f, x)


@way("refused")
def data_of_what_was_computed(play: Play) -> None:
    f = play.jit(lambda x: x * ag.exp(x).data)  # here
    for x in numbers(3):
        play(f, Tensor(x))


@way("refused")
def data_of_a_parameter(play: Play) -> None:
    w = Tensor(np.ones(3), requires_grad=True)
    play.watch(w)
    f = play.jit(lambda x: x * w.data.sum())  # here
    for x in numbers(3):
        play(f, x)
        w.data = x


@way("refused")
def data_written_to_another_tensor(play: Play) -> None:
    mean = Tensor(np.zeros(3))
    play.watch(mean)

    @play.jit
    def f(x: Tensor) -> Tensor:
        y = x - mean
        mean.data = 0.9 * mean.data + 0.1 * x.data  # here
        return y

    for x in numbers(3):
        play(f, Tensor(x))


@way("refused")
def a_number_of_the_math_module(play: Play) -> None:
    f = play.jit(lambda x: x * math.exp(x[0]))  # here
    for x in numbers(3):
        play(f, Tensor(x))


@way("refused")
def a_tensor_as_text(play: Play) -> None:
    f = play.jit(lambda x: x * len(f"{x[0] * 1e9:.0f}"))  # here
    for x in numbers(3):
        play(f, Tensor(x))


@way("plain", "it makes text of a tensor")
def repr_of_a_tensor(play: Play) -> None:
    f = play.jit(lambda x: x * len(repr(x.sum())))  # here
    for x in numbers(3):
        play(f, Tensor(x))


@way("refused")
def numpys_array_of_a_tensor(play: Play) -> None:
    f = play.jit(lambda x: x * np.array(x * 2).max())  # here
    for x in numbers(3):
        play(f, Tensor(x))


@way("refused")
def numpys_array_of_tensors_in_a_list(play: Play) -> None:
    f = play.jit(lambda x: x * np.array([float(part) for part in x]).max())  # here
    for x in numbers(3):
        play(f, Tensor(x))


@way("refused")
def written_into_an_array(play: Play) -> None:
    @play.jit
    def f(x: Tensor) -> Tensor:
        table = np.zeros((3, 1))
        for i in range(3):
            table[i] = float(x[i] * 2)  # here
        return x + table.sum()

    for x in numbers(3):
        play(f, Tensor(x))


@way("refused")
def the_method_numpy(play: Play) -> None:
    f = play.jit(lambda x: x + np.cumsum(x.numpy()))  # here
    for x in numbers(3):
        play(f, Tensor(x))


@way("refused")
def dlpack(play: Play) -> None:
    f = play.jit(lambda x: x + np.from_dlpack(x))  # here
    for x in numbers(3):
        play(f, Tensor(x))


@way("refused")
def a_range_by_a_tensor(play: Play) -> None:
    @play.jit
    def f(x: Tensor, n: Tensor) -> Tensor:
        for _ in range(int(n)):  # here
            x = x * 2
        return x

    for i, x in enumerate(numbers(3)):
        play(f, Tensor(x), Tensor(np.array(i)))


@way("refused")
def a_list_indexed_by_argmax(play: Play) -> None:
    @play.jit
    def f(x: Tensor) -> Tensor:
        return [x, -x, x * 2][int(x.argmax())]  # here

    for x in numbers(3):
        play(f, Tensor(x))


@way("right")
def argmax_as_an_index(play: Play) -> None:
    f = play.jit(lambda x: x[x.argmax()] * x)
    for x in numbers(4):
        play(f, Tensor(x))


@way("right")
def argsort_as_an_index(play: Play) -> None:
    f = play.jit(lambda x: x[x.argsort()][:2])
    for x in numbers(4):
        play(f, Tensor(x))


@way("right")
def an_array_of_indices_among_the_arguments(play: Play) -> None:
    f = play.jit(lambda x, i: x[i] * 2)
    for n, x in enumerate(numbers(5)):
        play(f, Tensor(x), np.array([n % 5, (n + 2) % 5]))


@way("right")
def numpys_argmax_as_an_index(play: Play) -> None:
    f = play.jit(lambda x: ag.take_along_axis(x, np.argmax(x, axis=1)[:, None], axis=1))
    for x in numbers(3, 4):
        play(f, Tensor(x))


@way("right")
def a_mask_by_where(play: Play) -> None:
    f = play.jit(lambda x: ag.where(x > 0, x, -2 * x).sum())
    for x in numbers(5):
        play(f, Tensor(x))


@way("right")
def a_mask_that_is_multiplied(play: Play) -> None:
    f = play.jit(lambda x: x * (x > 0))
    for x in numbers(5):
        play(f, Tensor(x))


@way("refused")
def a_mask_made_by_numpy(play: Play) -> None:
    f = play.jit(lambda x: x[x.data > 0].sum())  # here
    for x in numbers(5):
        play(f, Tensor(x))


@way("refused")
def a_slice_bound_by_a_tensor(play: Play) -> None:
    f = play.jit(lambda x, n: x[: int(n)].sum())  # here
    for i, x in enumerate(numbers(5, count=5)):
        play(f, Tensor(x), Tensor(np.array(i)))


@way("refused")
def repeats_by_a_tensor(play: Play) -> None:
    f = play.jit(lambda x, n: ag.repeat(x, n).sum())  # here
    for i, x in enumerate(numbers(2)):
        play(f, Tensor(x), np.array([i, 2]))


@way("refused")
def a_tensor_kept_by_pickle(play: Play) -> None:
    f = play.jit(lambda x: x + pickle.loads(pickle.dumps(x * 2)))  # here
    for x in numbers(3):
        play(f, Tensor(x))


@way("refused")
def a_deep_copy(play: Play) -> None:
    f = play.jit(lambda x: x + copy.deepcopy(x))  # here
    for x in numbers(3):
        play(f, Tensor(x))


@way("right")
def a_shallow_copy(play: Play) -> None:
    f = play.jit(lambda x: x + ag.copy(x) * 3)
    for x in numbers(3):
        play(f, Tensor(x))


@way("refused")
def a_refusal_that_is_caught(play: Play) -> None:
    @play.jit
    def f(x: Tensor) -> Tensor:
        try:
            scale = x.sum().item()  # here
        except RuntimeError:
            scale = 1.0
        return x * scale

    for x in numbers(3):
        play(f, Tensor(x))


@way("refused")
def a_refusal_that_is_suppressed(play: Play) -> None:
    @play.jit
    def f(x: Tensor) -> Tensor:
        with contextlib.suppress(Exception):
            x = x + float(x[0])  # here
        return x * 2

    for x in numbers(3):
        play(f, Tensor(x))


@way("refused")
def allclose_of_numpy(play: Play) -> None:
    f = play.jit(lambda x: x if np.allclose(x.data, 0, atol=1) else -x)  # here
    for x in numbers(3):
        play(f, Tensor(x))


@way("refused")
def a_loss_kept_in_a_list(play: Play) -> None:
    losses: list[float] = []
    play.watch(losses)

    @play.jit
    def f(x: Tensor) -> Tensor:
        loss = (x * x).sum()
        losses.append(loss.item())  # here
        return loss

    for x in numbers(3):
        play(f, Tensor(x))


@way("refused")
def the_best_so_far(play: Play) -> None:
    best = [math.inf]
    play.watch(best)

    @play.jit
    def f(x: Tensor) -> Tensor:
        best[0] = min(best[0], float(x.sum()))  # here
        return x - best[0]

    for x in numbers(3):
        play(f, Tensor(x))


@way("refused")
def a_tensor_as_a_key(play: Play) -> None:
    names = {-1: "low", 0: "middle", 1: "high"}
    f = play.jit(lambda x: x * len(names[int(ag.sign(x[0]))]))  # here
    for x in numbers(3):
        play(f, Tensor(x))


@way("right")
def shapes_and_lengths(play: Play) -> None:
    f = play.jit(lambda x: x.sum() / len(x) + x.shape[1] * x.size + x.ndim)
    for n, x in enumerate(numbers(6, 3)):
        play(f, Tensor(x[: 2 + n % 3]))


@way("right")
def a_tensor_unpacked(play: Play) -> None:
    @play.jit
    def f(x: Tensor) -> Tensor:
        a, *rest = x
        return a * sum(rest)

    for n, x in enumerate(numbers(5)):
        play(f, Tensor(x[: 2 + n % 3]))


@way("refused")
def the_unique_labels(play: Play) -> None:
    f = play.jit(lambda x, y: x * len(np.unique(np.asarray(y))))  # here
    for n, x in enumerate(numbers(3)):
        play(f, Tensor(x), np.arange(6) % (n + 1))


@way("refused")
def a_one_hot_made_by_numpy(play: Play) -> None:
    f = play.jit(lambda x, y: (x * np.eye(3)[np.asarray(y)]).sum())  # here
    for n, x in enumerate(numbers(4, 3)):
        play(f, Tensor(x), (np.arange(4) + n) % 3)


@way("right")
def a_one_hot_by_a_comparison(play: Play) -> None:
    f = play.jit(lambda x, y: (x * (y[:, None] == np.arange(3))).sum())
    for n, x in enumerate(numbers(4, 3)):
        play(f, Tensor(x), (np.arange(4) + n) % 3)


@way("right")
def a_table_indexed_by_labels(play: Play) -> None:
    table = Tensor(np.eye(3))
    f = play.jit(lambda x, y: (x * table[y]).sum())
    for n, x in enumerate(numbers(4, 3)):
        play(f, Tensor(x), (np.arange(4) + n) % 3)


@way("refused")
def a_bound_by_a_tensor(play: Play) -> None:
    f = play.jit(lambda x: ag.clip(x, -float(x.std()), 1.0))  # here
    for x in numbers(5):
        play(f, Tensor(x))


@way("right")
def a_clip_by_tensors(play: Play) -> None:
    f = play.jit(lambda x: ag.clip(x, -x.std(), x.std()))
    for x in numbers(5):
        play(f, Tensor(x))


@way("right")
def detached(play: Play) -> None:
    f = play.jit(lambda x: ag.grad(lambda t: (t * t.detach()).sum())(x))
    for x in numbers(5):
        play(f, Tensor(x))


@way("refused")
def data_of_what_is_detached(play: Play) -> None:
    f = play.jit(lambda x: x * x.detach().data)  # here
    for x in numbers(5):
        play(f, Tensor(x))


@way("refused")
def a_warning_by_a_number(play: Play) -> None:
    @play.jit
    def f(x: Tensor) -> Tensor:
        if float(x[0]) > 0:  # here
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                warnings.warn("large", stacklevel=1)
        return x * 2

    for x in numbers(5):
        play(f, Tensor(x))


@way("refused")
def a_gradient_looked_at(play: Play) -> None:
    w = Tensor(np.ones(3), requires_grad=True)
    play.watch(w)

    @play.jit
    def f(x: Tensor) -> Tensor:
        w.grad = None
        (w * x * x).sum().backward()
        assert w.grad is not None
        return x / np.abs(w.grad.data).max()  # here

    for x in numbers(3):
        play(f, Tensor(x))


@way("right")
def a_branch_by_a_gradient(play: Play) -> None:
    w = Tensor(np.ones(3), requires_grad=True)
    play.watch(w)

    @play.jit
    def f(x: Tensor) -> Tensor:
        w.grad = None
        (w * x).sum().backward()
        assert w.grad is not None
        return x * 2 if w.grad.sum() > 0 else x * 3

    for x in numbers(3, count=24):
        play(f, Tensor(x))
