"""Modules that hold modules: in a sequence that is applied, in a list, in a dictionary."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar, overload

from nn.module import Module

M = TypeVar("M", bound="_Numbered")


class _Numbered(Module):
    """Modules under the names 0, 1, ...: as attributes, so that the state dict has them."""

    def __iter__(self) -> Iterator[Module]:
        return self.children()

    def __len__(self) -> int:
        return sum(1 for _ in self.named_children())

    @overload
    def __getitem__(self, index: int) -> Module: ...
    @overload
    def __getitem__(self: M, index: slice) -> M: ...
    def __getitem__(self: M, index: int | slice) -> Module | M:
        if isinstance(index, slice):
            return type(self)()._filled(list(self)[index])
        return list(self)[index]

    def append(self: M, module: Module) -> M:
        """Add a module at the end; returns the container."""
        return self._filled([*self, module])

    def extend(self: M, modules: Iterable[Module]) -> M:
        """Add modules at the end; returns the container."""
        return self._filled([*self, *modules])

    def insert(self, index: int, module: Module) -> None:
        """Put a module before the one at `index`; those behind it are numbered anew."""
        modules = list(self)
        modules.insert(index, module)
        self._filled(modules)

    def __setitem__(self, index: int, module: Module) -> None:
        names = [name for name, _ in self.named_children()]
        setattr(self, names[index], _module(type(self).__name__, names[index], module))

    def __delitem__(self, index: int | slice) -> None:
        modules = list(self)
        del modules[index]
        self._filled(modules)

    def _filled(self: M, modules: Iterable[Module]) -> M:
        """Hold these modules and no others."""
        checked = [_module(type(self).__name__, i, module) for i, module in enumerate(modules)]
        for name, _ in list(self.named_children()):
            delattr(self, name)
        for i, module in enumerate(checked):
            setattr(self, str(i), module)
        return self


class Sequential(_Numbered):
    """Modules applied one after the other; numbered from 0 in the state dict.

    Args:
        modules: the modules, or one dictionary of them, whose names then take the numbers' place.

    Raises:
        TypeError: one is no module.
    """

    def __init__(self, *modules: Module | Mapping[str, Module]) -> None:
        if len(modules) == 1 and isinstance(modules[0], Mapping):
            for name, module in modules[0].items():
                setattr(self, name, _module("Sequential", name, module))
        else:
            self._filled(modules)  # type: ignore[arg-type]  # it refuses what is no module

    def forward(self, x: Any) -> Any:
        for module in self:
            x = module(x)
        return x


class ModuleList(_Numbered):
    """A list of modules, which are found by `parameters`, `state_dict` and the rest.

    It has no forward: the module that holds it says what is done with them.
    """

    def __init__(self, modules: Iterable[Module] = ()) -> None:
        self._filled(modules)


class ModuleDict(Module):
    """A dictionary of modules, which are found by `parameters`, `state_dict` and the rest.

    Names are attributes, so one that the module has otherwise, or with a dot in it, is a KeyError.
    """

    def __init__(self, modules: Mapping[str, Module] | None = None) -> None:
        self.update(modules or {})

    def __getitem__(self, name: str) -> Module:
        return dict(self.named_children())[name]

    def __setitem__(self, name: str, module: Module) -> None:
        if not name or "." in name or (name not in self and hasattr(self, name)):
            raise KeyError(f"ModuleDict: '{name}' given, another name expected, without a dot")
        setattr(self, name, _module("ModuleDict", name, module))

    def __delitem__(self, name: str) -> None:
        if name not in self:
            raise KeyError(name)
        delattr(self, name)

    def __contains__(self, name: object) -> bool:
        return name in dict(self.named_children())

    def __len__(self) -> int:
        return len(dict(self.named_children()))

    def __iter__(self) -> Iterator[str]:
        return self.keys()

    def keys(self) -> Iterator[str]:
        """The names."""
        return (name for name, _ in self.named_children())

    def values(self) -> Iterator[Module]:
        """The modules."""
        return self.children()

    def items(self) -> Iterator[tuple[str, Module]]:
        """Names and modules."""
        return self.named_children()

    def update(self, modules: Mapping[str, Module]) -> None:
        """Add modules under their names; one that is there is replaced."""
        for name, module in modules.items():
            self[name] = module


def _module(container: str, position: int | str, module: object) -> Module:
    if not isinstance(module, Module):
        raise TypeError(
            f"{container}: argument {position} is a {type(module).__name__}, a Module expected"
        )
    return module
