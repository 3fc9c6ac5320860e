"""What all schedules have in common: a step that is counted, and the rates that belong to it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from copy import deepcopy
from numbers import Real
from typing import Any, NamedTuple

from autograd.runtime.scopes import tracer
from nn.functional.arguments import number
from nn.optim import Optimizer
from nn.optim.cells import Option


class LRScheduler(ABC):
    """Sets the learning rate of each group of an optimizer from the number of the step alone.

    The rate of the first step is set at once; call `step` after each step of the optimizer, or
    after each epoch, as the schedule counts. A rate is a function of the step, not of the rate
    before it: two schedules on one optimizer do not multiply, the last to step wins (see
    SequentialLR).

    Attributes:
        last_epoch: the step whose rates are set, from 0.
        base_lrs: the rate of each group that the schedule starts from: its "initial_lr", which is
            the rate that it had when its first schedule was made.

    Args:
        optimizer: its groups' "lr" are set.
        last_epoch: the step before the first; more than -1 where a training goes on, whose
            optimizer then has an "initial_lr" in each group.
    """

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", group["lr"])
            elif "initial_lr" not in group:
                raise KeyError(
                    f"{type(self).__name__}: last_epoch={last_epoch} given, an 'initial_lr' in "
                    f"group {i} of the optimizer expected; load its state first"
                )
        self.optimizer = optimizer
        self.base_lrs = [float(group["initial_lr"]) for group in optimizer.param_groups]
        self.last_epoch = last_epoch + 1
        self._apply()

    _no_state = frozenset({"optimizer"})  # attributes that are not saved

    @abstractmethod
    def lr_at(self, step: int, group: int = 0) -> float:
        """The rate of a group at step 0, 1, ..."""

    def step(self) -> None:
        """Set the rates of the next step."""
        trace = tracer()
        if trace is None:
            self._advance()
        else:
            if type(self).step is not LRScheduler.step:
                trace.refuse(f"{type(self).__name__} has a step of its own")
            trace.perform(_Advance(self))

    def _advance(self) -> None:
        self.last_epoch += 1
        self._apply()

    def get_last_lr(self) -> list[float]:
        """The rate of each group that is set now."""
        trace = tracer()
        if trace is not None:
            groups = range(len(self.optimizer.param_groups))
            return [trace.number(Option(self.optimizer, i, "lr")) for i in groups]
        return [group["lr"] for group in self.optimizer.param_groups]

    def _program_guard(self) -> list[Any]:
        """What a program with a step of it holds for: Python makes that step at each call."""
        return []

    def _program_options(self) -> list[Any]:
        return []

    @property
    def _program_told(self) -> frozenset[str]:
        return frozenset(vars(self))

    def _number(self, name: str, value: Any) -> float:
        return number(type(self).__name__, name, value)  # type: ignore[no-any-return]

    def _apply(self) -> None:
        if len(self.optimizer.param_groups) != len(self.base_lrs):
            raise ValueError(
                f"{type(self).__name__}: the optimizer has {len(self.optimizer.param_groups)} "
                f"groups, {len(self.base_lrs)} expected, as when the schedule was made"
            )
        for i, group in enumerate(self.optimizer.param_groups):
            group["lr"] = self.lr_at(self.last_epoch, i)

    def state_dict(self) -> dict[str, Any]:
        """All that decides the rates, in numbers, strings and lists of them."""
        return {k: deepcopy(v) for k, v in vars(self).items() if k not in self._no_state}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over the state, and set the rates of its step.

        Raises:
            KeyError: the state is that of another kind of schedule. Nothing has been changed then.
            TypeError: something else is given for a number, or for a list of them.
            ValueError: the state is of an optimizer with another number of groups.
        """
        self._expect_state(state_dict)
        self._take(state_dict)
        self._apply()

    def _expect_state(self, state_dict: Mapping[str, Any]) -> None:
        own = set(vars(self)) - self._no_state
        if set(state_dict) != own:
            raise KeyError(
                f"{type(self).__name__}: a state with {sorted(state_dict)} given, "
                f"{sorted(own)} expected"
            )
        for name in own:
            mine, given = (_kinds(values[name]) for values in (vars(self), state_dict))
            nested = (list in mine) == (list in given)
            if mine <= {Real, list} and not (nested and given <= {Real, list}):
                raise TypeError(
                    f"{type(self).__name__}: '{name}' is {state_dict[name]!r:.40} in the state, "
                    f"{'numbers' if list in mine else 'a number'} expected"
                )
        if len(state_dict["base_lrs"]) != len(self.base_lrs):
            raise ValueError(
                f"{type(self).__name__}: a state of {len(state_dict['base_lrs'])} groups given, "
                f"{len(self.base_lrs)} expected"
            )

    def _take(self, state_dict: Mapping[str, Any]) -> None:
        vars(self).update(deepcopy(dict(state_dict)))


class _Advance(NamedTuple):
    """A step of a schedule within a program."""

    schedule: LRScheduler

    def __call__(self) -> None:
        self.schedule._advance()

    def state(self) -> Any:
        return self.schedule.state_dict(), [dict(g) for g in self.schedule.optimizer.param_groups]

    def restore(self, state: Any) -> None:
        own, groups = state
        self.schedule._take(own)
        for group, options in zip(self.schedule.optimizer.param_groups, groups, strict=True):
            group.update(options)


def _kinds(value: Any) -> set[Any]:
    """What kinds of things a value consists of, all numbers being of one."""
    if isinstance(value, list | tuple):
        return {list}.union(*map(_kinds, value))
    return {Real if isinstance(value, Real) else type(value)}
