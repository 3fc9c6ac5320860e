"""Functions made from functions: grad, vjp, jvp and what follows from them. JAX's names.

Arguments and results may be nested lists, tuples and dicts of tensors, arrays and floats; integers
and other values among the arguments are passed on. Transforms nest to any order, and see tensors
that the function closes over: these keep their own gradients.

Of plain arrays and numbers results are plain too: new arrays, which may be written into, and
NumPy's numbers for those of no dimension. With a tensor anywhere among the arguments (or tangents,
or in the cotangent) they are tensors; and so is what hangs on a tensor that the function closes
over and that wants a gradient, for as an array it would lose its history.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from autograd import ops
from autograd.engine.modes import array_within
from autograd.engine.modes import enable_grad as recorded
from autograd.engine.tensor import Tensor, wrap
from autograd.runtime.trees import expect_function, flatten, is_floating, matched, returned
from autograd.transforms.variables import (
    Argnums,
    Variables,
    any_tensor,
    can_vary,
    direction,
    floating,
    kinds,
    positions,
    refuse_direction,
    with_floats,
    zeros_of,
)


def vjp(f: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[[Any], Any]]:
    """f(*primals), and the function from a cotangent of the result to those of the primals.

    That function may be called several times. It returns a tuple with an entry for each primal, of
    its structure; None stands where the primal has no floating number. The cotangent has the
    structure of the result, with dicts paired by key, and None or zeros at what has no derivative,
    being no number or no floating one. It raises ValueError where a structure or shape differs.
    """
    expect_function("vjp", f)
    with recorded():
        variables = Variables(primals, with_floats(primals, "vjp"), "vjp")
        result = f(*variables.args)
    leaves, rebuild = returned(result, "vjp")
    kept = rebuild(leaves)

    def pull(cotangent: Any) -> tuple[Any, ...]:
        roots = []
        for where, out, g in matched(kept, cotangent, "vjp: the cotangent"):
            if can_vary(out):
                roots.append((out, direction(where, g, out)))
            elif is_floating(out) and g is not None:  # a constant
                direction(where, g, wrap(np.empty(np.shape(out)), None))  # of the right shape
            else:
                refuse_direction(where, g, out, "output")
        plainly = variables.plain and not any_tensor(cotangent)
        pulled = variables.gradients(roots, retain_graph=True)
        found = iter(variables.like_arguments([variables.outside(g, plainly) for g in pulled]))
        chosen = with_floats(primals, "vjp")
        return tuple(next(found) if i in chosen else None for i in range(len(primals)))

    return rebuild([variables.outside(leaf) for leaf in leaves]), pull


def value_and_grad(
    f: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False
) -> Callable[..., tuple[Any, Any]]:
    """The function that gives f's value, one number, and its gradient by the arguments `argnums`.

    Gradients have the structure of the arguments; of several arguments they come as a tuple. They
    are zeros where the value does not hang on the argument, also where it is a plain number. With
    `has_aux` f returns (value, anything else), and so does the first part of the result.

    Raises, when called, ValueError where f's value is not one number, and TypeError where it is no
    floating one.

    >>> value_and_grad(lambda x: x**3)(2.0)
    (np.float64(8.0), np.float64(12.0))
    """
    expect_function("grad", f)

    @functools.wraps(f)
    def value_and_gradient(*args: Any, **options: Any) -> tuple[Any, Any]:
        with recorded():
            variables = Variables(args, argnums, "grad", options)
            result = f(*variables.args, **options)
        if has_aux and not (isinstance(result, tuple | list) and len(result) == 2):
            raise TypeError(
                f"grad: the function returned {kinds([result])}; with has_aux a pair "
                "(value, anything else) expected"
            )
        value = floating(result[0] if has_aux else result, "grad", "one number")
        if value.size != 1:
            raise ValueError(
                f"grad: the function returned a tensor of shape {value.shape}, one number "
                "expected; reduce it (sum, mean), or use jacobian or vjp"
            )
        roots = [(value, wrap(np.ones_like(array_within(value)), None))]
        leaves, rebuild = flatten(result)
        shown = rebuild([variables.outside(leaf) for leaf in leaves])
        gradients = [variables.outside(g) for g in variables.gradients(roots)]
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

    What in the result does not hang on the primals, or is no floating number, has zeros for its
    derivative, of its shape. At primals that are not floating the tangents say nothing, and may be
    None. Raises ValueError where the structure or a shape of the tangents differs.

    From the pullbacks alone: a vjp is linear in its cotangent u, and the pullback of that linear
    map, applied to the tangents, is the jvp (Townsend 2017, "A new trick for calculating
    Jacobian vector products").
    """
    return _jvp(f, primals, tangents, "jvp")


def _jvp(
    f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any], name: str
) -> tuple[Any, Any]:
    expect_function(name, f)
    _expect_lists(name, primals=primals, tangents=tangents)
    if len(primals) != len(tangents):
        raise ValueError(f"{name}: {len(primals)} primals and {len(tangents)} tangents given")
    pairs = list(matched(tuple(primals), tuple(tangents), f"{name}: tangents"))
    with recorded():
        variables = Variables(tuple(primals), with_floats(primals, name), name, tangents)
        own = iter(variables.tensors)
        directions = []
        for where, primal, t in pairs:
            if is_floating(primal):
                directions.append(direction(where, t, next(own)))
            elif is_floating(t):
                refuse_direction(where, t, primal, "primal")
        leaves, rebuild = returned(f(*variables.args), name)
        outs = [leaf for leaf in leaves if can_vary(leaf)]
        dummies = [variables.leaf(np.zeros_like(array_within(out))) for out in outs]
        roots = list(zip(outs, dummies, strict=True))
        pulled = variables.gradients(roots, retain_graph=True)
        total = [(p, t) for p, t in zip(pulled, directions, strict=True) if p.requires_grad]
    pushed = iter(variables.gradients(total, retain_graph=True, by=dummies))
    dtype = np.result_type(*[variable.dtype for variable in variables.tensors])
    found = [next(pushed) if can_vary(leaf) else zeros_of(leaf, dtype) for leaf in leaves]
    derivative = rebuild([variables.outside(t) for t in found])
    return rebuild([variables.outside(leaf) for leaf in leaves]), derivative


def _expect_lists(name: str, **given: Any) -> None:
    for what, values in given.items():
        if not isinstance(values, list | tuple):
            raise TypeError(
                f"{name}: {what} {kinds([values])} given, a list or tuple of them expected"
            )


def jacobian(f: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """The function that gives all derivatives of f's result, one tensor, by the arguments.

    For a result of shape R and an argument of shape A the derivative has shape R + A. It takes one
    pullback for each element of the result. Raises TypeError, when called, where f returns anything
    else than one tensor or array of floating numbers.
    """
    return _jacobian(f, argnums, "jacobian")


def _jacobian(f: Callable[..., Any], argnums: Argnums, name: str) -> Callable[..., Any]:
    expect_function(name, f)

    @functools.wraps(f)
    def derivatives(*args: Any, **options: Any) -> Any:
        with recorded():
            variables = Variables(args, argnums, name, options)
            result = floating(f(*variables.args, **options), name, "one tensor")
        rows: list[list[Tensor]] = []
        for i in range(result.size):
            unit = np.zeros_like(array_within(result))
            unit[np.unravel_index(i, result.shape)] = 1
            rows.append(variables.gradients([(result, wrap(unit, None))], retain_graph=True))
        columns = [
            _stacked([row[k] for row in rows], result.shape, variable)
            for k, variable in enumerate(variables.tensors)
        ]
        return variables.like_arguments([variables.outside(column) for column in columns])

    return derivatives


def hessian(f: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """The function that gives the second derivatives of f's value, one number: shape A + A for an
    argument of shape A. Of one argument that is one tensor."""
    if isinstance(argnums, Iterable):
        raise TypeError(f"hessian: one argument expected, argnums {argnums} given")
    second = _jacobian(grad(f, argnums), argnums, "hessian")

    @functools.wraps(f)
    def derivatives(*args: Any, **options: Any) -> Any:
        (i,) = positions(argnums, len(args), "hessian")
        if not is_floating(args[i]):
            raise TypeError(
                f"hessian: argument {i} is {kinds([args[i]])}; a floating number, array or tensor "
                "expected: of a tree take hvp, or jacobian and grad by its leaves"
            )
        return second(*args, **options)

    return derivatives


def hvp(f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
    """The Hessian of f's value by all primals, times the tangents: a tuple with an entry for each
    primal, or of one primal its entry alone.

    One gradient and one derivative along the tangents: no Hessian is formed (Pearlmutter 1994).
    """
    _expect_lists("hvp", primals=primals, tangents=tangents)
    every = 0 if len(primals) == 1 else tuple(range(len(primals)))
    return _jvp(grad(f, every), primals, tangents, "hvp")[1]


def stop_gradient(x: Any) -> Any:
    """x, or a tree of tensors, as constants."""
    leaves, rebuild = flatten(x)
    return rebuild([leaf.detach() if isinstance(leaf, Tensor) else leaf for leaf in leaves])


def _stacked(rows: list[Tensor], shape: tuple[int, ...], variable: Tensor) -> Tensor:
    if not rows:
        return wrap(np.zeros(shape + variable.shape, variable.dtype), None)
    return ops.stack(rows).reshape(shape + variable.shape)
