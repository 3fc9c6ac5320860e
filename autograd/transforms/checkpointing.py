"""Trading time for memory: a function whose insides are computed again in the backward pass."""

from __future__ import annotations

import functools
from collections.abc import Callable, Container
from typing import Any

from autograd.engine.primitives import custom_vjp
from autograd.engine.tape import Output, Place, Record, enable_grad, mode, newest, no_grad, sweep
from autograd.engine.tensor import Tensor, wrap
from autograd.runtime.draws import replayable
from autograd.runtime.trees import flatten


@custom_vjp
def alias(x: Tensor) -> Tensor:
    """x under another place on the tape."""
    return x


alias.defvjp(lambda g, out, x: g)


def checkpoint(f: Callable[..., Any]) -> Callable[..., Any]:
    """f, but nothing computed inside it is kept for the backward pass; it is computed again there.

    Random numbers drawn through autograd.random come out the same again, so that dropout keeps its
    mask. Gradients reach the arguments and the tensors that f closes over, to any order. What else
    f changes (running statistics, say) it changes twice. See Chen et al. 2016, "Training deep nets
    with sublinear memory cost".
    """

    @functools.wraps(f)
    def checkpointed(*args: Any) -> Any:
        if not mode.recording:
            return f(*args)
        leaves, rebuild = flatten(args)
        with replayable() as again, no_grad():
            result = f(*args)
        outs, rebuild_result = flatten(result)
        op = _Checkpoint(f, rebuild, leaves, again)
        record = Record(
            op,
            tuple(leaf.data if isinstance(leaf, Tensor) else leaf for leaf in leaves),
            tuple(leaf._place if isinstance(leaf, Tensor) else None for leaf in leaves),
            {},
            tuple(out.data if isinstance(out, Tensor) else out for out in outs),
        )
        return rebuild_result(
            [
                wrap(out.data, Output(record, i))
                if isinstance(out, Tensor) and out.dtype.kind == "f"
                else out
                for i, out in enumerate(outs)
            ]
        )

    return checkpointed


class _Checkpoint:
    """The operation of one checkpointed call."""

    opaque = True  # what f closes over is known only once it has run again

    def __init__(
        self, f: Callable[..., Any], rebuild: Callable[..., Any], leaves: list[Any], again: Any
    ) -> None:
        self.name = f"checkpoint({getattr(f, '__name__', type(f).__name__)})"
        self.f, self.rebuild, self.again = f, rebuild, again
        self.is_tensor = [isinstance(leaf, Tensor) for leaf in leaves]

    def pull(
        self,
        record: Record,
        g: dict[int, Tensor],
        needed: Container[int] | None,
        deliver: Callable[[Place, Tensor], None],
    ) -> None:
        assert record.arrays is not None
        start = newest()
        given, origins = [], {}
        for value, parent, is_tensor in zip(
            record.arrays, record.parents, self.is_tensor, strict=True
        ):
            if not is_tensor:
                given.append(value)
            elif parent is None:
                given.append(wrap(value, None))
            else:
                # Recorded, the variable stays connected to its origin, for higher derivatives.
                with enable_grad():
                    variable = (
                        alias(wrap(value, parent))
                        if mode.recording
                        else Tensor(value, requires_grad=True)
                    )
                assert variable._place is not None
                origins[variable._place.serial] = parent
                given.append(variable)
        create_graph = mode.recording
        with self.again(), enable_grad():
            outs, _ = flatten(self.f(*self.rebuild(given)))
        found: list[tuple[Place, Tensor]] = []
        sweep(
            [(outs[i]._place, gradient) for i, gradient in g.items() if outs[i]._place is not None],
            lambda place, gradient: found.append((place, gradient)),
            retain_graph=create_graph,
            create_graph=create_graph,
            wanted=_Inputs(origins, start),
        )
        for place, gradient in found:
            deliver(origins.get(place.serial, place), gradient)


class _Inputs:
    """Serial numbers of the variables of a call, and of everything that was there before it."""

    def __init__(self, variables: Container[int], start: int) -> None:
        self.variables, self.start = variables, start

    def __contains__(self, serial: object) -> bool:
        return serial in self.variables or (isinstance(serial, int) and serial < self.start)
