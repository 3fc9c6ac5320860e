"""A random program as a case: it runs on the engine, with directions and who knows the answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from support.random_programs.builder import Program
from support.random_programs.differences import Array, Direction, Estimate, Head
from support.random_programs.names import pullback_names

import autograd as ag
from autograd import Tensor


class Oracle(Protocol):
    """Who knows the derivatives; see `differences.Differences`."""

    @property
    def base(self) -> Sequence[Any]: ...
    def slope(self, node: int, v: Direction) -> Array: ...
    def first(self, head: Head, u: Direction) -> Estimate: ...
    def second(self, head: Head, u: Direction, w: Direction) -> Estimate: ...
    def third(self, head: Head, u: Direction, w: Direction) -> Estimate: ...


class Answer(NamedTuple):
    """A number that the engine found, and what it should be."""

    got: float
    want: Estimate


class Case:
    """A program, directions, and oracles for it and for its nudged forms.

    `names` replace some of those that the engine's side of the program uses.
    """

    def __init__(
        self,
        program: Program,
        oracle: Callable[[Program, tuple[Direction, Direction] | None], Oracle],
        names: dict[str, Any] | None = None,
    ) -> None:
        self.program, self._oracle = program, oracle
        self.rng = np.random.default_rng([program.seed, 11])
        self.u, self.w = self.direction(), self.direction()
        self.oracle = oracle(program, (self.u, self.w))
        scope = pullback_names | (names or {})
        self._run = program.on(scope, Tensor)
        self._position = {node: k for k, node in enumerate(program.visible)}
        self.f: Head = [(program.heads[0], 1.0)]
        self.g: Head = [(program.heads[1], 1.0)]

    def reseed(self, number: int) -> None:
        """Draw the same as ever for a question, whatever has been asked before."""
        self.rng = np.random.default_rng([self.program.seed, number])

    def direction(self, chosen: Sequence[int] | None = None) -> Direction:
        """Of length one, within the chosen inputs, or within all."""
        parts = [
            self.rng.standard_normal(x.shape)
            if chosen is None or i in chosen
            else np.zeros(x.shape)
            for i, x in enumerate(self.program.inputs)
        ]
        length = np.sqrt(sum(float(np.sum(p * p)) for p in parts))
        return tuple(part / length for part in parts)

    def cotangent(self, node: int) -> Array:
        return np.asarray(self.rng.standard_normal(self.program.shapes[node]))

    def node(self, shape: tuple[int, ...] | None = None) -> int:
        """A tracked node that was computed, perhaps one of a given shape."""
        free = [
            i
            for i in self.program.visible
            if i in self.program.tracked
            and i >= len(self.program.inputs)
            and shape in (None, self.program.shapes[i])
        ]
        return free[int(self.rng.integers(len(free)))]

    def leaves(self) -> list[Tensor]:
        return [Tensor(x.copy(), requires_grad=True) for x in self.program.inputs]

    def run(self, xs: Sequence[Any]) -> Callable[[int], Tensor]:
        """The nodes of the program at xs, by number."""
        values = self._run(*xs)
        return lambda node: values[self._position[node]]

    def value(self, node: int) -> Callable[..., Tensor]:
        """A node as a function of the inputs."""
        return lambda *xs: self._run(*xs)[self._position[node]]

    def nudged(self, node: int) -> Oracle:
        """The oracle for the program with one more input, that is added to a node."""
        return self._oracle(self.program.nudge(node), None)

    @property
    def every(self) -> tuple[int, ...]:
        return tuple(range(len(self.program.inputs)))

    def arguments(self) -> list[Any]:
        """The inputs as arrays, or as tensors."""
        as_arrays = self.rng.random() < 0.5
        return [x.copy() if as_arrays else Tensor(x) for x in self.program.inputs]


def dot(gradients: Sequence[Any], v: Sequence[Array]) -> Any:
    """The sum of products; what has no gradient, None, counts as zero."""
    total: Any = 0.0
    for g, d in zip(gradients, v, strict=True):
        if g is not None:
            total = total + ag.sum(g * d)
    return total


def number(value: Any) -> float:
    return float(value.data if isinstance(value, Tensor) else value)


def grads(leaves: Sequence[Tensor]) -> list[Tensor | None]:
    return [leaf.grad for leaf in leaves]


def slope_of(leaves: Sequence[Tensor], value: Any, v: Direction) -> float:
    """The derivative along v of a number that hangs on the leaves, by one more backward."""
    for leaf in leaves:
        leaf.grad = None
    if isinstance(value, Tensor) and value.requires_grad:
        value.backward()
    return number(dot(grads(leaves), v))


def plus(*estimates: Estimate) -> Estimate:
    return Estimate(sum(e.value for e in estimates), sum(e.error for e in estimates))
