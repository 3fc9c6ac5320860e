"""Leaves that get their gradients while the sweep goes on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autograd as ag
from autograd import Tensor, checkpoint, primitive, sweep_hook

ROOT = Path(__file__).parents[2]
Array = np.ndarray[Any, Any]


def leaf(array: Any) -> Tensor:
    return Tensor(array, requires_grad=True)


# --- gradients as soon as they are complete ------------------------------------------------------


@primitive
def without_rule(x: Array, scale: Array) -> Array:
    return x * scale


without_rule.defvjp(lambda g, out, x, scale: g * scale, None)


def chain(x: Tensor, a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    return (ag.tanh(ag.tanh(x @ a) @ b) * c).sum()


def tied(x: Tensor, a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    return (ag.tanh(ag.tanh(x @ a) @ a) * c + (b * b).sum()).sum()


def several_outputs(x: Tensor, a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    left, right = ag.split(a, 2)
    values, vectors = ag.eigh(b @ b.T + np.eye(4))
    return ((x[:, :2] @ left - x[:, 2:] @ right) * c + ag.sin(values) @ vectors**2).sum()


def given_to_checkpoint(x: Tensor, a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    inner = checkpoint(lambda h, w: ag.tanh(h @ w) @ w)
    return (inner(inner(x @ a, b), a) * c * b.sum()).sum()


def closed_over(x: Tensor, a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    inner = checkpoint(lambda h: ag.tanh(h @ b) @ c[:, None])
    return (inner(x @ a) * (inner(x) + a.sum()) * c.sum()).sum()


GRAPHS = [chain, tied, several_outputs, given_to_checkpoint, closed_over]


def leaves_of(rng: np.random.Generator) -> tuple[Tensor, ...]:
    return tuple(leaf(rng.normal(size=shape)) for shape in ((4, 4), (4, 4), (4,)))


@pytest.mark.parametrize("graph", GRAPHS)
def test_early_gradients_are_the_same_and_complete(
    graph: Callable[..., Tensor], rng: np.random.Generator
) -> None:
    x, leaves = Tensor(rng.normal(size=(5, 4))), leaves_of(rng)
    graph(x, *leaves).backward()
    expected = [p.grad.numpy().tobytes() for p in leaves]
    shown: list[tuple[int, bytes]] = []
    for number, p in enumerate(leaves):
        p.grad = None
        p.register_hook(lambda g, n=number: shown.append((n, g.numpy().tobytes())))
    graph(x, *leaves).backward(early=True)
    assert [p.grad.numpy().tobytes() for p in leaves] == expected
    assert sorted(shown) == list(enumerate(expected))


@pytest.mark.parametrize(
    ("graph", "records", "expected"),
    # sum, multiply (c), tanh, matmul (b), tanh, matmul (a)
    [(chain, 6, {"c": 2, "b": 4, "a": 6}), (tied, 9, {"c": 5, "b": 4, "a": 9})],
)
def test_early_hooks_run_after_the_last_reader(
    graph: Callable[..., Tensor], records: int, expected: dict[str, int], rng: np.random.Generator
) -> None:
    x, leaves = Tensor(rng.normal(size=(5, 4))), leaves_of(rng)
    swept: list[str] = []
    for early in (False, True):
        at: dict[str, int] = {}
        removals = [
            p.register_hook(lambda g, name=name, at=at: at.update({name: len(swept)}))
            for name, p in zip("abc", leaves, strict=True)
        ]
        swept.clear()
        with sweep_hook(lambda record, g: swept.append(record.op.name)):
            graph(x, *leaves).backward(early=early)
        assert len(swept) == records
        assert at == (expected if early else dict.fromkeys("abc", records))
        for remove in removals:
            remove()


@pytest.mark.parametrize("graph", GRAPHS)
def test_early_sweep_is_recorded(graph: Callable[..., Tensor], rng: np.random.Generator) -> None:
    x, leaves = Tensor(rng.normal(size=(5, 4))), leaves_of(rng)
    second = []
    for early in (False, True):
        for p in leaves:
            p.grad = None
        graph(x, *leaves).backward(create_graph=True, early=early)
        norm = sum((p.grad * p.grad).sum() for p in leaves)
        for p in leaves:
            p.grad = None
        norm.backward(early=early)
        second.append([p.grad.numpy().tobytes() for p in leaves])
    assert second[0] == second[1]


def test_early_leaf_without_a_gradient_keeps_none(rng: np.random.Generator) -> None:
    x, scale, unused = (leaf(rng.normal(size=3)) for _ in range(3))
    seen: list[Tensor] = []
    scale.register_hook(seen.append)
    (without_rule(x, scale) * x).sum().backward(early=True)
    assert x.grad is not None
    assert scale.grad is unused.grad is None
    assert not seen


@pytest.mark.parametrize("early", [False, True])
def test_early_through_a_freed_graph(early: bool, rng: np.random.Generator) -> None:
    x, scale = (leaf(rng.normal(size=3)) for _ in range(2))
    h = ag.tanh(x * scale)
    total = h.sum()
    total.backward()
    before = x.grad.numpy().copy()
    for again in (total, (h * x).sum()):
        freed = "sum" if again is total else "tanh"
        with pytest.raises(RuntimeError, match=f"backward through '{freed}' a second time"):
            again.backward(early=early)
    assert np.array_equal(x.grad.numpy(), before)
