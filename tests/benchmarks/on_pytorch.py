"""PyTorch's side, eager."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from benchmarks import layered
from benchmarks.layered import Library, Timed

VERSION = f"{torch.__version__}, {torch.backends.cpu.get_cpu_capability()}"

LIBRARY = Library(
    nn=torch.nn,
    sgd=torch.optim.SGD,
    tensor=torch.tensor,
    leaf=lambda array: torch.tensor(array, requires_grad=True),
    plain=torch.tensor,
    tensor_of=torch.tensor,
    array=lambda tensor: tensor.numpy(),
    no_grad=torch.no_grad,
    logsumexp=torch.logsumexp,
    seed=torch.manual_seed,
    inference=torch.inference_mode,
    lstm=torch.nn.LSTM,
)


def epoch(folder: str, settings: dict[str, Any], engine: str) -> Timed:
    """The same in PyTorch, which has no other engine."""
    from benchmarks import torch_epoch

    return partial(torch_epoch.run, LIBRARY.prepared("w1", {}), folder, **settings)


TASKS: dict[str, Callable[..., Timed]] = {
    **{name: partial(task, LIBRARY) for name, task in layered.TASKS.items()},
    "epoch": epoch,
}
