"""Checkpoints around what belongs to somebody else: pullbacks made outside, hooks, shared draws."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from support.leaves import grad, leaf

import autograd as ag
from autograd import Tensor, checkpoint
from nn.distributed import ShardedGenerator

# --- pullbacks made outside ----------------------------------------------------------------------


def plain(f: Callable[..., Any]) -> Callable[..., Any]:
    return f


def twice(f: Callable[..., Any]) -> Callable[..., Any]:
    return checkpoint(lambda *args: checkpoint(f)(*args) * 1.0)


def thrice(f: Callable[..., Any]) -> Callable[..., Any]:
    return checkpoint(twice(f))


def around_one_of_two(f: Callable[..., Any]) -> Callable[..., Any]:
    return checkpoint(lambda *args: f(*args) + 0 * checkpoint(f)(*args))


kinds = pytest.mark.parametrize("wrap", [checkpoint, twice, thrice, around_one_of_two])


def value(x: Tensor, w: Tensor, g: Tensor, wrap: Any) -> Tensor:
    """Of a pullback at what was computed from x, that closes over what was computed from w."""
    h, v = ag.sin(x), ag.exp(w)
    _, pull = ag.vjp(lambda t: ag.exp(t * v) * ag.cos(t), h)
    result: Tensor = wrap(lambda g: pull(ag.sin(g))[0] * g)(g * 1.0)
    return result * x


@kinds
def test_gradients_reach_all_that_the_pullback_hangs_on(wrap: Any) -> None:
    found = []
    for way in (plain, wrap):
        x, w, g = leaf(0.3), leaf(0.2), leaf(0.7)
        value(x, w, g, way).backward()
        found.append([grad(t) for t in (x, w, g)])
    assert_allclose(found[1], found[0], rtol=1e-13)
    exact = [  # by central differences
        (value(*plus, plain).item() - value(*minus, plain).item()) / 2e-6
        for plus, minus in [
            [[Tensor(at + sign * 1e-6 * (i == j)) for j, at in enumerate((0.3, 0.2, 0.7))]
             for sign in (1, -1)]
            for i in range(3)
        ]
    ]  # fmt: skip
    assert_allclose(found[1], exact, rtol=1e-8)


@kinds
@pytest.mark.parametrize("argnum", [0, 1, 2])
def test_by_one_of_them_alone(wrap: Any, argnum: int) -> None:
    at = 0.3, 0.2, 0.7
    for transform in (ag.grad, lambda f, i: ag.grad(ag.grad(f, i), i)):
        expected = transform(lambda *args: value(*args, plain), argnum)(*at)
        assert_allclose(transform(lambda *args: value(*args, wrap), argnum)(*at), expected)


@kinds
def test_to_the_second_order_by_two(wrap: Any) -> None:
    at = 0.3, 0.2, 0.7
    for i, j in itertools.permutations(range(3), 2):
        by = [
            ag.grad(ag.grad(lambda *args, way=way: value(*args, way), i), j)(*at)
            for way in (plain, wrap)
        ]
        assert_allclose(by[1], by[0], rtol=1e-12)


@kinds
def test_a_recorded_backward(wrap: Any) -> None:
    found = []
    for way in (plain, wrap):
        x, w, g = leaf(0.3), leaf(0.2), leaf(0.7)
        value(x, w, g, way).backward(create_graph=True)
        total = sum(t.grad * t.grad for t in (x, w, g) if t.grad is not None)
        for t in (x, w, g):
            t.grad = None
        total.backward()
        found.append([grad(t) for t in (x, w, g)])
    assert_allclose(found[1], found[0], rtol=1e-12)


@kinds
def test_a_pullback_of_a_constant_and_of_plain_numbers(wrap: Any) -> None:
    for x in (Tensor(2.0), 2.0, np.array([2.0])):
        _, pull = ag.vjp(lambda t: t**3, x)
        g = leaf(5.0) if np.ndim(x) == 0 else leaf([5.0])
        wrap(lambda g, pull=pull: (pull(g)[0] * g).sum())(g).backward()
        assert grad(g) == 2 * 12 * 5


def test_a_pullback_through_a_checkpoint_within_a_checkpoint() -> None:
    def of(way: Any) -> list[Any]:
        x, g = leaf(0.3), leaf(0.7)
        _, pull = ag.vjp(lambda t: way(lambda u: ag.exp(u * u))(ag.sin(t)), x)
        way(lambda g: pull(g)[0] * g)(g).backward()
        return [grad(x), grad(g)]

    assert_allclose(of(checkpoint), of(plain), rtol=1e-13)


def test_a_pullback_that_the_function_makes_itself() -> None:
    def of(way: Any) -> list[Any]:
        x, w = leaf(0.3), leaf(0.2)

        def f(t: Tensor) -> Tensor:
            y, pull = ag.vjp(lambda u: ag.exp(u * w), t)
            return y * pull(t * w)[0]

        way(f)(x).backward()
        return [grad(x), grad(w)]

    assert_allclose(of(checkpoint), of(plain), rtol=1e-13)


def test_within_no_grad_and_with_a_cotangent_that_is_constant() -> None:
    x = leaf(2.0)
    _, pull = ag.vjp(lambda t: t**3, x * 1.0)
    with ag.no_grad():
        assert checkpoint(lambda g: pull(g)[0])(Tensor(1.0)).item() == 12
    checkpoint(lambda g: pull(g)[0])(Tensor(1.0)).backward()
    assert grad(x) == 12  # 6 x


def test_nothing_of_the_pullbacks_tape_is_freed_by_a_transform() -> None:
    x = leaf(2.0)
    _, pull = ag.vjp(lambda t: t**3, x * 1.0)
    slope = ag.grad(lambda g: checkpoint(lambda g: pull(g * g)[0])(g))
    assert slope(Tensor(3.0)).item() == slope(Tensor(3.0)).item() == 72
    pull(Tensor(1.0))[0].backward()
    assert grad(x) == 12


WAYS = [plain, checkpoint, twice, thrice]


def composed(shape: list[int], ways: list[Any]) -> Callable[..., Tensor]:
    """A function of three numbers around a pullback, with checkpoints in the ways given."""
    uses: list[Callable[..., Any]] = [
        lambda pull, r, g, x, w, way: r * g,
        lambda pull, r, g, x, w, way: ag.grad(lambda u: way(lambda u: pull(u * u)[0] * u)(u))(g),
        lambda pull, r, g, x, w, way: ag.jvp(
            lambda u: way(lambda u: pull(u * u)[0] * u * w)(u), [g], [r]
        )[1],
        lambda pull, r, g, x, w, way: way(lambda u: ag.vjp(lambda z: pull(z)[0] * w, u)[1](r)[0])(
            g
        ),
        lambda pull, r, g, x, w, way: way(lambda u: pull(r * u)[0] * x)(g),
        lambda pull, r, g, x, w, way: ag.grad(
            lambda u: ag.grad(lambda q: way(lambda q: pull(q * q * q)[0])(q))(u) * u
        )(g),
    ]

    def f(x: Tensor, w: Tensor, g: Tensor) -> Tensor:
        h, v = (ag.sin(x), ag.exp(w)) if shape[0] % 2 else (x, w)
        inner = ways[0](lambda t: ag.exp(t * v) * ag.cos(t))
        _, pull = ag.vjp(lambda t: inner(t) * t, h)
        use = uses[shape[1]]
        out = ways[1](lambda g: use(pull, pull(ag.sin(g))[0], g, x, v, ways[2]))(g * 1.0)
        return out * x + ways[3](lambda g: pull(g)[0] * out)(g)

    return f


@pytest.mark.parametrize("seed", range(24))
def test_checkpoints_around_pullbacks_in_all_ways_change_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape, ways = (
        [int(n) for n in rng.integers(6, size=2)],
        [WAYS[i] for i in rng.integers(4, size=4)],
    )
    shape[1] = seed % 6
    i, j = rng.integers(3, size=2)
    answers = []
    for f in composed(shape, [plain] * 4), composed(shape, ways):
        at = 0.3, 0.2, 0.7
        answers.append(
            [
                *ag.grad(f, (0, 1, 2))(*at),
                ag.grad(ag.grad(f, i), j)(*at),
                *ag.hvp(f, at, (1.0, 0.5, -0.3)),
            ]
        )
    assert_allclose(answers[1], answers[0], rtol=1e-10)


# --- a transform of plain arrays within ----------------------------------------------------------


def test_what_a_transform_of_plain_arrays_gives_within_keeps_its_history() -> None:
    """Also where it is what the function returns."""
    for give in (lambda g: g, lambda g: {"g": (g, 2)}):
        w = leaf(3.0)
        out = checkpoint(lambda give=give, w=w: give(ag.grad(lambda y: y * y * w)(2.0)))()
        out = out if isinstance(out, Tensor) else out["g"][0]
        assert out.item() == 12
        out.backward()
        assert grad(w) == 4


def test_what_hangs_on_nothing_is_an_array_within() -> None:
    x, seen = leaf(3.0), []
    y = checkpoint(lambda x: x * _noted(seen, ag.grad(lambda y: y * y)(2.0)))(x)
    y.backward()
    assert grad(x) == 4
    assert [type(g) for g in seen] == [np.float64]


def _noted(seen: list[Any], value: Any) -> Any:
    seen.append(value)
    return value


# --- hooks within --------------------------------------------------------------------------------


def hooked(x: Tensor, w: Tensor, seen: list[str]) -> Tensor:
    """With hooks on what is computed within, on an argument, and on what is closed over."""

    def hook(name: str, factor: float) -> Callable[[Tensor], Tensor]:
        return lambda g: _noted(seen, g * factor) if seen.append(name) is None else g

    y = ag.exp(x)
    y.register_hook(hook("within", 2.0))
    remove = y.register_hook(hook("removed", 100.0))
    y.register_hook(hook("within, too", 3.0))
    remove()
    if x.requires_grad:
        x.register_hook(hook("argument", 5.0))
    w.register_hook(hook("closed over", 7.0))
    return y * w


@pytest.mark.parametrize("wrap", [checkpoint, twice, thrice])
def test_hooks_within_run_once(wrap: Any) -> None:
    found, ran = [], []
    for way in (plain, wrap):
        x, w = leaf(0.5), leaf(2.0)
        seen: list[Any] = []
        way(lambda x, w=w, seen=seen: hooked(x, w, seen))(x).backward()
        found.append([grad(x), grad(w)])
        ran.append(sorted(name for name in seen if isinstance(name, str)))
    assert_allclose(found[1], found[0], rtol=1e-14)
    assert found[0][0] == pytest.approx(np.exp(0.5) * 2 * 6 * 5)
    assert ran[1] == ran[0] == ["argument", "closed over", "within", "within, too"]


def test_gradients_that_are_retained_within() -> None:
    kept = []

    def f(x: Tensor) -> Tensor:
        y = ag.exp(x)
        y.retain_grad()
        y.retain_grad()
        kept.append(y)
        return y * y

    x = leaf(0.5)
    checkpoint(f)(x).backward()
    assert_allclose(grad(kept[0]), 2 * np.exp(0.5))


def test_a_hook_within_that_is_wrong_raises_in_backward() -> None:
    def f(x: Tensor) -> Tensor:
        y = x * x
        y.register_hook(lambda g: 3.0)
        return y

    with pytest.raises(TypeError, match="hook returned float"):
        checkpoint(f)(leaf(1.0)).backward()


def test_a_hook_within_on_a_constant_is_refused() -> None:
    def f(x: Tensor) -> Tensor:
        Tensor(1.0).register_hook(print)
        return x * x

    with pytest.raises(RuntimeError, match="register_hook: this tensor is a constant"):
        checkpoint(f)(leaf(1.0))


def test_a_hook_on_the_argument_of_a_function_under_a_transform() -> None:
    def f(x: Tensor) -> Tensor:
        y = x * x
        y.register_hook(lambda g: g * 10)
        x.register_hook(lambda g: g * 3)
        return y * x

    for way in (plain, checkpoint):
        assert ag.grad(way(f))(2.0) == pytest.approx(3 * (4 + 10 * 8))


# --- draws ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("between", [4, 6, 0])
def test_rows_dealt_out_are_as_many_as_in_the_forward_pass(between: int) -> None:
    source = ShardedGenerator(5, rank=1, size=2)
    source.count = 8
    x = Tensor(np.ones((4, 3)), requires_grad=True)
    seen = []
    y = checkpoint(lambda x: x * _noted(seen, source.normal((4, 3))))(x)
    source.count = between
    y.sum().backward()
    assert_array_equal(grad(x), seen[0].data)
    assert source.count == between


def test_a_count_that_is_set_within() -> None:
    source, seen = ShardedGenerator(5, rank=0, size=2), []
    source.count = 4

    def f(x: Tensor) -> Tensor:
        first = _noted(seen, source.uniform(shape=2))
        source.count = 6
        return x * (first.sum() + _noted(seen, source.uniform(shape=3)).sum())

    x = leaf(1.0)
    y = checkpoint(f)(x)
    source.count = 100
    y.backward()
    assert_allclose(grad(x), seen[0].data.sum() + seen[1].data.sum())
    assert source.count == 100
