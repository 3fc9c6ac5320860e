"""What a record keeps: large computed arrays that no rule will read are let go in the forward.

A rule says what it reads by reading it, so nothing has to be declared: its bytecode is searched
once for its parameters. A parameter of which only the shape, ndim, size or dtype is read is not
kept either: in its place stands an array of that shape and dtype that takes no memory.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from types import MethodType
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Smaller arrays are kept: to let them go would cost more time than the memory is worth.
LARGE = 1 << 15  # bytes

_METADATA = {"shape", "ndim", "size", "dtype"}


_VARARGS = 0x04  # of a code object's flags, as in inspect.CO_VARARGS


def read_by(rule: Callable[..., Any]) -> tuple[int, ...]:
    """Positions of the parameters whose values a rule reads: 1 is out, 2 the first argument.

    g, at 0, is not among them. Every position below 64 where that cannot be told: for *args, and
    for what is not a function.
    """
    code = getattr(rule, "__code__", None)
    if code is None or code.co_flags & _VARARGS:
        return tuple(range(1, 64))
    import dis  # not on import: a rule is looked at when it is first needed

    own = 1 if isinstance(rule, MethodType) else 0  # self is no parameter of the rule
    parameters = code.co_varnames[own : code.co_argcount]
    read = set(code.co_cellvars)
    loaded: str | None = None  # the local on top of the stack: read, or only looked at
    for instruction in dis.get_instructions(code):
        if instruction.opname == "EXTENDED_ARG":
            continue
        looked_at = instruction.opname == "LOAD_ATTR" and instruction.argval in _METADATA
        if loaded is not None and not looked_at:
            read.add(loaded)
        loaded = None
        if "LOAD_FAST" in instruction.opname:
            names = instruction.argval  # a tuple where the interpreter has fused two
            *earlier, loaded = names if isinstance(names, tuple) else (names,)
            read.update(earlier)
    return tuple(i for i, name in enumerate(parameters) if i and name in read)


@lru_cache(maxsize=256)
def stand_in(shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """A read-only array of zeros that occupies one element."""
    return np.broadcast_to(np.zeros((), dtype), shape)


def is_stand_in(value: Any) -> bool:
    """Whether a record holds this in place of an array that it let go."""
    return (
        isinstance(value, np.ndarray)
        and value.nbytes >= LARGE
        and not any(value.strides)
        and not value.flags.writeable
    )
