"""@primitive: a forward on arrays and one pullback per argument. Built-in and user ops alike.

    @primitive
    def cube(x):
        return x ** 3

    cube.defvjp(lambda g, out, x: g * 3 * x ** 2)

A rule gets the gradient `g` of the output, the output, and the arguments as the forward got them;
every array among these is a Tensor. It returns the gradient of its argument, a Tensor made by
primitives, so that it can be differentiated in turn.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Iterator
from types import MethodType
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import NDArray

from autograd.saving import LARGE, parameters_read, stand_in
from autograd.tape import Place, Record, mode
from autograd.tensor import Tensor, wrap

Kind = Literal["elementwise", "reduction", "view", "contraction", "gather"]
Rule = Callable[..., Tensor]

registry: dict[str, Primitive] = {}


class BroadcastWarning(UserWarning):
    """A rule of undeclared kind gave a gradient that had to be summed: it may have forgotten to."""


def broadcast_axes(long: tuple[int, ...], short: tuple[int, ...]) -> tuple[int, ...]:
    """The axes of `long` along which an array of shape `short` is repeated to fill it."""
    extra = len(long) - len(short)
    return tuple(i for i, n in enumerate(long) if i < extra or short[i - extra] != n)


def sum_to(g: Tensor, shape: tuple[int, ...]) -> Tensor:
    """g summed over the axes along which an array of `shape` was broadcast to that of g."""
    axes = broadcast_axes(g.shape, shape)
    return g.sum(axis=axes, keepdims=True).reshape(shape) if axes else g


class Primitive:
    """A differentiable operation; calling it computes, and records where a gradient is wanted.

    `kind` says how the op moves data. Declaring it "elementwise" or "contraction" also says that
    arguments broadcast, so that gradients are summed back over broadcast axes without a warning.
    """

    def __init__(
        self, forward: Callable[..., Any], kind: Kind | None, differentiable: bool, expects: str
    ) -> None:
        functools.update_wrapper(self, forward)
        self.forward = forward
        self.name: str = forward.__name__
        self.kind = kind
        self.differentiable = differentiable
        self.expects = expects
        self.rules: tuple[Rule | None, ...] = ()
        self._read_by: tuple[frozenset[int], ...] = ()
        registry[f"{forward.__module__}.{self.name}"] = self

    def defvjp(self, *rules: Rule | None) -> Primitive:
        """Declare one pullback per positional argument; None where there is no gradient."""
        for position, rule in enumerate(rules):
            if rule is not None and not callable(rule):
                raise TypeError(
                    f"defvjp of '{self.name}': rule {position} is {type(rule).__name__}; "
                    "a function (g, out, *args) -> Tensor expected, or None"
                )
        self.rules = rules
        self._read_by = tuple(
            frozenset() if rule is None else parameters_read(rule) for rule in rules
        )
        return self

    def __call__(self, *args: Any, **options: Any) -> Tensor:
        arrays: list[Any] = []
        tracked = False
        for arg in args:
            if isinstance(arg, Tensor):
                arrays.append(arg.data)
                if arg._place is not None:
                    tracked = True
            else:
                arrays.append(arg if type(arg) in _PLAIN else _as_constant(arg))
        if options:
            self._refuse_tensors(options)
        try:
            out = self.forward(*arrays, **options)
        except (ValueError, TypeError, IndexError) as error:
            raise self._located(error, arrays) from error
        if type(out) is not np.ndarray:
            out = np.asarray(out)
        if out.dtype is not _dtype_of(arrays[0]) and _drifted(out, arrays):
            arrays = _integers_as_floats(arrays)
            out = np.asarray(self.forward(*arrays, **options))
        if not (tracked and self.differentiable and mode.recording and out.dtype.kind in "fc"):
            return wrap(out, None)
        parents = tuple([arg._place if isinstance(arg, Tensor) else None for arg in args])
        record = Record(self, tuple(arrays), parents, options, out)
        for array in arrays:
            if isinstance(array, np.ndarray) and array.nbytes >= LARGE:
                self._let_go(record)
                break
        return wrap(out, record)

    def _let_go(self, record: Record) -> None:
        """Let go of large computed arrays that no rule will read; given ones the user holds."""
        read: set[int] = set()
        for parent, parameters in zip(record.parents, self._read_by, strict=False):
            if parent is not None:
                read |= parameters
        assert record.arrays is not None
        record.arrays = tuple(
            stand_in(a.shape, a.dtype)
            if i + 2 not in read and isinstance(parent, Record) and a.nbytes >= LARGE
            else a
            for i, (a, parent) in enumerate(zip(record.arrays, record.parents, strict=True))
        )
        assert record.out is not None
        if 1 not in read and record.out.nbytes >= LARGE:
            record.out = stand_in(record.out.shape, record.out.dtype)

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """Bind as a function does, so that a primitive can be a method of Tensor."""
        return self if instance is None else MethodType(self, instance)

    def __repr__(self) -> str:
        return f"<primitive {self.name}>"

    def pull(self, record: Record, g: Tensor) -> Iterator[tuple[Place, Tensor]]:
        """Gradients of those arguments of `record` that want one, checked and of their shape."""
        arrays, parents = record.arrays, record.parents
        assert arrays is not None
        assert record.out is not None
        if mode.recording:
            args = [
                wrap(a, p) if isinstance(a, np.ndarray) else a
                for a, p in zip(arrays, parents, strict=True)
            ]
            out = wrap(record.out, record)
        else:
            args = [wrap(a, None) if isinstance(a, np.ndarray) else a for a in arrays]
            out = wrap(record.out, None)
        rules = self.rules
        for position, parent in enumerate(parents):
            if parent is None:
                continue
            rule = rules[position] if position < len(rules) else self._no_rule(position)
            if rule is None:
                continue
            result = rule(g, out, *args, **record.options)
            yield parent, self._conform(result, arrays[position], record.out, position)

    def _conform(
        self, result: Any, array: NDArray[Any], out: NDArray[Any], position: int
    ) -> Tensor:
        """The one place that checks what a rule returned, and sums it over broadcast axes."""
        if not isinstance(result, Tensor):
            raise TypeError(
                f"rule {position} of '{self.name}' returned {type(result).__name__}, "
                "a Tensor made by primitives expected"
            )
        g = result
        if g.data.shape != array.shape:
            g = self._sum_back(g, array.shape, position)
        if g.data.dtype != array.dtype:
            if array.dtype == out.dtype:
                raise TypeError(
                    f"rule {position} of '{self.name}' returned {g.dtype} for an argument of "
                    f"{array.dtype}: a constant in the rule has drifted; use Python numbers, or "
                    "arrays of the argument's dtype"
                )
            g = g.astype(array.dtype)  # the adjoint of the promotion in the forward
        return g

    def _sum_back(self, g: Tensor, shape: tuple[int, ...], position: int) -> Tensor:
        extra = g.ndim - len(shape)
        padded = (1,) * extra + shape
        if extra < 0 or any(n not in (1, m) for n, m in zip(padded, g.shape, strict=True)):
            raise ValueError(
                f"rule {position} of '{self.name}' returned a gradient of shape {g.shape} for an "
                f"argument of shape {shape}; the two must be equal"
            )
        if self.kind is None:
            axes = broadcast_axes(g.shape, shape)
            warnings.warn(
                f"rule {position} of '{self.name}' returned shape {g.shape} for an argument of "
                f"shape {shape}: summed over {'axis' if len(axes) == 1 else 'axes'} "
                f"{', '.join(map(str, axes))}. Sum in the rule, or declare "
                "@primitive(kind='elementwise') where the op broadcasts its arguments",
                BroadcastWarning,
                stacklevel=2,
            )
        return sum_to(g, shape)

    def _no_rule(self, position: int) -> Rule | None:
        raise RuntimeError(
            f"'{self.name}' has no rule for argument {position}, and a gradient is wanted there: "
            f"declare it with {self.name}.defvjp (None for an argument without a gradient)"
        )

    def _refuse_tensors(self, options: dict[str, Any]) -> None:
        for keyword, value in options.items():
            if isinstance(value, Tensor):
                raise TypeError(
                    f"{self.name}: the keyword argument '{keyword}' is a Tensor; only positional "
                    "arguments are differentiated: pass it by position, or detach().data"
                )

    def _located(self, error: Exception, arrays: list[Any]) -> Exception:
        given = ", ".join(_describe(a) for a in arrays)
        expects = self.expects
        if not expects and self.kind == "elementwise":
            expects = "shapes that broadcast together"
        hint = f"; expected {expects}" if expects else ""
        kind = next(k for k in (ValueError, TypeError, IndexError) if isinstance(error, k))
        return kind(f"{self.name}({given}): {error}{hint}")


@overload
def primitive(forward: Callable[..., Any], /) -> Primitive: ...
@overload
def primitive(
    *, kind: Kind | None = None, differentiable: bool = True, expects: str = ""
) -> Callable[[Callable[..., Any]], Primitive]: ...
def primitive(
    forward: Callable[..., Any] | None = None,
    *,
    kind: Kind | None = None,
    differentiable: bool = True,
    expects: str = "",
) -> Any:
    """Make a primitive of a function of arrays; declare its rules with `.defvjp`.

    Args:
        forward: positional arguments may be tensors and reach it as arrays; keyword arguments are
            options and reach it, and every rule, as they are.
        kind: see `Primitive`.
        differentiable: False for an op whose result is a constant (comparisons, argmax).
        expects: what to say of the arguments when the forward refuses them.
    """
    if forward is not None:
        return Primitive(forward, kind, differentiable, expects)
    return lambda function: Primitive(function, kind, differentiable, expects)


# Python scalars are weak (NEP 50): they take the dtype of the array they meet.
_PLAIN = frozenset(
    {np.ndarray, int, float, bool, complex, tuple, slice, type(None), type(...), str}
)


def _as_constant(arg: Any) -> Any:
    """NumPy scalars become Python ones, so that np.float64(2) * float32 stays float32."""
    return arg.item() if isinstance(arg, np.number) else arg


def _dtype_of(arg: Any) -> Any:
    return arg.dtype if isinstance(arg, np.ndarray) else None


def _drifted(out: NDArray[Any], arrays: list[Any]) -> bool:
    """Whether integers alone made the result wider than its widest floating argument."""
    if out.dtype.kind != "f":
        return False
    dtypes = [a.dtype for a in arrays if isinstance(a, np.ndarray)]
    widest = max((d.itemsize for d in dtypes if d.kind == "f"), default=out.dtype.itemsize)
    return widest < out.dtype.itemsize and any(d.kind in "biu" for d in dtypes)


def _integers_as_floats(arrays: list[Any]) -> list[Any]:
    dtype = np.result_type(
        *(a for a in arrays if isinstance(a, np.ndarray) and a.dtype.kind == "f")
    )
    return [
        a.astype(dtype) if isinstance(a, np.ndarray) and a.dtype.kind in "biu" else a
        for a in arrays
    ]


def _describe(arg: Any) -> str:
    return f"{arg.dtype} {arg.shape}" if isinstance(arg, np.ndarray) else repr(arg)
