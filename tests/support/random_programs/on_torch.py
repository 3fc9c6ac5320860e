"""Random programs on PyTorch: their derivatives by its own sweep, asked for as of `Differences`."""

from __future__ import annotations

from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
from support.random_programs.builder import Program
from support.random_programs.differences import Array, Direction, Estimate, Head
from support.random_programs.names import SHARED, plain_forms


def torch_names(torch: ModuleType) -> dict[str, Any]:
    """What the names of a program mean on PyTorch's tensors."""

    def const(x: Any) -> Any:
        return x if isinstance(x, torch.Tensor) else torch.as_tensor(x, dtype=torch.float64)

    def dims(x: Any, axis: Any) -> Any:
        return tuple(range(x.ndim)) if axis is None else axis

    def reduced(f: Any) -> Any:
        return lambda x, axis=None, keepdims=False: f(x, dims(x, axis), keepdim=keepdims)

    def prod(x: Any, axis: Any = None) -> Any:
        return torch.prod(x) if axis is None else torch.prod(x, axis)

    def spread(f: Any) -> Any:
        return lambda x, axis=None, keepdims=False, ddof=0: f(
            x, dims(x, axis), correction=ddof, keepdim=keepdims
        )

    def written(x: Any, index: Any, y: Any) -> Any:
        out = x.clone()
        out[index] = y
        return out

    def added(x: Any, index: Any, y: Any) -> Any:
        where = torch.as_tensor(np.atleast_1d(index))
        return x.index_add(0, where, y.expand(len(where), *x.shape[1:]))

    def dot(x: Any, y: Any) -> Any:
        return torch.tensordot(x, y, ([-1], [-2 if y.ndim > 1 else 0]))

    def pad(x: Any, width: int) -> Any:
        return torch.nn.functional.pad(x, (width, width) * x.ndim)

    def hooked(x: Any, factor: float) -> Any:
        if x.requires_grad:
            x.register_hook(lambda g: g * factor)
        return x

    def no_grad() -> Any:
        return lambda f: torch.no_grad()(f)

    def indexed(x: Any, rows: list[int], axis: int) -> Any:
        return torch.index_select(x, axis, torch.as_tensor(rows) % x.shape[axis])

    names = {name: getattr(torch, name) for name in SHARED if hasattr(torch, name)}
    return {
        **names,
        **plain_forms(torch, lambda x: x.detach()),
        "np": SimpleNamespace(eye=lambda n: torch.eye(n, dtype=torch.float64)),
        "Tensor": const,
        "absolute": torch.abs,
        "arctan": torch.arctan,
        "concatenate": lambda xs, axis=0: torch.cat([const(x) for x in xs], axis),
        "stack": lambda xs, axis=0: (
            xs if isinstance(xs, torch.Tensor) else torch.stack([const(x) for x in xs], axis)
        ),
        "cumprod": lambda x, axis: torch.cumprod(x, axis),
        "cumsum": lambda x, axis: torch.cumsum(x, axis),
        "dot": dot,
        "einsum": torch.einsum,
        "expand_dims": torch.unsqueeze,
        "expit": torch.sigmoid,
        "flip": lambda x, axis: torch.flip(x, (axis,)),
        "hooked": hooked,
        "index_add": added,
        "index_update": written,
        "inv": torch.linalg.inv,
        "logaddexp": torch.logaddexp,
        "logsumexp": reduced(torch.logsumexp),
        "matmul": lambda x, y: torch.matmul(x, const(y)),
        "max": reduced(torch.amax),
        "maximum": lambda x, y: torch.maximum(const(x), const(y)),
        "mean": reduced(torch.mean),
        "min": reduced(torch.amin),
        "minimum": lambda x, y: torch.minimum(const(x), const(y)),
        "moveaxis": torch.movedim,
        "no_grad": no_grad,
        "nest": lambda *parts: torch.stack([const(part) for part in parts]),
        "norm": lambda x, axis, keepdims=False: torch.sqrt(
            torch.sum(x * x, axis, keepdim=keepdims)
        ),
        "outer": torch.outer,
        "pad": pad,
        "prod": prod,
        "repeat": lambda x, n, axis: torch.repeat_interleave(x, n, dim=axis),
        "roll": lambda x, shift, axis: torch.roll(x, shift, axis),
        "softplus": lambda x: torch.log1p(torch.exp(x)),
        "solve": torch.linalg.solve,
        "split": lambda x, at, axis: torch.tensor_split(x, at, axis),
        "squeeze": lambda x, axis: torch.squeeze(x, axis),
        "std": spread(torch.std),
        "sum": reduced(torch.sum),
        "sum_of_sines": lambda *xs: sum(i * torch.sin(const(x)) for i, x in enumerate(xs, 1)),
        "take": indexed,
        "tensordot": lambda x, y, axes: torch.tensordot(x, y, axes),
        "tile": torch.tile,
        "trace": torch.trace,
        "transpose": lambda x, axes=None: x.permute(axes or tuple(range(x.ndim))[::-1]),
        "var": spread(torch.var),
        "where": lambda m, x, y: torch.where(torch.as_tensor(m), const(x), const(y)),
    }


class OnTorch:
    """Derivatives of a program's nodes at its inputs; see `Differences`."""

    def __init__(self, program: Program, torch: ModuleType) -> None:
        self.torch, self.program = torch, program
        self._position = {node: k for k, node in enumerate(program.visible)}
        self._leaves = [torch.tensor(x, requires_grad=True) for x in program.inputs]
        self._nodes = program.on(torch_names(torch), torch.as_tensor, torch.as_tensor)(
            *self._leaves
        )
        self.base = [node.detach().numpy() for node in self._nodes]

    def slope(self, node: int, v: Direction) -> Array:
        tensor = self._nodes[self._position[node]]
        rows = [self._pushed(element, v) for element in tensor.reshape(-1)]
        values: Array = np.array([row.item() for row in rows])
        shape: tuple[int, ...] = tensor.shape
        return values.reshape(shape)

    def first(self, head: Head, u: Direction) -> Estimate:
        return Estimate(self._pushed(self._value(head), u).item(), 0.0)

    def second(self, head: Head, u: Direction, w: Direction) -> Estimate:
        return Estimate(self._pushed(self._pushed(self._value(head), u), w).item(), 0.0)

    def third(self, head: Head, u: Direction, w: Direction) -> Estimate:
        once = self._pushed(self._value(head), u)
        return Estimate(self._pushed(self._pushed(once, u), w).item(), 0.0)

    def _value(self, head: Head) -> Any:
        as_tensor = self.torch.as_tensor
        return sum(
            self.torch.sum(self._nodes[self._position[node]] * as_tensor(weight))
            for node, weight in head
        )

    def _pushed(self, value: Any, v: Direction) -> Any:
        """The derivative of a number along v, which can be differentiated in turn."""
        if not value.requires_grad:
            return self.torch.zeros(())
        gradients = self.torch.autograd.grad(
            value, self._leaves, create_graph=True, allow_unused=True
        )
        parts = [
            self.torch.sum(g * self.torch.as_tensor(d))
            for g, d in zip(gradients, v, strict=True)
            if g is not None
        ]
        return sum(parts) if parts else self.torch.zeros(())
