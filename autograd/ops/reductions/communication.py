"""What several processes compute together. Who they are and how they talk is `nn.distributed`'s."""

from __future__ import annotations

from typing import Protocol

from autograd.engine.primitives import primitive
from autograd.engine.tensor import Array


class Summing(Protocol):
    """Processes, each with an array of one shape; each gets the sum of all."""

    def sum(self, array: Array) -> Array: ...


@primitive(analytic=True)
def allreduce(x: Array, *, group: Summing) -> Array:
    """The sum of x over the processes of a group, at each of them.

    All of them must call it, and sweep it, in the same order. Its gradient is that of the sum of
    what the processes compute, to which each adds by its own results.
    """
    return group.sum(x)


# y_r = sum over s of x_s for every r, so dL/dx_s = sum over r of dL/dy_r.
allreduce.defvjp(lambda g, out, x, *, group: allreduce(g, group=group), keeps=[""])
