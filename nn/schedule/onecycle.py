"""The one-cycle policy."""

from __future__ import annotations

from collections.abc import Sequence
from math import cos, inf, pi
from typing import Literal

from nn.functional.arguments import number
from nn.optim import Optimizer
from nn.schedule.base import LRScheduler


class OneCycleLR(LRScheduler):
    """The one-cycle policy (Smith & Topin 2018): up from max_lr / div_factor to max_lr during the
    first `pct_start` of the steps, then down to that start / final_div_factor.

    The numbers of PyTorch's scheduler of this name, where total_steps may be given as
    epochs * steps_per_epoch as well. But cycle_momentum is off unless asked for, and past the last
    step the rate stays where it is.

    Args:
        optimizer: its groups' rates are set.
        max_lr: the peak, per step; one for all groups, or one for each.
        total_steps: how many steps the cycle lasts.
        epochs, steps_per_epoch: their product takes the place of total_steps.
        pct_start: the rising part, as a fraction of the steps.
        anneal_strategy: "cos" or "linear".
        cycle_momentum: whether momentum, or Adam's first beta, goes the other way: from
            max_momentum down to base_momentum while the rate rises, and up again.
        base_momentum, max_momentum: one for all groups, or one for each.
        div_factor, final_div_factor: as above.
        three_phase: whether the way down mirrors the way up, and a third phase goes on from the
            start's rate to the last.
        last_epoch: see LRScheduler.

    Raises:
        ValueError: an argument out of range; from `step`, more steps than `total_steps`.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | Sequence[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: Literal["cos", "linear"] = "cos",
        cycle_momentum: bool = False,
        base_momentum: float | Sequence[float] = 0.85,
        max_momentum: float | Sequence[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        if total_steps is None:
            if epochs is None or steps_per_epoch is None:
                raise ValueError(
                    f"OneCycleLR: total_steps=None, epochs={epochs} and "
                    f"steps_per_epoch={steps_per_epoch} given, the first or both others expected"
                )
            total_steps = epochs * steps_per_epoch
        for name, factor in (("div_factor", div_factor), ("final_div_factor", final_div_factor)):
            if not factor > 0:
                raise ValueError(f"OneCycleLR: {name}={factor} given, a number above 0 expected")
        if total_steps < 1:
            raise ValueError(f"OneCycleLR: total_steps={total_steps} given, at least 1 expected")
        if not 0 <= pct_start <= 1:
            raise ValueError(f"OneCycleLR: pct_start={pct_start} given, 0 to 1 expected")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                f"OneCycleLR: anneal_strategy '{anneal_strategy}' given, cos or linear expected"
            )
        groups = len(optimizer.param_groups)
        self.max_lrs = _for_each("max_lr", max_lr, groups, inf)
        self.base_momentums = _for_each("base_momentum", base_momentum, groups, 1)
        self.max_momentums = _for_each("max_momentum", max_momentum, groups, 1)
        if cycle_momentum and not {"momentum", "betas"} & set(optimizer.defaults):
            raise ValueError(
                f"OneCycleLR: cycle_momentum=True given for {type(optimizer).__name__}, "
                "an optimizer with momentum or betas expected"
            )
        self.total_steps, self.cycle_momentum = total_steps, cycle_momentum
        self.pct_start, self.three_phase = self._number("pct_start", pct_start), three_phase
        self.anneal_strategy = anneal_strategy
        self.final_div_factor = self._number("final_div_factor", final_div_factor)
        if last_epoch == -1:
            for group, peak in zip(optimizer.param_groups, self.max_lrs, strict=True):
                group["initial_lr"] = peak / self._number("div_factor", div_factor)
        super().__init__(optimizer, last_epoch)

    def lr_at(self, step: int, group: int = 0) -> float:
        """The rate of a group at step 0, 1, ..., total_steps - 1."""
        start, peak = self.base_lrs[group], self.max_lrs[group]
        end = start / self.final_div_factor
        return self._between(
            step, [start, peak, start, end] if self.three_phase else [start, peak, end]
        )

    def momentum_at(self, step: int, group: int = 0) -> float:
        """The momentum of a group at step 0, 1, ..., total_steps - 1, if it is cycled."""
        high, low = self.max_momentums[group], self.base_momentums[group]
        return self._between(
            step, [high, low, high, high] if self.three_phase else [high, low, high]
        )

    def _between(self, step: int, values: list[float]) -> float:
        """The value at a step: values[0] at the start, each next one at the end of a phase."""
        rise = self.pct_start * self.total_steps
        ends = [rise - 1, *([2 * rise - 2] if self.three_phase else []), self.total_steps - 1]
        step = min(step, self.total_steps - 1)
        phase = next((i for i, end in enumerate(ends) if step <= end), len(ends) - 1)
        begin = ends[phase - 1] if phase else 0.0
        length = ends[phase] - begin
        # The first phase may be a single step; it is that of the peak then.
        fraction = (step - begin) / length if length else 1.0
        first, last = values[phase], values[phase + 1]
        if self.anneal_strategy == "cos":
            return last + (first - last) / 2 * (1 + cos(pi * fraction))
        return first + (last - first) * fraction

    def _advance(self) -> None:
        if self.last_epoch >= self.total_steps:
            raise ValueError(
                f"OneCycleLR: step {self.last_epoch + 1} of a cycle of {self.total_steps}; "
                "give the real number of steps as total_steps"
            )
        super()._advance()

    def _apply(self) -> None:
        super()._apply()
        if self.cycle_momentum:
            for i, group in enumerate(self.optimizer.param_groups):
                momentum = self.momentum_at(self.last_epoch, i)
                if "betas" in group:
                    group["betas"] = (momentum, group["betas"][1])
                else:
                    group["momentum"] = momentum


def _for_each(name: str, value: float | Sequence[float], groups: int, limit: float) -> list[float]:
    values = list(value) if isinstance(value, Sequence) else [value] * groups
    if len(values) != groups:
        raise ValueError(f"OneCycleLR: {name}={value} given, one for each of {groups} expected")
    for each in values:
        if not 0 <= each < limit:
            raise ValueError(f"OneCycleLR: {name}={each} given, from 0 to below {limit} expected")
    return [number("OneCycleLR", name, each) for each in values]
