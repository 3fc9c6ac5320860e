"""What holds while ops run: whether they are recorded, and what observes them."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from operator import attrgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autograd.engine.tape import Operation, Place, Record
    from autograd.engine.tensor import Array, Tensor


class Observer:
    """What sees every op as it runs, and changes nothing: debug mode, profile(), explain."""

    times: bool = False  # whether it measures, so that no other may take its place meanwhile
    traces: bool = False  # whether a program is made, for which numbers must stay in tensors

    def computing(self, op: Any) -> Callable[..., Any]:
        """What is called in place of the forward of an op, for what the forward returns."""
        forward: Callable[..., Any] = op.forward
        return forward

    def computed(
        self, op: Operation, arrays: list[Any], options: dict[str, Any], out: Any
    ) -> None: ...
    def recorded(self, record: Record) -> None: ...
    def sweeping(self, begins: bool) -> None: ...
    def pulling(self, record: Record | None) -> None: ...  # None: its gradients are delivered
    def pulled(self, record: Record, position: int, g: Any, result: Tensor) -> None: ...
    def hooked(self, hook: Any, before: Any, after: Any) -> None: ...  # what it put in its place
    def converting(self, tensor: Tensor) -> None: ...  # by float or int, or where NumPy calls them
    def entering(self, name: str | None) -> None: ...  # a scope; None: the innermost one is left
    def communicated(self, name: str, nbytes: int, begin: int, end: int, waited: int) -> None: ...


class Watcher:
    """What sees the tensors that a function reads, and may put others in their places.

    Watchers nest: one that is set within another hands on to it what it does not replace.
    """

    def given(self, tensor: Tensor) -> Tensor:
        """An argument of an op: what the op shall take for it."""
        return tensor

    def all_given(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments of an op; tensors are told by their place, as their module imports this."""
        return tuple([self.given(arg) if hasattr(arg, "_place") else arg for arg in args])

    def read(self, tensor: Tensor) -> Array:
        """The array that `tensor.data` gives."""
        return self.given(tensor)._array

    def grad(self, tensor: Tensor) -> Tensor | None:
        """What `tensor.grad` gives."""
        return tensor._grad

    def leaves_grad(self, tensor: Tensor) -> None: ...  # before another is put there
    def leaves_data(self, tensor: Tensor) -> None: ...

    def place(self, tensor: Tensor) -> Place | None:
        """Where hooks on the tensor are put."""
        return tensor._place


# The array of a tensor, without asking who watches.
array_of: Callable[[Tensor], Array] = attrgetter("_array")


class _Mode:
    """What holds in this thread, or asyncio task: a dict that each setting puts another for."""

    recording: bool
    before: Any  # what `no_grad` restores
    scope: tuple[str, ...]
    observer: Observer | None
    watcher: Watcher | None
    sweep_hooks: tuple[Callable[[Record, Any], None], ...]

    def __getattr__(self, name: str) -> Any:
        if name not in _START:
            raise AttributeError(name)
        return current()[name]

    def __setattr__(self, name: str, value: Any) -> None:
        _holding.set({**current(), name: value})


_START = {"recording": True, "before": None, "scope": (), "observer": None, "watcher": None}
_START["sweep_hooks"] = ()
_holding: ContextVar[dict[str, Any]] = ContextVar("autograd", default=_START)
current = _holding.get  # as fast as a lookup in a threading.local, which tasks would share
mode = _Mode()


def array_within(tensor: Tensor) -> Array:
    """The array of a tensor for ops to go on with, or for its shape: no number of it is read."""
    watcher: Watcher | None = current()["watcher"]
    return tensor._array if watcher is None else watcher.given(tensor)._array


class no_grad:
    """Context manager: ops in it are not recorded. What was before is kept beside what holds, so
    that threads and tasks may share one object, and is restored, also when nested."""

    wanted = False

    def __enter__(self) -> None:
        here = current().copy()
        here["before"] = here["recording"], here["before"]
        here["recording"] = self.wanted
        _holding.set(here)

    def __exit__(self, *exception: object) -> None:
        here = current().copy()
        here["recording"], here["before"] = here["before"] or (here["recording"], None)
        _holding.set(here)


class enable_grad(no_grad):
    """Context manager: ops in it are recorded again, also within `no_grad`."""

    wanted = True
