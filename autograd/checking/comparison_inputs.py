"""What `compare` is given: pairs of a tensor and a gradient, values, numbers, or a function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from autograd.checking.comparison_report import Row
from autograd.checking.diagnosis import Hypothesis, diagnose
from autograd.checking.reference import Reference
from autograd.engine.tape import Place
from autograd.engine.tensor import Array, Tensor

Variables = dict[int, tuple[str, str]]  # by serial number, the name and the line of a variable


class Pair(NamedTuple):
    name: str
    tensor: Tensor
    place: Place
    manual: Array


def pair_of(name: str, value: Any, reference: Reference) -> Pair:
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise TypeError(
            f"compare: {name}={type(value).__name__} given; "
            f"{name}=(tensor, manual_gradient) expected"
        )
    tensor, manual = value
    if not isinstance(tensor, Tensor):
        raise TypeError(
            f"compare: {name}=({type(tensor).__name__}, ...) given; a Tensor on the tape of the "
            "loss expected first, then the manual gradient"
        )
    if tensor.dtype.kind != "f":
        raise TypeError(
            f"compare: '{name}' is a tensor of {tensor.dtype}; only floating tensors have gradients"
        )
    if tensor._place is None:
        raise ValueError(
            f"compare: '{name}' is a constant, which has no gradient; set requires_grad=True on "
            "it, or on what it is computed from, before the loss is computed"
        )
    if tensor._place.serial not in {place.serial for place in reference.recorded.places}:
        raise ValueError(
            f"compare: '{name}' is not on the tape of this loss: the loss was not computed from "
            "it. Give the tensor that was used, not a copy or a later result"
        )
    return Pair(name, tensor, tensor._place, _manual(name, manual))


def _manual(name: str, manual: Any, what: str = "manual gradient") -> Array:
    try:
        array = np.asarray(manual.data if isinstance(manual, Tensor) else manual)
    except ValueError as error:
        raise ValueError(
            f"compare: the {what} of '{name}' is no array: {error}; a nested list must "
            "have rows of equal length"
        ) from error
    if array.dtype.kind not in "biuf":
        raise TypeError(
            f"compare: the {what} of '{name}' is {array.dtype}; real numbers expected"
            + (": take its real part" if array.dtype.kind == "c" else "")
        )
    return array


def quantities_of(quantities: Mapping[str, float] | None) -> dict[str, float]:
    if quantities is None:
        return {}
    if not isinstance(quantities, Mapping):
        raise TypeError(
            f"compare: quantities={type(quantities).__name__} given; a dict of names and numbers "
            "expected, and gradients as name=(tensor, manual_gradient)"
        )
    for name, number in quantities.items():
        if not isinstance(number, int | float | np.number):
            raise TypeError(
                f"compare: the quantity '{name}' is {type(number).__name__}; a number expected"
            )
    return {name: float(number) for name, number in quantities.items()}


def run(
    f: Callable[..., Any], args: tuple[Any, ...]
) -> tuple[Tensor, dict[str, Tensor], Variables, object]:
    """The loss that a function gives, its variables, names of their places with lines; and what
    holds the tensors that it was run on, which the tape alone does not."""
    from autograd.checking.backward.holders import Holders  # is needed by this alone
    from autograd.checking.backward.running import Run

    holders = Holders(f)
    for argument in args:
        holders.given(argument)
    try:
        run = Run(f, args, holders, False)
    except TypeError as error:  # the arguments are none of the function's
        reason = str(error).partition("with the arguments: ")[2] or str(error)
        raise TypeError(f"compare: the function is called with the arguments: {reason}") from error
    if run.failure is not None:
        raise RuntimeError(f"compare: {run.failure}") from run.failure.__cause__
    loss = run.returned[0] if isinstance(run.returned, tuple | list) else run.returned
    if not isinstance(loss, Tensor):
        raise TypeError(
            f"compare: the function returned {type(loss).__name__}; the loss expected, a tensor of "
            "one element, alone or first of several"
        )
    known: dict[str, Tensor] = {}
    lines: Variables = {}
    for variable in run.variables:
        known |= {variable.name: variable.tensor, variable.label: variable.tensor}
        if variable.tensor._place is not None:
            line = f"line {variable.statement.line}" if variable.statement is not None else ""
            lines.setdefault(variable.serial, (variable.label, line))
    return loss, known, lines, run


def of_variable(name: str, value: Any, known: Mapping[str, Tensor]) -> Any:
    if isinstance(value, tuple | list) and len(value) == 2 and isinstance(value[0], Tensor):
        return value
    if name not in known:
        raise ValueError(
            f"compare: the function has no argument or variable '{name}' that a gradient could be "
            f"of; it has {', '.join(dict.fromkeys(known)) or 'none'}"
        )
    tensor = known[name]
    if isinstance(value, tuple | list) and len(value) == 2 and tensor.shape != (2,):
        shapes = [np.shape(part) for part in value]
        if shapes == [tensor.shape] * 2 and tensor.shape != np.shape(value):
            raise TypeError(
                f"compare: a pair is given for '{name}'; with a function give the gradient alone: "
                f"{name}=gradient"
            )
    return tensor, value


def _diagnosed(value: Array, expected: Array, limit: float) -> list[Hypothesis]:
    """What is wrong with a value, by what is said of gradients that differ so."""
    found = []
    for cause in diagnose(value.astype(np.float64), expected, limit):
        text = cause.text
        if cause.kind == "factor":  # what it means is said of gradients
            text = text.partition(": ")[0].partition("; no quantity")[0]
        found.append(replace(cause, text=text.replace("gradient", "value")))
    return found


def values_of(
    reference: Reference, values: Mapping[str, Any], known: Mapping[str, Any]
) -> list[Row]:
    """Rows for values of the forward pass, in forward order."""
    rows: list[tuple[int, Row]] = []
    for name, value in values.items():
        tensor = known.get(name)
        if isinstance(value, tuple | list) and len(value) == 2 and isinstance(value[0], Tensor):
            tensor, value = value
        if not isinstance(tensor, Tensor):
            raise ValueError(
                f"compare: values has '{name}', and no tensor of that name is known; give it as "
                "(tensor, value), or in names"
            )
        manual = _manual(name, value, "value")
        expected = tensor.data.astype(np.float64)
        largest = float(np.abs(expected).max(initial=0.0))
        limit = reference.relative(manual.dtype) * largest
        row = Row(name, expected.shape, manual, expected, limit)
        if manual.shape != expected.shape:
            row.verdict = "shape"
            row.notes.append(f"a value of shape {manual.shape} given, {expected.shape} expected")
            row.diagnosis = _diagnosed(manual, expected, limit)
        else:
            with np.errstate(invalid="ignore"):
                error = np.abs(manual.astype(np.float64) - expected)
            row.measure(error, expected)
            if not row.abs_error <= limit:
                row.verdict = "wrong"
                row.diagnosis = _diagnosed(manual, expected, limit)
        rows.append((-1 if tensor._place is None else tensor._place.serial, row))
    return [row for _, row in sorted(rows, key=lambda pair: pair[0])]
