"""What an op is called with, where that is not plainly tensors, arrays and Python's numbers; and
what it gives where its dtype is another than that of its arguments.

A list or tuple that holds tensors is stacked, so that these keep their gradients; a tensor given by
keyword stands for the argument of that name. The rest becomes an array where the op expects one,
or is refused: what is not numeric, and what holds tensors whose gradients would be lost in it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from numbers import Number
from typing import Any, NoReturn, TypeVar, cast

import numpy as np
from numpy.exceptions import AxisError

from autograd.engine.conforming import like
from autograd.engine.keeping import Dropped
from autograd.engine.modes import mode
from autograd.engine.needs import needs
from autograd.engine.primitives import Primitive
from autograd.engine.tensor import Array, Tensor
from autograd.runtime.trees import flatten

Function = TypeVar("Function", bound=Callable[..., Any])


class UnsupportedError(TypeError):
    """An argument is neither a number nor an array of numbers."""


def clear(
    op: Primitive, args: tuple[Any, ...], options: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments and options of a call, as `op` takes them.

    Python numbers beside an array stay what they are, and lists of them follow its dtype: neither
    makes float64 of float32. NumPy's scalars, fractions and decimals are taken as Python's numbers
    for that reason; numbers that stand alone become arrays.

    Raises:
        UnsupportedError: an argument is not numeric where the op expects an array.
        TypeError: an option holds a tensor, and is not differentiated.
    """
    args, options = _by_position(op, args, options)
    given = [as_number(arg) for arg in args]
    for i, arg in enumerate(given):
        if isinstance(arg, Dropped):
            arg.refuse()
        if holds_tensors(arg) and (i >= len(op.rules) or _takes_array(op, i)):
            given[i] = _stacked(f"{op.name}: argument {i}", arg)
    arrays = [a for a in given if isinstance(a, Tensor | np.ndarray)]
    floats = [a.dtype for a in arrays if a.dtype.kind == "f"]
    for i, arg in enumerate(given):
        if isinstance(arg, Tensor) or not _takes_array(op, i):
            continue
        if isinstance(arg, int | float | complex):
            given[i] = arg if arrays else np.asarray(arg)
        elif not _stands(op, i, arg):
            array = as_numeric(f"{op.name}: argument {i}", arg)
            follows = isinstance(arg, list | tuple) and floats and array.dtype.kind in "iuf"
            given[i] = array.astype(np.result_type(*floats)) if follows else array
    return tuple(given), options


def as_array(op: Primitive, out: Any) -> Array:
    """The array of what a forward gave. Raises TypeError as `expect_plain` does."""
    expect_plain(f"{op.name}: the forward returned", out)
    return np.asarray(out)


def expect_plain(what: str, value: Any) -> None:
    """Refuse what means something else than its numbers: masked arrays, and matrices."""
    if hasattr(value, "filled") or isinstance(value, np.matrix):
        raise TypeError(f"{what} {_described(value)}; an array of numbers expected")


def settled(op: Primitive, out: Any, saved: Any, arguments: list[Any]) -> tuple[Any, Any]:
    """What a forward gave and saved, floats in the widest floating dtype of its arguments where
    integers alone made them wider. Raises TypeError for results that are not numeric."""
    dtypes = [a.dtype for a in arguments if isinstance(a, np.ndarray)]
    parts = out if isinstance(out, tuple) else (out,)
    if any(d.kind not in "biufc" for d in (*dtypes, *[part.dtype for part in parts])):
        expect_numbers(op, arguments)
    for part in parts:
        if part.dtype.kind not in "biufc":
            given = f"an array of {part.dtype}" if part.ndim else type(part.item()).__name__
            raise TypeError(
                f"{op.name}: the forward returned {given}; an array of numbers expected, or a "
                "tuple of such"
            )
    floats = [d for d in dtypes if d.kind == "f"]
    if not floats or not any(d.kind in "biu" for d in dtypes):
        return out, saved
    widest = np.result_type(*floats)
    return _narrowed(out, widest), _narrowed(saved, widest)


def _narrowed(value: Any, dtype: np.dtype[Any]) -> Any:
    if isinstance(value, tuple):
        return like(value, [_narrowed(part, dtype) for part in value])
    wide = isinstance(value, np.ndarray) and value.dtype.kind == "f"
    return value.astype(dtype) if wide and value.itemsize > dtype.itemsize else value


def _by_position(
    op: Primitive, args: tuple[Any, ...], options: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The same call with tensors among the options given by position."""
    if not any(map(_has_tensor, options.values())):
        return args, options
    from inspect import Parameter, signature  # slow to import, and seldom needed

    try:
        parameters = dict(signature(op.forward).parameters)
    except ValueError:  # ufuncs have none before NumPy 2.4, and much else that is written in C
        parameters = {}
    names = [n for n, p in parameters.items() if p.kind is p.POSITIONAL_OR_KEYWORD]
    last = len(args)
    for keyword, value in options.items():
        if _has_tensor(value):
            i = names.index(keyword) if keyword in names[len(args) :] else -1
            if i < 0 or 0 < len(op.rules) <= i or isinstance(value, dict):
                raise TypeError(
                    f"{op.name}: the option '{keyword}' is a Tensor, or holds one, and is not "
                    "differentiated; give its .data, or declare it as an argument with a rule"
                )
            last = max(last, i + 1)
    rest = dict(options)
    more = {name: rest.pop(name, parameters[name].default) for name in names[len(args) : last]}
    for name, value in more.items():
        if value is Parameter.empty:
            raise TypeError(f"{op.name}: no argument '{name}' given, and it has no default")
    moved = tuple(more.values())
    return args + (mode.watcher.all_given(moved) if mode.watcher else moved), rest


def refuse_options(op: Primitive, parents: list[Any]) -> None:
    """Refuse a tensor that wants a gradient where an op of ours has an option. In ops of users the
    sweep refuses it, where the gradient is asked for."""
    if op.rules and op.rule_for_each is None and op.__module__.startswith("autograd."):
        names = op.parameters()[1:]
        for i in range(len(op.rules), len(parents)):
            if parents[i] is not None:
                raise _undifferentiated(op.name, names[i] if i < len(names) else str(i))


def expect_constants(op: str, /, **options: Any) -> None:
    """Refuse options that are tensors, or hold some, and want a gradient, where there is none."""
    for name, value in options.items():
        for part in flatten(value)[0]:
            if isinstance(part, Tensor) and part.requires_grad:
                raise _undifferentiated(op, name)


def named(function: Function) -> Function:
    """A composition of ops whose errors name it too, not only the op within that raised them."""
    name = function.__name__

    @functools.wraps(function)
    def naming(*args: Any, **options: Any) -> Any:
        try:
            return function(*args, **options)
        except (ValueError, TypeError, IndexError) as error:
            message = str(error)
            if message.startswith((f"{name}:", f"{name}(", f"{name}()")):
                raise
            kinds = (UnsupportedError, AxisError, ValueError, TypeError, IndexError)
            kind = next(k for k in kinds if isinstance(error, k))
            raise kind(f"{name}: {message}") from error

    return cast(Function, naming)


def _undifferentiated(op: str, name: str) -> TypeError:
    return TypeError(
        f"{op}: the option '{name}' is a Tensor that wants a gradient, and is not differentiated; "
        "give its item() or detach()"
    )


def holds_tensors(value: Any, depth: int = 0) -> bool:
    """Whether a list or tuple, nested or not, has a tensor in it.

    Raises ValueError where it is nested deeper than arrays have axes; as what holds itself is.
    """
    if not isinstance(value, list | tuple):
        return False
    if depth > 64:
        raise ValueError(
            f"a {type(value).__name__} that holds itself, or is nested deeper than the 64 axes "
            "that an array can have, was given where an array may be"
        )
    # All of them: whoever stacks the list goes into each.
    return True in [isinstance(part, Tensor) or holds_tensors(part, depth + 1) for part in value]


def _has_tensor(value: Any) -> bool:
    parts = value.values() if isinstance(value, dict) else (value,)
    return any(isinstance(part, Tensor) or holds_tensors(part) for part in parts)


def as_number(value: Any) -> Any:
    """NumPy's scalars, fractions and decimals as Python's numbers; anything else as it is."""
    if isinstance(value, np.number | np.bool_):
        return value.item()
    is_number = isinstance(value, Number) and not isinstance(value, int | float | complex)
    return float(value) if is_number else value


def _takes_array(op: Primitive, position: int) -> bool:
    """Whether an array stands there: where there may be a gradient, and where the forward of an op
    of ours says so; not where an index is, which may be a tuple."""
    if not op.differentiable:
        return position == 0 or op.broadcasts
    if position >= len(op.rules):
        return op.rule_for_each is not None
    if op.rules[position] is not None:
        return True
    return bool(_annotation(op, position) == "Array")


def _annotation(op: Primitive, position: int) -> Any:
    """What the forward declares its argument to be; None where it declares nothing."""
    names = op.parameters()[1:]
    declared: dict[str, Any] = getattr(op.forward, "__annotations__", {})
    if position < len(names):
        return declared.get(names[position])
    return next((declared[name] for name in declared if name not in names), None)  # of *arrays


def _stacked(where: str, parts: Any) -> Tensor:
    try:
        stacked: Tensor = needs.stack(parts)
        return stacked
    except (TypeError, ValueError) as error:
        kind = next(k for k in (UnsupportedError, TypeError, ValueError) if isinstance(error, k))
        raise kind(f"{where}: {error}") from error


def _stands(op: Primitive, position: int, value: Any) -> bool:
    """Whether what is no number may stand among arrays: None where it is the forward's default, and
    in ops of users, who know what they make of it; text before any number of arrays."""
    if value is None and op.__module__.startswith("autograd."):
        defaults = getattr(op.forward, "__defaults__", None) or ()
        return None in defaults and position + 1 >= len(op.parameters()) - len(defaults)
    if isinstance(value, str):
        return op.rule_for_each is not None and bool(_annotation(op, position) != "Array")
    return value is None


def as_numeric(where: str, value: Any) -> Array:
    """An array of numbers of what is no tensor.

    Raises:
        UnsupportedError: it is not numeric, says so itself, is masked, or a matrix.
        ValueError: a list of rows that differ in length.
    """
    if getattr(value, "__array_ufunc__", value) is None:  # how NumPy is told to stay away
        _refuse(where, value)
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error
    if array.dtype.kind == "O" and isinstance(value, list | tuple):  # fractions, and others
        parts = enumerate(map(as_number, value))
        array = np.asarray([as_numeric(f"{where}[{i}]", part) for i, part in parts])
    if array.dtype.kind not in "biufc" or isinstance(value, np.matrix) or hasattr(value, "filled"):
        _refuse(where, value)
    return array


def expect_numbers(op: Primitive, arguments: list[Any]) -> None:
    """Raise UnsupportedError where an argument is no number and no array of numbers."""
    for i, arg in enumerate(arguments):
        number = isinstance(arg, int | float | complex)  # in range of its array's dtype or not
        if not number and _takes_array(op, i) and not _stands(op, i, arg):
            as_numeric(f"{op.name}: argument {i}", arg)


def _refuse(where: str, value: Any) -> NoReturn:
    raise UnsupportedError(
        f"{where} is {_described(value)}; a number or an array of numbers expected"
    )


def _described(value: Any) -> str:
    given = type(value).__name__
    if hasattr(value, "filled"):
        given = "a masked array, which is to be filled"
    elif isinstance(value, np.matrix):
        given = "an np.matrix, whose * is another; take np.asarray of it"
    elif isinstance(value, np.ndarray):
        given = f"an array of {value.dtype}; stack() makes a tensor of several"
    elif isinstance(value, Iterable) and not isinstance(value, str | bytes):
        given += "; list() or stack() make an array of what can be"
    return given
