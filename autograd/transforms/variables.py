"""What transforms differentiate by; what they take, and how they give back what they found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import index
from typing import Any

import numpy as np

from autograd.engine.modes import array_within, mode
from autograd.engine.sweep import run_hooks, sweep
from autograd.engine.tape import Leaf, Place, leading_to, newest, parents_of, reachable
from autograd.engine.tensor import Tensor, wrap
from autograd.runtime.scopes import tracer
from autograd.runtime.trees import flatten, is_floating
from autograd.transforms.checkpointing import alias

Argnums = int | Sequence[int]
NUMBERS = (Tensor, np.ndarray, np.generic, int, float, complex)


class Variables:
    """The floating leaves among chosen arguments, as places of their own on the tape.

    One that was computed from something tracked stays connected to it, so that transforms nest.
    """

    def __init__(
        self, args: tuple[Any, ...], argnums: Argnums, name: str, others: Any = ()
    ) -> None:
        chosen = positions(argnums, len(args), name)
        self.single = not isinstance(argnums, Iterable)
        self.plain = not any_tensor((args, others))  # all that the transform was given
        self.start = newest()
        self.args = list(args)
        self.tensors: list[Tensor] = []
        self._rebuilds = []
        for i in chosen:
            leaves, rebuild = flatten(args[i])
            fresh = [self._variable(leaf) if is_floating(leaf) else leaf for leaf in leaves]
            if not any(is_floating(leaf) for leaf in leaves):
                raise TypeError(
                    f"{name}: argument {i} has no floating numbers to differentiate by; "
                    f"{kinds(leaves)} given, floats, floating arrays or tensors expected, or "
                    "lists, tuples and dicts of them"
                )
            self.args[i] = rebuild(fresh)
            self._rebuilds.append((leaves, rebuild))

    def _variable(self, leaf: Any) -> Tensor:
        if isinstance(leaf, Tensor) and mode.watcher is not None:
            leaf = mode.watcher.given(leaf)
        if isinstance(leaf, Tensor) and leaf.requires_grad:
            variable = alias(leaf)
        else:
            variable = self.leaf(leaf)
        self.tensors.append(variable)
        return variable

    def leaf(self, value: Any) -> Tensor:
        """A new variable that is connected to nothing."""
        variable = Tensor(value, requires_grad=True)
        assert isinstance(variable._place, Leaf)
        variable._place.inner = True
        return variable

    def like_arguments(self, values: Sequence[Any]) -> Any:
        """One value for each variable, in the structure of the chosen arguments."""
        rest = iter(values)
        trees = tuple(
            rebuild([next(rest) if is_floating(leaf) else None for leaf in leaves])
            for leaves, rebuild in self._rebuilds
        )
        return trees[0] if self.single else trees

    def gradients(
        self,
        roots: list[tuple[Tensor, Tensor]],
        retain_graph: bool = False,
        by: list[Tensor] | None = None,
    ) -> list[Tensor]:
        """Gradients of the variables, or of the tensors `by`, from those of the roots.

        Zeros where there is no way between them.
        """
        by = self.tensors if by is None else by
        places = [variable._place for variable in by]
        wanted = {place.serial: i for i, place in enumerate(places) if place is not None}
        starts = [(root._place, g) for root, g in roots if root._place is not None]
        found: dict[int, Tensor] = {}

        def deposit(place: Place, g: Tensor) -> None:
            found[place.serial] = run_hooks(place.hooks, g) if place.hooks else g

        outer = mode.recording and self._depends_on_others(starts)
        sweep(
            starts,
            deposit,
            retain_graph=True if outer else retain_graph,
            create_graph=outer,
            wanted=wanted,
            needed=leading_to([place for place, _ in starts], list(wanted)),
        )
        return [
            found[place.serial]
            if place is not None and place.serial in found
            else wrap(np.zeros_like(array_within(variable)), None)
            for place, variable in zip(places, by, strict=True)
        ]

    def outside(self, leaf: Any, plainly: bool | None = None) -> Any:
        """A result for the caller. A tensor that hangs on something that the caller tracks stays
        what it is; another becomes a constant, and plainly, by default as the leaf, an array.
        """
        if not isinstance(leaf, Tensor):
            return leaf.copy() if isinstance(leaf, np.ndarray) else leaf
        if mode.recording and leaf._place is not None and self.leave_trace([leaf._place]):
            return leaf
        if not (self.plain if plainly is None else plainly):
            return leaf.detach()
        if (trace := tracer()) is not None:
            return trace.as_array(leaf.detach())
        array = np.array(leaf.data)
        return array if array.ndim else array[()]

    def _depends_on_others(self, starts: list[tuple[Place, Tensor]]) -> bool:
        """Whether gradients hang on something tracked besides leaves of transforms.

        Only then need the sweep be recorded: someone may want to differentiate through it.
        """
        return any(g.requires_grad for _, g in starts) or self.leave_trace(
            [place for place, _ in starts]
        )

    def leave_trace(self, places: list[Place]) -> bool:
        """Whether places were computed from tracked tensors besides leaves of transforms."""
        start = self.start  # what is older belongs to somebody else, and is not looked into
        return any(place.serial < start for place in places) or any(
            (isinstance(place, Leaf) and not place.inner)
            or any(parent is not None and parent.serial < start for parent in parents_of(place))
            for place in reachable(places, start)
        )


def with_floats(args: Sequence[Any], name: str) -> tuple[int, ...]:
    chosen = tuple(i for i, arg in enumerate(args) if any(map(is_floating, flatten(arg)[0])))
    if not chosen:
        raise TypeError(f"{name}: no argument has floating numbers; {kinds(args)} given")
    return chosen


def positions(argnums: Argnums, count: int, name: str) -> tuple[int, ...]:
    """The chosen arguments, counted from 0 at the first."""
    given = argnums if isinstance(argnums, Iterable) else (argnums,)
    try:  # True would be argument 1
        chosen = () if any(isinstance(i, bool) for i in given) else tuple(index(i) for i in given)
    except TypeError:
        chosen = ()
    if not chosen or any(not -count <= i < count for i in chosen):
        raise ValueError(
            f"{name}: argnums {argnums} given, positions of the {count} arguments expected"
        )
    if len({i % count for i in chosen}) < len(chosen):
        raise ValueError(f"{name}: argnums {argnums} given, each argument once expected")
    return tuple(i % count for i in chosen)


def floating(result: Any, name: str, expected: str) -> Tensor:
    """What a function returned, as a tensor: a constant where it is a plain array or number."""
    value = result
    if isinstance(result, NUMBERS) and not isinstance(result, Tensor):
        value = wrap(np.asarray(result), None)
    if isinstance(value, Tensor) and value.dtype.kind == "f":
        return value
    hint = "what is not floating has no derivative; convert it with astype(float)"
    if result is None:
        hint = "does it end with return?"
    elif not isinstance(value, Tensor) or value.dtype.kind == "O":
        hint = "stack the tensors in it into one"
    raise TypeError(
        f"{name}: {expected} expected, of floats, the function returned {kinds([result])}; {hint}"
    )


def direction(where: str, given: Any, like: Tensor) -> Tensor:
    """A part of a cotangent or tangent, as a tensor of the shape and dtype of its counterpart."""
    if hasattr(given, "__array__") and not isinstance(given, NUMBERS):
        given = np.asarray(given)  # of pandas, say
    real = "biuf" if like.dtype.kind == "f" else "biufc"
    if not isinstance(given, NUMBERS) or np.result_type(given).kind not in real:
        raise TypeError(f"{where} is {kinds([given])}; numbers of shape {like.shape} expected")
    if np.shape(given) != like.shape:
        raise ValueError(f"{where} has shape {np.shape(given)}, {like.shape} expected")
    return like._cotangent(given)


def refuse_direction(where: str, given: Any, at: Any, what: str) -> None:
    """Raise ValueError for what is given at a primal or an output that has no derivative, unless it
    says nothing: None, zeros, or what is no number."""
    if hasattr(given, "__array__") or isinstance(given, NUMBERS):
        given = np.asarray(given.data if isinstance(given, Tensor) else given)
        if isinstance(at, NUMBERS) and given.shape not in ((), np.shape(at)):
            raise ValueError(f"{where} has shape {given.shape}, {np.shape(at)} expected")
        if np.any(given != 0):
            raise ValueError(
                f"{where} is {given}, but the {what} there is {kinds([at])}, which has no "
                f"derivative; give None or zeros, or make the {what} a float"
            )


def zeros_of(leaf: Any, dtype: np.dtype[Any]) -> Tensor | None:
    """The derivative of a result that hangs on nothing; None for what is no number."""
    if not isinstance(leaf, NUMBERS):
        return None
    own = np.result_type(leaf)
    return wrap(np.zeros(np.shape(leaf), own if own.kind in "fc" else dtype), None)


def can_vary(leaf: Any) -> bool:
    """Whether a result can hang on the variables."""
    return isinstance(leaf, Tensor) and leaf.dtype.kind in "fc"


def any_tensor(tree: Any) -> bool:
    """Whether there is a tensor; one that a trace has put in the place of an array is none."""
    trace = tracer()
    tensors = (leaf for leaf in flatten(tree)[0] if isinstance(leaf, Tensor))
    return any(trace is None or not trace.is_array(leaf) for leaf in tensors)


def kinds(leaves: Sequence[Any]) -> str:
    return ", ".join(
        f"{leaf.dtype} {leaf.shape}"
        if isinstance(leaf, Tensor | np.ndarray | np.generic)
        else type(leaf).__name__
        for leaf in leaves
    )
