"""functional_call: a module as a function of its parameters and buffers too."""

from __future__ import annotations

import copy
from collections.abc import Mapping, MutableMapping, Sequence
from functools import partial
from types import CellType, FunctionType, MethodType
from typing import Any

import numpy as np

from autograd import Tensor
from autograd.engine.modes import array_of
from nn.module import Module

_Named = Mapping[str, Any]


def functional_call(
    module: Module,
    parameters: _Named | Sequence[_Named],
    /,
    *args: Any,
    tie_weights: bool = True,
    strict: bool = False,
    **options: Any,
) -> Any:
    """module(*args, **options) with other parameters and buffers in the places of its own, as
    PyTorch's `torch.func.functional_call`: so that one can differentiate by them.

    The module is not touched: a copy of it runs, which has the tensors given and all others of the
    module, and hooks get that copy. So other threads may use the module meanwhile, and calls may be
    nested. What the forward sets in attributes is set in the module. What was made of the module
    itself, but for its methods and functions in its attributes, goes on with its own tensors.

    Args:
        module: the module.
        parameters: by dotted name, as in `state_dict`: tensors, or arrays; or several such dicts
            without common names. What is not named is the module's own. Gradients go to these
            tensors. A buffer that the forward moves, as BatchNorm does in training, is moved in
            the tensor that was given; for an array the new one is put into the dict.
        args: of its forward; a single tuple is taken for all of them, as PyTorch has it.
        tie_weights: whether a tensor that the module has under several names is replaced under all
            of them, where one is named.
        strict: whether all of the module's must be named.
        options: of its forward.

    Raises:
        KeyError: a name that the module has not; or one is missing, and `strict`.
        TypeError: no module is given, no dict, or no numbers for a tensor.
        ValueError: a name is in two dicts, or tied tensors are given different ones.

    >>> import numpy as np, nn
    >>> from autograd import grad
    >>> layer = nn.Linear(2, 1, bias=False)
    >>> x = np.array([[1.0, 2.0]])
    >>> grad(lambda w: nn.functional_call(layer, {"weight": w}, x).sum())(np.zeros((1, 2)))
    array([[1., 2.]])
    """
    if not isinstance(module, Module):
        raise TypeError(f"functional_call: {type(module).__name__} given, a Module expected")
    owners = _owners(parameters)
    placed = {name: _tensor(name, owner[name]) for name, owner in owners.items()}
    arrays = {name: array_of(tensor) for name, tensor in placed.items()}
    everywhere = _everywhere(module, placed, tie_weights, strict)
    copies = _Copies(module, everywhere)
    if len(args) == 1 and isinstance(args[0], tuple):
        args = args[0]
    try:
        return copies.of(module)(*args, **options)
    finally:
        copies.carry_back()
        for name, owner in owners.items():
            now = copies.held(name)
            if not isinstance(now, Tensor) or not isinstance(owner, MutableMapping):
                continue
            if now is not placed[name] or array_of(now) is not arrays[name]:
                owner[name] = now if isinstance(owner[name], Tensor) else array_of(now)


def _owners(parameters: Any) -> dict[str, _Named]:
    """For each name the dict that has it."""
    dicts = [parameters] if isinstance(parameters, Mapping) else parameters
    if not isinstance(dicts, Sequence) or not all(isinstance(d, Mapping) for d in dicts):
        raise TypeError(
            f"functional_call: {type(parameters).__name__} given for the parameters, a dict of "
            "tensors by name or a tuple of such expected"
        )
    owners: dict[str, _Named] = {}
    for each in dicts:
        if twice := sorted(owners.keys() & each.keys()):
            raise ValueError(f"functional_call: {twice} given in two of the dicts; in one expected")
        owners |= dict.fromkeys(each, each)
    return owners


def _tensor(name: str, value: Any) -> Tensor:
    if isinstance(value, Tensor):
        return value
    if isinstance(value, np.ndarray | np.generic):
        return Tensor(value)
    raise TypeError(
        f"functional_call: {type(value).__name__} given for '{name}', a tensor or array expected"
    )


def _everywhere(
    module: Module, given: Mapping[str, Tensor], tie_weights: bool, strict: bool
) -> dict[str, Tensor]:
    """Which tensor goes where; what is tied is in several places."""
    own: Mapping[str, Tensor] = module._state()
    unknown = [name for name in given if name not in own]
    names: dict[int, list[str]] = {}
    for name, tensor in own.items():
        names.setdefault(id(tensor), []).append(name)
    placed = dict(given)
    for tied in names.values() if tie_weights else ():
        told = {id(given[name]): given[name] for name in tied if name in given}
        if len(told) > 1:
            raise ValueError(
                f"functional_call: different tensors given for {tied}, which are one in "
                f"{type(module).__name__}; give one of them, or tie_weights=False"
            )
        for tensor in told.values():
            placed |= dict.fromkeys(tied, tensor)
    missing = [name for name in own if name not in placed] if strict else []
    if unknown or missing:
        parts = [f"unexpected {unknown}"] * bool(unknown) + [f"missing {missing}"] * bool(missing)
        raise KeyError(
            f"functional_call of {type(module).__name__}: {', '.join(parts)}; its state_dict() has "
            "all names"
        )
    return placed


class _Copies:
    """Copies of a module and of all beneath it, which hold one another and the same tensors.

    Args:
        module: the module.
        given: by dotted name, what is held in the place of its own.
    """

    def __init__(self, module: Module, given: Mapping[str, Tensor]) -> None:
        self._module, self._given = module, given
        self._pairs = {id(each): (each, copy.copy(each)) for each in module.modules()}
        for each, own in self._pairs.values():
            held = vars(own)
            held |= {name: self._within(value) for name, value in held.items()}
            held["_original"] = each._original or (each,)
        self._replaced = set()
        for name, tensor in given.items():
            holder, last = self._place(name)
            vars(holder)[last] = tensor
            self._replaced.add((id(holder), last))
        self._before = {id(own): dict(vars(own)) for _, own in self._pairs.values()}

    def of(self, module: Module) -> Module:
        """The copy of a module."""
        return self._pairs[id(module)][1] if id(module) in self._pairs else module

    def _place(self, name: str) -> tuple[Module, str]:
        *path, last = name.split(".")
        holder = self.of(self._module)
        for part in path:
            holder = vars(holder)[part]
        return holder, last

    def held(self, name: str) -> Any:
        """What is in the place of a tensor that was given."""
        holder, last = self._place(name)
        return vars(holder).get(last)

    def _within(self, value: Any) -> Any:
        """What an attribute is among the copies: a module's copy, a function made of it."""
        if isinstance(value, Module):
            return self.of(value)
        if isinstance(value, MethodType) and id(value.__self__) in self._pairs:
            return MethodType(value.__func__, self._within(value.__self__))
        if isinstance(value, partial):
            func, *args = map(self._within, (value.func, *value.args))
            return partial(func, *args, **{k: self._within(v) for k, v in value.keywords.items()})
        if isinstance(value, FunctionType) and any(map(self._is_of, value.__closure__ or ())):
            cells = [
                CellType(self._within(cell.cell_contents)) if self._is_of(cell) else cell
                for cell in value.__closure__ or ()
            ]
            own = FunctionType(
                value.__code__, value.__globals__, value.__name__, value.__defaults__, tuple(cells)
            )
            own.__kwdefaults__ = value.__kwdefaults__
            return own
        return value

    def _is_of(self, cell: CellType) -> bool:
        """Whether a closure's cell holds one of the modules."""
        try:
            return id(cell.cell_contents) in self._pairs
        except ValueError:  # empty yet
            return False

    def carry_back(self) -> None:
        """Set in the modules what a forward has set in their copies, but for what was given."""
        originals = {id(own): each for each, own in self._pairs.values()}
        for each, own in self._pairs.values():
            was, now = self._before[id(own)], vars(own)
            for name in [*now, *(name for name in was if name not in now)]:
                same = name in now and name in was and now[name] is was[name]
                if same or (id(own), name) in self._replaced:
                    continue
                if name in now:
                    vars(each)[name] = originals.get(id(now[name]), now[name])
                else:
                    vars(each).pop(name, None)
