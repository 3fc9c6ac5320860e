"""What all optimizers have in common: groups of parameters, their state, and the step."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from numbers import Number
from typing import Any

import numpy as np

from autograd import Tensor, enable_grad, no_grad
from autograd.engine.modes import array_of
from autograd.ops.arguments import expect_constants
from autograd.runtime.scopes import tracer
from nn.functional.arguments import in_dtype, loaded
from nn.module import Parameter
from nn.optim.cells import Option, leave_state, options_in, state_in

Parameters = Iterable[Parameter | Mapping[str, Any]]


class Optimizer(ABC):
    """Moves parameters along their gradients. Subclasses say how, in `_moved`.

    Parameters are bound to new arrays; none is written into, for a tape may hold it. They keep
    their dtype, whatever that of a gradient; options that are NumPy's numbers, or tensors of one
    element, are taken as Python's. Steps of float16 are computed, and what is remembered of it is
    kept, in float32, in which squares of gradients and eps are not 0.

    Attributes:
        param_groups: one dict for each group of parameters, with them under "params" beside their
            options under the arguments' names. Options may be changed between steps.
        state: what the optimizer remembers of each parameter that it has moved.
        defaults: the options of a group that does not have its own.

    Args:
        params: parameters, or dicts of {"params": parameters, option: value}.
        defaults: as above.

    Raises:
        TypeError: a single tensor is given, an unknown option, or one that wants a gradient.
        ValueError: no parameters are given, one is given twice, or an option is out of range.
    """

    def __init__(self, params: Parameters, defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self.param_groups: list[dict[str, Any]] = []
        self._state: dict[Parameter, dict[str, Any]] = {}  # tensors are hashed by identity
        if isinstance(params, Tensor):
            raise TypeError(f"{self._name}: a single tensor given, a list of parameters expected")
        given = list(params)
        if not given:
            raise ValueError(f"{self._name}: no parameters given; pass model.parameters()")
        groups = given if isinstance(given[0], Mapping) else [{"params": given}]
        for group in groups:
            self.add_param_group(group)  # type: ignore[arg-type]  # it refuses what is no dict

    @property
    def _name(self) -> str:
        return type(self).__name__

    @property
    def state(self) -> dict[Parameter, dict[str, Any]]:
        """What the optimizer remembers of each parameter that it has moved."""
        if (trace := tracer()) is not None:
            trace.refuse(f"it reads what {self._name} remembers, outside of its step")
        return self._state

    @state.setter
    def state(self, state: dict[Parameter, dict[str, Any]]) -> None:
        self._state = state

    @property
    def params(self) -> list[Parameter]:
        """All parameters, in the order of their groups."""
        return [p for group in self.param_groups for p in group["params"]]

    @property
    def lr(self) -> float:
        """The learning rate of the first group; setting it sets that of every group."""
        if (trace := tracer()) is not None:
            return trace.number(Option(self, 0, "lr"))  # type: ignore[no-any-return]
        return self.param_groups[0]["lr"]  # type: ignore[no-any-return]

    @lr.setter
    def lr(self, lr: float) -> None:
        rate = as_python(self._name, "lr", lr)
        for number, group in enumerate(self.param_groups):
            if (trace := tracer()) is not None:
                trace.leave(Option(self, number, "lr"), rate)
            group["lr"] = getattr(rate, "value", rate)

    def add_param_group(self, group: Mapping[str, Any]) -> None:
        """Take in another group of parameters: {"params": parameters, option: value}."""
        if not isinstance(group, Mapping) or "params" not in group:
            raise TypeError(
                f"{self._name}: {type(group).__name__} given for a group of parameters, "
                "a dict with 'params' expected"
            )
        chosen = group["params"]
        added = [chosen] if isinstance(chosen, Tensor) else list(chosen)
        wrong = next((p for p in added if not isinstance(p, Tensor)), None)
        if wrong is not None:
            raise TypeError(f"{self._name}: {type(wrong).__name__} given, a Parameter expected")
        fixed = next((p for p in added if not _can_move(p)), None)
        if fixed is not None:
            what = "computed" if fixed.requires_grad else "constant"
            raise ValueError(
                f"{self._name}: a {what} tensor of shape {fixed.shape} given, which no step could "
                "move; a Parameter or a leaf with requires_grad=True expected"
            )
        unknown = sorted(set(group) - {"params"} - set(self.defaults))
        if unknown:
            raise TypeError(
                f"{self._name}: options {unknown} given, some of {sorted(self.defaults)} expected"
            )
        everything = [*self.params, *added]
        if len({id(p) for p in everything}) < len(everything):
            raise ValueError(f"{self._name}: a parameter is given twice, and would move twice")
        options = _plain(
            self._name, self.defaults | {k: v for k, v in group.items() if k != "params"}
        )
        self._check(options)
        self.param_groups.append({"params": added} | options)

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for p in self.params:
            p.grad = None

    def step(self, closure: Callable[[], Tensor] | None = None) -> Tensor | None:
        """Move every parameter that has a gradient.

        Args:
            closure: computes the loss anew, with its gradients, before anything moves.

        Returns:
            What the closure returned, or None without one.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        for number, group in enumerate(self.param_groups):
            options = _plain(self._name, group)
            if (trace := tracer()) is not None:
                trace.uses(self)
                options = options_in(trace, self, number, options)
            for p in group["params"]:
                if p.grad is not None:
                    if p.grad.shape != p.shape:
                        raise ValueError(
                            f"{self._name}: a parameter of shape {p.shape} has a gradient of shape "
                            f"{p.grad.shape}; the two must be equal"
                        )
                    (self._move if trace is None else self._move_traced)(p, options)
        return loss

    def _move(self, p: Parameter, options: Mapping[str, Any]) -> None:
        assert p.grad is not None
        state, wide = self._state.setdefault(p, {}), _state_dtype(p)
        data = p.data.astype(wide, copy=False)
        # In two steps, of which the first may lose digits, as p has no more.
        g = p.grad.data.astype(p.dtype, copy=False).astype(wide, copy=False)
        moved = self._moved(data, -g if options["maximize"] else g, state, options)
        if not p.shape:  # of 0-d arrays NumPy makes scalars
            moved = np.asarray(moved)
            state.update((k, np.asarray(v)) for k, v in state.items() if k != "step")
        p.data = moved.astype(p.dtype, copy=False)

    def _move_traced(self, p: Parameter, options: Mapping[str, Any]) -> None:
        """The same on tensors, while a program is made."""
        assert p.grad is not None
        wide = _state_dtype(p)
        with no_grad():
            data, g = in_dtype(p, wide), in_dtype(in_dtype(p.grad, p.dtype), wide)
            state = state_in(tracer(), self, p)
            moved = self._moved(data, -g if options["maximize"] else g, state, options)
            leave_state(tracer(), self, p, state)
            p.data = array_of(in_dtype(moved, p.dtype))

    def _program_guard(self) -> list[Any]:
        """What a program with a step of it holds for; numbers are read anew."""
        switches = [v for g in self.param_groups for k, v in g.items() if isinstance(v, bool)]
        return [*self.params, *switches, *(name for s in self._state.values() for name in s)]

    def _program_options(self) -> list[Any]:
        """The options that a program reads anew."""
        return [v for g in self.param_groups for k, v in g.items() if k != "params"]

    _program_told = frozenset({"param_groups", "_state"})  # attributes that a program keeps up

    @abstractmethod
    def _moved(self, p: Any, g: Any, state: dict[str, Any], options: Mapping[str, Any]) -> Any:
        """Where the parameter p with the gradient g goes; `state` is its own to keep.

        New ones always. It is written with NumPy's functions and operators, which work on arrays,
        as `step` gives them, and on tensors, so that a program can be made of it.
        """

    def _check(self, options: Mapping[str, Any]) -> None:
        """Refuse options that are out of range. Subclasses add what they need."""
        for name, value in options.items():
            if name not in self.defaults or name == "betas":
                continue
            switch = name in _SWITCHES
            if not isinstance(value, bool if switch else int | float):
                expected = "a bool" if switch else "a number"
                raise TypeError(f"{self._name}: {name}={value!r:.40} given, {expected} expected")
            if not value >= 0:
                raise ValueError(f"{self._name}: {name}={value} given, at least 0 expected")

    # --- state -------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Copies of all that the next step depends on but the parameters, laid out as in PyTorch.

        Returns:
            {"state": {index: {name: number or array}}, "param_groups": [options]}, where indices
            number the parameters through all groups, and are under "params" of each group.
        """
        indices = {id(p): i for i, p in enumerate(self.params)}
        return {
            "state": {
                indices[id(p)]: {name: _copied(value) for name, value in state.items()}
                for p, state in self._state.items()
                if state
            },
            "param_groups": [
                group | {"params": [indices[id(p)] for p in group["params"]]}
                for group in self.param_groups
            ],
        }

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over the options and the state of `state_dict`, of this project or of PyTorch.

        Raises:
            TypeError: what is not numeric, or complex.
            ValueError: other groups, other numbers of parameters, or an array of another shape than
                its parameter. Nothing has been changed then.
        """
        groups = state_dict["param_groups"]
        sizes = [len(group["params"]) for group in groups]
        own = [len(group["params"]) for group in self.param_groups]
        if sizes != own:
            raise ValueError(
                f"{self._name}: a state with groups of {sizes} parameters given, {own} expected"
            )
        positions = (index for group in groups for index in group["params"])
        by_index = dict(zip(positions, self.params, strict=True))
        loaded = {
            by_index[index]: dict(self._loaded(index, by_index[index], state))
            for index, state in state_dict["state"].items()
        }
        merged = [
            own_group | {k: v for k, v in group.items() if k != "params"}
            for own_group, group in zip(self.param_groups, groups, strict=True)
        ]
        for options in merged:
            self._check(_plain(self._name, options))
        self._state, self.param_groups = loaded, merged

    def _loaded(
        self, index: int, p: Parameter, state: Mapping[str, Any]
    ) -> Iterator[tuple[str, Any]]:
        for name, value in state.items():
            if value is None and name != "step":
                continue
            where = f"{self._name}: '{name}' of parameter {index}"
            counts = name == "step"
            array = loaded(where, value, np.dtype(np.int64) if counts else _state_dtype(p))
            shape = () if counts else p.shape
            if array.size != 1 if counts else array.shape != shape:
                raise ValueError(f"{where} has shape {array.shape} in the state, {shape} expected")
            yield name, array.item() if counts else array

    def __repr__(self) -> str:
        lines = [
            f"  group {i}: {len(group['params'])} parameters, "
            + ", ".join(f"{k}={v}" for k, v in group.items() if k != "params")
            for i, group in enumerate(self.param_groups)
        ]
        return "\n".join([f"{self._name}(", *lines, ")"])


def _state_dtype(p: Parameter) -> np.dtype[Any]:
    return np.result_type(p.dtype, np.float32)


_SWITCHES = {"amsgrad", "centered", "maximize", "nesterov"}


def _can_move(p: Tensor) -> bool:
    """Whether a step can change a tensor, now or once it is no longer frozen."""
    return p.is_leaf and (p.requires_grad or isinstance(p, Parameter))


def _plain(optimizer: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Options as Python's numbers: NumPy's and tensors would turn float32 into float64."""
    return {k: v if k == "params" else as_python(optimizer, k, v) for k, v in options.items()}


def as_python(optimizer: str, name: str, value: Any) -> Any:
    """An option as Python's number, or a tuple of them."""
    expect_constants(optimizer, **{name: value})
    if isinstance(value, tuple | list):
        return tuple(as_python(optimizer, name, v) for v in value)
    if isinstance(value, Tensor | np.generic | np.ndarray):
        if value.size != 1:
            raise ValueError(f"{optimizer}: {name}: shape {value.shape} given, one number expected")
        return value.item()
    if isinstance(value, Number) and not isinstance(value, int | float | complex):
        return float(value)  # type: ignore[arg-type]  # Fraction and Decimal, which have one
    return value


def _copied(value: Any) -> Any:
    return value.copy() if isinstance(value, np.ndarray) else value
