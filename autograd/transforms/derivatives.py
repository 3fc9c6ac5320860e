"""Functions made from functions: grad, vjp, jvp and what follows from them. JAX's names.

Arguments and results may be nested lists, tuples and dicts of tensors, arrays and floats; integers
and other values among the arguments are passed on. Transforms nest to any order, and see tensors
that the function closes over: these keep their own gradients.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd import ops
from autograd.engine.modes import enable_grad as recorded
from autograd.engine.modes import mode
from autograd.engine.sweep import sweep
from autograd.engine.tape import Leaf, Place, leading_to, newest, parents_of, reachable
from autograd.engine.tensor import Tensor, wrap
from autograd.runtime.trees import flatten, is_floating
from autograd.transforms.checkpointing import alias

Argnums = int | Sequence[int]


class _Variables:
    """The floating leaves among chosen arguments, as places of their own on the tape.

    One that was computed from something tracked stays connected to it, so that transforms nest.
    """

    def __init__(self, args: tuple[Any, ...], argnums: Argnums, name: str) -> None:
        chosen = (argnums,) if isinstance(argnums, int) else tuple(argnums)
        if not chosen or any(not -len(args) <= i < len(args) for i in chosen):
            raise ValueError(
                f"{name}: argnums {argnums} given, positions of the {len(args)} arguments expected"
            )
        self.single = isinstance(argnums, int)
        self._start = newest()
        self.args = list(args)
        self.tensors: list[Tensor] = []
        self.own: set[int] = set()  # leaves that nobody outside can differentiate by
        self._rebuilds = []
        for i in chosen:
            leaves, rebuild = flatten(args[i])
            fresh = [self._variable(leaf) if is_floating(leaf) else leaf for leaf in leaves]
            if not any(is_floating(leaf) for leaf in leaves):
                raise TypeError(
                    f"{name}: argument {i} has no floating numbers to differentiate by; "
                    f"{_kinds(leaves)} given"
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
        assert variable._place is not None
        self.own.add(variable._place.serial)
        return variable

    def like_arguments(self, values: Sequence[Tensor]) -> Any:
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
            found[place.serial] = g

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
            else wrap(np.zeros_like(variable.data), None)
            for place, variable in zip(places, by, strict=True)
        ]

    def _depends_on_others(self, starts: list[tuple[Place, Tensor]]) -> bool:
        """Whether gradients hang on something tracked besides leaves of our own.

        Only then need the sweep be recorded: someone may want to differentiate through it.
        """
        return any(g.requires_grad for _, g in starts) or self.leave_trace(
            [place for place, _ in starts]
        )

    def leave_trace(self, places: list[Place]) -> bool:
        """Whether places were computed from tracked tensors besides leaves of our own."""
        start = self._start  # what is older belongs to somebody else, and is not looked into
        return any(place.serial < start for place in places) or any(
            (isinstance(place, Leaf) and place.serial not in self.own)
            or any(parent is not None and parent.serial < start for parent in parents_of(place))
            for place in reachable(places, start)
        )


def vjp(f: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[[Any], Any]]:
    """f(*primals), and the function from a cotangent of the result to those of the primals.

    That function may be called several times. It returns a tuple with an entry for each primal, of
    its structure; None stands where the primal has no floating number. The cotangent has the
    structure of the result.
    """
    with recorded():
        variables = _Variables(primals, _with_floats(primals, "vjp"), "vjp")
        result = f(*variables.args)
    leaves, rebuild = flatten(result)

    def pull(cotangent: Any) -> tuple[Any, ...]:
        given, _ = flatten(cotangent)
        if len(given) != len(leaves):
            raise ValueError(
                f"vjp: a cotangent of {len(given)} parts given for a result of {len(leaves)}"
            )
        roots = [
            (out, out._cotangent(g))
            for out, g in zip(leaves, given, strict=True)
            if isinstance(out, Tensor)
        ]
        found = iter(variables.like_arguments(variables.gradients(roots, retain_graph=True)))
        chosen = _with_floats(primals, "vjp")
        return tuple(next(found) if i in chosen else None for i in range(len(primals)))

    return rebuild([_without(leaf, variables) for leaf in leaves]), pull


def value_and_grad(
    f: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False
) -> Callable[..., tuple[Any, Any]]:
    """The function that gives f's value, one number, and its gradient by the arguments `argnums`.

    Gradients have the structure of the arguments; of several arguments they come as a tuple. With
    `has_aux` f returns (value, anything else), and so does the first part of the result.

    Raises ValueError, when called, where f's value is not one number.
    """

    @functools.wraps(f)
    def value_and_gradient(*args: Any, **options: Any) -> tuple[Any, Any]:
        with recorded():
            variables = _Variables(args, argnums, "grad")
            result = f(*variables.args, **options)
        value = result[0] if has_aux else result
        if not isinstance(value, Tensor) or value.size != 1:
            given = f"a tensor of shape {value.shape}" if isinstance(value, Tensor) else repr(value)
            raise ValueError(
                f"grad: the function returned {given}, one number expected; reduce it (sum, mean), "
                "or use jacobian or vjp"
            )
        shown = _without_all(result, variables)  # now: the sweep may free what this looks at
        gradients = variables.gradients([(value, wrap(np.ones_like(value.data), None))])
        return shown, variables.like_arguments(gradients)

    return value_and_gradient


def grad(f: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """The function that gives the gradient of f; see value_and_grad. With `has_aux`, (gradient,
    what else f returned)."""
    both = value_and_grad(f, argnums, has_aux)

    @functools.wraps(f)
    def gradient(*args: Any, **options: Any) -> Any:
        value, found = both(*args, **options)
        return (found, value[1]) if has_aux else found

    return gradient


def jvp(f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
    """f(*primals), and its derivative along `tangents`, of the structure of the primals.

    From the pullbacks alone: a vjp is linear in its cotangent u, and the pullback of that linear
    map, applied to the tangents, is the jvp (Townsend 2017, "A new trick for calculating
    Jacobian vector products").
    """
    if len(primals) != len(tangents):
        raise ValueError(f"jvp: {len(primals)} primals and {len(tangents)} tangents given")
    directions = [leaf for leaf in flatten(list(tangents))[0] if is_floating(leaf)]
    with recorded():
        variables = _Variables(tuple(primals), _with_floats(primals, "jvp"), "jvp")
        if len(directions) != len(variables.tensors):
            raise ValueError(
                f"jvp: tangents with {len(directions)} floating leaves given, "
                f"{len(variables.tensors)} expected as in the primals"
            )
        result = f(*variables.args)
        leaves, rebuild = flatten(result)
        outs = [leaf for leaf in leaves if isinstance(leaf, Tensor)]
        dummies = [variables.leaf(np.zeros_like(out.data)) for out in outs]
        pulled = variables.gradients(list(zip(outs, dummies, strict=True)), retain_graph=True)
        total = [
            (p, p._cotangent(t)) for p, t in zip(pulled, directions, strict=True) if p.requires_grad
        ]
    pushed = iter(variables.gradients(total, retain_graph=True, by=dummies))
    derivative = rebuild([next(pushed) if isinstance(leaf, Tensor) else None for leaf in leaves])
    return rebuild([_without(leaf, variables) for leaf in leaves]), derivative


def jacobian(f: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """The function that gives all derivatives of f's result, one tensor, by the arguments.

    For a result of shape R and an argument of shape A the derivative has shape R + A. It takes one
    pullback for each element of the result.
    """

    @functools.wraps(f)
    def derivatives(*args: Any, **options: Any) -> Any:
        with recorded():
            variables = _Variables(args, argnums, "jacobian")
            result = f(*variables.args, **options)
        if not isinstance(result, Tensor):
            raise TypeError(f"jacobian: one tensor expected, {_kinds([result])} returned")
        rows: list[list[Tensor]] = []
        for i in range(result.size):
            unit = np.zeros_like(result.data)
            unit[np.unravel_index(i, result.shape)] = 1
            rows.append(variables.gradients([(result, wrap(unit, None))], retain_graph=True))
        columns = [
            _stacked([row[k] for row in rows], result.shape, variable)
            for k, variable in enumerate(variables.tensors)
        ]
        return variables.like_arguments(columns)

    return derivatives


def hessian(f: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """The function that gives the second derivatives of f's value, one number: shape A + A for an
    argument of shape A. Of one argument that is one tensor."""
    if not isinstance(argnums, int):
        raise TypeError(f"hessian: one argument expected, argnums {argnums} given")
    return jacobian(grad(f, argnums), argnums)


def hvp(f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
    """The Hessian of f's value by all primals, times the tangents: a tuple with an entry for each
    primal, or of one primal its entry alone.

    One gradient and one derivative along the tangents: no Hessian is formed (Pearlmutter 1994).
    """
    every = 0 if len(primals) == 1 else tuple(range(len(primals)))
    return jvp(grad(f, every), primals, tangents)[1]


def stop_gradient(x: Any) -> Any:
    """x, or a tree of tensors, as constants."""
    leaves, rebuild = flatten(x)
    return rebuild([leaf.detach() if isinstance(leaf, Tensor) else leaf for leaf in leaves])


def _with_floats(args: Sequence[Any], name: str) -> tuple[int, ...]:
    chosen = tuple(i for i, arg in enumerate(args) if any(map(is_floating, flatten(arg)[0])))
    if not chosen:
        raise TypeError(f"{name}: no argument has floating numbers; {_kinds(args)} given")
    return chosen


def _without(leaf: Any, variables: _Variables) -> Any:
    """A result for the caller: a constant, unless it hangs on something the caller tracks."""
    if not isinstance(leaf, Tensor) or leaf._place is None:
        return leaf
    return leaf if mode.recording and variables.leave_trace([leaf._place]) else leaf.detach()


def _without_all(tree: Any, variables: _Variables) -> Any:
    leaves, rebuild = flatten(tree)
    return rebuild([_without(leaf, variables) for leaf in leaves])


def _stacked(rows: list[Tensor], shape: tuple[int, ...], variable: Tensor) -> Tensor:
    if not rows:
        return wrap(np.zeros(shape + variable.shape, variable.dtype), None)
    return ops.stack(rows).reshape(shape + variable.shape)


def _kinds(leaves: Sequence[Any]) -> str:
    return ", ".join(
        f"{leaf.dtype} {leaf.shape}" if hasattr(leaf, "dtype") else type(leaf).__name__
        for leaf in leaves
    )
