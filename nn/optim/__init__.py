"""Optimizers: they bind parameters to new arrays, and never write into one that a tape may hold."""

from nn.optim.adaptive import Adagrad, Adam, AdamW, RMSprop
from nn.optim.base import Optimizer
from nn.optim.descent import SGD

__all__ = ["SGD", "Adagrad", "Adam", "AdamW", "Optimizer", "RMSprop"]
