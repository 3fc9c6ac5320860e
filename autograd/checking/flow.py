"""The gradient that arrives at every place of a tape, in one sweep that leaves no trace."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from autograd.checking.replaying import quietly
from autograd.engine.modes import mode
from autograd.engine.sweep import sweep
from autograd.engine.tape import Output, Place, Record, leading_to, newest, parents_of, reachable
from autograd.engine.tensor import Array, Tensor, wrap
from autograd.program.taping import Taped, calls_of_tape, place_of_root
from autograd.runtime.scopes import sweep_hook

Change = Callable[[Array], Array]


class Flow:
    """One sweep over the tape from `root`, with every gradient kept.

    It touches nobody's `.grad`, runs no hook of the user, frees nothing. What a checkpoint
    encloses is computed again by the sweep, and is not among the places; hooks of tensors that a
    checkpointed function closes over do run, for only the sweep itself finds them.

    Args:
        root: a tensor on the tape; of one element, unless a cotangent is given.
        cotangent: the gradient of the root, of its shape; by default one.
        substitutes: serial number of a place -> the gradient that is carried on from there instead
            of the one that arrived.
        changes: serial number of a place -> what its gradient is passed through there.
        shake: what each gradient is passed through before it is carried on.
        same: a flow over the same tape, which shares its `values`.

    Attributes:
        substitutes, changes: as given.
        places: of the tape, oldest first.
        gradients: serial number of a place -> its gradient. Places that no gradient reached are
            missing; so are records of several outputs, whose outputs have places of their own.

    Raises:
        TypeError: the root is no Tensor.
        ValueError: it has several elements and there is no cotangent, or the cotangent is of
            another shape.
        RuntimeError: it is a constant, or the graph was freed by an earlier backward pass.
    """

    def __init__(
        self,
        root: Tensor,
        cotangent: ArrayLike | None = None,
        *,
        substitutes: dict[int, Array] | None = None,
        changes: dict[int, Change] | None = None,
        shake: Change | None = None,
        same: Flow | None = None,
    ) -> None:
        place = place_of_root(root, "the loss")
        self.root, self.substitutes, self.changes = root, substitutes or {}, changes or {}
        self.cotangent = _cotangent(root, cotangent)
        self.places, self._same = reachable([place]), same
        self.gradients: dict[int, Array] = {}
        passed: dict[int, Change] = {}
        if shake is not None:
            passed = {p.serial: shake for p in self.places if not _of_several(p)}
        passed |= {serial: _constant(g) for serial, g in self.substitutes.items()}
        passed |= self.changes
        with _undisturbed(self.places, passed), sweep_hook(self._keeper()):
            sweep(
                [(place, wrap(self.cotangent, None))],
                lambda leaf, g: self.gradients.__setitem__(leaf.serial, g.data),
                retain_graph=True,
                create_graph=False,
            )

    @cached_property
    def values(self) -> Taped:
        """The program of the tape, which knows the arrays of places."""
        return calls_of_tape(self.root) if self._same is None else self._same.values

    def again(
        self,
        substitutes: dict[int, Array] | None = None,
        changes: dict[int, Change] | None = None,
        shake: Change | None = None,
    ) -> Flow:
        """Another sweep from one over the same tape, without warnings."""
        with quietly():
            return Flow(self.root, substitutes=substitutes, changes=changes, shake=shake, same=self)

    def with_mistake(self, changes: dict[int, Change]) -> Flow:
        """The sweep that carries on from what arrives with mistakes."""
        return self.again(self.substitutes, self.changes | changes)

    @property
    def records(self) -> list[Record]:
        """The calls on the tape, oldest first."""
        return [place for place in self.places if isinstance(place, Record)]

    def computed_with(self, place: Place) -> set[int]:
        """Serial numbers of the places that were computed from this one."""
        found = {place.serial}
        for other in self.places:
            if any(parent is not None and parent.serial in found for parent in parents_of(other)):
                found.add(other.serial)
        return found - {place.serial}

    def at(self, place: Place) -> Array | None:
        """The gradient of a place; None where none arrived."""
        return self.gradients.get(place.serial)

    def carried(self, start: Place, g: Array, to: Place) -> Array | None:
        """What a gradient g of `start` alone contributes to the gradient of `to`."""
        found: list[Array] = []
        with _undisturbed(self.places, {}):
            sweep(
                [(start, wrap(g, None))],
                lambda place, g: found.append(g.data) if place.serial == to.serial else None,
                retain_graph=True,
                create_graph=False,
                wanted={to.serial},
                needed=leading_to([start], [to.serial]),
            )
        return found[0] if found else None

    def _keeper(self) -> Callable[[Record, Any], None]:
        outputs: dict[tuple[int, int], list[int]] = {}
        for place in self.places:
            if isinstance(place, Output):
                outputs.setdefault((place.record.serial, place.index), []).append(place.serial)
        start = newest()  # what is younger is made, and forgotten, by the sweep itself

        def keep(record: Record, g: Any) -> None:
            if record.serial >= start:
                return
            if not isinstance(g, dict):
                self.gradients[record.serial] = g.data
                return
            for index, part in g.items():
                for serial in outputs.get((record.serial, index), ()):
                    self.gradients[serial] = part.data

        return keep


def computed_from(places: Iterable[Place]) -> set[int]:
    """Serial numbers of everything from which the places were computed, and of themselves."""
    return {place.serial for place in reachable(places)}


def _cotangent(root: Tensor, cotangent: ArrayLike | None) -> Array:
    if cotangent is None:
        if root.size != 1:
            raise ValueError(
                f"the loss has shape {root.shape}; one number expected: reduce it (sum, mean), or "
                "give a cotangent of its shape"
            )
        return np.ones_like(root.data)
    g = np.asarray(cotangent.data if isinstance(cotangent, Tensor) else cotangent, root.dtype)
    if g.shape != root.shape:
        raise ValueError(
            f"a cotangent of shape {g.shape} given for a loss of shape {root.shape}; the two must "
            "be equal"
        )
    return g


def _of_several(place: Place) -> bool:
    return isinstance(place, Record) and isinstance(place.out, tuple)


def _constant(g: Array) -> Change:
    return lambda _: g


@contextmanager
def _undisturbed(places: Iterable[Place], changes: dict[int, Change]) -> Iterator[None]:
    """Within, places have no hooks but the given changes, and sweeps no hooks at all."""
    kept = [(place, place.hooks) for place in places if place.hooks or place.serial in changes]
    sweep_hooks = mode.sweep_hooks
    mode.sweep_hooks = ()
    try:
        for place, _ in kept:
            change = changes.get(place.serial)
            place.hooks = None if change is None else [_on_tensors(change)]
        yield
    finally:
        mode.sweep_hooks = sweep_hooks
        for place, hooks in kept:
            place.hooks = hooks


def _on_tensors(change: Change) -> Callable[[Tensor], Tensor]:
    return lambda g: wrap(np.asarray(change(g.data), g.dtype), None)
