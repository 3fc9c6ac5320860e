"""Running a primitive on its samples: its value, and its first and second gradients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from support.specs.specs import Spec

from autograd import Tensor

Array = NDArray[Any]


Args = Sequence[Any]


def variables(spec: Spec, args: Args) -> list[int]:
    """The positions of the arguments to differentiate; of an array given twice, the first."""
    rules = spec.op.rules
    return [
        i
        for i, a in enumerate(args)
        if isinstance(a, np.ndarray) and a.dtype.kind == "f"
        if i >= len(rules) or rules[i] is not None
        if not any(a is earlier for earlier in args[:i])
    ]


def forward(spec: Spec, options: dict[str, Any]) -> Callable[[Args], list[Array]]:
    """The op's own forward, on arrays, without the engine around it."""

    def f(args: Args) -> list[Array]:
        out = spec.op.forward(*args, **options)
        return [np.asarray(o) for o in (out if isinstance(out, tuple) else (out,))]

    return f


def call(spec: Spec, args: Args, options: dict[str, Any]) -> list[Tensor]:
    out = spec.op(*args, **options)
    return list(out) if isinstance(out, tuple) else [out]


def recorded(
    args: Args, wanted: Sequence[int], computed: bool = False
) -> tuple[list[Tensor], list[Any]]:
    """Leaves for the arguments at the wanted positions, and all arguments with these in place.

    `computed` puts results of an op in their place, of the same values.
    """
    leaves = [Tensor(args[i], requires_grad=True) for i in wanted]
    places = {
        id(args[i]): leaf + 0 if computed else leaf for i, leaf in zip(wanted, leaves, strict=True)
    }
    return leaves, [places.get(id(a), a) for a in args]


def pull(outs: Sequence[Tensor], v: Sequence[Tensor], create_graph: bool = False) -> None:
    """Backward from <v, outs>, without ops beside the one under test where there is one output."""
    if len(outs) == 1:
        outs[0].backward(v[0], create_graph=create_graph)
    else:
        dot(v, outs).backward(create_graph=create_graph)


def dot(v: Sequence[Tensor | Array], outs: Sequence[Tensor]) -> Tensor:
    total = Tensor(np.zeros((), outs[0].dtype))
    for a, b in zip(v, outs, strict=True):
        total = total + (b * a).sum()
    return total


def gradients(
    spec: Spec,
    args: Args,
    options: dict[str, Any],
    v: Sequence[Array],
    wanted: Sequence[int],
    computed: bool = False,
) -> list[Array]:
    """The engine's gradients of <v, op(args)> in the arguments at the wanted positions."""
    leaves, given = recorded(args, wanted, computed)
    pull(call(spec, given, options), [Tensor(a) for a in v])
    assert all(leaf.grad is not None for leaf in leaves), "an argument got no gradient"
    return [leaf.grad.data for leaf in leaves if leaf.grad is not None]


def second_gradients(
    spec: Spec,
    args: Args,
    options: dict[str, Any],
    v: Sequence[Array],
    u: Sequence[Array],
    computed: bool = False,
) -> list[Array]:
    """The engine's gradients of <u, gradients of <v, op(args)>> in the variables and in v."""
    leaves, given = recorded(args, variables(spec, args), computed)
    cotangents = [Tensor(a, requires_grad=True) for a in v]
    pull(call(spec, given, options), cotangents, create_graph=True)
    first = [leaf.grad for leaf in leaves if leaf.grad is not None]
    for leaf in leaves + cotangents:  # of several outputs, the cotangents got one too
        leaf.grad = None
    dot(u, first).backward()
    # A first gradient that does not depend on an argument leaves nothing there.
    return [
        np.zeros(leaf.shape) if leaf.grad is None else leaf.grad.data
        for leaf in leaves + cotangents
    ]


def like(rng: np.random.Generator, arrays: Sequence[Array]) -> list[Array]:
    """Random numbers, never of one sign or size, for each of the arrays."""
    return [rng.uniform(-1, 1, a.shape) for a in arrays]


def converted(args: Args, convert: Callable[[Array], Array]) -> list[Any]:
    """The arguments, each floating array converted; one that is given twice stays one."""
    made = {id(a): convert(a) for a in args if isinstance(a, np.ndarray) and a.dtype.kind == "f"}
    return [made.get(id(a), a) for a in args]


def assert_close(actual: Any, expected: Any, rtol: float, note: str = "") -> None:
    """Each element to `rtol` of the largest; of the whole arrays' size, not of each element's,
    since sums of larger terms come out near zero too."""
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape, note
    scale = max(np.abs(expected).max(initial=0), np.abs(actual).max(initial=0), 1e-3)
    np.testing.assert_allclose(actual, expected, 0, rtol * scale, err_msg=note)
