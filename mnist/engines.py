"""What runs a network: the tape, op by op, or a program that `autograd.jit` makes of a function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autograd import Tensor, concatenate, jit
from mnist.models import Vote
from nn import Module
from nn.hooks import has_hooks

ENGINES = ("auto", "tape", "numpy")
_FASTEST = "numpy"
# Of so many images at once programs are made for evaluation: they stay in the cache, and to make
# one takes several times the memory of running it.
_PIECE = 100


def settled(engine: str) -> str:
    """The engine that a name means today: what a training that goes on later is to keep."""
    return _FASTEST if engine == "auto" else engine


def run_by(engine: str, model: Module, f: Callable[..., Any]) -> Callable[..., Any]:
    """f, a function of a network, as an engine runs it; with hooks in the network, which Python
    runs, as it is."""
    if settled(engine) == "tape":
        return f
    program = jit(f, backend="numpy")

    def run(*args: Any) -> Any:
        return (f if has_hooks(model) else program)(*args)

    return run


def scoring(engine: str, model: Module) -> Callable[[Tensor], Tensor]:
    """The network as a function of any number of images (N, 1, 28, 28), without gradients."""
    if settled(engine) == "tape" or isinstance(model, Vote):
        return model
    run = run_by(engine, model, lambda x: model(x))

    def scores(x: Tensor) -> Tensor:
        pieces = [run(x[start : start + _PIECE]) for start in range(0, len(x), _PIECE)]
        return concatenate(pieces) if len(pieces) > 1 else pieces[0]

    return scores
