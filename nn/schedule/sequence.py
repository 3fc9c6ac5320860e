"""Schedules one after the other."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

from nn.optim import Optimizer
from nn.schedule.base import LRScheduler


class SequentialLR(LRScheduler):
    """The first schedule up to the first milestone, then the second from its own step 0, and so on.

    Args:
        optimizer: that of all schedules.
        schedulers: one more than milestones. They are stepped from here, not by the caller.
        milestones: the steps at which the next schedule begins, in ascending order.
        last_epoch: see LRScheduler.

    Raises:
        ValueError: a schedule of another optimizer, or another number of milestones.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        schedulers: Sequence[LRScheduler],
        milestones: Sequence[int],
        last_epoch: int = -1,
    ) -> None:
        if not schedulers or len(milestones) != len(schedulers) - 1:
            raise ValueError(
                f"SequentialLR: {len(schedulers)} schedules and {len(milestones)} milestones "
                "given, one milestone less than schedules expected"
            )
        if any(schedule.optimizer is not optimizer for schedule in schedulers):
            raise ValueError(
                "SequentialLR: a schedule of another optimizer given, the same expected"
            )
        if sorted(milestones) != list(milestones):
            raise ValueError(f"SequentialLR: milestones {milestones} given, ascending expected")
        self.schedulers, self.milestones = list(schedulers), list(milestones)
        super().__init__(optimizer, last_epoch)

    def lr_at(self, step: int, group: int = 0) -> float:
        """The rate of a group at step 0, 1, ..."""
        schedule, own_step = self._at(step)
        return schedule.lr_at(own_step, group)

    def _at(self, step: int) -> tuple[LRScheduler, int]:
        position = bisect_right(self.milestones, step)
        return self.schedulers[position], step - (self.milestones[position - 1] if position else 0)

    def _apply(self) -> None:
        schedule, own_step = self._at(self.last_epoch)
        schedule.last_epoch = own_step
        schedule._apply()  # it may set more than rates

    _no_state = frozenset({"optimizer", "schedulers"})

    def state_dict(self) -> dict[str, Any]:
        """All that decides the rates, in numbers, strings, and lists and dicts of them."""
        return super().state_dict() | {
            "schedulers": [schedule.state_dict() for schedule in self.schedulers]
        }

    def _expect_state(self, state_dict: Mapping[str, Any]) -> None:
        own, states = dict(state_dict), state_dict.get("schedulers", [])
        own.pop("schedulers", None)
        super()._expect_state(own)
        if len(states) != len(self.schedulers):
            raise ValueError(
                f"SequentialLR: a state of {len(states)} schedules given, "
                f"{len(self.schedulers)} expected"
            )
        for schedule, state in zip(self.schedulers, states, strict=True):
            schedule._expect_state(state)

    def _take(self, state_dict: Mapping[str, Any]) -> None:
        own = dict(state_dict)
        for schedule, state in zip(self.schedulers, own.pop("schedulers"), strict=True):
            schedule._take(state)
        super()._take(own)
