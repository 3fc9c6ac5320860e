"""Mistakes planted in the rules of ops, and what gradcheck and compare say of them.

Every gradient is measured by itself first: the right one with the untouched rule in float64, the
wrong one with the mistake in it. A checker has to find what is above the limit that it states.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from support.mistakes.mutation_kinds import (
    FACTOR,
    KINDS,
    LEARNING_RATE,
    UNKNOWN,
    Call,
    Change,
    Kind,
)
from support.mistakes.mutation_sites import SITES, Shape, Site

from autograd import Tensor, no_grad, ops
from autograd.checking.comparison import compare
from autograd.checking.gradients import gradcheck
from autograd.engine.primitives import Primitive
from autograd.ops.shapes.shape import sum_to

Array = NDArray[Any]

SCALES = ((1.0, 1.0), (1e-8, 1.0), (1e8, 1.0), (1.0, 1e-8), (1.0, 1e8), (1e-4, 1e4), (1e8, 1e-8))
DTYPES = (np.dtype(np.float64), np.dtype(np.float32))
_COTANGENTS = 3
GRADCHECK_EVERY = 3
_TELLING = 3  # numbers that are not 0; from fewer nothing can be told


class Found(NamedTuple):
    """What one of the two checkers said of a wrong gradient.

    Attributes:
        effect: by how much it is wrong, in the measure of the checker.
        limit: the smallest effect that the checker says it would find.
        caught: whether it was called wrong.
        answer: the first word of the diagnosis; "unknown" where there is none.
        asked: whether the numbers say enough for a diagnosis.
    """

    effect: float
    limit: float
    caught: bool
    answer: str
    asked: bool = True

    @property
    def above(self) -> bool:
        return not self.effect <= self.limit  # NaN is above everything


@dataclass(frozen=True)
class Outcome:
    """A planted mistake, and what became of it."""

    kind: str
    where: str
    answers: frozenset[str]
    by_gradcheck: Found | None
    by_compare: Found | None

    def __str__(self) -> str:
        return f"{self.kind}, {self.where}"


@dataclass(frozen=True)
class Planting:
    """A place for mistakes: one argument of one call, at one size, scale and precision.

    Attributes:
        argument: which of the tensors of the call has the wrong rule.
        scales: the size of the numbers in the arguments and of those in the result.
    """

    site: Site
    shapes: tuple[Shape, ...]
    argument: int
    scales: tuple[float, float]
    dtype: np.dtype[Any]
    seed: int

    def __str__(self) -> str:
        shapes = ", ".join(map(str, self.shapes))
        small, large = self.scales
        return f"{self.site}({shapes})[{self.argument}] {small:g} -> {large:g} {self.dtype}"

    def arrays(self, rng: np.random.Generator) -> list[Array]:
        arrays = self.site.draw(self.shapes, rng)
        return [(x * self.scales[0]).astype(self.dtype) for x in arrays]

    def function(self, change: Change | None = None) -> Callable[..., Tensor]:
        """The call at its scale, with the rule of the argument changed."""
        op = self.site.op
        if change is not None:
            op = planted(op, self.site.positions[self.argument], change)
        inner, outer = self.scales

        def f(*tensors: Tensor) -> Tensor:
            out = self.site.call(op, *(t if inner == 1 else t * (1 / inner) for t in tensors))
            return out if outer == 1 else out * outer

        return f


def twin(op: Primitive) -> Primitive:
    """Another op that is declared alike; a copy would be the op itself, as of functions."""
    twin = object.__new__(Primitive)
    vars(twin).update(vars(op))
    for kind in Primitive.__mro__:
        for name in getattr(kind, "__slots__", ()):
            if not name.startswith("__"):
                setattr(twin, name, getattr(op, name))
    return twin


def planted(op: Primitive, position: int, change: Change) -> Primitive:
    """A primitive like `op`, with a mistake in the rule of one argument. `op` stays as it is."""
    wrong = twin(op)

    def rule(g: Tensor, out: Tensor, *args: Any, **options: Any) -> Tensor:
        with no_grad():
            call = call_of(op, position, g, out, args, options)
            value = change(call)
        value = call.right if value is None else value
        return Tensor(np.asarray(value, call.right.dtype))

    each = op.rule_for_each
    if each is None:
        rules = list(op.rules)
        rules[position] = rule
        return wrong.defvjp(*rules)
    return wrong.defvjp_each(
        lambda i, *given, **options: (rule if i == position else partial(each, i))(
            *given, **options
        )
    )


def call_of(
    op: Primitive,
    position: int,
    g: Tensor,
    out: Tensor,
    args: Sequence[Any],
    options: dict[str, Any],
) -> Call:
    """A call of the right rule, as arrays."""

    def raw(i: int, upstream: Array, arguments: Sequence[Any]) -> Tensor:
        given = [Tensor(a) if isinstance(a, np.ndarray) else a for a in arguments]
        rule = op.rule(i)
        assert rule is not None
        return rule(Tensor(upstream), out, *given, **options)

    def pull(i: int, upstream: Array, arguments: Sequence[Any]) -> Array | None:
        try:
            return sum_to(raw(i, upstream, arguments), arguments[position].shape).data
        except (ValueError, TypeError, IndexError, np.linalg.LinAlgError):
            return None

    arrays = tuple(a.data if isinstance(a, Tensor) else a for a in args)
    unsummed = raw(position, g.data, arrays)
    right = sum_to(unsummed, arrays[position].shape).data
    return Call(right, unsummed.data, g.data, out.data, arrays, position, pull)


def gradient(f: Callable[..., Tensor], arrays: Sequence[Array], i: int, v: Array) -> Array:
    """The gradient of <v, f> by argument i, as the tape gives it."""
    tensors = [Tensor(a, requires_grad=k == i) for k, a in enumerate(arrays)]
    out = f(*tensors)
    out.backward(np.asarray(v, out.dtype))
    found = tensors[i].grad
    assert found is not None
    return found.data


def plantings(seed: int = 0, rounds: int = 1) -> Iterator[Planting]:
    """Every argument of every call at every size, each at some of the scales and precisions."""
    number = seed
    for _ in range(rounds):
        for site in SITES:
            for shapes in site.sizes:
                for argument in range(len(shapes)):
                    number += 1
                    scales = SCALES[number % len(SCALES)]
                    dtype = DTYPES[number // len(SCALES) % len(DTYPES)]
                    yield Planting(site, shapes, argument, scales, dtype, number)


def outcomes(planting: Planting) -> Iterator[Outcome]:
    """Plant every kind of mistake that can be made there, one after the other.

    gradcheck takes much longer than compare, most of all on what is wrong: it gets every third.
    """
    rng = np.random.default_rng(planting.seed)
    given = planting.arrays(rng)
    exact = [a.astype(np.float64) for a in given]
    f, i = planting.function(), planting.argument
    with no_grad():
        shape = f(*map(Tensor, exact)).shape
    signs = [_signs(rng, shape) for _ in range(1 + _COTANGENTS)]
    right = [gradient(f, exact, i, v) for v in signs]
    if not all(np.abs(g).max(initial=0) > 0 for g in right):
        return
    wrong = {}
    for kind in KINDS:
        change = _noticing(kind.change)
        gradients = [gradient(planting.function(change), exact, i, v) for v in signs]
        if change.made:
            wrong[kind.name] = gradients
    for number, kind in enumerate(KINDS):
        if kind.name in wrong:
            mistaken = wrong[kind.name]
            chosen = (number + planting.seed) % GRADCHECK_EVERY == 0
            same = {name: other[0] for name, other in wrong.items()}
            answers = right_answers(kind, mistaken[0], right[0], same, planting.dtype)
            yield Outcome(
                kind.name,
                str(planting),
                answers,
                _by_gradcheck(planting, kind, given, right[1:], mistaken[1:]) if chosen else None,
                _by_compare(planting, kind, given, signs[0], right[0]),
            )


class _noticing:
    """A change that notes whether it could be made."""

    def __init__(self, change: Change) -> None:
        self._change, self.made = change, False

    def __call__(self, call: Call) -> Array | None:
        changed = self._change(call)
        self.made |= changed is not None
        return changed


def _signs(rng: np.random.Generator, shape: Shape) -> Array:
    """Random numbers of either sign, none of them nearly 0."""
    return np.asarray(rng.uniform(0.5, 1.5, shape) * rng.choice([-1.0, 1.0], shape))


def right_answers(
    kind: Kind, wrong: Array, right: Array, others: dict[str, Array], dtype: np.dtype[Any]
) -> frozenset[str]:
    """The first words of a right diagnosis: those of every kind that gives the same numbers.

    On an axis of length 2 to roll is to flip; where the right gradient is constant along an axis,
    whatever permutes it does nothing; where the local derivative is 1, it cannot be forgotten.
    """
    answers = set(kind.answers)
    allowed = (1e-6 if dtype == np.float64 else 1e-3) * np.abs(wrong - right).max(initial=0)
    for other in KINDS:
        if other.name in others and (np.abs(others[other.name] - wrong) <= allowed).all():
            answers |= other.answers
    factor = float(np.vdot(right, wrong) / np.vdot(right, right))
    if (np.abs(factor * right - wrong) <= allowed).all():
        answers.add(FACTOR)
    return frozenset(answers)


def _by_gradcheck(
    planting: Planting,
    kind: Kind,
    given: Sequence[Array],
    right: Sequence[Array],
    wrong: Sequence[Array],
) -> Found:
    effect = max(_length(w - r) / _length(r) for w, r in zip(wrong, right, strict=True))
    f = planting.function(kind.change)
    with np.errstate(all="ignore"):
        report = gradcheck(f, *given, seed=planting.seed, raise_exception=False)
    argument = report.arguments[planting.argument]
    asked = kind.linear and argument.given is not None
    caught = argument.verdict == "fail"
    return Found(effect, argument.limit, caught, answer(argument.diagnosis), asked)


def _by_compare(
    planting: Planting, kind: Kind, given: Sequence[Array], v: Array, right: Array
) -> Found:
    i = planting.argument
    manual = gradient(planting.function(kind.change), given, i, v)
    tensors = [Tensor(a, requires_grad=k == i) for k, a in enumerate(given)]
    out = planting.function()(*tensors)
    loss = ops.sum(out * v.astype(planting.dtype))
    return compared(loss, tensors[i], manual, right)


def compared(loss: Tensor, tensor: Tensor, manual: Array, right: Array) -> Found:
    """What compare says of one manual gradient."""
    (row,) = compare(loss, {"learning rate": LEARNING_RATE}, x=(tensor, manual)).rows
    if np.shape(manual) == right.shape:
        effect = float(np.abs(manual - right).max(initial=0))
    else:
        effect = float("inf")
    asked = bool(np.count_nonzero(np.abs(right) > row.limit) >= _TELLING)
    return Found(effect, row.limit, not row.ok, answer(row.diagnosis), asked)


def answer(diagnosis: Sequence[Any]) -> str:
    return diagnosis[0].kind if diagnosis else UNKNOWN


def _length(x: Array) -> float:
    return float(np.sqrt(np.sum(np.square(x))))
