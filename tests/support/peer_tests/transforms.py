"""Transforms as the fetched tests call them, each by ours: numbers and arrays in, the same out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from support.peer_tests.scope import COMPLEX, OutOfScopeError, real

import autograd
from autograd import Primitive, Tensor, concatenate, dot, ravel, tensordot
from autograd.runtime.trees import flatten as leaves_of
from autograd.runtime.trees import is_floating

Function = Callable[..., Any]
Argnum = int | Sequence[int]


def plain(tree: Any) -> Any:
    """The tree with numbers and arrays for the tensors in it, but for those with a history."""
    leaves, rebuild = leaves_of(tree)
    return rebuild(
        [
            leaf.data[()] if isinstance(leaf, Tensor) and not leaf.requires_grad else leaf
            for leaf in leaves
        ]
    )


def unary_to_nary(operator: Function) -> Function:
    """Of an operator on functions of one value, one on functions of several: by one of these, or by
    the tuple of some."""

    def nary(f: Function, argnum: Argnum = 0, *more: Any, **named: Any) -> Function:
        def applied(*args: Any, **options: Any) -> Any:
            chosen = [argnum] if isinstance(argnum, int) else list(argnum)

            def of_chosen(value: Any) -> Any:
                given = dict(
                    zip(chosen, [value] if isinstance(argnum, int) else value, strict=True)
                )
                return f(*[given.get(i, arg) for i, arg in enumerate(args)], **options)

            at = args[argnum] if isinstance(argnum, int) else tuple(args[i] for i in chosen)
            return plain(operator(of_chosen, at, *more, **named))

        return applied

    return nary


def _ours(transform: Function) -> Function:
    """One of our transforms that takes argnums, called as theirs."""

    def called(f: Function, argnum: Argnum = 0) -> Function:
        def applied(*args: Any, **options: Any) -> Any:
            argnums = argnum if isinstance(argnum, int) else tuple(argnum)
            real(args, "an argument")
            try:
                return plain(transform(_real_valued(f), argnums)(*args, **options))
            except RuntimeError as error:
                raise _of_their_kind(error) from error

        return applied

    return called


def _of_their_kind(error: RuntimeError) -> Exception:
    return NotImplementedError(str(error)) if "has no rule for argument" in str(error) else error


def _real_valued(f: Function) -> Function:
    def returned(*args: Any, **options: Any) -> Any:
        value = f(*args, **options)
        if any(map(np.iscomplexobj, leaves_of(value)[0])):
            raise TypeError("a complex value, of which no gradient is taken")
        return value

    return returned


grad = _ours(autograd.grad)
value_and_grad = _ours(autograd.value_and_grad)
jacobian = _ours(autograd.jacobian)
hessian = _ours(autograd.hessian)
grad_and_aux = _ours(lambda f, argnums: autograd.grad(f, argnums, has_aux=True))


def core_vjp(f: Function, x: Any) -> tuple[Function, Any]:
    """The pullback of a function of one value, and its result."""
    value, pull = autograd.vjp(f, x)

    def pulled(cotangent: Any) -> Any:
        """Theirs take any cotangent of a result that has no derivative; ours None."""
        leaves, rebuild = leaves_of(value)
        if not all(map(is_floating, leaves)):
            given = leaves_of(cotangent)[0]
            pairs = zip(leaves, given, strict=True)
            cotangent = rebuild([c if is_floating(leaf) else None for leaf, c in pairs])
        return plain(pull(cotangent)[0])

    return pulled, value


def core_jvp(f: Function, x: Any) -> Function:
    """The function from a tangent to a result and its derivative."""

    def push(tangent: Any) -> Any:
        try:
            return plain(autograd.jvp(f, (x,), (tangent,)))
        except RuntimeError as error:
            raise _of_their_kind(error) from error

    return push


make_vjp = unary_to_nary(core_vjp)
make_jvp = unary_to_nary(core_jvp)


def _ones(value: Any) -> Any:
    leaves, rebuild = leaves_of(value)
    return rebuild([np.ones(np.shape(leaf)) if is_floating(leaf) else leaf for leaf in leaves])


@unary_to_nary
def elementwise_grad(f: Function, x: Any) -> Any:
    pull, value = core_vjp(f, x)
    return pull(_ones(value))


@unary_to_nary
def deriv(f: Function, x: Any) -> Any:
    return core_jvp(f, x)(_ones(x))[1]


@unary_to_nary
def make_hvp(f: Function, x: Any) -> tuple[Function, Any]:
    return lambda v: plain(autograd.hvp(f, (x,), (v,))), autograd.grad(f)(x)


def hessian_tensor_product(f: Function, argnum: int = 0) -> Function:
    """The Hessian times a tensor, which is given after the other arguments."""
    return lambda *args: make_hvp(f, argnum)(*args[:-1])[0](args[-1])


def tensor_jacobian_product(f: Function, argnum: int = 0) -> Function:
    """A tensor, which is given after the other arguments, times the Jacobian over its axes."""

    def product(*args: Any) -> Any:
        *rest, v = args
        return plain(
            jacobian(lambda *a: tensordot(v, f(*a), np.ndim(v)), argnum)(*rest),
        )

    return product


def make_ggnvp(f: Function, g: Function | None = None, f_argnum: int = 0) -> Function:
    """The generalised Gauss-Newton matrix J.T H J times a vector, H the Hessian of g at f(x)."""
    outer = g or (lambda y: dot(y, y) / 2)

    @unary_to_nary
    def at(f: Function, x: Any) -> Function:
        value, pull = autograd.vjp(f, x)

        def product(v: Any) -> Any:
            pushed = autograd.jvp(f, (x,), (v,))[1]
            return plain(pull(autograd.hvp(outer, (value,), (pushed,)))[0])

        return product

    made: Function = at(f, f_argnum)
    return made


def holomorphic_grad(*_: Any) -> Any:
    raise OutOfScopeError(COMPLEX, "holomorphic_grad")


def checkpoint(f: Function) -> Function:
    return lambda *args, **options: plain(autograd.checkpoint(f)(*args, **options))


def flatten(tree: Any) -> tuple[Any, Function]:
    """The numbers of a tree as a vector, and the function that makes such a tree of a vector."""
    leaves, rebuild = leaves_of(real(tree, "a tree"))
    sizes = np.cumsum([np.size(leaf) for leaf in leaves])

    def unflatten(vector: Any) -> Any:
        parts = autograd.split(vector, sizes[:-1].tolist()) if leaves else ()
        shaped = [part.reshape(np.shape(leaf)) for part, leaf in zip(parts, leaves, strict=True)]
        return plain(rebuild(shaped))

    vector = concatenate([ravel(leaf) for leaf in leaves]) if leaves else np.zeros(0)
    return plain(vector), unflatten


def primitive(f: Function) -> Primitive:
    return autograd.primitive(f)


def defvjp(op: Primitive, *makers: Function | None, argnums: Sequence[int] | None = None) -> None:
    """Declares rules made as theirs are: (output, *args) -> the function of the gradient."""
    places = range(len(makers)) if argnums is None else argnums
    rules: list[Any] = [None] * (max(places) + 1)
    for place, maker in zip(places, makers, strict=True):
        rules[place] = maker and _rule(maker)
    op.defvjp(*rules)


def _rule(maker: Function) -> Function:
    return lambda g, out, *args, **options: maker(out, *args, **options)(g)
