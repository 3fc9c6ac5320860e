"""What the fetched tests check derivatives by: check_grads and what goes with it, in our words.

A function of any trees of numbers and arrays is compared, along random directions, with central
differences: the inner product of a random cotangent with the derivative must be that of the
differences, by vjp ("rev"), by jvp ("fwd"), and to higher order by checking these in turn.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from support.peer_tests.scope import one_check, real

from autograd import Tensor, jvp, vjp
from autograd.runtime.trees import flatten, is_floating

_STEP = 5e-7
_CLOSE = 1e-6  # absolute or relative, as in the tests' own checks

Check = Callable[..., None]


def scalar_close(a: Any, b: Any) -> bool:
    """Whether two numbers are equal within 1e-6, absolutely or relatively."""
    return bool(abs(a - b) < _CLOSE or abs(a - b) < _CLOSE * abs(a + b))


def check_equivalent(x: Any, y: Any) -> None:
    """Asserts that two trees are alike in structure, shapes and numbers."""
    (ours, rebuild), (theirs, again) = flatten(x), flatten(y)
    assert rebuild.args == again.args, f"structures differ: {x} and {y}"
    for a, b in zip(map(_array, ours), map(_array, theirs), strict=True):
        assert a.shape == b.shape, f"shapes {a.shape} and {b.shape}"
        assert all(map(scalar_close, a.ravel(), b.ravel())), f"{a}\nand\n{b}"


def check_grads(
    f: Callable[..., Any],
    argnum: int | Sequence[int] = 0,
    modes: Sequence[str] | None = None,
    order: int = 2,
) -> Check:
    """A function that checks the derivatives of f at its arguments, by those that are named.

    Args:
        modes: of "fwd" and "rev"; by default both.
        order: up to which derivatives are checked.
    """
    chosen = [argnum] if isinstance(argnum, int) else list(argnum)
    name = getattr(f, "__name__", repr(f))

    def check(*args: Any, **options: Any) -> None:
        def of_chosen(*values: Any) -> Any:
            given = dict(zip(chosen, values, strict=True))
            return f(*[given.get(i, arg) for i, arg in enumerate(args)], **options)

        with one_check():
            _Checks(modes or ("fwd", "rev")).run(of_chosen, [args[i] for i in chosen], order, name)

    return check


def combo_check(f: Callable[..., Any], *args: Any, **options: Any) -> Check:
    """check_grads at every combination of the arguments and options that are listed."""
    check = check_grads(f, *args, **options)

    def every(*lists: Any, **named: Any) -> None:
        for values in itertools.product(*lists, *named.values()):
            check(*values[: len(lists)], **dict(zip(named, values[len(lists) :], strict=True)))

    return every


class _Checks:
    """The checks at one point, along directions that are the same whenever it is checked."""

    def __init__(self, modes: Sequence[str]) -> None:
        self.modes = modes
        self.rng = np.random.default_rng(0)  # not NumPy's global numbers, of which the tests draw

    def run(self, f: Callable[..., Any], point: list[Any], order: int, name: str) -> None:
        value = real(f(*real(point, "an argument")), "a result")
        along, u = self._direction(point), self._direction(value)
        ahead, behind = (f(*_moved(point, along, step)) for step in (_STEP, -_STEP))
        expected = (_inner(u, ahead) - _inner(u, behind)) / (2 * _STEP)

        def pushed(*args: Any) -> Any:
            return jvp(f, args[: len(point)], args[len(point) :])[1]

        def pulled(*args: Any) -> Any:
            value, pull = vjp(f, *args[:-1])
            u = flatten(value)[1](flatten(args[-1])[0])  # NumPy's lists are tuples of tensors
            pairs = zip(args[:-1], pull(u), strict=True)
            return [arg if cotangent is None else cotangent for arg, cotangent in pairs]

        for mode in self.modes:
            if mode == "fwd":
                kind, derivative, given = "JVP", pushed, [*point, *along]
                found = _inner(u, pushed(*given))
            else:
                kind, derivative, given = "VJP", pulled, [*point, u]
                found = _inner(along, pulled(*given))
            assert scalar_close(found, expected), (
                f"({kind}) check of {name} failed at {point}: {found}, by differences {expected}"
            )
            if order > 1:
                self.run(derivative, given, order - 1, f"{kind.lower()}_{name}")

    def _direction(self, tree: Any) -> Any:
        """A tree like this one of numbers that are neither small nor large."""
        leaves, rebuild = flatten(tree)
        return rebuild([self._numbers(leaf) if is_floating(leaf) else 0 for leaf in leaves])

    def _numbers(self, leaf: Any) -> Any:
        signs = self.rng.choice([-1, 1], np.shape(leaf))
        return signs * self.rng.uniform(0.5, 1.5, np.shape(leaf))


def _array(leaf: Any) -> np.ndarray[Any, Any]:
    return np.asarray(leaf.data if isinstance(leaf, Tensor) else leaf)


def _moved(tree: Any, along: Any, step: float) -> Any:
    leaves, rebuild = flatten(tree)
    pairs = zip(leaves, flatten(along)[0], strict=True)
    return rebuild([leaf + step * v if is_floating(leaf) else leaf for leaf, v in pairs])


def _inner(v: Any, tree: Any) -> float:
    pairs = zip(flatten(v)[0], flatten(tree)[0], strict=True)
    return float(sum(np.sum(_array(a) * _array(b)) for a, b in pairs if is_floating(b)))
