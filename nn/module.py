"""Module: a function with parameters, buffers and a training mode. PyTorch's names throughout."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from types import MemberDescriptorType
from typing import Any, TypeVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from autograd import Tensor
from autograd.engine.modes import mode
from autograd.runtime.scopes import scope, tracer
from nn.functional.arguments import loaded
from nn.hooks import Hook, RemovableHandle
from nn.parameters import Buffer as Buffer
from nn.parameters import Parameter as Parameter
from nn.parameters import is_loose, leaves

M = TypeVar("M", bound="Module")


class MissingError(TypeError):
    """A module's forward wants what None was assigned over."""


class Module:
    """A callable with state. Subclasses assign parameters, buffers and modules to attributes in
    `__init__`, and define `forward`; the attributes' order is the order of everything below.

    In the place of one of them another may be put, of whatever of the three kinds, or None; and
    each may be deleted. Anything else is a TypeError, for the state would lose it; and so is what
    holds them where they would not be found: a list, dict, set or other collection (see ModuleList
    and ModuleDict), an attribute of the class, and one of `__slots__`. A leaf that wants a gradient
    and is no Parameter is refused as well, but where a forward runs, as it may keep what it is
    given, and in attributes that the class names in `tensor_options`: options such as the slope of
    LeakyReLU, whose gradient is for whoever gave them.
    """

    tensor_options: tuple[str, ...] = ()

    training: bool = True

    _absent: tuple[str, ...] = ()  # of what state None was assigned over

    _original: tuple[Module, ...] = ()  # whose copy it is, which functional_call runs

    # Lists of a module's own once it has hooks. Subclasses need not call this class's __init__.
    _forward_pre_hooks: list[Hook] | None = None
    _forward_hooks: list[Hook] | None = None

    def __setattr__(self, name: str, value: Any) -> None:
        held = vars(self).get(name)
        if isinstance(held, _STATE) and not (value is None or isinstance(value, _STATE)):
            kind = "Module" if isinstance(held, Module) else type(held).__name__
            hint = "" if kind == "Module" else ", or to its .data to change its numbers"
            raise TypeError(
                f"{type(self).__name__}: {_kind(value)} was assigned to '{name}' over a {kind}, "
                f"and would not be found in its place; assign a {kind}{hint}, or None"
            )
        in_slot = isinstance(getattr(type(self), name, None), MemberDescriptorType)
        if name not in type(self).tensor_options and (lost := _not_found(self, value, in_slot)):
            raise TypeError(
                f"{type(self).__name__}: {lost} was assigned to '{name}'"
                + (" of __slots__" if in_slot else "")
                + ", where it would not be found; assign an attribute to each, a ModuleList or "
                "ModuleDict of modules, and a Parameter for a tensor that wants a gradient; or "
                "name it in the class's tensor_options, where that is for whoever gave it"
            )
        if value is None and isinstance(held, _STATE):
            super().__setattr__("_absent", (*self._absent, name))
        super().__setattr__(name, value)

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for name, value in vars(cls).items():
            for leaf in leaves(value):
                if isinstance(leaf, _STATE) or is_loose(leaf):
                    raise TypeError(
                        f"{cls.__name__}: its attribute '{name}' is, or holds, "
                        f"{_kind(leaf)}, which all its instances would share and none would find; "
                        "assign it in __init__"
                    )

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} defines no forward")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._forward_pre_hooks:
            args, kwargs = self._before_forward(args, kwargs)
        if (trace := tracer()) is not None:
            trace.uses(self._original[0] if self._original else self)
        caller = _calls.innermost
        _calls.innermost = self
        try:
            with scope(_name(self, caller)):
                out = self.forward(*args, **kwargs)
        except (TypeError, AttributeError) as error:
            name = next((n for n in self._absent if vars(self).get(n) is None), None)
            if name is None or "None" not in str(error) or isinstance(error, MissingError):
                raise
            raise MissingError(
                f"{type(self).__name__}: '{name}' is None, and its forward wants what was assigned "
                f"there before, or another in its place ({error})"
            ) from error
        finally:
            _calls.innermost = caller
        return self._after_forward(args, kwargs, out) if self._forward_hooks else out

    # --- hooks -------------------------------------------------------------------------------

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Let every call show `hook` its arguments before the forward: hook(module, args).

        What the hook returns takes their place: a tuple of arguments, or a single one; None leaves
        them. With `with_kwargs` it is hook(module, args, kwargs) -> (args, kwargs) or None.

        Args:
            prepend: whether the hook runs before those registered earlier, rather than after.
        """
        if self._forward_pre_hooks is None:
            self._forward_pre_hooks = []
        return _register(self._forward_pre_hooks, Hook(hook, with_kwargs), prepend)

    def register_forward_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Let every call show `hook` its result: hook(module, args, output).

        What the hook returns takes the place of the output; None leaves it. With `with_kwargs` it
        is hook(module, args, kwargs, output).

        Args:
            prepend: whether the hook runs before those registered earlier, rather than after.
        """
        if self._forward_hooks is None:
            self._forward_hooks = []
        return _register(self._forward_hooks, Hook(hook, with_kwargs), prepend)

    def _before_forward(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        observer = mode.observer
        for hook, with_kwargs in tuple(self._forward_pre_hooks or ()):
            changed = hook(self, args, kwargs) if with_kwargs else hook(self, args)
            if changed is None:
                continue
            if observer is not None:
                observer.hooked(hook, (args, kwargs), changed)
            if not with_kwargs:
                self._expect_like(args, changed, "pre-hook")
                args = changed if isinstance(changed, tuple) else (changed,)
            elif isinstance(changed, tuple) and len(changed) == 2:
                args, kwargs = changed
            else:
                raise TypeError(
                    f"{type(self).__name__}: a forward pre-hook with_kwargs returned "
                    f"{type(changed).__name__}, None or (args, kwargs) expected"
                )
        return args, kwargs

    def _after_forward(self, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> Any:
        observer = mode.observer
        for hook, with_kwargs in tuple(self._forward_hooks or ()):
            changed = hook(self, args, kwargs, out) if with_kwargs else hook(self, args, out)
            if changed is None:
                continue
            if observer is not None:
                observer.hooked(hook, out, changed)
            self._expect_like(out, changed, "hook")
            out = changed
        return out

    def _expect_like(self, before: Any, changed: Any, what: str) -> None:
        """Raise TypeError where a hook gave something else than a Tensor in a Tensor's place."""
        pair = [x if isinstance(x, tuple) else (x,) for x in (before, changed)]
        for old, new in zip(*pair, strict=False):
            if isinstance(old, Tensor) and not isinstance(new, Tensor):
                raise TypeError(
                    f"{type(self).__name__}: a forward {what} returned {type(new).__name__} in the "
                    "place of a Tensor; a Tensor expected, or None to change nothing"
                )

    # --- what is in it -----------------------------------------------------------------------

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """Modules held directly, each with the name of its attribute."""
        for name, value in vars(self).items():
            if isinstance(value, Module):
                yield name, value

    def children(self) -> Iterator[Module]:
        """Modules held directly."""
        return (module for _, module in self.named_children())

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """This module and all beneath it, with dotted names; a shared one is met once."""
        return _walk(self, prefix, set())

    def modules(self) -> Iterator[Module]:
        return (module for _, module in self.named_modules())

    def _named_tensors(self, kind: type[Tensor]) -> Iterator[tuple[str, Any]]:
        for prefix, module in self.named_modules():
            for name, value in module._tensors(kind):
                yield f"{prefix}.{name}" if prefix else name, value

    def _tensors(self, kind: Any) -> Iterator[tuple[str, Any]]:
        """Parameters, or buffers, held directly; in a copy, also what was given in their places."""
        for original in self._original or (self,):
            places = vars(original)
            for name, value in vars(self).items():
                given = isinstance(value, Tensor) and isinstance(places.get(name), kind)
                if given or isinstance(value, kind):
                    yield name, value

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Parameters with dotted names; one that is shared is met once, under its first name."""
        seen: set[int] = set()
        for name, parameter in self._named_tensors(Parameter):
            if id(parameter) not in seen:
                seen.add(id(parameter))
                yield name, parameter

    def parameters(self) -> Iterator[Parameter]:
        return (parameter for _, parameter in self.named_parameters())

    def named_buffers(self) -> Iterator[tuple[str, Buffer]]:
        return self._named_tensors(Buffer)

    # --- modes -------------------------------------------------------------------------------

    def train(self: M, mode: bool = True) -> M:
        """Set the training mode here and beneath; returns the module."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self: M) -> M:
        """The same as `train(False)`."""
        return self.train(False)

    def zero_grad(self: M) -> M:
        """Forget the gradients of all parameters; returns the module."""
        for parameter in self.parameters():
            parameter.grad = None
        return self

    def requires_grad_(self: M, requires_grad: bool = True) -> M:
        """Whether all parameters want a gradient: False freezes them; returns the module."""
        for parameter in self.parameters():
            parameter.requires_grad = requires_grad
        return self

    def apply(self: M, function: Callable[[Module], object]) -> M:
        """Call `function` on every module, those beneath before this one; returns the module."""
        for child in self.children():
            child.apply(function)
        function(self)
        return self

    def to(self: M, dtype: DTypeLike) -> M:
        """Convert floating parameters and buffers to `dtype`, in place; returns the module."""
        if np.dtype(dtype).kind != "f":
            raise TypeError(f"to: {np.dtype(dtype)} given, a floating dtype expected")
        floating = {n: t for n, t in self._state().items() if t.dtype.kind == "f"}
        for name, tensor in floating.items():
            if tensor.grad is not None:
                raise RuntimeError(
                    f"to: '{name}' has a gradient of {tensor.dtype}; zero_grad() first"
                )
        for tensor in floating.values():
            tensor.rebind(tensor.data.astype(dtype))
        return self

    # --- state -------------------------------------------------------------------------------

    def _state(self, prefix: str = "") -> dict[str, Parameter | Buffer]:
        """Parameters and buffers; a shared one under each of its names, as PyTorch has it."""
        own = {prefix + name: value for name, value in self._tensors(Parameter | Buffer)}
        for name, child in self.named_children():
            own |= child._state(f"{prefix}{name}.")
        return own

    def state_dict(self) -> dict[str, NDArray[Any]]:
        """Copies of all parameters and buffers by dotted name, laid out as in PyTorch."""
        return {name: np.array(tensor.data) for name, tensor in self._state().items()}

    def load_state_dict(self, state: Mapping[str, Any], strict: bool = True) -> None:
        """Take over the values of `state`, converted to the dtypes here.

        Raises:
            KeyError: names are missing or unexpected, and `strict` is true.
            TypeError: a value is not numeric, or cannot be converted: complex numbers, or fractions
                where whole numbers are held.
            ValueError: a shape differs. Nothing has been changed then.
        """
        own = self._state()
        missing = [name for name in own if name not in state]
        unexpected = [name for name in state if name not in own]
        if strict and (missing or unexpected):
            parts = [f"missing {missing}"] * bool(missing) + [f"unexpected {unexpected}"] * bool(
                unexpected
            )
            raise KeyError(
                f"load_state_dict into {type(self).__name__}: {', '.join(parts)}; "
                "the state is of another architecture (strict=False takes what fits)"
            )
        arrays = {
            name: loaded(f"load_state_dict: '{name}'", state[name], own[name].dtype)
            for name in own
            if name in state
        }
        for name, array in arrays.items():
            if array.shape != own[name].shape:
                raise ValueError(
                    f"load_state_dict: '{name}' has shape {array.shape} in the state, "
                    f"{own[name].shape} expected"
                )
        for name, array in arrays.items():
            own[name].data = array  # a copy: the state stays the caller's

    def extra_repr(self) -> str:
        """What a layer says of itself between the brackets of its repr."""
        return ""

    def __repr__(self) -> str:
        lines = [
            f"  ({name}): " + repr(child).replace("\n", "\n  ")
            for name, child in self.named_children()
        ]
        if not lines:
            return f"{type(self).__name__}({self.extra_repr()})"
        return "\n".join([f"{type(self).__name__}(", *lines, ")"])

    def _repr_html_(self) -> str:
        from nn.notebook import module_html

        return module_html(self)


# A function of the module: one within named_modules would be a reference cycle.
def _walk(module: Module, name: str, seen: set[int]) -> Iterator[tuple[str, Module]]:
    if id(module) in seen:
        return
    seen.add(id(module))
    yield name, module
    for child_name, child in module.named_children():
        yield from _walk(child, f"{name}.{child_name}" if name else child_name, seen)


_STATE = (Parameter, Buffer, Module)


def _kind(value: Any) -> str:
    name = type(value).__name__
    return f"an {name}" if name[0] in "aeiouAEIOU" else f"a {name}"


def _not_found(module: Module, value: Any, in_slot: bool) -> str | None:
    """In words, what would be in an attribute of `module` and found in none of its modules."""
    if isinstance(value, _STATE) and not in_slot:
        return None
    within = _calls.innermost is not None  # what a forward is given may be a leaf
    held = [x for x in leaves(value) if isinstance(x, _STATE) or (is_loose(x) and not within)]
    if not held:
        return None
    found: set[int] = set()
    for each in module.modules():
        found |= {id(each), *(id(value) for value in vars(each).values())}
    lost = next((leaf for leaf in held if id(leaf) not in found), None)
    if lost is None:
        return None
    wants = " that wants a gradient" if is_loose(lost) else ""
    holder = "" if lost is value else f"{_kind(value)} that holds "
    return f"{holder}{_kind(lost)}{wants}"


class _Calls(threading.local):
    innermost: Module | None = None  # whose forward runs


_calls = _Calls()


def _name(module: Module, caller: Module | None) -> str:
    """What the tape calls a module: its name in the module that calls it, and its class."""
    kind = type(module).__name__
    if caller is not None:
        for name, found in chain(caller.named_children(), caller.named_modules()):
            if found is module and module is not caller:
                return f"{name} ({kind})"
    return kind


def _register(hooks: list[Hook], hook: Hook, prepend: bool) -> RemovableHandle:
    if not callable(hook.function):
        raise TypeError(f"hook of a module: {hook.function!r} given, a function expected")
    hooks.insert(0 if prepend else len(hooks), hook)
    return RemovableHandle(hooks, hook)
