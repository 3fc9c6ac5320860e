"""What else may have stood where the right gradient, or a factor of it, should.

Candidates are tried at the tensor itself and at places between it and what is known to be right.
There they are told from what was given by probes, before any is carried on to the tensor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any

import numpy as np

from autograd.checking.diagnosis.compositions import of_units
from autograd.checking.diagnosis.context import Context
from autograd.checking.diagnosis.derivatives import (
    PLAIN,
    Try,
    is_multiple,
    looked_at,
    of_form,
    of_one_op,
    too_many,
)
from autograd.checking.diagnosis.evidence import Candidate, Case, fitted_factor, largest
from autograd.checking.diagnosis.probes import COUNT, FIRST, LOOSE, Probes, proportional
from autograd.checking.diagnosis.quantities import axes_named
from autograd.engine.tape import Place
from autograd.engine.tensor import Array

_MOST_PLACES = 12
_MOST_ARRAYS = 16
_MOST_WORK = 40_000_000  # numbers that candidates are made of, all together
_NOTHING = 1e-5  # of what is wrong: what makes less of it cannot be told from nothing


class Search:
    """ "wrong factor" and "another gradient": at the tensor, and on its way to the loss."""

    def __init__(self, case: Case, context: Context, probes: Probes) -> None:
        self.case, self.context, self.work = case, context, 0
        self.probes = probes
        self._wrong = int(np.count_nonzero(case.wrong))
        self._latest: tuple[Array, Array, Array] | None = None

    def compositions(self) -> bool:
        """Other derivatives of functions with names that several ops make up. Says whether one
        explains the numbers: then nothing is to be looked for within it."""
        return self._run(lambda place, _: of_units(self.context, place, known=True))

    def derivatives(self) -> None:
        """Other derivatives of elementary functions, and the gradients of other tensors."""
        self._run(self._likely)

    def factors(self) -> None:
        """A recorded array, or a function of it, that is multiplied in."""
        self._run(self._factors)

    def _run(self, tries: Callable[[Place, Array], Iterator[Try]]) -> bool:
        """Nearest places first; further on while nothing explains the numbers. Says if one does."""
        self.work = 0
        for distance, place in enumerate(self.context.near_places[:_MOST_PLACES]):
            g = self.context.flow.at(place)
            if g is None or not g.size or self.probes.excludes(place):
                continue
            depth = 0.0 if place.serial == self.context.place.serial else 1 + distance / 10
            found = False
            for one in tries(place, g.astype(np.float64, copy=False)):
                self.work += one.base.size
                if self.work > _MOST_WORK:
                    return found
                found |= self._try(place, one, depth, g)
            if found:
                return True
        return False

    def _likely(self, place: Place, g: Array) -> Iterator[Try]:
        yield from self._other_gradients(place, g)
        if place.serial in self.context.right:
            return
        for use in self.context.near:
            if use.place.serial == place.serial:
                yield from of_one_op(self.context, use)
        if place.serial == self.context.place.serial:
            yield from of_units(self.context, place, known=False)
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
        # Of many numbers a function of one is a multiple like any other.
        rank, text, free = (
            one.rank + depth,
            one.text,
            int(one.base.size == 1 < self.case.given.size),
        )
        if scale != 1:
            also = self.case.quantities.beside(scale)
            if also is None:
                return False
            rank, free = rank + (1.0 if abs(scale + 1) > 1e-6 else 2.0), free + 1
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
        look = self.probes.look(place)
        if look is not None:
            wanted = self.case.difference.ravel()[self.probes.sample] + look(one.base)
            made = np.asarray(one.make(look))
            if not np.isfinite(made).all():
                return None
            noise: Any = self.case.limit + 1e-6 * largest(wanted)
            return self._factor_between(made, wanted, noise, noise)
        full: Array | None = None
        dots: list[float] = []
        for count in range(FIRST, 1 + COUNT):
            tangents = self.probes.at(place, count)
            if tangents is None:
                return None
            if full is None:
                full = np.broadcast_to(one.make(lambda x: x), one.base.shape)
            dots += [float(np.vdot(full, t)) for t in tangents[len(dots) :]]
            if not np.isfinite(dots).all():
                return None
            wanted, noise = self._along(one.base, tangents)
            made, off = np.array(dots), noise + 10 * LOOSE * np.abs(wanted)
            if not proportional(wanted, made, off) or not self._is_named(wanted, made, off):
                return None
        assert full is not None
        sizes = float(np.linalg.norm(full)) * self.probes.sizes(COUNT)
        return self._factor_between(made, wanted, noise, noise + LOOSE * sizes)

    def _is_named(self, wanted: Array, made: Array, off: Array) -> bool:
        """Whether the factor between them may be one that `_try` takes."""
        factor = fitted_factor(wanted, made)
        loose = 3 * float(np.linalg.norm(off)) / (float(np.linalg.norm(wanted)) or 1.0)
        if loose > 0.1 or abs(abs(factor) - 1) <= loose:
            return True
        return factor != 0 and self.case.quantities.named(abs(factor), loose) is not None

    def _along(self, base: Array, tangents: list[Array]) -> tuple[Array, Array]:
        """What candidates in the place of a base have to give along the probes, and its noise."""
        n = len(tangents)
        if self._latest is None or self._latest[0] is not base or len(self._latest[1]) != n:
            dots = np.array([np.vdot(base, t) for t in tangents]) + self.probes.targets(n)
            sizes = float(np.linalg.norm(base)) * self.probes.sizes(n)
            self._latest = (base, dots, LOOSE * sizes + self.probes.noise)
        return self._latest[1], self._latest[2]

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
