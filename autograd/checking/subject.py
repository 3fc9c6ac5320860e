"""A function under test: its values at moved arguments, and the gradients that the tape gives."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from inspect import signature
from typing import Any

import numpy as np

from autograd.checking.differences import Steps
from autograd.checking.locking import Locked, is_write, locked
from autograd.checking.variable import Bounds, Variable
from autograd.engine.conforming import BroadcastWarning
from autograd.engine.modes import Observer, enable_grad, mode, no_grad
from autograd.engine.sweep import sweep
from autograd.engine.tape import Leaf, Operation, Place, leading_to
from autograd.engine.tensor import Array, Tensor, wrap
from autograd.runtime.trees import flatten, is_floating
from autograd.runtime.writes import Writes

_BESIDE = 1e-10  # of a unit: to a point that stands for the limit from one side
_JUMP = 1e-8  # of the largest output: what is more is no change over so little


class Subject:
    """f at given arguments. Use as a context manager: it puts the arguments back.

    Args:
        steps: how far the arguments are moved.
        domain: for each input, what the arguments in it must stay within; None for all at once.
        may_jump: whether its outputs may, at the point.

    Attributes:
        jumps: whether they have been seen to.
        results: how its outputs are called in reports; by default out, or out[0], out[1], ...

    Raises TypeError where no argument is floating, ValueError where one is not in its domain.
    """

    def __init__(
        self,
        f: Callable[..., Any],
        inputs: Sequence[Any],
        of: str = "gradcheck",
        steps: Steps | None = None,
        domain: Sequence[Bounds | None] | None = None,
        may_jump: bool = False,
    ) -> None:
        self.f, self.of, self.steps = f, of, steps or Steps()
        leaves, self._rebuild = flatten(tuple(inputs))
        called = _called(f, inputs, domain or [None] * len(inputs))
        self.results: list[str] = []
        self.variables: list[Variable] = []
        self._given: list[Any] = []
        by_identity: dict[int, Tensor] = {}
        for (name, symbol, pair), leaf in zip(called, leaves, strict=True):
            if not is_floating(leaf):
                self._given.append(leaf)
                continue
            if not (isinstance(leaf, Tensor) and id(leaf) in by_identity):
                try:
                    self.variables.append(Variable(name, leaf, self.steps, pair, symbol))
                except (TypeError, ValueError) as error:
                    raise type(error)(f"{of}: {error}") from error
                by_identity[id(leaf)] = self.variables[-1].tensor
            self._given.append(by_identity[id(leaf)])
        if not self.variables:
            given = ", ".join(_describe(leaf) for leaf in leaves) or "none"
            raise TypeError(
                f"{of}: at least one argument of floating numbers expected, {given} given; "
                "convert integers with astype(float)"
            )
        self._may_jump, self.jumps = may_jump, False
        self.seen = _Seen()  # in the last call that was recorded
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
        """The outputs at the point plus h times the directions, as a function of h.

        Those of gradients may jump at the point, if f has a kink there: the jumps are taken out, so
        what is left has the slopes that they have on both sides.
        """

        def at(h: complex) -> list[Array]:
            return self.values(
                [
                    x if u is None else np.asarray(x + h * u)
                    for x, u in zip(self.at_point(), directions, strict=True)
                ]
            )

        return self._without_jumps(at) if self._may_jump else at

    def along_one(self, i: int, direction: Array) -> Callable[[complex], list[Array]]:
        """The same with argument i alone moved."""
        return self.along([direction if j == i else None for j in range(len(self.variables))])

    def _without_jumps(
        self, curve: Callable[[complex], list[Array]]
    ) -> Callable[[complex], list[Array]]:
        """A curve of which each side is moved to meet the value at 0, where it does not."""
        at_zero = curve(0.0)
        sides: dict[float, list[Array]] = {}

        def moved(h: complex) -> list[Array]:
            if isinstance(h, complex) or h == 0:
                return curve(h)
            side = _BESIDE if h > 0 else -_BESIDE
            if side not in sides:
                sides[side] = curve(side)
            limit = sides[side]
            if all(map(_near, limit, at_zero)):
                return curve(h)
            self.jumps = True
            return [a - b + c for a, b, c in zip(curve(h + side), limit, at_zero, strict=True)]

        return moved

    def writes(self) -> list[str]:
        """What a call of f, and its rules, write into and should not."""
        found: list[str] = []
        watch = Locked(found.append)
        try:
            self._watched(watch, found, [v.tensor.data for v in self._bound_to_copies()])
        except ValueError as error:
            if not is_write(error):
                raise
            # Again with nothing locked, which tells more of what changes something.
            culprit = watch.culprit
            self._bound_to_copies()
            self._watched(Writes(found.append), found, [])
            if not found:
                found.append(
                    f"{culprit} wrote into what it is given, though that changes nothing "
                    "here. Let it write to a copy"
                )
        return list(dict.fromkeys(found))

    def _bound_to_copies(self) -> list[Variable]:
        self.bind([np.array(at) for at in self.at_point()])
        for variable in self.variables:
            variable.tensor.requires_grad = True
        return self.variables

    def _watched(self, watch: Writes, found: list[str], closed: list[Array]) -> None:
        """Note what is written into by f, with some arrays locked, and by its rules."""
        with watch.watching():
            with enable_grad(), np.errstate(all="ignore"), locked(closed):
                outs = self.outputs()
            for variable in self.variables:
                if not found and not np.array_equal(variable.tensor.data, variable.at, True):
                    found.append(f"f wrote into {variable.name}, outside of any op")
            if not found:
                taped = Taped(self, outs)
                taped.gradients([np.full(out.shape, 0.5, out.dtype) for out in outs])

    # --- gradients ---------------------------------------------------------------------------

    def taped(self, arrays: Sequence[Array] | None = None) -> Taped:
        """f recorded at `arrays`, by default at the point."""
        self.bind(self.at_point() if arrays is None else arrays)
        for variable in self.variables:
            variable.tensor.requires_grad = True
        with _seen() as self.seen, enable_grad(), np.errstate(all="ignore"):
            outs = self.outputs()
        return Taped(self, outs)


def _near(one: Array, other: Array) -> bool:
    return bool(np.abs(one - other).max(initial=0.0) <= _JUMP * np.abs(other).max(initial=0.0))


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
    """An observer that notes which ops ran, and which of them made less of float64."""

    def __init__(self) -> None:
        self.ops: list[Operation] = []
        self.narrowed: str | None = None

    def computed(self, op: Operation, arrays: list[Any], options: dict[str, Any], out: Any) -> None:
        self.ops.append(op)
        outs = out if isinstance(out, tuple) else (out,)
        narrow = [o.dtype for o in outs if o.dtype.kind == "f" and o.dtype.itemsize < 8]
        if narrow and any(isinstance(a, np.ndarray) and a.dtype == np.float64 for a in arrays):
            self.narrowed = f"'{op.name}' gave {narrow[0]} for float64"


@contextmanager
def _seen() -> Iterator[_Seen]:
    observer = _Seen()
    before, mode.observer = mode.observer, observer
    try:
        yield observer
    finally:
        mode.observer = before


def _called(
    f: Callable[..., Any], inputs: Sequence[Any], domain: Sequence[Bounds | None]
) -> list[tuple[str, str, Bounds | None]]:
    """For every leaf of the inputs, how it is called, also by f itself, and its domain."""
    try:
        parameters = list(signature(f).parameters.values())
    except (TypeError, ValueError):  # it has none to be seen
        parameters = []
    plain = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    found: list[tuple[str, str, Bounds | None]] = []
    for position, (value, pair) in enumerate(zip(inputs, domain, strict=True)):
        name = f"argument {position}"
        symbol = plain[position] if position < len(plain) else f"arguments[{position}]"
        several = isinstance(value, list | tuple | dict)
        for i in range(len(flatten(value)[0])):
            own = (f"{name}, leaf {i}", f"{symbol}[{i}]") if several else (name, symbol)
            found.append((*own, pair))
    return found


def _describe(leaf: Any) -> str:
    return f"{leaf.dtype} {leaf.shape}" if hasattr(leaf, "dtype") else type(leaf).__name__
