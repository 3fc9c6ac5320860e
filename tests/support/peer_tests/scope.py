"""What of the fetched tests is out of scope, by rules; and what came of the test that runs.

A test is out of scope where it needs what is deliberately not here: each rule below is a reason.
Where it goes through several checks, and only some are out of scope, the others count.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograd.runtime.trees import flatten

COMPLEX = "gradients of complex numbers"
FOURIER = "Fourier transforms, which are complex"
NUMPY = "functions of NumPy that are not here: refused by name"
SCIPY = "functions of SciPy that are not here: refused"
ARRAYS = "NumPy asks for the array of a tensor: refused"
NO_FLOATS = "no floating number to differentiate by: refused"
INTERNALS = "internals of that package"
STATED = "no gradient of a function in it"

# Single tests that no rule can see, and what they are about.
STATED_TESTS = {
    "test_ufunc_dispatch.py::test_grad_through_dataarray_binary_ufunc": (
        "a tensor times a DataArray is a tensor here, and its .data are numbers"
    ),
    "test_wrappers.py::test_wrapped_name_and_docs": "names and docstrings of its own transforms",
    "test_wrappers.py::test_custom_where_dtypes": "what its own where gives for Python's values",
    "test_wrappers.py::test_custom_where": "what its own where gives for a condition alone",
}


class OutOfScopeError(Exception):
    """The test needs something that is deliberately not here. `what` is its name."""

    def __init__(self, reason: str, what: str) -> None:
        super().__init__(f"{reason}: {what}")
        self.reason, self.what = reason, what


@dataclass
class Tally:
    """Of the test that runs: how many checks it made, and what it left out."""

    checks: int = 0
    left_out: list[tuple[str, str]] = field(default_factory=list)


tally = Tally()


@contextmanager
def one_check() -> Iterator[None]:
    """A part of a test, without which the rest goes on."""
    try:
        yield
    except OutOfScopeError as outside:
        tally.left_out.append((outside.reason, outside.what))
    else:
        tally.checks += 1


def real(tree: Any, what: str) -> Any:
    """The tree, which has no complex number in it. Raises OutOfScopeError."""
    if any(np.iscomplexobj(leaf) for leaf in flatten(tree)[0]):
        raise OutOfScopeError(COMPLEX, what)
    return tree


def refusal(error: BaseException) -> OutOfScopeError | None:
    """What an error of ours that refuses says; None of any other error."""
    text = str(error)
    if isinstance(error, OutOfScopeError):
        return error
    if isinstance(error, TypeError) and "has no differentiable counterpart here" in text:
        return OutOfScopeError(NUMPY, text.split(" ", 1)[0])
    if isinstance(error, TypeError) and "on a tensor takes no " in text:
        return OutOfScopeError(
            NUMPY, " with ".join(text.split("=")[0].split(" on a tensor takes no "))
        )
    if isinstance(error, TypeError) and "which has no counterpart here" in text:
        return OutOfScopeError(NUMPY, text.split(" of a tensor", 1)[0])
    if isinstance(error, TypeError) and "gradients are real throughout" in text:
        return OutOfScopeError(COMPLEX, text.split(":", 1)[0])
    if isinstance(error, RuntimeError) and "asks for the array of a tensor" in text:
        return OutOfScopeError(ARRAYS, "a call of NumPy")
    if isinstance(error, TypeError) and "no floating numbers to differentiate by" in text:
        return OutOfScopeError(NO_FLOATS, "an argument")
    return None
