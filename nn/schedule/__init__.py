"""Learning rates over the course of a training."""

from nn.schedule.base import LRScheduler
from nn.schedule.decay import CosineAnnealingLR, LinearLR, StepLR
from nn.schedule.onecycle import OneCycleLR
from nn.schedule.sequence import SequentialLR

__all__ = [
    "CosineAnnealingLR",
    "LRScheduler",
    "LinearLR",
    "OneCycleLR",
    "SequentialLR",
    "StepLR",
]
