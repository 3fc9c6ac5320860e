"""A function under test: its values at moved arguments, and the gradients that the tape gives."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from autograd.engine.conforming import BroadcastWarning
from autograd.engine.modes import Observer, enable_grad, mode, no_grad
from autograd.engine.sweep import sweep
from autograd.engine.tape import Leaf, Operation, Place, leading_to
from autograd.engine.tensor import Array, Tensor, wrap
from autograd.runtime.trees import flatten, is_floating


class Variable:
    """A floating argument that is moved: a tensor whose array is bound anew for every call.

    A leaf tensor that the caller gave stays the same object, so a function that closes over it
    (a model over its parameters) sees it move; the caller gets it back as it was.
    """

    def __init__(self, name: str, given: Any) -> None:
        self.name = name
        own = isinstance(given, Tensor) and given.is_leaf
        self.tensor: Tensor = given if own else Tensor(np.array(_array(given)))
        self.given: Array = self.tensor.data
        self.at: Array = np.array(self.given, np.float64)
        self.stretch = 1.0
        self._requires_grad = self.tensor.requires_grad
        self._given_grad = self.tensor.grad

    @property
    def shape(self) -> tuple[int, ...]:
        return self.given.shape

    @property
    def size(self) -> int:
        return self.given.size

    def restore(self) -> None:
        self.tensor.rebind(self.given)
        self.tensor.grad = self._given_grad
        if self.tensor.requires_grad != self._requires_grad:
            self.tensor.requires_grad = self._requires_grad

    def unit(self) -> Array:
        """What a step of 1 is for each element: its own size, or for those near 0 a little; all
        times `stretch`, for arguments so small beside what they are added to that it does not show.
        """
        sizes = np.abs(self.at)
        scale = float(np.sqrt(np.mean(np.square(sizes)))) if self.size else 0.0
        return self.stretch * (
            np.maximum(sizes, 1e-3 * scale) if scale > 0 else np.ones(self.shape)
        )


class Subject:
    """f at given arguments. Use as a context manager: it puts the arguments back.

    Raises TypeError where no argument is floating.
    """

    def __init__(self, f: Callable[..., Any], inputs: Sequence[Any], of: str = "gradcheck") -> None:
        self.f, self.of = f, of
        leaves, self._rebuild = flatten(tuple(inputs))
        names = _names(inputs)
        self.variables: list[Variable] = []
        self._given: list[Any] = []
        by_identity: dict[int, Tensor] = {}
        for name, leaf in zip(names, leaves, strict=True):
            if not is_floating(leaf):
                self._given.append(leaf)
                continue
            if not (isinstance(leaf, Tensor) and id(leaf) in by_identity):
                self.variables.append(Variable(name, leaf))
                by_identity[id(leaf)] = self.variables[-1].tensor
            self._given.append(by_identity[id(leaf)])
        if not self.variables:
            given = ", ".join(_describe(leaf) for leaf in leaves) or "none"
            raise TypeError(
                f"{of}: at least one argument of floating numbers expected, {given} given; "
                "convert integers with astype(float)"
            )
        self.ops: list[Operation] = []
        self.warnings: list[str] = []

    def __enter__(self) -> Subject:
        return self

    def __exit__(self, *exception: object) -> None:
        for variable in self.variables:
            variable.restore()

    # --- values ------------------------------------------------------------------------------

    def outputs(self) -> list[Tensor]:
        """The floating tensors that f returns at the arguments as they are bound now."""
        result = self.f(*self._rebuild(self._given))
        leaves, _ = flatten(result)
        outs = [leaf for leaf in leaves if isinstance(leaf, Tensor) and leaf.dtype.kind in "fc"]
        if not outs:
            given = ", ".join(_describe(leaf) for leaf in leaves) or "nothing"
            raise TypeError(
                f"{self.of}: f returned {given}, at least one Tensor of floating numbers expected; "
                "a result that is a NumPy array has left the tape"
            )
        return outs

    def bind(self, arrays: Sequence[Array]) -> None:
        for variable, array in zip(self.variables, arrays, strict=True):
            variable.tensor.rebind(array)

    def at_point(self) -> list[Array]:
        return [variable.at for variable in self.variables]

    def values(self, moved: Sequence[Array] | None = None) -> list[Array]:
        """The outputs' arrays with the arguments at `moved`, by default at the point."""
        self.bind(self.at_point() if moved is None else moved)
        with no_grad(), np.errstate(all="ignore"):
            return [out.data for out in self.outputs()]

    def along(self, directions: Sequence[Array | None]) -> Callable[[complex], list[Array]]:
        """The outputs at the point plus h times the directions, as a function of h."""

        def at(h: complex) -> list[Array]:
            return self.values(
                [
                    x if u is None else np.asarray(x + h * u)
                    for x, u in zip(self.at_point(), directions, strict=True)
                ]
            )

        return at

    # --- gradients ---------------------------------------------------------------------------

    def taped(self, arrays: Sequence[Array] | None = None) -> Taped:
        """f recorded at `arrays`, by default at the point."""
        self.bind(self.at_point() if arrays is None else arrays)
        for variable in self.variables:
            variable.tensor.requires_grad = True
        with _seen() as self.ops, enable_grad(), np.errstate(all="ignore"):
            outs = self.outputs()
        return Taped(self, outs)


class Taped:
    """One recorded call of f, from which gradients are pulled."""

    def __init__(self, subject: Subject, outs: list[Tensor]) -> None:
        self.subject, self.outs = subject, outs

    def gradients(
        self, cotangents: Sequence[Array | Tensor | None], create_graph: bool = False
    ) -> list[Tensor | None]:
        """The gradients of the sum of <cotangent, output>; None where there is no way on the tape.

        A rule whose gradient the sweep had to sum is noted in the subject's `warnings`.
        """
        places = [variable.tensor._place for variable in self.subject.variables]
        assert all(isinstance(place, Leaf) for place in places)
        wanted = {place.serial: i for i, place in enumerate(places) if place is not None}
        found: list[Tensor | None] = [None] * len(places)

        def deposit(place: Place, g: Tensor) -> None:
            found[wanted[place.serial]] = g

        roots = [
            (out._place, g if isinstance(g, Tensor) else wrap(np.asarray(g, out.dtype), None))
            for out, g in zip(self.outs, cotangents, strict=True)
            if g is not None and out._place is not None
        ]
        with warnings.catch_warnings(record=True) as caught, np.errstate(all="ignore"):
            warnings.simplefilter("always", BroadcastWarning)
            sweep(
                roots,
                deposit,
                retain_graph=True,
                create_graph=create_graph,
                wanted=wanted,
                needed=leading_to([place for place, _ in roots], list(wanted)),
            )
        for warning in caught:
            if issubclass(warning.category, BroadcastWarning):
                if str(warning.message) not in self.subject.warnings:
                    self.subject.warnings.append(str(warning.message))
            else:
                warnings.warn_explicit(
                    warning.message, warning.category, warning.filename, warning.lineno
                )
        return found


class _Seen(Observer):
    """An observer that notes which ops ran."""

    def __init__(self) -> None:
        self.ops: list[Operation] = []

    def computed(self, op: Operation, arrays: list[Any], options: dict[str, Any], out: Any) -> None:
        self.ops.append(op)


@contextmanager
def _seen() -> Iterator[list[Operation]]:
    observer = _Seen()
    before, mode.observer = mode.observer, observer
    try:
        yield observer.ops
    finally:
        mode.observer = before


def _names(inputs: Sequence[Any]) -> list[str]:
    names = []
    for position, value in enumerate(inputs):
        leaves, _ = flatten(value)
        several = isinstance(value, list | tuple | dict)
        names += [
            f"argument {position}" + (f", leaf {i}" if several else "") for i in range(len(leaves))
        ]
    return names


def _array(value: Any) -> Array:
    return np.asarray(value.data if isinstance(value, Tensor) else value)


def _describe(leaf: Any) -> str:
    return f"{leaf.dtype} {leaf.shape}" if hasattr(leaf, "dtype") else type(leaf).__name__
