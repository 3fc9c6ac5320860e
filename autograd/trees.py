"""Nested lists, tuples and dicts of tensors, as a flat list and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograd.tensor import Tensor


def flatten(tree: Any) -> tuple[list[Any], Callable[[list[Any]], Any]]:
    """The leaves of a tree, left to right, and the function that puts others in their places.

    Lists, tuples (named ones too) and dicts are nodes; everything else is a leaf. Dicts go by their
    own order of keys.
    """
    leaves: list[Any] = []

    def note(node: Any) -> Any:
        if isinstance(node, list | tuple):
            return type(node), [note(child) for child in node]
        if isinstance(node, dict):
            return dict, [(key, note(child)) for key, child in node.items()]
        leaves.append(node)
        return None

    structure = note(tree)

    def rebuild(values: list[Any]) -> Any:
        rest = iter(values)

        def make(node: Any) -> Any:
            if node is None:
                return next(rest)
            kind, children = node
            if kind is dict:
                return {key: make(child) for key, child in children}
            made = [make(child) for child in children]
            return kind(*made) if hasattr(kind, "_fields") else kind(made)

        return make(structure)

    return leaves, rebuild


def is_floating(leaf: Any) -> bool:
    """Whether a leaf of a tree can have a gradient: a float, or an array or tensor of floats."""
    if isinstance(leaf, float):
        return True
    return isinstance(leaf, Tensor | np.ndarray | np.generic) and leaf.dtype.kind == "f"
