"""Where a program of a training step finds what optimizers and schedules hold, and leaves it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from autograd import Tensor
from autograd.engine.modes import array_of
from autograd.program.numbers import Number

if TYPE_CHECKING:
    from autograd.program.watching import Trace
    from nn.module import Parameter
    from nn.optim.base import Optimizer


class Option(NamedTuple):
    """An option of a group of parameters, or a part of it where it is a tuple."""

    optimizer: Optimizer
    group: int
    option: str
    part: int | None = None

    @property
    def name(self) -> str:
        of = f"{self.group}." if len(self.optimizer.param_groups) > 1 else ""
        return f"{of}{self.option}" + ("" if self.part is None else f"[{self.part}]")

    @property
    def key(self) -> Any:
        return "option", id(self.optimizer), self.group, self.option, self.part

    def read(self) -> Any:
        value = self.optimizer.param_groups[self.group][self.option]
        if type(value) is not float:
            from nn.optim.base import as_python

            value = as_python(type(self.optimizer).__name__, self.option, value)
        return value if self.part is None else value[self.part]

    def write(self, value: Any) -> None:
        self.optimizer.param_groups[self.group][self.option] = value

    def forget(self) -> None:
        del self.optimizer.param_groups[self.group][self.option]


class Remembered(NamedTuple):
    """What an optimizer remembers of a parameter under a name."""

    optimizer: Optimizer
    parameter: Parameter
    item: str

    @property
    def name(self) -> str:
        return self.item

    @property
    def key(self) -> Any:
        return "state", id(self.optimizer), id(self.parameter), self.item

    def read(self) -> Any:
        return self.optimizer._state[self.parameter][self.item]

    def write(self, value: Any) -> None:
        self.optimizer._state.setdefault(self.parameter, {})[self.item] = value

    def forget(self) -> None:
        del self.optimizer._state[self.parameter][self.item]


def options_in(
    trace: Trace, optimizer: Optimizer, group: int, options: Mapping[str, Any]
) -> dict[str, Any]:
    """The options of a group, with those that are numbers as the trace has them."""

    def of(name: str, value: Any) -> Any:
        if isinstance(value, tuple):
            cells = [Option(optimizer, group, name, i) for i in range(len(value))]
            return tuple(map(trace.number, cells))
        plain = isinstance(value, int | float) and not isinstance(value, bool)
        return trace.number(Option(optimizer, group, name)) if plain else value

    return {name: of(name, value) for name, value in options.items()}


def state_in(trace: Trace, optimizer: Optimizer, p: Parameter) -> dict[str, Any]:
    """What is remembered of a parameter, as the trace has it: arrays as tensors."""

    def of(name: str, value: Any) -> Any:
        cell = Remembered(optimizer, p, name)
        return trace.tensor(cell) if isinstance(value, np.ndarray) else trace.number(cell)

    return {name: of(name, value) for name, value in optimizer._state.get(p, {}).items()}


def leave_state(trace: Trace, optimizer: Optimizer, p: Parameter, state: dict[str, Any]) -> None:
    """Let the optimizer remember what its formula has left, and tell the trace."""
    held = optimizer._state.setdefault(p, {})
    for name, value in state.items():
        cell = Remembered(optimizer, p, name)
        if isinstance(value, Tensor):
            plain: Any = array_of(value)
        else:
            plain = value.value if isinstance(value, Number) else value
        if held.get(name) is not plain:
            trace.leave(cell, value)
            held[name] = plain
