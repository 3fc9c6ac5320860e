"""PyTorch's side once more, by its compiler: network and loss, with the sweep that it derives."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import torch
from benchmarks import layered, on_pytorch

VERSION = on_pytorch.VERSION

LIBRARY = replace(on_pytorch.LIBRARY, compiled=torch.compile)

# Not the chain: the compiler would take minutes for its thousand links.
TASKS = {name: partial(layered.TASKS[name], LIBRARY) for name in ("step", "whole", "inference")}
