"""What a program with tiles becomes without them."""

from __future__ import annotations

from autograd.lowering.convolutions.direct import with_direct_convolutions
from autograd.program.program import Program


def names(program: Program) -> set[str]:
    return {call.op.name for call in program.calls}


def direct_of(program: Program) -> Program:
    """The other program, which has no tiles, and the slots of what is wanted as they were."""
    made = with_direct_convolutions(program).check()
    assert not {"transform_tiles", "fold_tiles"} & names(made)
    assert made.wanted() == program.wanted()
    assert made.inputs == program.inputs
    return made
