"""What runs a network: the tape, op by op, or a program that `autograd.jit` makes of a function."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

from autograd import Tensor, concatenate, native
from autograd.jitting.jit import Jitted
from mnist.models import Vote
from nn import Module
from nn.hooks import has_hooks

ENGINES = ("auto", "tape", "numpy", "c")
# Of so many images at once programs are made for evaluation: they stay in the cache, and to make
# one takes several times the memory of running it.
_PIECE = 100


def settled(engine: str) -> str:
    """The engine that a name means here and today: what a training that goes on later is to keep.

    The fastest is C, where there is a compiler; without one it is NumPy. A warning says why C that
    was asked for, or that a run began with, is not there.
    """
    if engine not in ("auto", "c"):
        return engine
    with warnings.catch_warnings():
        if engine == "c":  # which is told below, once
            warnings.simplefilter("ignore", native.NativeWarning)
        why = native.unavailable()
    if why is not None and engine == "c":
        told = f"engine c: there is no C here, NumPy runs the programs, and rounds otherwise: {why}"
        warnings.warn(told, native.NativeWarning, stacklevel=2)
    return "c" if why is None else "numpy"


def run_by(engine: str, model: Module, f: Callable[..., Any]) -> Callable[..., Any]:
    """f, a function of a network, as an engine runs it; with hooks in the network, which Python
    runs, as it is."""
    engine = settled(engine)
    if engine == "tape":
        return f
    # A program that was made without hooks does not fit once there are some.
    return Jitted(f, backend="c" if engine == "c" else "numpy", plainly=partial(has_hooks, model))


def scoring(engine: str, model: Module) -> Callable[[Tensor], Tensor]:
    """The network as a function of any number of images (N, 1, 28, 28), without gradients."""
    if settled(engine) == "tape" or isinstance(model, Vote):
        return model
    run = run_by(engine, model, lambda x: model(x))

    def scores(x: Tensor) -> Tensor:
        pieces = [run(x[start : start + _PIECE]) for start in range(0, len(x), _PIECE)]
        return concatenate(pieces) if len(pieces) > 1 else pieces[0]

    return scores
