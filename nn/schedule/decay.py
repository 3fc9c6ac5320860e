"""Schedules that multiply the rates of the start by a factor: steps, a line, half a cosine."""

from __future__ import annotations

from math import cos, pi

from nn.optim import Optimizer
from nn.schedule.base import LRScheduler


class StepLR(LRScheduler):
    """base gamma^floor(t / step_size) at step t.

    Args:
        optimizer: its groups' rates are set.
        step_size: how many steps one rate lasts.
        gamma: by what it is multiplied then.
        last_epoch: see LRScheduler.
    """

    def __init__(
        self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        if step_size < 1:
            raise ValueError(f"StepLR: step_size={step_size} given, at least 1 expected")
        self.step_size, self.gamma = step_size, self._number("gamma", gamma)
        super().__init__(optimizer, last_epoch)

    def lr_at(self, step: int, group: int = 0) -> float:
        """The rate of a group at step 0, 1, ..."""
        return self.base_lrs[group] * self.gamma ** (step // self.step_size)


class LinearLR(LRScheduler):
    """base times a factor that goes in total_iters steps from start_factor to end_factor, along a
    line, and stays there: a warm-up (Goyal et al. 2017, section 2.2) or a decay.

    Args:
        optimizer: its groups' rates are set.
        start_factor: above 0 up to 1.
        end_factor: from 0 to 1.
        total_iters: the length of the line in steps.
        last_epoch: see LRScheduler.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if not 0 < start_factor <= 1:
            raise ValueError(
                f"LinearLR: start_factor={start_factor} given, above 0 up to 1 expected"
            )
        if not 0 <= end_factor <= 1:
            raise ValueError(f"LinearLR: end_factor={end_factor} given, 0 to 1 expected")
        if total_iters < 1:
            raise ValueError(f"LinearLR: total_iters={total_iters} given, at least 1 expected")
        self.start_factor = self._number("start_factor", start_factor)
        self.end_factor = self._number("end_factor", end_factor)
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def lr_at(self, step: int, group: int = 0) -> float:
        """The rate of a group at step 0, 1, ..."""
        done = min(step, self.total_iters) / self.total_iters
        factor = self.start_factor + (self.end_factor - self.start_factor) * done
        return self.base_lrs[group] * factor


class CosineAnnealingLR(LRScheduler):
    """eta_min + (base - eta_min) (1 + cos(pi t / T_max)) / 2 at step t (Loshchilov & Hutter 2017,
    eq. 5, without restarts): down to eta_min in T_max steps, and up again in as many after them.

    Args:
        optimizer: its groups' rates are set.
        T_max: in steps.
        eta_min: the lowest rate.
        last_epoch: see LRScheduler.
    """

    def __init__(
        self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        if T_max < 1:
            raise ValueError(f"CosineAnnealingLR: T_max={T_max} given, at least 1 expected")
        if not eta_min >= 0:
            raise ValueError(f"CosineAnnealingLR: eta_min={eta_min} given, at least 0 expected")
        self.T_max, self.eta_min = T_max, self._number("eta_min", eta_min)
        super().__init__(optimizer, last_epoch)

    def lr_at(self, step: int, group: int = 0) -> float:
        """The rate of a group at step 0, 1, ..."""
        height = self.base_lrs[group] - self.eta_min
        return self.eta_min + height * (1 + cos(pi * step / self.T_max)) / 2
