"""Functions that a module calls around its forward, and how to take them away again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from nn.module import Module


class Hook(NamedTuple):
    """A function that a module calls, and whether it wants the keyword arguments too."""

    function: Callable[..., Any]
    with_kwargs: bool


def has_hooks(module: Module) -> bool:
    """Whether hooks are in it: of it or a module beneath it, or of a parameter."""
    own = any(m._forward_hooks or m._forward_pre_hooks for m in module.modules())
    places = (p._place for p in module.parameters())
    return own or any(place is not None and place.hooks for place in places)


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
