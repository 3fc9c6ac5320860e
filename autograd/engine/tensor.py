"""Tensor: an array and its place on the tape.

The operators and NumPy-named methods are compositions and primitives from `autograd.ops`; they are
attached by `autograd.interop`.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from autograd.engine.modes import enable_grad, mode
from autograd.engine.needs import needs
from autograd.engine.sweep import sweep
from autograd.engine.tape import Leaf, Output, Place, Record

if TYPE_CHECKING:
    from autograd.interop.methods import Methods  # what autograd.interop attaches
else:
    Methods = object

Array = NDArray[Any]
Axis = int | tuple[int, ...] | None
Operand: TypeAlias = "Tensor | ArrayLike"


_accumulating = threading.RLock()  # two sweeps may reach one leaf at a time


class Tensor(Methods):
    """An n-dimensional array that remembers how it was computed.

    Args:
        data: anything `numpy.asarray` takes. An array is shared, not copied.
        requires_grad: whether `backward` leaves a gradient in `.grad`. Floating dtypes only.
        dtype: as in NumPy; by default the data's own (a list of Python floats is float64).

    Raises:
        TypeError: data is not numeric, or integers are asked for gradients.
    """

    # The storage is the engine's: everything else reads and assigns `data` and `grad`.
    __slots__ = ("__weakref__", "_array", "_grad", "_place")

    _array: Array
    _grad: Tensor | None
    _place: Place | None

    def __init__(
        self, data: Operand, requires_grad: bool = False, dtype: DTypeLike | None = None
    ) -> None:
        array = _numeric(data.data if isinstance(data, Tensor) else data, dtype, "Tensor")
        self._array = array
        self._grad = None
        self._place = None
        if requires_grad:
            self.requires_grad = True

    # --- the array ---------------------------------------------------------------------------

    @property
    def data(self) -> Array:
        """The array itself, not a copy. Settable: what was recorded keeps the array that it saw.

        Raises TypeError where something else than an array of numbers is assigned, and ValueError
        where a tensor that wants a gradient would get another shape or dtype; see `rebind`.
        """
        watcher = mode.__dict__["watcher"]
        return self._array if watcher is None else watcher.read(self)

    @data.setter
    def data(self, value: ArrayLike) -> None:
        if isinstance(value, Tensor):
            raise TypeError(
                "data: a Tensor was assigned, an array expected; assign its .data, which has no "
                "history"
            )
        weak = isinstance(value, int | float)  # a Python number takes the dtype that is there
        array = _numeric(value, self._array.dtype if weak else None, "data")
        own = self._array
        if self._place is not None and (array.shape, array.dtype) != (own.shape, own.dtype):
            raise ValueError(
                f"data: {array.dtype} {array.shape} was assigned to a tensor of {own.dtype} "
                f"{own.shape} that wants a gradient; the two must be equal, or use rebind()"
            )
        self._array = array

    def rebind(self, array: Array) -> None:
        """Bind to an array of another shape or dtype, and let go of `.grad`.

        Raises TypeError for what is not floating, where the tensor wants a gradient.
        """
        array = _numeric(array, None, "rebind")
        if self._place is not None and array.dtype.kind not in "fc":
            raise TypeError(f"rebind: {array.dtype} given for a tensor that wants a gradient")
        self._array, self._grad = array, None

    @property
    def grad(self) -> Tensor | None:
        """What `backward` left here: a Tensor of this one's shape and dtype, or None. Settable.

        Raises TypeError or ValueError where something else is assigned.
        """
        return self._grad

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None:
            if not isinstance(value, Tensor):
                raise TypeError(
                    f"grad: {type(value).__name__} was assigned, a Tensor or None expected; "
                    "wrap an array in Tensor()"
                )
            if value.shape != self.shape:
                raise ValueError(
                    f"grad: a gradient of shape {value.shape} was assigned to a tensor of shape "
                    f"{self.shape}; the two must be equal"
                )
            if value.dtype != self.dtype:
                raise TypeError(
                    f"grad: a gradient of {value.dtype} was assigned to a tensor of {self.dtype}; "
                    "the two must be equal: convert it with astype"
                )
        self._grad = value

    @property
    def shape(self) -> tuple[int, ...]:
        return self._array.shape

    @property
    def ndim(self) -> int:
        return self._array.ndim

    @property
    def size(self) -> int:
        return self._array.size

    @property
    def dtype(self) -> np.dtype[Any]:
        return self._array.dtype

    def numpy(self) -> Array:
        """The array itself, not a copy."""
        return self.data

    def item(self) -> Any:
        """The one element as a Python number. Raises ValueError where there are more or none."""
        if self.data.size != 1:
            raise ValueError(
                f"item: a tensor of one element expected, one of shape {self.shape} given"
            )
        return self.data.item()

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> Array:
        return np.array(self.data, dtype=dtype, copy=copy)

    def __float__(self) -> float:
        if mode.observer is not None:
            mode.observer.converting(self)
        return float(self.item())

    def __int__(self) -> int:
        if mode.observer is not None:
            mode.observer.converting(self)
        return int(self.item())

    def __bool__(self) -> bool:
        if self.data.size != 1:
            raise ValueError(
                f"bool: the truth of a tensor of shape {self.shape} is ambiguous; "
                "compare one element, or use np.any or np.all on its .data"
            )
        return bool(self.data.item())

    def __len__(self) -> int:
        if not self.data.ndim:
            raise TypeError("len: a tensor of shape () has no length")
        return len(self.data)

    def __iter__(self) -> Iterator[Tensor]:
        return (self[i] for i in range(len(self)))

    def __setitem__(self, index: Any, value: Any) -> NoReturn:
        raise TypeError(
            "tensors are not assigned to element by element: the tape would keep the old values. "
            "Use index_update(t, index, value) or where() for a new tensor, or write to .data "
            "of a tensor that nothing was computed from yet"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        """For copy, deepcopy and pickle: a leaf of the same values, without its gradient."""
        if not self.is_leaf:
            raise RuntimeError(
                f"copying a tensor computed by '{self.op_name}' would lose its history; "
                "copy its detach()"
            )
        return _rebuild, (type(self), self.data, self.requires_grad)

    __hash__ = object.__hash__  # by identity: == compares elementwise, as in NumPy

    def __repr__(self) -> str:
        body = np.array2string(self.data, separator=", ", prefix="Tensor(")
        notes = [] if self.dtype in (np.float64, np.int64, np.bool_) else [f"dtype={self.dtype}"]
        if self.op_name is not None:
            notes.append(f"op={self.op_name}")
        elif self._place is not None:
            notes.append("requires_grad=True")
        return f"{type(self).__name__}({', '.join([body, *notes])})"

    # --- the tape ----------------------------------------------------------------------------

    @property
    def requires_grad(self) -> bool:
        """Whether a gradient flows back to or through this tensor. Settable on leaves."""
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
            if self.data.dtype.kind != "f":
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
        return wrap(self.data, None)

    def retain_grad(self) -> None:
        """Let `backward` leave a gradient in `.grad` of this computed tensor too."""
        place = self._place_for("retain_grad")
        if isinstance(place, Leaf):
            return
        reference = weakref.ref(self)  # the place must not keep the tensor that keeps the place

        def retain(g: Tensor) -> None:
            tensor = reference()
            if tensor is not None:
                tensor.accumulate_grad(g)

        place.hooks = [*(place.hooks or ()), retain]

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> Callable[[], None]:
        """Show the gradient of this tensor to `hook` during backward, once it is complete.

        A tensor that `hook` returns takes the gradient's place. Hooks run in the order in which
        they were registered. Returns a function that removes the hook.
        """
        place = self._place_for("register_hook")
        place.hooks = [*(place.hooks or ()), hook]

        def remove() -> None:
            place.hooks = [other for other in place.hooks or () if other is not hook]

        return remove

    def _place_for(self, method: str) -> Place:
        if self._place is None:
            raise RuntimeError(
                f"{method}: this tensor is a constant, no gradient will reach it; "
                "set requires_grad on what it is computed from"
            )
        return self._place

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
        with _accumulating:
            before = self._grad
            if before is None:
                self._grad = wrap(g._array.copy(order="K"), g._place)
            elif before._place is None and g._place is None:
                self._grad = needs.add(before, g)
            else:
                with enable_grad():
                    self._grad = needs.add(before, g)

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
            early: give each leaf its gradient, and run its hooks, as soon as nothing is left that
                adds to it, not at the end: to work on gradients while the sweep goes on.

        Raises:
            RuntimeError: nothing here requires a gradient, or an earlier backward freed the graph.
            ValueError: the cotangent is missing, or not of this tensor's shape.
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
            if self.data.size != 1:
                raise ValueError(
                    f"backward: a tensor of shape {self.shape} needs a cotangent of that shape, "
                    "none was given; reduce it to one number first (sum, mean) or pass gradient="
                )
            return wrap(np.ones_like(self._array), None)
        g = gradient if isinstance(gradient, Tensor) else Tensor(gradient, dtype=self.dtype)
        if g.shape != self.shape:
            raise ValueError(
                f"backward: a cotangent of shape {g.shape} was given for a tensor of shape "
                f"{self.shape}; the two must be equal"
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
    array = np.asarray(value, dtype=dtype)
    if array.dtype.kind not in "biufc":
        raise TypeError(
            f"{caller}: data of dtype {array.dtype} given, numbers expected; "
            "a nested list must have rows of equal length"
        )
    return array


def _rebuild(kind: type[Tensor], data: Array, requires_grad: bool) -> Tensor:
    tensor = empty(kind)
    Tensor.__init__(tensor, data, requires_grad)
    return tensor


def _deposit(leaf: Place, g: Tensor) -> None:
    owner = leaf.owner() if isinstance(leaf, Leaf) else None
    if owner is not None:
        owner.accumulate_grad(g)
