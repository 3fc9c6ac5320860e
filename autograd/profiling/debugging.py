"""Finding the first NaN, the array that was written to, and the tensor that became a number: debug
mode."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NoReturn

import numpy as np

from autograd.engine.modes import mode
from autograd.engine.tape import Operation, Record
from autograd.engine.tensor import Tensor
from autograd.profiling.conversions import warn_of_conversion
from autograd.runtime.holding import manager
from autograd.runtime.scopes import observing
from autograd.runtime.trees import flatten
from autograd.runtime.writes import Writes, caller, where


@manager
def debug() -> Iterator[None]:
    """Within it, in this thread, every op and every rule is checked. Slow: for finding mistakes.

        with debug():
            loss(model(x), y).backward()

    Warns with LostGradientWarning where a tensor that wants a gradient became a number though
    nobody called `float`, `int` or `item`: by `buffer[i] = t`, or by `np.float64(t)`,
    `buffer.fill(t)` or `math.exp(t)` (where the source can be read; on Python 3.10, where these
    are the only call on a line). autograd/README.md says which others are told, and which not.

    Raises:
        FloatingPointError: an op, a rule, or a hook of a tensor or module made a NaN or an infinity
            from finite numbers; names it and the line of your code that called the op.
        RuntimeError: something was written to, through whatever view, that a record holds (an
            argument, an index, an option, an output, a saved value): by a forward, at its call; by
            a rule, as it returns; by anything else, in the backward pass. A checkpoint holds all
            that its function read. Names the op, what of it was written to, and the line that
            called the op. Or profile() watches already: its times would be those of the checks.
    """
    watching = observing()
    if watching is not None and watching.times:
        raise RuntimeError(
            "debug() was entered within profile(), whose times would be those of the checks; use "
            "one at a time"
        )
    with (watching if isinstance(watching, _Checks) else _Checks()).watching():
        yield


class _Checks(Writes):
    """The observer of debug mode."""

    def __init__(self) -> None:
        super().__init__(_refuse)

    def computed(self, op: Operation, arrays: list[Any], options: dict[str, Any], out: Any) -> None:
        if self.sweeps or getattr(op, "kind", None) == "view":
            return  # a rule is judged by what it returns; a view moves numbers and makes none
        for result in out if isinstance(out, tuple) else (out,):
            place = _first_not_finite(result)
            if place is not None and all(_first_not_finite(a) is None for a in arrays):
                raise FloatingPointError(
                    f"'{op.name}' made the first {result[place]} of this computation, at {place} "
                    f"of its result {result.dtype} {result.shape}, from finite arguments; "
                    f"called {where()}"
                )

    def pulled(self, record: Record, position: int, g: Any, result: Tensor) -> None:
        super().pulled(record, position, g, result)
        place = _first_not_finite(result.data)
        given = [t.data for t in (g if isinstance(g, tuple) else (g,))]
        if place is not None and all(_first_not_finite(a) is None for a in given):
            raise FloatingPointError(
                f"the rule of '{record.op.name}' for argument {position} made the first "
                f"{result.data[place]} of this backward pass, at {place} of a gradient "
                f"{result.dtype} {result.shape}, from finite gradients; the op was called "
                f"{record.line or 'outside debug mode'}"
            )

    def hooked(self, hook: Any, before: Any, after: Any) -> None:
        if any(_first_not_finite(array) is not None for array in _arrays(before)):
            return
        for array in _arrays(after):
            place = _first_not_finite(array)
            if place is not None:
                function = getattr(hook, "func", hook)  # that of a tensor is a partial
                code = getattr(function, "__code__", None)
                defined = f" at {code.co_filename}, line {code.co_firstlineno}" if code else ""
                raise FloatingPointError(
                    f"the hook {getattr(function, '__qualname__', repr(function))}{defined} made "
                    f"the first {array[place]}, at {place} of {array.dtype} {array.shape}, from "
                    "finite numbers"
                )

    def converting(self, tensor: Tensor) -> None:
        if tensor.requires_grad and mode.recording:
            warn_of_conversion(tensor, caller())


def _refuse(message: str) -> NoReturn:
    raise RuntimeError(message)


def _arrays(tree: Any) -> list[Any]:
    leaves = flatten(tree)[0]
    return [np.asarray(leaf.data) if isinstance(leaf, Tensor) else leaf for leaf in leaves]


def _first_not_finite(value: Any) -> tuple[int, ...] | None:
    if isinstance(value, float):
        return None if np.isfinite(value) else ()
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fc":
        return None
    finite = np.isfinite(value)
    if finite.all():
        return None
    return tuple(int(i) for i in np.unravel_index(int(np.argmin(finite)), value.shape))
