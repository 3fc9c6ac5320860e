"""What is compared with PyTorch, and how.

What is compared is the largest difference over the largest value. float32 has 24 bits, so that
sums of some hundred terms in another order differ by about 1e-6 of the largest; 1e-5 leaves no
room for a wrong term. float64 has 29 bits more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import nn
from autograd import Tensor

Array = NDArray[Any]
Generator = np.random.Generator


TOLERANCE = {np.dtype(np.float32): 1e-5, np.dtype(np.float64): 1e-10, np.dtype(np.int64): 0.0}
DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])


def assert_agree(ours: Any, theirs: Any, tolerance: float | None = None, name: str = "") -> None:
    """Ours, a Tensor or array, is theirs, a tensor of torch, but for rounding."""
    assert ours is not None and theirs is not None, name
    a, b = np.asarray(getattr(ours, "data", ours)), theirs.detach().numpy()
    assert (a.shape, a.dtype) == (b.shape, b.dtype), name
    limit = TOLERANCE[a.dtype] if tolerance is None else tolerance
    difference = np.abs(a - b).max(initial=0.0)
    assert difference <= limit * np.abs(b).max(initial=0.0), name


def both(torch: Any, *arrays: Array) -> tuple[list[Tensor], list[Any]]:
    """Leaves with the same values, here and there."""
    ours = [Tensor(a.copy(), requires_grad=True) for a in arrays]
    return ours, [torch.from_numpy(a.copy()).requires_grad_() for a in arrays]


def assert_function_agrees(
    torch: Any,
    rng: Generator,
    ours: Callable[..., Any],
    theirs: Callable[..., Any],
    *arrays: Array,
    of: str = "",
) -> None:
    """The value, and under a random cotangent the gradient of every argument; named by `of`."""
    x, x_ = both(torch, *arrays)
    y, y_ = ours(*x), theirs(*x_)
    assert_agree(y, y_, name=f"value {of}")
    cotangent = rng.standard_normal(y.shape).astype(y.dtype)
    y.backward(cotangent)
    y_.backward(torch.from_numpy(np.asarray(cotangent)))
    for i, (a, b) in enumerate(zip(x, x_, strict=True)):
        assert_agree(a.grad, b.grad, name=f"gradient of argument {i} {of}")


def torch_dtype(torch: Any, dtype: Any) -> Any:
    return {np.dtype(np.float32): torch.float32, np.dtype(np.float64): torch.float64}[
        np.dtype(dtype)
    ]


def assert_module_agrees(
    torch: Any, rng: Generator, ours: nn.Module, theirs: Any, *arrays: Array
) -> None:
    """With the same parameters and buffers: the value, every gradient, and the buffers after."""
    dtype = next(a.dtype for a in arrays if a.dtype.kind == "f")
    ours.to(dtype)
    theirs.to(torch_dtype(torch, dtype))
    state = ours.state_dict()
    assert list(state) == list(theirs.state_dict())
    theirs.load_state_dict({name: torch.from_numpy(value) for name, value in state.items()})
    if arrays[0].dtype.kind == "f":
        assert_function_agrees(torch, rng, ours, theirs, *arrays)
    for name, parameter in theirs.named_parameters():
        assert_agree(dict(ours.named_parameters())[name].grad, parameter.grad, name=name)
    for name, buffer in theirs.named_buffers():
        assert_agree(ours.state_dict()[name], buffer, name=name)
