"""Trainings: what a step does, the epochs around it, several processes, several networks."""

from mnist.training.learning import TrainingError
from mnist.training.loop import Run, Training
from mnist.training.starting import resume, train

__all__ = ["Run", "Training", "TrainingError", "resume", "train"]
