"""What is random: initial weights and dropout."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import autograd as ag
import nn
from autograd import Tensor
from nn import functional as F
from nn import init

Array = NDArray[Any]
Generator = np.random.Generator
Pair = tuple[int, int]


def test_kaiming_uniform_fills_its_interval_evenly(rng: Generator) -> None:
    w = init.kaiming_uniform((200, 10, 5, 5), rng)  # 50,000 values, fan_in 250
    bound = 250**-0.5
    assert w.dtype == np.float32
    assert 0.999 * bound < np.abs(w).max() <= np.float32(bound)
    # A uniform variance, bound**2 / 3; six standard errors of mean and variance.
    error = 6 / w.size**0.5
    assert abs(w.mean(dtype=np.float64)) < error * bound / 3**0.5
    assert abs(w.var(dtype=np.float64) / (bound**2 / 3) - 1) < error * 0.8**0.5
    wide = init.kaiming_uniform((200, 250), rng, a=0)
    assert 0.999 < np.abs(wide).max() / (6 / 250) ** 0.5 < 1.0001


@pytest.mark.parametrize(("a", "variance"), [(0.0, 2 / 250), (1.0, 1 / 250)])
def test_kaiming_normal_has_its_variance(a: float, variance: float, rng: Generator) -> None:
    w = init.kaiming_normal((800, 250), rng, a)
    assert w.dtype == np.float32
    error = 6 / w.size**0.5
    assert abs(w.mean(dtype=np.float64)) < error * variance**0.5
    assert abs(w.var(dtype=np.float64) / variance - 1) < error * 2**0.5
    assert np.abs(w).max() > 3.5 * variance**0.5  # it has tails, and is not uniform


@pytest.mark.parametrize(
    ("build", "fan_in"),
    [
        pytest.param(lambda rng: nn.Linear(64, 50, rng=rng), 64, id="Linear"),
        pytest.param(lambda rng: nn.Conv2d(4, 50, (2, 8), rng=rng), 64, id="Conv2d"),
    ],
)
def test_layers_start_within_their_bounds(
    build: Callable[[Generator | None], nn.Module], fan_in: int
) -> None:
    state = build(np.random.default_rng(0)).state_dict()
    for array in state.values():
        assert array.dtype == np.float32
        assert 0.9 < np.abs(array).max() * fan_in**0.5 < 1.0001
    again = build(np.random.default_rng(0)).state_dict()
    assert [a.tobytes() for a in again.values()] == [a.tobytes() for a in state.values()]
    other = build(np.random.default_rng(1)).state_dict()
    assert all(not np.array_equal(other[name], state[name]) for name in state)
    one, two = (build(None).state_dict()["weight"] for _ in range(2))
    assert not np.array_equal(one, two)  # without a generator no two layers are the same


@pytest.mark.parametrize("shape", [(5,), (), (4, 0, 3)])
def test_no_fan_in_is_an_error(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=rf"fan_in: .*{re.escape(str(shape))} given"):
        init.kaiming_uniform(shape)


def test_without_a_generator_the_threads_own_is_drawn_from() -> None:
    def weights(seed: int) -> list[bytes]:
        ag.random.seed(seed)
        layers = nn.Linear(3, 2), nn.Conv2d(1, 2, 3), nn.Conv1d(1, 2, 3), nn.Embedding(3, 2)
        return [a.tobytes() for layer in layers for a in layer.state_dict().values()]

    first = weights(7)
    assert weights(7) == first
    assert all(a != b for a, b in zip(weights(8), first, strict=True))


def test_both_kinds_of_generator_draw_the_same() -> None:
    of_numpy = nn.Linear(3, 2, rng=np.random.default_rng(5)).state_dict()
    of_project = nn.Linear(3, 2, rng=ag.random.Generator(5)).state_dict()
    for name, array in of_numpy.items():
        np.testing.assert_array_equal(of_project[name], array)


def test_embeddings_start_as_standard_normal(rng: Generator) -> None:
    w = nn.Embedding(400, 100, rng=rng).weight.data
    assert w.dtype == np.float32
    error = 6 / w.size**0.5
    assert abs(w.mean(dtype=np.float64)) < error
    assert abs(w.var(dtype=np.float64) - 1) < error * 2**0.5


# --- dropout -------------------------------------------------------------------------------------


@pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_dropout_leaves_a_part_and_scales_it(p: float, rng: Generator) -> None:
    x = Tensor(1 + rng.random((200, 300)), requires_grad=True)
    y = nn.Dropout(p, rng=rng)(x)
    kept = y.data != 0
    n = kept.size
    assert abs(kept.mean() - (1 - p)) <= 6 * (p * (1 - p) / n) ** 0.5
    scale = 1 / (1 - p) if p < 1 else 0.0
    np.testing.assert_allclose(y.data, np.where(kept, x.data * scale, 0), rtol=1e-12)
    # Neighbours are independent, along rows and columns.
    for a, b in ((kept[1:], kept[:-1]), (kept[:, 1:], kept[:, :-1])):
        assert abs((a & b).mean() - (1 - p) ** 2) <= 6 / n**0.5
    # The gradient passes where the numbers did, scaled as they were.
    g = rng.standard_normal(y.shape)
    y.backward(g)
    assert x.grad is not None
    np.testing.assert_allclose(x.grad.data, np.where(kept, g * scale, 0), rtol=1e-12)


def test_dropout_keeps_float32(rng: Generator) -> None:
    assert nn.Dropout(np.float64(0.3), rng=rng)(Tensor(np.ones(4, np.float32))).dtype == np.float32


def test_dropout_in_evaluation_is_the_identity_and_draws_nothing() -> None:
    rng = ag.random.Generator(3)
    layer = nn.Dropout(0.5, rng=rng).eval()
    before = rng.state
    x = Tensor(np.ones((3, 4)))
    assert layer(x) is x
    assert F.dropout(x, 0.5, False) is x
    assert rng.state == before
    layer.train()(x)
    assert rng.state != before


def test_the_seed_decides_the_mask() -> None:
    x = Tensor(np.ones(1000))

    def mask(layer: nn.Module, seed: int | None = None) -> Array:
        if seed is not None:
            ag.random.seed(seed)
        y: Array = layer(x).data
        return y

    default = nn.Dropout()  # draws from the thread's generator, at the time of each call
    first = mask(default, 1)
    np.testing.assert_array_equal(mask(default, 1), first)
    assert not np.array_equal(mask(default), first)  # the next call has another mask
    assert not np.array_equal(mask(default, 2), first)
    own = [mask(nn.Dropout(rng=rng)) for rng in (ag.random.Generator(1), np.random.default_rng(1))]
    np.testing.assert_array_equal(own[0], own[1])
    np.testing.assert_array_equal(own[0], first)
    np.testing.assert_array_equal(mask(nn.Dropout(rng=ag.random.Generator(1)), 99), first)
