"""Tensor: an array and its place on the tape.

The operators and NumPy-named methods are compositions and primitives from `autograd.ops`; they are
attached by `autograd.interop`.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from autograd.engine.modes import array_within, current, enable_grad, mode
from autograd.engine.needs import needs
from autograd.engine.sweep import sweep
from autograd.engine.tape import Leaf, Output, Place, Record

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, DTypeLike, NDArray

    from autograd.interop.methods import Methods  # what autograd.interop attaches
else:
    Methods = object

Array: TypeAlias = "NDArray[Any]"
Axis = int | tuple[int, ...] | None
Operand: TypeAlias = "Tensor | ArrayLike"


_accumulating = threading.RLock()  # two sweeps may reach one leaf at a time


class Tensor(Methods):
    """An n-dimensional array that remembers how it was computed.

    Args:
        data: anything `numpy.asarray` takes. An array is shared, not copied. A list that holds
            tensors is stacked; it and a tensor keep their history.
        requires_grad: whether `backward` leaves a gradient in `.grad`. Floating dtypes only.
        dtype: as in NumPy; by default the data's own (a list of Python floats is float64).

    Raises:
        TypeError: data is not numeric, or integers are asked for gradients.
        ValueError: a leaf is asked for, of data that has a history.
    """

    # The storage is the engine's: everything else reads and assigns `data` and `grad`.
    __slots__ = ("__weakref__", "_array", "_grad", "_place")

    _array: Array
    _grad: Tensor | None
    _place: Place | None

    def __init__(
        self, data: Operand, requires_grad: bool = False, dtype: DTypeLike | None = None
    ) -> None:
        if isinstance(data, list | tuple):
            data = needs.stack(data)
        self._grad = self._place = None
        if isinstance(data, Tensor):
            place = data._place if mode.recording else None
            if place is not None and requires_grad:
                raise ValueError(
                    f"{type(self).__name__}: requires_grad=True asks for a leaf, and the data "
                    "has a history; give its detach(), or leave requires_grad out to keep it"
                )
            if isinstance(place, Leaf) or (place is not None and dtype is not None):
                data = needs.astype(data, data.dtype if dtype is None else np.dtype(dtype))
                place = data._place
            self._place, data = place, array_within(data)
        self._array = _numeric(data, dtype, "Tensor")
        if requires_grad:
            self.requires_grad = True

    # --- the array ---------------------------------------------------------------------------

    @property
    def data(self) -> Array:
        """The array itself, not a copy. Settable, also to a tensor that is a constant: what was
        recorded keeps the array that it saw.

        Raises TypeError where something else than an array of numbers is assigned. To a tensor that
        wants a gradient another dtype is a TypeError, another shape a ValueError; see `rebind`.
        """
        watcher = current()["watcher"]
        return self._array if watcher is None else watcher.read(self)

    @data.setter
    def data(self, value: ArrayLike) -> None:
        if isinstance(value, Tensor):
            if value._place is not None:
                raise TypeError(
                    "data: a Tensor with a history was assigned, an array expected, or a constant; "
                    "assign its detach()"
                )
            value = array_within(value)
        weak = isinstance(value, int | float)  # a Python number takes the dtype that is there
        array = _numeric(value, self._array.dtype if weak else None, "data")
        own = self._array
        if self._place is not None and (array.shape, array.dtype) != (own.shape, own.dtype):
            raise (ValueError if array.dtype == own.dtype else TypeError)(
                f"data: {array.dtype} {array.shape} was assigned to a tensor of {own.dtype} "
                f"{own.shape} that wants a gradient; the two must be equal, or use rebind()"
            )
        if (watcher := current()["watcher"]) is not None:
            watcher.leaves_data(self)
        self._array = array

    def rebind(self, array: Array) -> None:
        """Bind to an array of another shape or dtype, and let go of `.grad`. Raises TypeError for
        what is not floating, where the tensor wants a gradient."""
        array = _numeric(array, None, "rebind")
        if self._place is not None and array.dtype.kind not in "fc":
            raise TypeError(f"rebind: {array.dtype} given for a tensor that wants a gradient")
        self._array, self._grad = array, None

    @property
    def grad(self) -> Tensor | None:
        """What `backward` left here: a Tensor of this one's shape and dtype, or None. Settable.

        Raises TypeError where something else is assigned, or another dtype, and ValueError where it
        is of another shape.
        """
        watcher = current()["watcher"]
        return self._grad if watcher is None else watcher.grad(self)

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None:
            if not isinstance(value, Tensor):
                raise TypeError(
                    f"grad: {type(value).__name__} was assigned, a Tensor or None expected; "
                    "wrap an array in Tensor()"
                )
            if (value.shape, value.dtype) != (self.shape, self.dtype):
                raise (ValueError if value.dtype == self.dtype else TypeError)(
                    f"grad: a gradient of {value.dtype} {value.shape} was assigned to a tensor of "
                    f"{self.dtype} {self.shape}; the two must be equal: reshape it, or use astype"
                )
        if (watcher := current()["watcher"]) is not None:
            watcher.leaves_grad(self)
        self._grad = value

    @property
    def shape(self) -> tuple[int, ...]:
        return self._array.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self._array.dtype

    def item(self) -> Any:
        """The one element as a Python number. Raises ValueError where there are more or none."""
        if self._array.size != 1:
            raise ValueError(
                f"item: a tensor of one element expected, one of shape {self.shape} given"
            )
        return self.data.item()

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> Array:
        if self._place is not None:
            raise RuntimeError(
                f"NumPy, or what is built on it, asks for the array of a tensor {self.shape} that "
                "wants a gradient, and would lose it: use stack() to make one tensor of several "
                "and autograd's functions to compute, or detach() or .data for a constant"
            )
        return np.array(self.data, dtype=dtype, copy=copy)

    def __reduce__(self) -> tuple[Any, ...]:
        """For copy, deepcopy and pickle: a leaf of the same values, without its gradient."""
        if not self.is_leaf:
            raise RuntimeError(
                f"copying a tensor computed by '{self.op_name}' would lose its history; "
                "copy its detach()"
            )
        return _built, (type(self), self.data, self.requires_grad), getattr(self, "__dict__", None)

    __hash__ = object.__hash__  # by identity: == compares elementwise, as in NumPy

    # --- the tape ----------------------------------------------------------------------------

    @property
    def requires_grad(self) -> bool:
        """Whether a gradient flows to or through this. Settable on leaves; False drops hooks."""
        return self._place is not None

    @requires_grad.setter
    def requires_grad(self, wanted: bool) -> None:
        if self._place is not None and not isinstance(self._place, Leaf):
            if wanted:
                return
            raise RuntimeError(
                f"requires_grad: this tensor was computed by '{self.op_name}', and cannot "
                "forget it; use detach() for one without a history"
            )
        if not wanted:
            self._place = None
        elif self._place is None:
            if self.dtype.kind != "f":
                raise TypeError(
                    f"requires_grad: only floating tensors have gradients, this one is "
                    f"{self.dtype}; give dtype=float, or convert with astype"
                )
            self._place = Leaf(self)

    @property
    def is_leaf(self) -> bool:
        """True where the tensor was given, not computed from one that requires a gradient."""
        return self._place is None or isinstance(self._place, Leaf)

    @property
    def op_name(self) -> str | None:
        """The name of the op that computed this tensor; None for leaves and constants."""
        record = self._place.record if isinstance(self._place, Output) else self._place
        return record.op.name if isinstance(record, Record) else None

    def detach(self) -> Tensor:
        """The same array without its history: a constant."""
        return wrap(array_within(self), None)

    def retain_grad(self) -> None:
        """Let `backward` leave a gradient in `.grad` of this computed tensor too: once, however
        often it is asked for, and after all hooks."""
        place, hooks = self._place_for("retain_grad")
        own = weakref.ref(self)  # the place must not keep the tensor that keeps the place
        if not (isinstance(place, Leaf) or any(_retains(h) and h.args[0] is own for h in hooks)):
            place.hooks = [*hooks, partial(_retain, own)]

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> Callable[[], None]:
        """Show the gradient of this tensor to `hook` during backward, once it is complete. What it
        returns, if not None, takes the gradient's place. Hooks run in the order in which they were
        registered. Returns a function that removes the hook."""
        if not callable(hook):
            raise TypeError(f"register_hook: {hook!r} given, a function of the gradient expected")
        place, hooks = self._place_for("register_hook")
        own = partial(hook)  # another object each time, so that it alone is removed
        place.hooks = sorted([*hooks, own], key=_retains)

        def remove() -> None:
            place.hooks = [other for other in place.hooks or () if other is not own]

        return remove

    def _place_for(self, method: str) -> tuple[Place, list[Any]]:
        """The place for hooks, and those that are there."""
        watcher = current()["watcher"]
        place = self._place if watcher is None else watcher.place(self)
        if place is None:
            raise RuntimeError(
                f"{method}: this tensor is a constant, no gradient will reach it; "
                "set requires_grad on what it is computed from"
            )
        return place, place.hooks or []

    def accumulate_grad(self, g: Tensor) -> None:
        """Add `g` to `.grad`. The first is copied, so that `.grad` shares memory with nothing.

        The sum is recorded where either part of it is, so no history is lost; and made by one
        thread at a time. Raises RuntimeError where the tensor is of another shape or dtype now.
        """
        if (g.shape, g.dtype) != (self.shape, self.dtype):
            raise RuntimeError(
                f"backward: a gradient of {g.dtype} {g.shape} for a tensor that is {self.dtype} "
                f"{self.shape} now; it was bound to another array after it was used"
            )
        with _accumulating, enable_grad():
            before = self.grad
            self.grad = needs.copy(g) if before is None else needs.add(before, g)

    def backward(
        self,
        gradient: Operand | None = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        *,
        early: bool = False,
    ) -> None:
        """Accumulate into `.grad` of every leaf the derivative of this tensor with respect to it.

        Args:
            gradient: the cotangent, of this tensor's shape; may be left out for a single element,
                where it is one.
            retain_graph: keep what was recorded for another backward. By default as `create_graph`.
            create_graph: record the sweep, so that the gradients can be differentiated.
            early: give each leaf its gradient as soon as nothing is left that adds to it, not last.

        Raises:
            RuntimeError: nothing here requires a gradient, or an earlier backward freed the graph.
            ValueError: the cotangent is missing, or not of this tensor's shape.
            TypeError: it is complex, and this tensor is real.
        """
        if self._place is None:
            raise RuntimeError(
                "backward: nothing that this tensor was computed from requires a gradient; "
                "set requires_grad=True on a leaf, and compute outside no_grad"
            )
        sweep(
            [(self._place, self._cotangent(gradient))],
            _deposit,
            retain_graph=create_graph if retain_graph is None else retain_graph,
            create_graph=create_graph,
            early=early,
        )

    def _cotangent(self, gradient: Operand | None) -> Tensor:
        if gradient is None:
            if self._array.size != 1:
                raise ValueError(
                    f"backward: a tensor of shape {self.shape} needs a cotangent of that shape, "
                    "none was given; reduce it to one number first (sum, mean) or pass gradient="
                )
            return wrap(np.ones_like(self._array), None)
        g = gradient if isinstance(gradient, Tensor) else Tensor(gradient, dtype=self.dtype)
        if g.shape != self.shape or g.dtype.kind == "c" != self.dtype.kind:
            raise (ValueError if g.shape != self.shape else TypeError)(
                f"backward: a cotangent of {g.dtype} {g.shape} was given for a tensor of "
                f"{self.dtype} {self.shape}; the two must be equal, or its dtype another real one"
            )
        return g if g.dtype == self.dtype else needs.astype(g, self.dtype)


def wrap(array: Array, place: Place | None) -> Tensor:
    """A tensor around an array that is known to be numeric: the constructor without its checks."""
    tensor = empty(Tensor)
    tensor._array = array
    tensor._place = place
    tensor._grad = None
    return tensor


empty = Tensor.__new__  # without attributes; the caller sets all three


def _numeric(value: Any, dtype: DTypeLike | None, caller: str) -> Array:
    array = np.asarray(value)  # in its own dtype: None is no number, and would be NaN in another
    if array.dtype.kind in "biufc" and not (dtype is None and array.dtype.isnative):
        wanted = np.dtype(dtype or array.dtype).newbyteorder("=")
        if array.dtype.kind == "c" != wanted.kind:
            raise TypeError(f"{caller}: {array.dtype} given, numbers of {wanted} expected")
        array = array.astype(wanted, copy=False)
    if array.dtype.kind not in "biufc" or hasattr(value, "filled"):
        kind = "a masked array" if hasattr(value, "filled") else type(value).__name__
        raise TypeError(
            f"{caller}: {kind} of {array.dtype} given, numbers expected; a nested list must have "
            "rows of equal length, and no None; tensors are given in lists, masked arrays filled"
        )
    return array


def _built(kind: type[Tensor], data: Array, requires_grad: bool) -> Tensor:
    tensor = empty(kind)
    Tensor.__init__(tensor, data, requires_grad)
    return tensor


def _retains(hook: Any) -> bool:
    return getattr(hook, "func", None) is _retain


def _retain(reference: weakref.ref[Tensor], g: Tensor) -> None:
    if (tensor := reference()) is not None:
        tensor.accumulate_grad(g)


def _deposit(leaf: Place, g: Tensor) -> None:
    owner = leaf.owner() if isinstance(leaf, Leaf) else None
    if owner is not None:
        owner.accumulate_grad(g)
