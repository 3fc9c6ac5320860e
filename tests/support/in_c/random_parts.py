"""Random programs of second order, as parts."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from support.in_c.joining import Part
from support.tracing import program_of_second, second_derivatives

from autograd.program.passes import simplified, without_dead_calls
from autograd.program.running import bound


def random_parts(seeds: Iterable[int], dtype: type[np.floating] = np.float64) -> list[Part]:
    """The program of each seed that has second derivatives, as jit would run it."""
    found = []
    for seed in seeds:
        drawn, _, _, second = second_derivatives(seed)
        xs = [np.array(x, dtype) for x in drawn.inputs]
        program = program_of_second(second, xs)
        if program is None:
            continue
        program = simplified(without_dead_calls(program))
        held = bound(program, xs)
        given = tuple([held[i.slot] for i in program.inputs])
        found.append(Part(f"seed {seed}", program, given))
    return found
