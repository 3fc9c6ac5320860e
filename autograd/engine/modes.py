"""What holds in a thread while ops run: whether they are recorded, and what observes them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ContextDecorator, contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from autograd.engine.tape import Operation, Record
    from autograd.engine.tensor import Tensor


class Observer:
    """What sees every op as it runs, and changes nothing: debug mode, profile(), explain."""

    times: bool = False  # whether it measures, so that no other may take its place meanwhile

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

    def read(self, tensor: Tensor) -> NDArray[Any]:
        """The array that `tensor.data` gives."""
        return self.given(tensor)._array


class _Mode(threading.local):
    """What holds in this thread. Where ops are called, its `__dict__` is read instead: to look up
    one attribute of a threading.local takes 40 ns, and one entry of a dict 10."""

    def __init__(self) -> None:  # called once in every thread
        self.recording = True
        self.scope: tuple[str, ...] = ()
        self.observer: Observer | None = None
        self.watcher: Watcher | None = None
        self.sweep_hooks: tuple[Callable[[Record, Any], None], ...] = ()


mode = _Mode()


class _Recording(ContextDecorator):
    """Sets whether this thread records, and restores what was before, also when nested."""

    _wanted: bool

    def __init__(self) -> None:
        self._before: list[bool] = []

    def __enter__(self) -> None:
        self._before.append(mode.recording)
        mode.recording = self._wanted

    def __exit__(self, *exception: object) -> None:
        mode.recording = self._before.pop()

    def _recreate_cm(self) -> _Recording:
        # A decorated function may run on several threads at once: each call gets its own stack.
        return type(self)()


class no_grad(_Recording):
    """Context manager and decorator: ops in it are not recorded, in this thread."""

    _wanted = False


class enable_grad(_Recording):
    """Context manager and decorator: ops in it are recorded again, also within `no_grad`."""

    _wanted = True


@contextmanager
def watched_by(watcher: Watcher) -> Iterator[None]:
    """Within it, in this thread, `watcher` sees what is read."""
    before, mode.watcher = mode.watcher, watcher
    try:
        yield
    finally:
        mode.watcher = before
