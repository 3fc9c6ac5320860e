"""A table of a model: each layer's output shape, parameters and multiply-adds."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from autograd import Tensor, no_grad
from nn.layers import Conv1d, Conv2d, Linear
from nn.module import Module, Parameter


@dataclass(frozen=True)
class Row:
    """One call of a layer. Parameters that an earlier row has counted are not counted again."""

    name: str  # dotted, as in the state dict
    kind: str
    output_shape: tuple[int, ...] | None  # None for what is no tensor
    parameters: int
    multiply_adds: int


@dataclass(frozen=True)
class Summary:
    """What `summary` gives; print it for the table."""

    model: str
    input_shape: tuple[int, ...]
    rows: tuple[Row, ...]
    parameters: int  # of the whole model, also of layers that were not called

    @property
    def multiply_adds(self) -> int:
        """Of all rows."""
        return sum(row.multiply_adds for row in self.rows)

    def _repr_html_(self) -> str:
        from nn.notebook import summary_html  # which imports this module

        return summary_html(self)

    def __str__(self) -> str:
        head = ("layer", "", "output shape", "parameters", "multiply-adds")
        body = [
            (
                row.name,
                row.kind,
                "" if row.output_shape is None else str(row.output_shape),
                f"{row.parameters:,}",
                f"{row.multiply_adds:,}",
            )
            for row in self.rows
        ]
        foot = (self.model, "", "", f"{self.parameters:,}", f"{self.multiply_adds:,}")
        widths = [max(map(len, column)) for column in zip(head, *body, foot, strict=True)]
        rule = "-" * (sum(widths) + 2 * (len(widths) - 1))

        def line(cells: tuple[str, ...]) -> str:
            aligned = [
                cell.rjust(width) if i > 2 else cell.ljust(width)
                for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
            ]
            return "  ".join(aligned).rstrip()

        return "\n".join([line(head), rule, *map(line, body), rule, line(foot)])


def summary(model: Module, input_shape: tuple[int, ...], dtype: DTypeLike = np.float32) -> Summary:
    """What each layer makes of zeros of `input_shape`, in evaluation mode, and what it costs.

    A row is a call of a module that holds no others, or that has parameters of its own, in the
    order of the calls. Multiply-adds are counted of convolutions and of Linear, for all of the
    input: each is one multiplication and one addition; additions of biases are not counted.

    Args:
        model: its training mode, and all else in it, is left as it was.
        input_shape: with the batch, as the model takes it: (1, 1, 28, 28).
        dtype: of the zeros; an integer dtype for a model that begins with an embedding.

    Raises:
        Whatever the model raises for such an input.
    """
    names = {id(module): name for name, module in model.named_modules()}
    modes = [(module, module.training) for module in model.modules()]
    calls: list[Row | None] = []
    open_calls: list[int] = []
    counted: set[int] = set()

    def before(module: Module, args: Any) -> None:
        open_calls.append(len(calls))
        calls.append(None)  # a module's row comes before those of the modules that it calls

    def after(module: Module, args: Any, output: Any) -> None:
        fresh = [p for p in _own_parameters(module) if id(p) not in counted]
        counted.update(map(id, fresh))
        calls[open_calls.pop()] = Row(
            names[id(module)] or type(model).__name__,
            type(module).__name__,
            output.shape if isinstance(output, Tensor) else None,
            sum(p.size for p in fresh),
            _multiply_adds(module, output),
        )

    shown = [m for m in model.modules() if not list(m.children()) or _own_parameters(m)]
    handles = [
        handle
        for module in shown
        for handle in (
            module.register_forward_pre_hook(before),
            module.register_forward_hook(after),
        )
    ]
    try:
        with no_grad():
            model.eval()(Tensor(np.zeros(input_shape, dtype)))
    finally:
        for handle in handles:
            handle.remove()
        for module, training in modes:
            module.training = training
    return Summary(
        type(model).__name__,
        tuple(input_shape),
        tuple(row for row in calls if row is not None),
        sum(p.size for p in model.parameters()),
    )


def _multiply_adds(module: Module, output: Any) -> int:
    if isinstance(module, Linear | Conv1d | Conv2d):
        return int(output.size * prod(module.weight.shape[1:]))
    return 0


def _own_parameters(module: Module) -> list[Parameter]:
    return [value for value in vars(module).values() if isinstance(value, Parameter)]
