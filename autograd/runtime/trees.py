"""Nested lists, tuples and dicts of tensors, as a flat list and back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from autograd.engine.tensor import Tensor


def flatten(tree: Any) -> tuple[list[Any], Callable[[list[Any]], Any]]:
    """The leaves of a tree, left to right, and the function that puts others in their places.

    Lists, tuples (named ones too) and dicts are nodes; everything else is a leaf. Dicts go by their
    own order of keys.
    """
    leaves: list[Any] = []
    return leaves, partial(_rebuild, _structure(tree, leaves))


# Functions of the module, not closures: one that calls itself is a reference cycle.
def _structure(node: Any, leaves: list[Any]) -> Any:
    if isinstance(node, list | tuple):
        return type(node), [_structure(child, leaves) for child in node]
    if isinstance(node, dict):
        return dict, [(key, _structure(child, leaves)) for key, child in node.items()]
    leaves.append(node)
    return None


def _rebuild(structure: Any, values: list[Any]) -> Any:
    return _made(structure, iter(values))


def _made(structure: Any, rest: Iterator[Any]) -> Any:
    if structure is None:
        return next(rest)
    kind, children = structure
    if kind is dict:
        return {key: _made(child, rest) for key, child in children}
    parts = [_made(child, rest) for child in children]
    return kind(*parts) if hasattr(kind, "_fields") else kind(parts)


def is_floating(leaf: Any) -> bool:
    """Whether a leaf of a tree can have a gradient: a float, or an array or tensor of floats."""
    if isinstance(leaf, float):
        return True
    return isinstance(leaf, Tensor | np.ndarray | np.generic) and leaf.dtype.kind == "f"
