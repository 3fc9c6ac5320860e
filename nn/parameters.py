"""The tensors of a module's state, and the search for them in what is assigned to one."""

from __future__ import annotations

from collections import UserDict, UserList, deque
from collections.abc import Iterator
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from autograd import Tensor
from autograd.engine.modes import array_of
from autograd.engine.tape import Leaf

_data = vars(Tensor)["data"]
_SEVERAL: tuple[Any, ...] = (list, tuple, set, frozenset, deque, UserList, type({}.values()))
_BY_KEY = (dict, UserDict, MappingProxyType)


class Parameter(Tensor):
    """A tensor that an optimizer changes: requires a gradient, and is found by its Module.

    What is assigned to its data has its shape and dtype, also while it is frozen; `rebind` takes
    others.
    """

    __slots__ = ()

    def __init__(self, data: Any, requires_grad: bool = True) -> None:
        super().__init__(data, requires_grad)

    def _bind(self, value: ArrayLike) -> None:
        before = array_of(self)
        _data.fset(self, value)
        after = array_of(self)
        if (after.shape, after.dtype) != (before.shape, before.dtype):
            _data.fset(self, before)
            raise (ValueError if after.dtype == before.dtype else TypeError)(
                f"data: {after.dtype} {after.shape} was assigned to a Parameter of {before.dtype} "
                f"{before.shape}; the two must be equal, or use rebind()"
            )

    data = property(_data.fget, _bind, doc=_data.__doc__)


class Buffer(Tensor):
    """A tensor that belongs to a Module's state and has no gradient, such as a running mean.

    Raises ValueError for data that wants a gradient.
    """

    __slots__ = ()

    def __init__(self, data: Any) -> None:
        super().__init__(data)
        if self.requires_grad:
            raise ValueError(
                "Buffer: the data wants a gradient, and a buffer has none; give its detach()"
            )


def leaves(value: Any) -> Iterator[Any]:
    """What is in a collection, nested or not; or the value itself. Not the keys of dicts.

    Raises ValueError where it holds itself, or has more than 200 levels.
    """
    stack = [(value, 0)]
    while stack:
        part, depth = stack.pop()
        objects = isinstance(part, np.ndarray) and part.dtype == object
        if not (objects or isinstance(part, _SEVERAL + _BY_KEY)):
            yield part
            continue
        if depth == 200:
            raise ValueError(
                f"a {type(part).__name__} that holds itself, or is nested deeper than 200 levels, "
                "was given for an attribute of a module"
            )
        inner = part.values() if isinstance(part, _BY_KEY) else part
        inner = inner.flat if isinstance(inner, np.ndarray) else inner
        stack += reversed([(each, depth + 1) for each in inner])


def is_loose(value: Any) -> bool:
    """Whether it is a leaf that wants a gradient, and neither a Parameter nor what a transform
    differentiates by."""
    place = value._place if isinstance(value, Tensor) else None
    return isinstance(place, Leaf) and not place.inner and not isinstance(value, Parameter)
