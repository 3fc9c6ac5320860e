"""What is decided about a program before it is written: see `planning` and `scheduling`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from autograd.lowering.indices import Affine, Axes, Axis
from autograd.lowering.lowerer import Called
from autograd.lowering.nests import (
    Nest,
    Value,
)
from autograd.lowering.products.blocks import Blocks


class Access(NamedTuple):
    """Where a nest reads a value in memory: None where nothing affine can be said of it."""

    value: Value
    indices: tuple[Affine, ...] | None


@dataclass(eq=False)
class Group:
    """Nests that run in one loop along an axis of each.

    Attributes:
        nests: in their order.
        slices: of each nest the axis that it shares with the others; None where there is one nest,
            which is not cut.
    """

    nests: list[Nest]
    slices: dict[Nest, Axis | None]

    @property
    def size(self) -> int:
        """How many slices there are."""
        axis = self.slices[self.nests[0]]
        return 1 if axis is None else axis.size


@dataclass(eq=False)
class Plan:
    """What runs, in which order.

    Attributes:
        steps: calls of NumPy's, and runs of groups.
        inlined: values that are computed where they are read.
        orders: by nest, its axes, the innermost last.
        layouts: by nest, its axes in the order in which what it computes lies in memory: that of
            what it reads, whichever loop is the innermost.
        strides: by value, those of its axes, in elements, where it lies in memory.
        accesses: by nest, what it reads in memory.
        apart: by nest, axes whose place counts for more than where something lies.
        costs: by value, the operations that each of its elements takes.
        scalar: values whose loops do not become vectors.
        blocks: of sums of products, in what blocks of registers they run.
    """

    steps: list[Called | list[Group]] = field(default_factory=list)
    inlined: dict[Value, None] = field(default_factory=dict)
    orders: dict[Nest, Axes] = field(default_factory=dict)
    layouts: dict[Nest, Axes] = field(default_factory=dict)
    strides: dict[Value, tuple[int, ...]] = field(default_factory=dict)
    accesses: dict[Nest, list[Access]] = field(default_factory=dict)
    apart: dict[Nest, set[Axis]] = field(default_factory=dict)
    costs: dict[Value, int] = field(default_factory=dict)
    scalar: set[Value] = field(default_factory=set)
    blocks: dict[Nest, Blocks] = field(default_factory=dict)

    def work(self, group: Group) -> int:
        """About how many operations a group is."""
        return sum(nest.volume * (1 + self.costs[nest.value]) for nest in group.nests)
