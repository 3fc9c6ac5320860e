"""Programs of one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from support.in_c.joining import Part

from autograd.program.watching import program_of

Array = np.ndarray[Any, Any]


def part_of(name: str, op: Any, args: Sequence[Any], options: Mapping[str, Any]) -> Part:
    """The program of one call, of which each array is an input, those in an index too.

    Raises what the op raises of such arguments.
    """
    arrays: list[Array] = []

    def numbered(given: Any) -> Any:
        """With a place in the list for each array."""
        if isinstance(given, np.ndarray):
            if not any(given is array for array in arrays):
                arrays.append(given)
            return _Place(next(i for i, array in enumerate(arrays) if array is given))
        return type(given)(map(numbered, given)) if type(given) in (tuple, list) else given

    def filled(given: Any, tensors: Sequence[Any]) -> Any:
        if isinstance(given, _Place):
            return tensors[given.number]
        if type(given) in (tuple, list):
            return type(given)([filled(part, tensors) for part in given])
        return given

    places = numbered(tuple(args))
    with np.errstate(all="ignore"):
        program = program_of(lambda *xs: op(*filled(places, xs), **options), *arrays)
    return Part(name, program, tuple(arrays))


class _Place(NamedTuple):
    number: int
