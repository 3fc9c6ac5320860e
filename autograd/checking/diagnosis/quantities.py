"""Numbers by which one multiplies or divides by mistake, with their names."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from math import prod
from typing import Any, NamedTuple

import numpy as np

from autograd.checking.diagnosis.context import Context, described
from autograd.engine.conforming import broadcast_axes
from autograd.engine.keeping import Dropped
from autograd.engine.tape import Record
from autograd.ops.reductions.reduction import reduced_size

_MEANS = {"mean", "var", "std"}
_SUMS = {"sum", "sum_of_products", "sum_of_squares"}
_SQUARES = {"square", "sum_of_squares", "var"}
_PLAIN = (2.0, 3.0, 4.0)


class Quantities:
    """Numbers with a meaning for one gradient, and what they are.

    Only what lies on the way from the tensor to the loss counts. A 2 is named by an exponent or by
    the user alone: some axis nearly always has two elements, and that explains nothing.
    """

    def __init__(self, context: Context | None) -> None:
        self._names: dict[float, list[str]] = {number: [] for number in _PLAIN}
        if context is None:
            return
        for name, number in context.quantities.items():
            self._add(abs(float(number)), name)
        batch = _batch(context)
        if batch > 2:
            self._add(batch, f"{batch}, the batch")
        self._add_shape(np.shape(context.value), "the tensor")
        for use in context.path:
            self._add_arrays(use.record)

    def __len__(self) -> int:
        return len(self._names)

    def named(self, factor: float, tolerance: float) -> list[str] | None:
        """What a positive factor is: the names of a number equal to it, or to 1 / it.

        None where no number is; empty where one is that needs no name, such as 2.
        """
        found: list[str] | None = None
        for number, names in self._names.items():
            if abs(factor / number - 1) <= tolerance:
                found = (found or []) + names
            elif abs(factor * number - 1) <= tolerance:
                found = (found or []) + [f"1 / {name}" for name in names]
        for name in found or ():
            if name.endswith("the batch"):
                return [name]  # axes of that length are named by it
        return found

    def quotient(self, factor: float, tolerance: float) -> str | None:
        """How a factor comes of dividing by one number on the way in place of another, at most 64
        of which are tried; None where it does not."""
        sizes = [(number, names[0]) for number, names in self._names.items() if names]
        for wanted, why in sizes[:64]:
            for number, name in sizes[:64]:
                if number != wanted and abs(factor * number / wanted - 1) <= tolerance:
                    return f"it is divided by {name}, in place of {why}"
        return None

    def beside(self, factor: float) -> str | None:
        """A factor beside another mistake in words; None where nobody would make it as well."""
        names = self.named(abs(factor), 1e-6)
        if names is None and abs(factor + 1) > 1e-6:
            return None
        text = f"{times(factor)} times what it should be then"
        return f"{text}, which is {', or '.join(names[:2])}" if names else text

    def _add(self, number: float, name: str) -> None:
        if number in (0.0, 1.0) or not np.isfinite(number):
            return
        names = self._names.setdefault(float(number), [])
        if name not in names and len(names) < 3:
            names.append(name)

    def _add_shape(self, shape: tuple[int, ...], whose: str) -> None:
        for count in range(1, len(shape) + 1):
            for chosen in combinations(range(len(shape)), count):
                number = prod(shape[a] for a in chosen)
                if number != 2:
                    self._add(number, f"{number}, the size of {axes_named(chosen)} of {whose}")

    def _add_arrays(self, record: Record) -> None:
        assert record.arrays is not None
        for position, array in enumerate(record.arrays):
            whose = f"argument {position} of '{record.op.name}'"
            if isinstance(array, np.ndarray | Dropped) and array.size != 1:
                self._add_shape(array.shape[:4], whose)
            elif record.parents[position] is not None:
                continue
            elif record.op.name == "power" and position == 1:
                number = abs(float(np.asarray(array).real.item()))
                if number != 2:
                    self._add(number, f"{number:g}, the exponent of {described(record)}")
            elif isinstance(array, int | float | np.ndarray) and _is_factor(record):
                number = abs(float(np.asarray(array).real.item()))
                self._add(number, f"{number:g}, {whose}")


def _batch(context: Context) -> int:
    """The length of the first axis of most results on the tape that have several; 0 for none."""
    firsts = Counter(
        record.out.shape[0]
        for record in context.flow.records
        if isinstance(record.out, np.ndarray | Dropped) and len(record.out.shape) > 1
    )
    if not firsts:
        return 0
    ((length, count),) = firsts.most_common(1)
    return length if 2 * count > sum(firsts.values()) else 0


class Reduction(NamedTuple):
    """How many elements an op on the way adds up, forwards or (where it broadcasts) backwards."""

    kind: str
    number: int
    where: str


def mistaken_reductions(context: Context) -> list[Reduction]:
    """Where a mean may be taken for a sum, or a sum for a mean; nearest first."""
    found: list[Reduction] = []
    for use in context.path:
        record = use.record
        array = record.arrays[use.position] if record.arrays is not None else None
        if not isinstance(array, np.ndarray | Dropped) or isinstance(record.out, tuple):
            continue
        name = record.op.name
        if name in _MEANS | _SUMS:
            count = reduced_size(array.shape, axis_of(record))
            kind = "sum for mean" if name in _MEANS else "mean for sum"
            found.append(Reduction(kind, count, f"'{name}'"))
        elif name == "matmul":
            sizes = sorted(set(record.out.shape[-2:]))
            found += [Reduction("mean for sum", n, "the product") for n in sizes]
        elif record.out.shape != array.shape and getattr(record.op, "kind", None) == "elementwise":
            axes = broadcast_axes(record.out.shape, array.shape)
            count = prod(record.out.shape[a] for a in axes)
            where = f"the gradient of the broadcast in '{name}'"
            found.append(Reduction("mean for sum", count, where))
    return found


def divided_otherwise(
    factor: float, size: float, context: Context, known: Quantities
) -> str | None:
    """How a mean was taken, if a factor comes of dividing it by another number than it should be.

    By none at all, by one less (as an unbiased variance is), or by a quantity on the way. `size` is
    the relative error of the factor.
    """
    for kind, number, where in mistaken_reductions(context):
        if kind != "sum for mean" or number < 2:
            continue
        of = f"{number}, the number of elements that {where} adds up"
        if abs(factor / number - 1) <= size:
            return f"it is not divided by {of}"
        other = number / factor
        if abs(other - round(other)) > size * other:
            continue
        if round(other) == number - 1 and size * number < 0.1:
            return f"it is divided by {number - 1} in place of {of}"
        names = known.named(other, size)
        if names and not names[0].startswith("1 / "):
            return f"it is divided by {names[0]}, in place of {of}"
    return None


def meaning_of(factor: float, context: Context | None) -> str:
    """What the factors 2, 1/2 and -1 usually mean; empty for other numbers."""
    near = [use.record for use in context.path[:4]] if context is not None else []
    if factor == 2:
        roots = [r for r in near if r.op.name == "sqrt"]
        half = (
            f", or the 1/2 of the derivative of {described(roots[0])} is missing" if roots else ""
        )
        twice = context is not None and len(context.uses) > 1
        also = "" if twice else ", or a factor of 2 is one too many"
        return f"it is counted or accumulated twice{also}{half}"
    if factor == 0.5:
        squares = [r for r in near if r.op.name in _SQUARES or _is_square(r)]
        if not squares:
            return "it is halved, or one of two equal contributions is missing"
        of = f"the derivative of {described(squares[0])}"
        return f"the factor 2 of {of} is missing, or one of two equal contributions is"
    return ""


def axis_of(record: Record) -> Any:
    """The `axis` that a reduction was called with."""
    assert record.arrays is not None
    if "axis" in record.options:
        return record.options["axis"]
    given = [a for a in record.arrays[1:] if not isinstance(a, np.ndarray | Dropped)]
    return given[0] if given else None


def axes_named(axes: tuple[int, ...]) -> str:
    """ "axis 1", or "axes 0, 2"."""
    return f"axis {axes[0]}" if len(axes) == 1 else f"axes {', '.join(map(str, axes))}"


def times(factor: float) -> str:
    """A factor as one writes it: 1/8 for 0.125."""
    inverse = 1 / factor
    if abs(factor) < 1 and abs(inverse - round(inverse)) < 1e-6 * abs(inverse):
        return f"{'-' * (factor < 0)}1/{round(abs(inverse))}"
    return f"{factor:.7g}"


def _is_factor(record: Record) -> bool:
    return record.op.name in {"multiply", "divide"}


def _is_square(record: Record) -> bool:
    exponent: Any = record.arrays[1] if record.op.name == "power" and record.arrays else None
    return isinstance(exponent, int | float | np.ndarray) and bool(np.all(np.equal(exponent, 2)))
