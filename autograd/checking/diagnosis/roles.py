"""The part that something plays in a larger formula: label, mean or variance."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from autograd.engine.tape import Record
from autograd.engine.tensor import Array
from autograd.ops.shapes.indexing import as_index
from autograd.program.taping import Taped

if TYPE_CHECKING:  # which asks for the masks
    from autograd.checking.diagnosis.context import Context, Use


def label_masks(values: Taped) -> list[Array]:
    """Where recorded indices pick one number of many, and where recorded constants are one-hot."""
    masks: list[Array] = []
    for record in values.records:
        arrays = values.arrays(record)
        if record.op.name == "getitem":
            index = as_index(arrays[1])
            parts = index if isinstance(index, tuple) else (index,)
            mask = np.zeros(arrays[0].shape, np.bool_)
            mask[index] = True
            one = mask.size > 1 and np.count_nonzero(mask) == 1  # the label of one example
            if one or any(isinstance(part, np.ndarray) for part in parts):
                masks.append(mask)
        for array, parent in zip(arrays, record.parents, strict=True):
            constant = isinstance(array, np.ndarray) and parent is None and array.ndim
            if constant and array.dtype.kind in "fbiu" and _is_one_hot(array):
                masks.append(array != 0)
    return masks


def _is_one_hot(array: Array) -> bool:
    """Exactly one 1 along some axis of at least two, and zeros beside it."""
    if not np.isin(array, (0, 1)).all():
        return False
    return any(n > 1 and (array.sum(axis=a) == 1).all() for a, n in enumerate(array.shape))


_VARIANCES = {"var", "std", "sum_of_squares", "square"}


class Role(NamedTuple):
    """What a contribution is in a larger formula.

    Attributes:
        kind: of the mistake of leaving it out.
        text: that mistake, as a sentence.
        name: what the contribution is called.
        rank: added to that of the mistake; how far-fetched it is beside others of its kind.
    """

    kind: str
    text: str
    name: str
    rank: float


def role_of(context: Context, use: Use) -> Role | None:
    """The part that the contribution of a use plays; None where it plays none of these."""
    contribution = context.contribution(use)
    if contribution is None:
        return None
    if _is_of_labels(context, contribution):
        return Role(
            "label missing",
            "the -1 at the label (times what the loss is weighted by) is not subtracted",
            "the -1 at the label",
            -1.0,
        )
    name = use.record.op.name
    siblings = [other.record for other in context.path if other.place is use.place]
    if name in {"mean", "sum"} and any(
        _centres(context, record, use.record) for record in siblings
    ):
        return Role(
            "mean term missing",
            f"the mean ('{name}') is treated as a constant: its term is not added",
            "the mean's term",
            0.0,
        )
    if _is_variance(context, use) and _is_divided_by(context, use):
        return Role(
            "variance term missing",
            f"the variance ('{name}') is treated as a constant: its term is not added",
            "the variance's term",
            0.1,
        )
    return None


def _is_of_labels(context: Context, contribution: Array) -> bool:
    support = contribution != 0
    if not support.any() or support.all():
        return False
    return any(
        mask.shape == support.shape and not (support & ~mask).any() for mask in context.label_masks
    )


def _centres(context: Context, record: Record, mean: Record) -> bool:
    """Whether a record subtracts the mean, or something computed from it."""
    if record.op.name != "subtract" or record.serial < mean.serial:
        return False
    subtrahend = record.parents[1]
    steps = 0
    while isinstance(subtrahend, Record) and steps < 4:
        if subtrahend is mean:
            return True
        subtrahend = subtrahend.parents[0] if subtrahend.parents else None
        steps += 1
    return False


def _is_divided_by(context: Context, use: Use) -> bool:
    """Whether what is made of the tensor is multiplied or divided by what is made of its square:
    not where a penalty is added."""
    square = context.after(use.record) | {use.record.serial}
    tensor = (context.after(use.place) | {use.place.serial}) - square
    for record in context.records:
        parents = {p.serial for p in record.parents if p is not None}
        if record.op.name in {"multiply", "divide"} and parents & square and parents & tensor:
            return True
    return False


def _is_variance(context: Context, use: Use) -> bool:
    record = use.record
    if record.op.name in _VARIANCES:
        # Only a variance if what is centred is also divided by what comes of it.
        return any(
            other.place is use.place and other.record is not record for other in context.path
        )
    if record.op.name == "multiply" and len(set(map(id, record.parents))) == 1:
        return True
    return record.op.name == "power" and use.position == 0 and np.all(record.arrays[1] == 2)  # type: ignore[index,return-value]
