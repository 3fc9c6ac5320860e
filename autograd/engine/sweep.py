"""The sweep: gradients carried back over the tape, youngest record first. It knows no rule."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any

from autograd.engine.modes import current, enable_grad, mode, no_grad
from autograd.engine.needs import needs
from autograd.engine.tape import Hook, Leaf, Output, Place, Record, Refusal, last_readers, why_freed

if TYPE_CHECKING:
    from autograd.engine.tensor import Tensor


def sweep(
    roots: Iterable[tuple[Place, Tensor]],
    deposit: Callable[[Place, Tensor], None],
    *,
    retain_graph: bool,
    create_graph: bool,
    wanted: Container[int] = (),
    needed: Container[int] | None = None,
    early: bool = False,
) -> None:
    """Carry gradients from `roots` back.

    Creation order is topological order, so this is a loop over a heap of serial numbers. Gradients
    in flight live in this call alone, and each is let go as it is consumed.

    Args:
        roots: places, each with its gradient.
        deposit: receives the complete gradient of each leaf, and of each place in `wanted`.
        retain_graph: whether records stay usable for another sweep.
        create_graph: whether the sweep itself is recorded. If not, all gradients are constants.
        wanted: serial numbers of places that the sweep does not go beyond.
        needed: serial numbers of the only places to visit, and so of the only records to free; see
            `leading_to`. None for all.
        early: deposit the gradient of a leaf once no record is left that adds to it, not last.

    Raises:
        RuntimeError: a record was freed by an earlier sweep, or refuses to be differentiated.
    """
    pending: dict[int, Any] = {}  # a gradient; of a record with several outputs, a dict of them
    queue: list[tuple[int, Place]] = []  # by falling serial number; no two are equal
    own: set[int] = set()  # whose pending gradient is an array that this sweep has allocated

    def deliver(place: Place, g: Tensor) -> None:
        serial = place.serial
        waiting = pending.get(serial)
        if waiting is None:
            heappush(queue, (-serial, place))
            pending[serial] = g
        elif serial in own and g._place is None:
            needs.add_into(waiting._array, g._array)
        else:
            # By the op, which records the sum where a part of it is recorded.
            total = pending[serial] = needs.add(waiting, g)
            if total._place is None and current()["watcher"] is None:
                own.add(serial)
            else:
                own.discard(serial)

    def deliver_part(record: Record, index: int, g: Tensor) -> None:
        if record.serial not in pending:
            heappush(queue, (-record.serial, record))
            pending[record.serial] = {}
        # More than one place may stand for an output: a recorded rule is given a place of its own.
        parts = pending[record.serial]
        parts[index] = needs.add(parts[index], g) if index in parts else g

    roots = [root for root in roots if needed is None or root[0].serial in needed]
    settled_by = last_readers([place for place, _ in roots]) if early else {}
    sweep_hooks, observer = mode.sweep_hooks, mode.observer
    with enable_grad() if create_graph else no_grad():
        if observer is not None:
            observer.sweeping(True)
        try:
            for place, g in roots:
                deliver(place, g if create_graph else as_constant(g))
            while queue:
                _, place = heappop(queue)
                serial = place.serial
                g = pending.pop(serial, None)
                if g is None:
                    continue  # a leaf that had its gradient before its turn
                if serial in wanted:
                    deposit(place, g)  # whoever wanted it goes on from there, and runs its hooks
                    continue
                if place.hooks:
                    g = run_hooks(place.hooks, g)
                if type(place) is Record:
                    if place.arrays is None:
                        raise RuntimeError(why_freed(place))
                    for hook in sweep_hooks:
                        hook(place, g)
                    if observer is not None:
                        observer.pulling(place)
                    place.op.pull(place, g, needed, deliver)
                    if not retain_graph:
                        # What only a backward pass needs is dropped: its memory returns meanwhile.
                        place.arrays = place.out = place.saved = None
                        place.parents = ()
                    if observer is not None:
                        observer.pulling(None)
                    if early:
                        for leaf in settled_by.get(serial, ()):
                            if leaf.serial in pending:
                                g = pending.pop(leaf.serial)
                                deposit(leaf, run_hooks(leaf.hooks, g) if leaf.hooks else g)
                elif type(place) is Leaf:
                    deposit(place, g)
                elif type(place) is Output:
                    deliver_part(place.record, place.index, g)
                else:
                    assert type(place) is Refusal
                    raise RuntimeError(place.reason)
        finally:
            if observer is not None:
                observer.sweeping(False)


def run_hooks(hooks: list[Hook], g: Tensor) -> Tensor:
    """Show g to each hook; one that returns a tensor replaces it."""
    for hook in tuple(hooks):
        changed = hook(g)
        if changed is not None:
            if not hasattr(changed, "_place"):
                raise TypeError(
                    f"a gradient hook returned {type(changed).__name__}; a Tensor of {g.dtype} "
                    f"{g.shape} expected, in the gradient's place, or None, which leaves it"
                )
            if changed.shape != g.shape or changed.dtype != g.dtype:
                raise (ValueError if changed.dtype == g.dtype else TypeError)(
                    f"a gradient hook returned {changed.dtype} {changed.shape} for a gradient of "
                    f"{g.dtype} {g.shape}; the two must be equal"
                )
            if mode.observer is not None:
                mode.observer.hooked(hook, g, changed)
            g = changed if mode.recording else as_constant(changed)
    return g


def as_constant(g: Tensor) -> Tensor:
    """g without a place: where the sweep is not recorded, no gradient has a history."""
    return g if g._place is None else g.detach()
