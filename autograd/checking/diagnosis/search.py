"""What else may have stood where the right gradient, or a factor of it, should.

Candidates are tried at the tensor itself and at places between it and what is known to be right.
There they are told from what was given by probes, before any is carried on to the tensor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any

import numpy as np

from autograd.checking.diagnosis.context import Context
from autograd.checking.diagnosis.derivatives import (
    PLAIN,
    Look,
    Try,
    is_multiple,
    looked_at,
    of_form,
    of_one_op,
    of_several_ops,
    too_many,
)
from autograd.checking.diagnosis.evidence import Candidate, Case, fitted_factor, largest
from autograd.checking.diagnosis.probes import FIRST, LOOSE, Probes
from autograd.checking.diagnosis.quantities import axes_named
from autograd.engine.modes import no_grad
from autograd.engine.tape import Place, Record
from autograd.engine.tensor import Array, Tensor, wrap

_MOST_PLACES = 12
_MOST_ARRAYS = 16
_MOST_WORK = 40_000_000  # numbers that candidates are made of, all together
_SAMPLE = 64  # elements of the tensor that candidates are first compared at
_NOTHING = 1e-5  # of what is wrong: what makes less of it cannot be told from nothing
_MOVING = {"positive", "reshape", "transpose"}  # ops that move numbers, and change none


class Search:
    """ "wrong factor" and "another gradient": at the tensor, and on its way to the loss."""

    def __init__(self, case: Case, context: Context, probes: Probes) -> None:
        self.case, self.context, self.work = case, context, 0
        self.probes = probes
        rng = np.random.default_rng(0)
        n = case.given.size
        wrong = np.flatnonzero(case.wrong)
        picked = rng.choice(wrong, min(wrong.size, _SAMPLE // 2), replace=False)
        sample = np.unique(np.concatenate([picked, rng.integers(0, n, _SAMPLE // 2)]))
        self._sample = sample
        self._looks: dict[int, Look | None] = {}
        self._wrong = wrong.size
        self._latest: tuple[Array, Array, Array] | None = None

    def derivatives(self) -> None:
        """Other derivatives of elementary functions, and the gradients of other tensors."""
        self._run(self._likely)

    def factors(self) -> None:
        """A recorded array, or a function of it, that is multiplied in."""
        self._run(self._factors)

    def _run(self, tries: Callable[[Place, Array], Iterator[Try]]) -> None:
        """Nearest places first; further on only while nothing explains the numbers."""
        self.work = 0
        for distance, place in enumerate(self.context.near_places[:_MOST_PLACES]):
            g = self.context.flow.at(place)
            if g is None or not g.size:
                continue
            depth = 0.0 if place.serial == self.context.place.serial else 1 + distance / 10
            found = False
            for one in tries(place, g.astype(np.float64, copy=False)):
                self.work += one.base.size
                if self.work > _MOST_WORK:
                    return
                found |= self._try(place, one, depth, g)
            if found:
                return

    def _likely(self, place: Place, g: Array) -> Iterator[Try]:
        yield from self._other_gradients(place, g)
        if place.serial in self.context.right:
            return
        for use in self.context.near:
            if use.place.serial == place.serial:
                yield from of_one_op(self.context, use)
        if place.serial == self.context.place.serial:
            yield from of_several_ops(self.context, place)
        yield from too_many(self.context, place, g)

    def _try(self, place: Place, one: Try, depth: float, g: Array) -> bool:
        scale = self._fitting(place, one)
        if scale is None:
            return False
        if one.slope is not None and is_multiple(one.slope(), one.right):
            return False  # not another derivative, but a multiple of the right one, or of none
        made = scale * one.make(lambda x: x)
        itself = place.serial == self.context.place.serial
        arrives = made if itself else self.context.carried(place, made)
        least = max(self.case.limit, _NOTHING * self.case.largest_difference)
        if arrives is None or largest(arrives) <= least:
            return False  # that nothing arrives says nothing of the form that gives it
        change = made - one.base
        moved = change if itself else self.context.carried(place, change)
        if moved is None:
            return False
        values = self.case.expected + moved
        rank, text, free = one.rank + depth, one.text, 0
        if scale != 1:
            also = self.case.quantities.beside(scale)
            if also is None:
                return False
            rank, free = rank + (1.0 if abs(scale + 1) > 1e-6 else 2.0), 1
            text = f"{text}; and it is {also}"
        found = Candidate(
            one.kind,
            text,
            values,
            rank,
            free,
            one.tried,
            at=None if itself else place,
            instead=None if itself else g + change,
        )
        return self.case.propose(found)

    def _fitting(self, place: Place, one: Try) -> float | None:
        """The factor with which a candidate gives what was given: 1, or another; None for none."""
        look = self._look(place)
        if look is not None:
            wanted = self.case.difference.ravel()[self._sample] + look(one.base)
            made = np.asarray(one.make(look))
            if not np.isfinite(made).all():
                return None
            noise: Any = self.case.limit + 1e-6 * largest(wanted)
            return self._factor_between(made, wanted, noise, noise)
        tangents = self.probes.at(place, FIRST)
        if tangents is None:
            return None
        full = np.broadcast_to(one.make(lambda x: x), one.base.shape)
        wanted, noise = self._along(one.base, tangents)
        first = [float(np.vdot(full, t)) for t in tangents]
        if not np.isfinite(first).all():
            return None
        size = abs(wanted[0] * first[1]) + abs(wanted[1] * first[0])
        spare = noise.max() * (abs(first[0]) + abs(first[1]))
        if abs(wanted[0] * first[1] - wanted[1] * first[0]) > 10 * LOOSE * size + 2 * spare:
            return None
        tangents = self.probes.at(place)
        if tangents is None:
            return None
        wanted, noise = self._along(one.base, tangents)
        made = np.array(first + [float(np.vdot(full, t)) for t in tangents[FIRST:]])
        sizes = float(np.linalg.norm(full)) * self.probes.sizes(len(tangents))
        return self._factor_between(made, wanted, noise, noise + LOOSE * sizes)

    def _along(self, base: Array, tangents: list[Array]) -> tuple[Array, Array]:
        """What candidates in the place of a base have to give along the probes, and its noise."""
        n = len(tangents)
        if self._latest is None or self._latest[0] is not base or len(self._latest[1]) != n:
            dots = np.array([np.vdot(base, t) for t in tangents]) + self.probes.targets[:n]
            sizes = float(np.linalg.norm(base)) * self.probes.sizes(n)
            self._latest = (base, dots, LOOSE * sizes + self.probes.noise[:n])
        return self._latest[1], self._latest[2]

    def _look(self, place: Place) -> Look | None:
        """Picks the sampled elements of the tensor out of what arrives at a place that holds all
        of them, in whatever order; None for other places."""
        if place.serial not in self._looks:
            sources = self._sources(place)
            self._looks[place.serial] = None
            if sources is not None:
                at = np.empty(sources.size, np.intp)
                at[sources.ravel().astype(np.intp)] = np.arange(sources.size)
                shape = sources.shape
                where: Any = np.unravel_index(at[self._sample], shape) if shape else ()
                self._looks[place.serial] = lambda x: np.asarray(np.broadcast_to(x, shape)[where])
        return self._looks[place.serial]

    def _sources(self, place: Place) -> Array | None:
        """The number of the element of the tensor that stands at each of a place."""
        if place.serial == self.context.place.serial:
            return np.arange(self.case.given.size, dtype=np.float64).reshape(self.case.given.shape)
        if not isinstance(place, Record) or place.op.name not in _MOVING:
            return None
        parent = place.parents[0]
        sources = None if parent is None else self._sources(parent)
        if sources is None:
            return None
        others = self.context.flow.values.arrays(place)[1:]
        with no_grad():
            moved: Tensor = place.op(wrap(sources, None), *others, **place.options)  # type: ignore[operator]
        return moved.data

    def _factor_between(self, made: Array, wanted: Array, noise: Any, loose: Any) -> float | None:
        if (np.abs(made - wanted) <= loose).all():
            return 1.0
        if self._wrong < 4:
            return None
        scale = fitted_factor(wanted, made)
        if not scale or not np.isfinite(scale):
            return None
        close = np.abs(scale * made - wanted) <= noise + 1e-6 * np.abs(wanted)
        return scale if close.all() else None

    # --- what is tried -----------------------------------------------------------------------

    def _factors(self, place: Place, g: Array) -> Iterator[Try]:
        """The gradient of the place with one factor too many."""
        context = self.context
        if place.serial in context.right:
            return
        where = context.place_named(place)
        for order, (name, v) in enumerate(context.arrays_within(g.shape, _MOST_ARRAYS)):
            for number, form in enumerate(PLAIN):
                factor = form.text.format(v=name)
                text = f"{factor} is multiplied into the gradient of {where}: one factor too many"
                rank = 3.45 + order / 100 + number / 1000 + 1.7 * form.is_mask
                yield of_form(form, v, g, g, text, rank, tried=1000)

    def _other_gradients(self, place: Place, g: Array) -> Iterator[Try]:
        """The gradient of another tensor, as it is, transposed, or summed to the shape."""
        context = self.context
        where = context.place_named(place)
        itself = place.serial == context.place.serial
        for order, (other, theirs) in enumerate(context.gradients):
            if other.serial == place.serial:
                continue
            name = context.place_named(other)
            named = context.name_of(other) is not None
            for what, values in _brought_to(theirs, g.shape):
                verb = "this is" if itself else "in the place of what arrives there stands"
                text = f"{verb} the gradient of {name}{what}, not that of {where}"
                if itself and named and not what:
                    text += ": the two are exchanged, or one was computed from the wrong tensor"
                rank = (5.7 if named else 5.9) + (0.1 if what else 0.0) + order / 100
                if itself and not what and context.is_exchanged(other, self.case.expected):
                    rank = 1.6
                if other.serial in context.after(place):
                    rank += (
                        1.6 if named else 0.0
                    )  # better told by what was forgotten at a single op
                    left = context.ops_between(place, other)
                    if left:
                        text = (
                            f"the gradient of {name}{what} is handed on to {where} as it is: the "
                            f"derivative of {left} is left out"
                        )
                elif itself and other.serial in context.made_of and not what:
                    text += f"; or the array was changed in place when that of {name} was made"
                yield Try("another gradient", text, rank, looked_at(values), g, 200)
        for order, (name, v) in enumerate(context.named_like(place, g.shape)):
            text = f"the values of {name} stand where the gradient of {where} belongs"
            values = v.astype(np.float64, copy=False)
            yield Try("value", text, 4.3 + order / 100, looked_at(values), g, 200)


def _brought_to(g: Array, shape: tuple[int, ...]) -> Iterator[tuple[str, Array]]:
    """A gradient of another tensor as one of this shape, where that can be."""
    if g.shape == shape:
        yield "", g
    elif g.ndim == 2 and g.T.shape == shape:
        yield ", transposed", g.T
    wanted = tuple(n for n in shape if n != 1)
    if g.size <= int(np.prod(shape)) or g.ndim > 5:
        return
    for count in range(1, g.ndim + 1):
        for axes in combinations(range(g.ndim), count):
            left = tuple(n for a, n in enumerate(g.shape) if a not in axes and n != 1)
            if left == wanted and any(g.shape[a] > 1 for a in axes):
                yield f", summed over {axes_named(axes)}", g.sum(axis=axes).reshape(shape)
