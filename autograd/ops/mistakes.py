"""What is said of errors in a forward or a rule: which op, which argument, what was given."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.exceptions import AxisError

from autograd.engine.primitives import Primitive
from autograd.engine.rules import Rule
from autograd.ops.arguments import expect_numbers, refuse_options
from autograd.ops.declaring import OnArrays

_KINDS = (
    AxisError,
    np.linalg.LinAlgError,
    ValueError,
    TypeError,
    IndexError,
    AttributeError,
    OverflowError,
)


def of_forward(op: Primitive, error: Exception, arrays: list[Any], parents: list[Any]) -> Exception:
    """An error of the same kind that says what the forward of `op` was given, and expected."""
    try:
        refuse_options(op, parents)
        expect_numbers(op, arrays)
    except TypeError as cause:
        return cause
    given = ", ".join(
        f"{a.dtype} {a.shape}" if isinstance(a, np.ndarray) else repr(a) for a in arrays
    )
    expects = op.expects or ("shapes that broadcast together" if op.broadcasts else "")
    hint = f"; expected {expects}" if expects else ""
    kind = next(k for k in _KINDS if isinstance(error, k))
    return kind(f"{op.name}({given}): {error}{hint}")


def of_rule(
    op: Primitive, error: Exception, rule: Rule, position: int, given: list[Any], options: Any
) -> None:
    """Note with the error which rule raised it. Raises TypeError where the rule does not take what
    rules get."""
    from inspect import signature  # slow to import, and seldom needed

    what = f"rule {position} of '{op.name}'"
    if isinstance(made_of := options.get("rule"), OnArrays):  # of an op that no author knows
        what = f"{made_of.told()}, which is on arrays"
    try:
        signature(rule).bind(*given, **options)
    except TypeError as misfit:
        call = ", ".join(["g", *op.parameters(), *[f"{name}=..." for name in options]])
        takes = "a rule takes (g, out, *args, **options)"
        if "missing a required" in str(misfit):
            takes += ", with the default that the forward has for what a call leaves out"
        raise TypeError(
            f"{what} does not take what it is called with, ({call}): {misfit}; {takes}"
        ) from error
    except ValueError:
        pass  # what is not written in Python may have no signature
    if hasattr(error, "add_note"):  # from Python 3.11 on
        g = "a tuple, one gradient for each output" if isinstance(given[0], tuple) else "a Tensor"
        error.add_note(f"in {what}, a function (g, out, *args, **options) here with {g} for g")
