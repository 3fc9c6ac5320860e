"""What the engine asks of ops. They fill it in when they are imported; the engine imports none."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

if TYPE_CHECKING:
    from autograd.engine.tensor import Tensor


class Needs:
    """The list. The first four are ops or compositions of ops, and differentiated.

    Attributes:
        add: (x, y) -> x + y, for two gradients of one shape and dtype that meet at one place.
        copy: (g) -> g in memory of its own, which `.grad` shares with nothing.
        sum_to: (g, shape) -> g summed over the axes along which an array of `shape` was broadcast.
        astype: (g, dtype) -> g in the dtype of an argument that the forward had promoted.
        stack: (list) -> one tensor of a list or tuple, nested or not, that holds tensors; another
            as it is.
        clear: (op, args, options) -> the arguments and options of a call, where these are not
            plainly tensors, arrays and numbers, as the op takes them. By default as they are.
        as_array: (op, out) -> an array of what a forward gave that is none.
        settle: (op, out, saved, arrays) -> what a forward gave and saved, in the dtype it shall
            have, where that is not that of its arguments. By default as they are.
        refuse_options: (op, parents) raises where one past the last rule wants a gradient.
        explain_forward: (op, error, arrays, parents) -> the error to raise for it.
        explain_rule: (op, error, rule, position, given, options) says where it came from.
        add_into: (total, part) adds an array to another in place, which nobody else has seen.
    """

    def __init__(self) -> None:
        self.add: Callable[[Tensor, Tensor], Tensor] = _missing("add")
        self.copy: Callable[[Tensor], Tensor] = _missing("copy")
        self.sum_to: Callable[[Tensor, tuple[int, ...]], Tensor] = _missing("sum_to")
        self.astype: Callable[[Tensor, np.dtype[Any]], Tensor] = _missing("astype")
        self.stack: Callable[[Any], Any] = lambda parts: parts
        self.clear: Callable[..., tuple[tuple[Any, ...], dict[str, Any]]] = lambda _, *call: call
        self.as_array: Callable[..., Any] = lambda op, out: np.asarray(out)
        self.settle: Callable[..., tuple[Any, Any]] = lambda op, out, saved, arrays: (out, saved)
        self.refuse_options: Callable[..., None] = lambda op, parents: None
        self.explain_forward: Callable[..., Exception] = lambda op, error, *call: error
        self.explain_rule: Callable[..., None] = lambda op, error, *call: None
        self.add_into: Callable[..., object] = lambda total, part: np.add(total, part, total)


def _missing(name: str) -> Callable[..., NoReturn]:
    def refuse(*_: Any) -> NoReturn:
        raise RuntimeError(
            f"the engine needs an op for '{name}', and none was declared: import autograd.ops, or "
            f"set {name} of autograd.engine.needs.needs"
        )

    return refuse


needs = Needs()
