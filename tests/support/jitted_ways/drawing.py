"""Random numbers: of the project's generators, of NumPy's and of Python's."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from support.jitted_ways.modules import linear
from support.jitted_ways.playing import Play
from support.jitted_ways.table import numbers, way

import autograd as ag
import nn
from autograd import Tensor
from nn import functional as F


def default() -> Any:
    return ag.random.default_generator()


@way("right")
def dropout(play: Play) -> None:
    play.watch(default())
    f = play.jit(lambda x: F.dropout(x, 0.5))
    for x in numbers(8):
        play(f, Tensor(x))


@way("right")
def dropout_within_a_training(play: Play) -> None:
    model = nn.Sequential(linear(), nn.Dropout(0.5), nn.Dropout(0.2))
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
    play.watch(model, optimizer, default())

    @play.jit
    def f(x: Tensor) -> Tensor:
        loss = (model(x) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    for x in numbers(4, 3):
        play(f, Tensor(x))


@way("right")
def dropout_with_gradients_taken_outside(play: Play) -> None:
    play.watch(default())
    f = play.jit(lambda x: F.dropout(x, 0.5) * 2)
    for x in numbers(8):
        t = Tensor(x, requires_grad=True)
        play(f, t).sum().backward()
        play.note(t)


@way("right")
def dropout_from_a_generator_of_its_own(play: Play) -> None:
    rng = ag.random.Generator(3)
    play.watch(rng, default())
    f = play.jit(lambda x: F.dropout(x, 0.5, rng=rng))
    for n, x in enumerate(numbers(8)):
        play(f, Tensor(x))
        if n % 3 == 2:
            rng.normal((2,))


@way("right")
def a_generator_that_is_another(play: Play) -> None:
    rng = ag.random.Generator(3)
    f = play.jit(lambda x: x + rng.normal((3,)))
    for n, x in enumerate(numbers(3)):
        if n % 5 == 4:
            rng = ag.random.Generator(n)
        play(f, Tensor(x))
        play.note(rng)


@way("right")
def a_generator_as_an_argument(play: Play) -> None:
    rngs = ag.random.Generator(3), ag.random.Generator(4)
    play.watch(*rngs)
    f = play.jit(lambda x, rng: x + rng.uniform(shape=(3,)))
    for n, x in enumerate(numbers(3)):
        play(f, Tensor(x), rngs[n % 3 % 2])


@way("right", anew=True)
def a_generator_made_anew_as_an_argument(play: Play) -> None:
    f = play.jit(lambda x, rng: x + rng.uniform(shape=(3,)))
    for n, x in enumerate(numbers(3)):
        play(lambda x, n=n: f(x, ag.random.Generator(n)), Tensor(x))


@way("right")
def seeds_set_between_calls(play: Play) -> None:
    play.watch(default())
    f = play.jit(lambda x: x + default().normal((3,)))
    for n, x in enumerate(numbers(3)):
        if n % 3 == 2:
            ag.random.seed(n)
        play(f, Tensor(x))


@way("right")
def a_state_put_back_between_calls(play: Play) -> None:
    play.watch(default())
    f = play.jit(lambda x: x + default().normal((3,)))
    state = default().state
    for n, x in enumerate(numbers(3)):
        if n % 2:
            default().state = state
        play(f, Tensor(x))


@way("plain", "it seeds")
def a_seed_set_within(play: Play) -> None:
    def f(x: Tensor) -> Tensor:
        ag.random.seed(5)
        return x + default().normal((3,))

    play.watch(default())
    f = play.jit(f)
    for n, x in enumerate(numbers(3)):
        play(f, Tensor(x))
        default().normal((n,))


@way("plain", "it makes a generator")
def a_generator_made_within(play: Play) -> None:
    f = play.jit(lambda x: x + ag.random.Generator(5).normal((3,)))
    for x in numbers(3):
        play(f, Tensor(x))


@way(
    "right",
)
def drawing_from_another_within(play: Play) -> None:
    rng = ag.random.Generator(5)
    play.watch(rng, default())

    def f(x: Tensor) -> Tensor:
        with ag.random.drawing_from(rng):
            y = F.dropout(x, 0.5)
        return y + default().normal((8,))

    f = play.jit(f)
    for x in numbers(8):
        play(f, Tensor(x))


@way("right")
def drawing_from_another_around(play: Play) -> None:
    rng = ag.random.Generator(5)
    play.watch(rng, default())
    f = play.jit(lambda x: F.dropout(x, 0.5))
    for n, x in enumerate(numbers(8)):
        if n % 3 == 2:
            with ag.random.drawing_from(rng):
                play(f, Tensor(x))
        else:
            play(f, Tensor(x))


@way("right")
def many_kinds_of_draws_in_their_order(play: Play) -> None:
    rng = ag.random.Generator(5)
    play.watch(rng, default())

    def f(x: Tensor) -> Any:
        a = rng.normal((3,), np.float32)
        b = default().uniform(-1, 1, (3,))
        c = rng.bernoulli(0.3, (3,))
        unused = rng.normal((5,))
        d = rng.integers(0, 3, (2,))
        e = default().permutation(3)
        return x * a + b, ag.where(c, x, 0.0), x[d], x[e], unused.shape

    f = play.jit(f)
    for x in numbers(3):
        play(f, Tensor(x))


@way("right")
def draws_that_nothing_uses(play: Play) -> None:
    rng = ag.random.Generator(5)
    play.watch(rng)

    def f(x: Tensor) -> Tensor:
        rng.normal((3,))
        return x * 2

    f = play.jit(f)
    for x in numbers(3):
        play(f, Tensor(x))


@way("right")
def two_draws_that_look_alike(play: Play) -> None:
    rng = ag.random.Generator(5)
    play.watch(rng)
    f = play.jit(lambda x: x * rng.normal((3,)) - x * rng.normal((3,)))
    for x in numbers(3):
        play(f, Tensor(x))


@way("right")
def as_many_draws_as_an_argument_says(play: Play) -> None:
    rng = ag.random.Generator(5)
    play.watch(rng)
    f = play.jit(lambda x, n: sum((rng.normal((3,)) for _ in range(n)), x))
    for n, x in enumerate(numbers(3)):
        play(f, Tensor(x), n % 3)


@way("right")
def draws_within_a_branch(play: Play) -> None:
    rng = ag.random.Generator(5)
    play.watch(rng)
    f = play.jit(lambda x: x * rng.normal((3,)) if x[0] > 0 else x)
    for x in numbers(3, count=24):
        play(f, Tensor(x))


@way("right")
def a_branch_by_a_draw(play: Play) -> None:
    rng = ag.random.Generator(5)
    play.watch(rng)
    f = play.jit(lambda x: x * 2 if rng.uniform() > 0.5 else x * rng.normal((3,)))
    for x in numbers(3, count=24):
        play(f, Tensor(x))


@way("right")
def a_probability_that_changes(play: Play) -> None:
    play.watch(default())
    f = play.jit(lambda x, p: F.dropout(x, p))
    for n, x in enumerate(numbers(8)):
        play(f, Tensor(x), [0.5, 0.0, 0.2, 1.0][n // 3 % 4])


@way("right")
def bounds_that_are_arrays(play: Play) -> None:
    play.watch(default())
    f = play.jit(lambda x, high: x * default().uniform(0, high, (3,)))
    for n, x in enumerate(numbers(3)):
        play(f, Tensor(x), [1.0, 5.0][n // 3 % 2])


@way("right")
def a_draw_by_numpy_from_a_seed(play: Play) -> None:
    f = play.jit(lambda x: x + np.random.default_rng(3).standard_normal(3))
    for x in numbers(3):
        play(f, Tensor(x))


@way("plain", "it draws random numbers by NumPy or Python")
def numpys_generator(play: Play) -> None:
    rng = np.random.default_rng(3)
    f = play.jit(lambda x: x * rng.standard_normal(3))  # here
    for x in numbers(3):
        play(f, Tensor(x))


@way("plain", "it draws random numbers by NumPy or Python")
def numpys_generator_of_one_number(play: Play) -> None:
    rng = np.random.default_rng(3)
    f = play.jit(lambda x: x * float(rng.random()))  # here
    for x in numbers(3):
        play(f, Tensor(x))


@way("plain", "it draws random numbers by NumPy or Python")
def numpys_global_state(play: Play) -> None:
    before = np.random.get_state()
    f = play.jit(lambda x: x * np.random.rand(3))  # here
    try:
        for x in numbers(3):
            play(f, Tensor(x))
    finally:
        np.random.set_state(before)


@way("plain", "it draws random numbers by NumPy or Python")
def a_permutation_of_numpy_as_an_index(play: Play) -> None:
    rng = np.random.default_rng(3)
    f = play.jit(lambda x: x[rng.permutation(9)] * 2)  # here
    for x in numbers(9):
        play(f, Tensor(x))


@way("plain", "it draws random numbers by NumPy or Python")
def pythons_random(play: Play) -> None:
    rng = random.Random(3)
    f = play.jit(lambda x: x * rng.random())  # here
    for x in numbers(3):
        play(f, Tensor(x))


@way("plain", "it draws random numbers by NumPy or Python")
def a_branch_by_pythons_random(play: Play) -> None:
    rng = random.Random(1)
    f = play.jit(lambda x: x * 2 if rng.random() > 0.5 else x - 1)  # here
    for x in numbers(3):
        play(f, Tensor(x))


@way("plain", "it draws random numbers by NumPy or Python")
def numpys_generator_where_the_same_batch_comes_first(play: Play) -> None:
    rng = np.random.default_rng(3)
    f = play.jit(lambda x: x * rng.standard_normal(3))  # here
    for n, x in enumerate(numbers(3)):
        play(f, Tensor(x if n > 4 else np.ones(3)))


@way("right")
def numpys_generator_in_one_of_ours(play: Play) -> None:
    inner = np.random.default_rng(3)
    rng = ag.random.Generator(inner)
    play.watch(rng, inner)
    f = play.jit(lambda x: x + rng.normal((3,)))
    for x in numbers(3):
        play(f, Tensor(x))
        inner.standard_normal(1)


@way("right")
def noise_that_is_returned(play: Play) -> None:
    play.watch(default())
    f = play.jit(lambda x: (default().normal((3,)), x))
    for x in numbers(3):
        play(f, Tensor(x))


@way("right")
def a_function_of_nothing_but_noise(play: Play) -> None:
    play.watch(default())
    f = play.jit(lambda: default().normal((3,)) * 2)
    for _ in range(8):
        play(f)


@way("right")
def a_checkpoint_with_dropout(play: Play) -> None:
    w = Tensor(np.ones(8), requires_grad=True)
    play.watch(w, default())

    @play.jit
    def f(x: Tensor) -> Tensor:
        loss = ag.checkpoint(lambda t: F.dropout(t * w, 0.5) ** 2)(x).sum()
        w.grad = None
        loss.backward()
        return loss

    for x in numbers(8):
        play(f, Tensor(x))


@way("right")
def the_default_generator_in_the_closure_under_another(play: Play) -> None:
    own, other = default(), ag.random.Generator(5)
    play.watch(own, other)
    f = play.jit(lambda x: x + own.normal((3,)))
    for n, x in enumerate(numbers(3)):
        if n % 3 == 2:
            with ag.random.drawing_from(other):
                play(f, Tensor(x))
        else:
            play(f, Tensor(x))


@way("right")
def the_default_generator_in_the_closure_in_another_thread(play: Play) -> None:
    own = default()
    play.watch(own)
    f = play.jit(lambda x: x + own.normal((3,)))
    with ThreadPoolExecutor(1) as pool:
        pool.submit(ag.random.seed, 9).result()
        for n, x in enumerate(numbers(3)):
            if n % 3 == 2:
                play(lambda x: pool.submit(f, Tensor(x)).result(), x)
            else:
                play(f, Tensor(x))


@way("plain", "draws from the generator of NumPy")
def a_layer_made_within(play: Play) -> None:
    play.watch(default())
    f = play.jit(lambda x: nn.Linear(3, 2)(x).detach())
    for x in numbers(4, 3, dtype=np.float32):
        play(f, Tensor(x))
