"""Functions that a module calls around its forward, and how to take them away again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from autograd import Tensor

if TYPE_CHECKING:
    from nn.module import Module


class Hook(NamedTuple):
    """A function that a module calls, and whether it wants the keyword arguments too."""

    function: Callable[..., Any]
    with_kwargs: bool


_OPTIONS = frozenset({bool, int, float, str, tuple, type(None)})  # to know them takes no time


def has_hooks(module: Module) -> bool:
    """Whether hooks are in it: of it or a module beneath it, or of a parameter."""
    waiting, seen = [module], set[int]()  # in one pass, as it is asked at each call of a program
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if one._forward_hooks or one._forward_pre_hooks:
            return True
        for value in vars(one).values():
            if type(value) in _OPTIONS:
                continue
            if isinstance(value, Tensor):
                if value._place is not None and value._place.hooks:
                    return True
            elif hasattr(value, "_forward_hooks"):
                waiting.append(value)
    return False


class RemovableHandle:
    """What registering a hook gives: `remove()` takes the hook away, as does leaving `with`."""

    def __init__(self, hooks: list[Hook], hook: Hook) -> None:
        self._hooks = hooks
        self._hook = hook

    def remove(self) -> None:
        """Take the hook away; a second time does nothing."""
        # By identity: the same function may have been registered twice.
        self._hooks[:] = [hook for hook in self._hooks if hook is not self._hook]

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exception: object) -> None:
        self.remove()
