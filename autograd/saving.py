"""What a record keeps: large computed arrays that no rule will read are let go in the forward.

A rule says what it reads by reading it, so nothing has to be declared: its bytecode is searched
once for its parameters. A parameter of which only the shape, ndim, size or dtype is read is not
kept either: in its place stands an array of that shape and dtype that takes no memory.
"""

from __future__ import annotations

import dis
import inspect
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

# Smaller arrays are kept: to let them go would cost more time than the memory is worth.
LARGE = 1 << 15  # bytes

_METADATA = {"shape", "ndim", "size", "dtype"}


class Parameters(NamedTuple):
    """Positions of parameters of a rule: 0 is g, 1 is out, 2 the first argument."""

    named: frozenset[int]  # those that stand in it at all, be it for their shape alone
    read: frozenset[int]  # those whose values it reads


def parameters_of(rule: Callable[..., Any]) -> Parameters:
    """Which of its parameters a rule needs.

    Every position below 64 where that cannot be told: for *args, and for what is not a function.
    """
    code = getattr(rule, "__code__", None)
    if code is None or code.co_flags & inspect.CO_VARARGS:
        every = frozenset(range(64))
        return Parameters(every, every)
    own = 1 if inspect.ismethod(rule) else 0  # self is no parameter of the rule
    position = {name: i for i, name in enumerate(code.co_varnames[own : code.co_argcount])}
    read = {name for name in code.co_cellvars if name in position}
    named = set(read)
    loaded: str | None = None  # the local on top of the stack: read, or only looked at
    for instruction in dis.get_instructions(code):
        if instruction.opname == "EXTENDED_ARG":
            continue
        looked_at = instruction.opname == "LOAD_ATTR" and instruction.argval in _METADATA
        if loaded is not None and not looked_at:
            read.add(loaded)
        loaded = None
        if instruction.opname.startswith("LOAD_FAST"):
            names = instruction.argval  # a tuple where the interpreter has fused two loads
            *earlier, loaded = names if isinstance(names, tuple) else (names,)
            read.update(earlier)
            named.update((*earlier, loaded))
    return Parameters(
        frozenset(position[name] for name in named if name in position),
        frozenset(position[name] for name in read if name in position),
    )


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
