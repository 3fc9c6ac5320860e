"""The right gradient times a number, and what that number is."""

from __future__ import annotations

from itertools import combinations
from math import prod
from typing import Any

import numpy as np

from autograd.checking.diagnosis.context import Context
from autograd.checking.diagnosis.evidence import Candidate, Case, fitted_factor
from autograd.conforming import broadcast_axes
from autograd.ops.reduction import reduced_size
from autograd.tape import Record

_MEANS = {"mean", "var", "std"}
_SUMS = {"sum", "sum_of_products", "sum_of_squares", "matmul", "dot", "vecdot", "tensordot"}
_COMMON = {2.0: "2", 3.0: "3", 4.0: "4"}


def propose_factor(case: Case) -> None:
    """ "factor", "mean for sum" and "sum for mean"."""
    factor = fitted_factor(case.given, case.expected)
    if not factor or not np.isfinite(factor):
        return
    values = factor * case.expected
    size = 1e-6 if case.relative_limit < 1e-6 else case.relative_limit
    known = Quantities(case.context)
    names = known.named(abs(factor), min(size, 1e-3))
    informative = int(np.count_nonzero(np.abs(case.expected) > case.limit))
    if not names and factor < 0 and abs(factor + 1) <= size:
        names = ["its sign is wrong"]
    if not names and informative < 3:
        return
    text = _worded(factor, names)
    free, rank = (0, 1.0) if names else (1, 4.0)
    candidate = Candidate("factor", text, values, rank, free, max(1, len(known)), scaled=True)
    if not case.propose(candidate) or factor < 0 or case.context is None:
        return
    for kind, number, where in _mistaken_reductions(case.context):
        wanted = number if kind == "sum for mean" else 1 / number
        if abs(factor / wanted - 1) <= size and number != 1:
            verb = "summed, and not divided by" if kind == "sum for mean" else "divided by"
            case.propose(
                Candidate(
                    kind,
                    f"{verb} {number}, the number of elements that {where} adds up",
                    values,
                    1.1 if number == 2 else 0.9,
                    tried=max(1, len(known)),
                    scaled=True,
                )
            )
            break


class Quantities:
    """Numbers by which one multiplies or divides by mistake, with their names."""

    def __init__(self, context: Context | None) -> None:
        self._names: dict[float, list[str]] = {}
        for number, name in _COMMON.items():
            self._add(number, name)
        if context is None:
            return
        for name, number in context.quantities.items():
            self._add(abs(float(number)), name)
        self._add_shape(np.shape(context.value), "the tensor")
        for record in [*context.records, *context.flow.values.records]:
            self._add_record(record)

    def __len__(self) -> int:
        return len(self._names)

    def named(self, factor: float, tolerance: float) -> list[str]:
        """What a positive factor is: the names of numbers equal to it, or to 1 / it."""
        if abs(factor - 1) <= tolerance:
            return ["its sign is wrong"]
        found = []
        for number, names in self._names.items():
            if abs(factor / number - 1) <= tolerance:
                found += names
            elif abs(factor * number - 1) <= tolerance:
                found += [f"1 / {name}" for name in names]
        return found

    def _add(self, number: float, name: str) -> None:
        if number in (0.0, 1.0) or not np.isfinite(number):
            return
        names = self._names.setdefault(float(number), [])
        if name not in names and len(names) < 3:
            names.append(name)

    def _add_shape(self, shape: tuple[int, ...], whose: str) -> None:
        axes = range(len(shape))
        for count in range(1, len(shape) + 1):
            for chosen in combinations(axes, count):
                number = prod(shape[a] for a in chosen)
                if count == 1:
                    self._add(number, f"{number}, the size of axis {chosen[0]} of {whose}")
                else:
                    listed = ", ".join(map(str, chosen))
                    self._add(number, f"{number}, the size of axes {listed} of {whose}")

    def _add_record(self, record: Record) -> None:
        assert record.arrays is not None
        for position, array in enumerate(record.arrays):
            whose = f"argument {position} of '{record.op.name}'"
            if isinstance(array, np.ndarray) and array.size != 1:
                self._add_shape(array.shape[:4], whose)
            elif record.parents[position] is None and isinstance(array, int | float | np.ndarray):
                number = abs(float(np.asarray(array).real.item()))
                self._add(number, f"{number:g}, {whose}")


def _worded(factor: float, names: list[str]) -> str:
    number = f"{factor:.7g}"
    if names == ["its sign is wrong"]:
        return "the sign is wrong: it is -1 times the right gradient"
    if 0 < abs(factor) < 1 and abs(1 / factor - round(1 / factor)) < 1e-6 / abs(factor):
        number = f"{'-' * (factor < 0)}1/{round(1 / abs(factor))}"
    if not names:
        return f"{number} times the right gradient; no recorded quantity has that value"
    named = [name for name in names if not name.removeprefix("1 / ").isdigit()]
    meaning = f"; that is {', or '.join(named[:3])}" if named else ""
    sign = ", and the sign is wrong" if factor < 0 else ""
    return f"{number} times the right gradient{meaning}{sign}"


def _mistaken_reductions(context: Context) -> list[tuple[str, int, str]]:
    """How many elements each op on the way adds up, forwards or (where it broadcasts) backwards."""
    found: list[tuple[str, int, str]] = []
    for use in context.path:
        record = use.record
        array = record.arrays[use.position] if record.arrays is not None else None
        if not isinstance(array, np.ndarray) or isinstance(record.out, tuple):
            continue
        name = record.op.name
        if name in _MEANS or name in {"sum", "sum_of_products", "sum_of_squares"}:
            count = reduced_size(array.shape, _axis(record))
            kind = "sum for mean" if name in _MEANS else "mean for sum"
            found.append((kind, count, f"'{name}'"))
        elif name == "matmul":
            found += [("mean for sum", n, "the product") for n in set(record.out.shape[-2:])]
        elif record.out.shape != array.shape and getattr(record.op, "kind", None) == "elementwise":
            axes = broadcast_axes(record.out.shape, array.shape)
            count = prod(record.out.shape[a] for a in axes)
            found.append(("mean for sum", count, f"the gradient of the broadcast in '{name}'"))
    return found


def _axis(record: Record) -> Any:
    assert record.arrays is not None
    if "axis" in record.options:
        return record.options["axis"]
    given = [a for a in record.arrays[1:] if not isinstance(a, np.ndarray)]
    return given[0] if given else None
