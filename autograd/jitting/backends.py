"""What runs programs: NumPy, or C where a compiler can be had."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

from autograd.engine.tensor import Array
from autograd.jitting.capture import warn_user
from autograd.jitting.verifying import VerificationError
from autograd.lowering.c_backend import CompiledC, NoCError, NotFiniteError
from autograd.lowering.checking import first_difference
from autograd.lowering.generating import Generated, Outline, outlined, written
from autograd.lowering.remembering import is_known, note
from autograd.lowering.rows.table import row_of
from autograd.native import NativeWarning
from autograd.program.numpy_backend import Compiled
from autograd.program.program import Program

Backend = Literal["auto", "numpy", "c"]
BACKENDS = ("auto", "numpy", "c")

Runnable = Compiled | CompiledC


def runnable(program: Program, backend: Backend) -> Runnable:
    """A program as a function: in C, unless NumPy is asked for or there is no compiler, of which a
    `NativeWarning` tells."""
    return _made(program, backend) or Compiled(program)


def checked(
    name: str,
    program: Program,
    backend: Backend,
    given: Sequence[Array],
    draws: Mapping[int, Array],
) -> Runnable:
    """`runnable`, compared with NumPy, call by call, where it is C; unless the same text was found
    right before for the same calls, which is known where programs are kept.

    Args:
        given: an array for each input.
        draws: by slot, what has been drawn.

    Raises VerificationError where they differ and C was asked for; for "auto" NumPy runs it then,
    and a `NativeWarning` says so.
    """
    if backend == "numpy":
        return Compiled(program)
    outline = outlined(program, row_of)
    if wrong := _wrong_lowerings(outline):
        message = f"jit({name}): {wrong}"
        if backend == "c" and "is not its forward" in wrong:
            raise VerificationError(f'{message}; backend="numpy" does without C')
        warn_user(f"{message}; NumPy runs it", NativeWarning)
    text = written(outline)
    made = _made(program, backend, text, only_kept=True)
    if made is not None and is_known(made):
        return made
    with ThreadPoolExecutor(1) as pool:  # compilers run side by side
        second = pool.submit(_made, program, backend, outline, watched=True)
        made, watched = _made(program, backend, text), second.result()
    if made is None:
        return Compiled(program)
    told = None
    if watched is not None:
        try:
            told = first_difference(made, watched, given, draws)
        except NotFiniteError:  # these arguments are not for C, which says so at each call
            return Compiled(program)
    if told is None:
        if watched is not None:
            note(made)
        return made
    # The lowering of an op that declares one is its author's.
    who = "" if "its lowering" in told else "This is an error of the program's: please report it; "
    message = (
        f"jit({name}): the C of the program does not compute what NumPy does. The first call that "
        f"differs is {told}. {who}"
    )
    if backend == "c":
        raise VerificationError(
            f'{message}backend="numpy" does without C, and verify=False leaves this check out'
        )
    warn_user(f"{message}NumPy runs the program", NativeWarning)
    return Compiled(program)


def _wrong_lowerings(outline: Outline) -> str:
    """In words, which ops declare a lowering that is none."""
    calls = outline.program.calls
    found = [
        f"{calls[number].op.name}: {why}"
        for number, why in outline.lowerer.why.items()
        if calls[number].op.lowering and why.startswith("its lowering")
    ]
    return "; ".join(dict.fromkeys(found))


def _made(
    program: Program,
    backend: Backend,
    outline: Outline | Generated | None = None,
    watched: bool = False,
    only_kept: bool = False,
) -> CompiledC | None:
    """A program in C, if there can be one and it is asked for."""
    if backend == "numpy":
        return None
    try:
        return CompiledC(program, watched, outline, only_kept=only_kept)
    except NoCError:
        return None
