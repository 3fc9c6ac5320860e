"""Module: a function with parameters, buffers and a training mode. PyTorch's names throughout."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from autograd import Tensor


class Parameter(Tensor):
    """A tensor that an optimizer changes: requires a gradient, and is found by its Module."""

    __slots__ = ()

    def __init__(self, data: Any, requires_grad: bool = True) -> None:
        super().__init__(data, requires_grad)


class Buffer(Tensor):
    """A tensor that belongs to a Module's state and has no gradient, such as a running mean."""

    __slots__ = ()

    def __init__(self, data: Any) -> None:
        super().__init__(data)


class Module:
    """A callable with state. Subclasses assign parameters, buffers and modules to attributes in
    `__init__`, and define `forward`; the attributes' order is the order of everything below."""

    training: bool = True

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} defines no forward")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.forward(*args, **kwargs)

    # --- what is in it -----------------------------------------------------------------------

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """Modules held directly, each with the name of its attribute."""
        for name, value in vars(self).items():
            if isinstance(value, Module):
                yield name, value

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """This module and all beneath it, with dotted names; a shared one is met once."""
        seen: set[int] = set()

        def walk(module: Module, name: str) -> Iterator[tuple[str, Module]]:
            if id(module) in seen:
                return
            seen.add(id(module))
            yield name, module
            for child_name, child in module.named_children():
                yield from walk(child, f"{name}.{child_name}" if name else child_name)

        return walk(self, prefix)

    def modules(self) -> Iterator[Module]:
        return (module for _, module in self.named_modules())

    def _named_tensors(self, kind: type[Tensor]) -> Iterator[tuple[str, Any]]:
        for prefix, module in self.named_modules():
            for name, value in vars(module).items():
                if isinstance(value, kind):
                    yield f"{prefix}.{name}" if prefix else name, value

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

    def train(self, mode: bool = True) -> Module:
        """Set the training mode here and beneath; returns the module."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Module:
        """The same as `train(False)`."""
        return self.train(False)

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters."""
        for parameter in self.parameters():
            parameter.grad = None

    def to(self, dtype: DTypeLike) -> Module:
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
            tensor.data = tensor.data.astype(dtype)
        return self

    # --- state -------------------------------------------------------------------------------

    def _state(self, prefix: str = "") -> dict[str, Parameter | Buffer]:
        """Parameters and buffers; a shared one under each of its names, as PyTorch has it."""
        own = {
            prefix + name: value
            for name, value in vars(self).items()
            if isinstance(value, Parameter | Buffer)
        }
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
        arrays = {name: np.asarray(state[name]) for name in own if name in state}
        for name, array in arrays.items():
            if array.shape != own[name].shape:
                raise ValueError(
                    f"load_state_dict: '{name}' has shape {array.shape} in the state, "
                    f"{own[name].shape} expected"
                )
        for name, array in arrays.items():
            own[name].data = array.astype(own[name].dtype)  # a copy: the state stays the caller's

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
