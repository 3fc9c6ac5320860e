"""What a record keeps: large computed arrays that no rule will read, as the op declares by `keeps`,
are dropped in the forward."""

from __future__ import annotations

from math import prod
from typing import Any, NoReturn

import numpy as np

# Smaller arrays are kept: to drop them would cost more time than the memory is worth.
LARGE = 1 << 15  # bytes


class Dropped:
    """In place of an array that a record does not keep: its shape and dtype. All else that is asked
    of it raises RuntimeError, which names `of`: the op and its argument."""

    __slots__ = ("dtype", "of", "shape")
    __hash__ = None  # type: ignore[assignment]  # it is equal to nothing, not even itself

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[Any], of: str = "a record") -> None:
        self.shape = shape
        self.dtype = dtype
        self.of = of

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return prod(self.shape)

    @property
    def nbytes(self) -> int:
        return self.size * self.dtype.itemsize

    def refuse(self, *_: Any, **__: Any) -> NoReturn:
        """Raise RuntimeError: the numbers are not here."""
        raise RuntimeError(
            f"{self.of}, {self.dtype} {self.shape}, was not kept for the backward pass, and a rule "
            "asks for its numbers: name it in `keeps` of the op's defvjp, or leave keeps out and "
            "the op keeps everything; rules declared anew hold for what is computed afterwards"
        )

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)  # Python and NumPy ask what it can do
        self.refuse()

    def __repr__(self) -> str:
        return f"Dropped({self.shape}, {self.dtype})"


# Python looks these up on the class.
_BINARY = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or")
_UNARY = ("array", "float", "int", "bool", "len", "iter", "neg", "pos", "abs", "invert", "round")
_OTHERS = ("getitem", "lt", "le", "gt", "ge", "eq", "ne", "index")
for _name in (*_BINARY, *(f"r{name}" for name in _BINARY), *_UNARY, *_OTHERS):
    setattr(Dropped, f"__{_name}__", Dropped.refuse)
