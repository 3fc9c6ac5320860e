"""What the functions have in common: kinds of arguments, and their errors."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from math import copysign, inf
from operator import index
from typing import Any, Literal, TypeVar, cast

import numpy as np

import autograd as ag
from autograd import Tensor
from autograd.engine.modes import array_of
from autograd.ops.arguments import as_numeric, expect_constants, holds_tensors
from autograd.ops.shapes.shape import as_tensor
from autograd.runtime.scopes import tracer

Length = int | tuple[int]
Pair = int | tuple[int, int]
Lengths = int | tuple[int, ...]
Reduction = Literal["mean", "sum", "none"]

Function = TypeVar("Function", bound=Callable[..., Tensor])

_AXES = {1: "(length,)", 2: "(height, width)"}
_IMAGES = {1: "sequences (N, C, L)", 2: "images (N, C, H, W)"}


def in_floats(function: Function) -> Function:
    """A function whose values are no integers: of an x of integers, or of booleans, it computes in
    floats, in which nothing wraps."""

    @functools.wraps(function)
    def floating(x: Tensor, *args: Any, **options: Any) -> Tensor:
        x = as_tensor(x)
        dtype = _floating_dtype(x, *args, *options.values())
        return function(x if dtype == x.dtype else x.astype(dtype), *args, **options)

    return cast(Function, floating)


def in_single(function: Function) -> Function:
    """A function that sums or divides: of an x of float16 it computes in float32, and rounds the
    result, so that neither sums nor numbers of elements leave its range; of integers in floats."""

    @functools.wraps(function)
    def wide(x: Tensor, *args: Any, **options: Any) -> Tensor:
        x = as_tensor(x)
        dtype = _floating_dtype(x, *args, *options.values())
        if dtype.char != "e":
            return function(x if dtype == x.dtype else x.astype(dtype), *args, **options)
        return function(x.astype(np.float32), *args, **options).astype(np.float16)

    return cast(Function, wide)


def _floating_dtype(x: Tensor, *others: Any) -> np.dtype[Any]:
    """The dtype of x; where that is of integers or booleans, the widest of the floating arrays
    beside it, as in ops, or float64 where there are none."""
    if x.dtype.kind not in "biu":
        return x.dtype
    given = [a.dtype for a in others if isinstance(a, Tensor | np.ndarray)]
    floats = [dtype for dtype in given if dtype.kind == "f"]
    return np.result_type(*floats) if floats else np.dtype(np.float64)


def of_tensors(function: Function) -> Function:
    """A function that takes arrays where it expects tensors and, as ops do, lists and tuples that
    hold tensors, which are stacked."""
    parameters = inspect.signature(function).parameters
    tensors = {name for name, p in parameters.items() if "Tensor" in str(p.annotation)}
    positions = [name in tensors for name in parameters]

    @functools.wraps(function)
    def taking(*args: Any, **options: Any) -> Tensor:
        if any(isinstance(a, list | tuple | np.ndarray) for a in (*args, *options.values())):
            expected = positions + [False] * len(args)  # too many are the function's to refuse
            args = tuple([_taken(a, tensor) for a, tensor in zip(args, expected, strict=False)])
            options = {name: _taken(a, name in tensors) for name, a in options.items()}
        return function(*args, **options)

    return cast(Function, taking)


def _taken(argument: Any, tensor: bool) -> Any:
    is_array = isinstance(argument, np.ndarray) and tensor
    return Tensor(argument) if is_array or holds_tensors(argument) else argument


def lengths(what: str, value: Lengths, axes: int, least: int = 1) -> tuple[int, ...]:
    """One length for all axes, or one for each; refused below `least`, named by `what`."""
    given = tuple(value) if isinstance(value, Sequence) else (value,) * axes
    try:
        numbers = tuple(index(length) for length in given)
    except TypeError:
        numbers = ()
    if len(numbers) != axes:
        raise ValueError(f"{what} {value} given, a length or {_AXES[axes]} expected")
    if min(numbers) < least:
        raise ValueError(f"{what} {value} given, at least {least} expected")
    return numbers


def pair(what: str, value: Pair, least: int = 1) -> tuple[int, int]:
    """One length for both axes, or (height, width); refused below `least`, named by `what`."""
    height, width = lengths(what, value, 2, least)
    return height, width


def expect_images(op: str, x: Tensor, axes: int) -> None:
    """Refuse what has not a batch, channels and `axes` spatial axes."""
    if x.ndim != 2 + axes:
        raise ValueError(f"{op}: {_IMAGES[axes]} expected, shape {x.shape} given")


def expect_shape(op: str, name: str, given: Tensor | None, shape: tuple[int, ...]) -> None:
    """Refuse an optional argument of another shape, which might broadcast."""
    if given is not None and given.shape != shape:
        raise ValueError(f"{op}: {name} of shape {shape} expected, {given.shape} given")


def expect_axis(op: str, x: Tensor, dim: int) -> None:
    """Refuse what is not an axis of x."""
    if isinstance(dim, bool):  # True would be axis 1
        raise TypeError(f"{op}: dim={dim} given, a whole number expected")
    if not -x.ndim <= dim < x.ndim:
        raise ValueError(f"{op}: dim={dim} given, an axis of a tensor of shape {x.shape} expected")


def no_room(op: str, span: tuple[int, ...], padded: tuple[int, ...]) -> ValueError:
    """The error of a window that is larger than the padded image."""
    return ValueError(
        f"{op}: a window of {span} pixels does not fit into images of {padded}, "
        "padding included; enlarge one or shrink the other"
    )


def number(
    op: str,
    name: str,
    value: Any,
    x: Tensor | None = None,
    *,
    expected: str = "a number",
    holds: Callable[[Any], Any] | None = None,
    single: bool = False,
) -> Any:
    """An option as Python's number, or where it is given as a Tensor or an array beside x, as a
    Tensor in the dtype of x, which is differentiated; without x that means nothing.

    Args:
        op, name: what messages call it.
        value: a number, or what broadcasts to the shape of x.
        x: what the option stands beside.
        expected, holds: what it is to be, in words and as a condition on each number.
        single: whether only one number means something, beside x too.

    Raises:
        TypeError: no number, or a tensor that wants a gradient where there is none.
        ValueError: a shape that does not fit, or a number for which the condition does not hold.
    """
    if isinstance(value, Tensor | np.ndarray) and value.dtype.kind in "biuf":
        if x is None:
            expect_constants(op, **{name: value})
        elif isinstance(value, Tensor) or value.ndim:
            option = in_dtype_of(x, value if isinstance(value, Tensor) else Tensor(value))
            if single:
                if option.size != 1:
                    raise _misfit(op, name, option, "one number")
                option = option.reshape()
            expect_to_fit(op, name, option, x.shape)
            if holds is not None and not ag.all(holds(option.detach())):
                raise ValueError(f"{op}: {name}={value} given, {expected} expected")
            return option
        if value.size != 1:
            raise _misfit(op, name, value, "one number")
        value = value.item()
    try:
        plain = float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{op}: {name}={value!r} given, a number expected") from None
    if holds is not None and not holds(plain):
        raise ValueError(f"{op}: {name}={value} given, {expected} expected")
    if x is not None and x.dtype.kind == "f" and abs(plain) > float(np.finfo(x.dtype).max):
        return copysign(inf, plain)  # which it is beside x
    return plain


def loaded(where: str, value: Any, dtype: np.dtype[Any]) -> Any:
    """A value of a state as a new array of that dtype.

    Raises:
        TypeError: it is not numeric, complex where that is real, or no whole number where that is
            one of integers.
    """
    array = as_numeric(where, value)
    if array.dtype.kind == "c" and dtype.kind != "c":
        raise TypeError(f"{where} is {array.dtype}; real numbers of {dtype} expected")
    with np.errstate(invalid="ignore"):  # NaN is no integer, which is told below
        converted = array.astype(dtype)
    if dtype.kind in "biu" and not np.array_equal(converted, array):
        raise TypeError(f"{where} is {array.dtype}, of numbers that {dtype} does not have")
    return converted


def expect_to_fit(op: str, name: str, given: Tensor | None, shape: tuple[int, ...]) -> None:
    """Refuse an optional argument that does not broadcast to a shape, or would change it."""
    if given is None or not given.ndim:
        return
    try:
        fits = np.broadcast_shapes(given.shape, shape) == shape
    except ValueError:
        fits = False
    if not fits:
        raise _misfit(op, name, given, f"one number, or what broadcasts to {shape},")


def _misfit(op: str, name: str, given: Any, expected: str) -> ValueError:
    return ValueError(f"{op}: {name} of shape {given.shape} given, {expected} expected")


def as_target(op: str, x: Tensor, target: Any) -> Tensor:
    """The target of a loss in the dtype of x, so that float32 stays float32; of its shape.

    Raises:
        ValueError: the shapes differ. (N,) and (N, 1) would broadcast to all pairs.
    """
    t = target if isinstance(target, Tensor) else Tensor(target)
    if t.shape != x.shape:
        raise ValueError(f"{op}: a target of shape {x.shape} expected, {t.shape} given")
    return in_dtype_of(x, t)


def in_dtype_of(x: Tensor, other: Tensor) -> Tensor:
    """The other tensor in the dtype of x, so that it does not decide that of their product."""
    return in_dtype(other, x.dtype)


def in_dtype(x: Tensor, dtype: np.dtype[Any]) -> Tensor:
    """A tensor in a dtype; itself where it is of that."""
    return x if x.dtype == dtype else x.astype(dtype)


def reduced(op: str, losses: Tensor, reduction: Reduction, total: Any = None) -> Tensor:
    """The losses, their sum, or their sum by `total`; without it, their mean.

    Raises:
        ValueError: an unknown reduction, or the mean of no losses.
    """
    if reduction == "none":
        return losses
    if reduction == "sum":
        return losses.sum()
    if reduction != "mean":
        raise ValueError(f"{op}: reduction '{reduction}' given, mean, sum or none expected")
    if not losses.size:
        raise ValueError(f"{op}: no losses of shape {losses.shape} have a mean; one expected")
    return losses.mean() if total is None else losses.sum() / total


def traced() -> bool:
    """Whether a program is made of what runs, for which numbers must stay in tensors."""
    return tracer() is not None


def as_indices(op: str, what: str, given: Any, count: int, ignored: int | None = None) -> Any:
    """Whole numbers from 0 up to `count`, or `ignored`, as an array; a Tensor while a program is
    made, which then looks anew at what it is given.

    Raises ValueError for others; they are called `what` in the message.
    """
    array = np.asarray(array_of(given) if isinstance(given, Tensor) else given)
    counted = array if ignored is None else array[array != ignored]
    if counted.size and not 0 <= counted.min() <= counted.max() < count:
        raise ValueError(
            f"{op}: {what} from 0 to {count - 1} expected, {counted.min()} to {counted.max()} given"
        )
    if not traced():
        return array
    from autograd.program.guards import indices_below  # which only programs need

    some = ignored is not None and bool((array == ignored).any())
    return indices_below(given, op=op, what=what, count=count, ignored=ignored, some_ignored=some)
