"""Learning rates over the course of a training."""

from __future__ import annotations

from math import cos, inf, pi
from typing import Literal

from nn.optim import SGD


class OneCycleLR:
    """The one-cycle policy (Smith & Topin 2018): up from max_lr / div_factor to max_lr during the
    first `pct_start` of the steps, then down to that start / final_div_factor.

    The same numbers as PyTorch's scheduler of this name with cycle_momentum=False. The rate of the
    first step is set at once; call `step` after each step of the optimizer.

    Args:
        optimizer: its `lr` is set.
        max_lr: the peak, per step.
        total_steps: how many steps the cycle lasts.
        pct_start: the rising part, as a fraction of the steps.
        anneal_strategy: "cos" or "linear".
        div_factor, final_div_factor: as above.

    Raises:
        ValueError: an argument out of range; from `step`, more steps than `total_steps`.
    """

    def __init__(
        self,
        optimizer: SGD,
        max_lr: float,
        total_steps: int,
        pct_start: float = 0.3,
        anneal_strategy: Literal["cos", "linear"] = "cos",
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
    ) -> None:
        if not 0 <= max_lr < inf:
            raise ValueError(f"OneCycleLR: max_lr={max_lr} given, a number from 0 expected")
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
        self.optimizer, self.max_lr, self.total_steps = optimizer, max_lr, total_steps
        self.pct_start, self.anneal_strategy = pct_start, anneal_strategy
        self.start_lr = max_lr / div_factor
        self.final_lr = self.start_lr / final_div_factor
        self.steps = 0
        optimizer.lr = self.lr_at(0)

    def lr_at(self, step: int) -> float:
        """The rate of step 0, 1, ..., total_steps - 1."""
        peak = self.pct_start * self.total_steps - 1
        last = self.total_steps - 1
        if step <= peak:
            return self._between(self.start_lr, self.max_lr, step / peak if peak else 1.0)
        return self._between(self.max_lr, self.final_lr, (step - peak) / (last - peak or 1))

    def _between(self, start: float, end: float, fraction: float) -> float:
        if self.anneal_strategy == "cos":
            return end + (start - end) / 2 * (1 + cos(pi * fraction))
        return start + (end - start) * fraction

    def step(self) -> None:
        """Set the rate of the next step. After the last one it stays where it is."""
        self.steps += 1
        if self.steps > self.total_steps:
            raise ValueError(
                f"OneCycleLR: step {self.steps} of a cycle of {self.total_steps}; "
                "give the real number of steps as total_steps"
            )
        if self.steps < self.total_steps:
            self.optimizer.lr = self.lr_at(self.steps)
