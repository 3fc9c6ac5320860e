"""Nested lists, tuples and dicts of tensors, as a flat list and back, and one beside another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from autograd.engine.tensor import Tensor

_PLAIN = (Tensor, np.ndarray, np.generic, int, float, complex, str, bytes, type(None))


def flatten(tree: Any) -> tuple[list[Any], Callable[[list[Any]], Any]]:
    """The leaves of a tree, left to right, and the function that puts others in their places.

    Lists, tuples (named ones too) and dicts are nodes, and so are those of classes derived from
    them, which come back as what they were; everything else is a leaf. Dicts go by their own order
    of keys.

    Raises ValueError for a tree that holds itself, or has more than 200 levels.
    """
    leaves: list[Any] = []
    return leaves, partial(_rebuild, _structure(tree, leaves))


# Functions of the module, not closures: one that calls itself is a reference cycle.
def _structure(node: Any, leaves: list[Any], depth: int = 0) -> Any:
    children = _children(node)
    if children is None:
        leaves.append(node)
        return None
    if depth == 200:  # Python's own limit would be met in between
        raise ValueError(
            f"a {type(node).__name__} that holds itself, or is nested deeper than 200 levels, was "
            "given; a tree of lists, tuples and dicts expected"
        )
    model = type(node) if type(node) in (list, tuple, dict) else node
    return model, [(key, _structure(child, leaves, depth + 1)) for key, child in children.items()]


def _children(node: Any) -> dict[Any, Any] | None:
    """What is in a node, by key, field or number; None for a leaf."""
    if isinstance(node, dict):
        return node
    if isinstance(node, list | tuple):
        return dict(zip(getattr(node, "_fields", range(len(node))), node, strict=True))
    return None


def _rebuild(structure: Any, values: list[Any]) -> Any:
    return _made(structure, iter(values))


def _made(structure: Any, rest: Iterator[Any]) -> Any:
    if structure is None:
        return next(rest)
    model, children = structure
    parts = {key: _made(child, rest) for key, child in children}
    if model is dict:
        return parts
    if isinstance(model, type):
        return model(parts.values())
    if isinstance(model, tuple):
        return tuple.__new__(type(model), parts.values())  # whatever its class asks for
    from copy import copy  # slow to import, and seldom needed

    made = copy(model)  # with its other attributes
    made.clear()
    made.update(parts) if isinstance(made, dict) else made.extend(parts.values())
    return made


def matched(reference: Any, given: Any, name: str) -> Iterator[tuple[str, Any, Any]]:
    """The leaves of `reference`, each with what `given` has in its place, and that place's name.

    Dicts are paired by key. Raises ValueError where the structures differ, and says where.
    """
    expected, found = _children(reference), _children(given)
    if expected is None and found is None:
        yield name, reference, given
        return
    if expected is None or found is None or _sort(reference) != _sort(given):
        raise ValueError(f"{name} is {_described(given)}, {_described(reference)} expected")
    if found.keys() != expected.keys():
        raise ValueError(f"{name} has {_keys(given)}, {_keys(reference)} expected")
    for key, child in expected.items():
        yield from matched(child, found[key], f"{name}[{key!r}]")


def named_leaves(f: Callable[..., Any], args: tuple[Any, ...]) -> Iterator[tuple[str, Any]]:
    """The leaves of positional arguments, and where each stands: "x", "args[1]['W']"."""
    from inspect import Parameter, signature  # slow to import, and seldom needed

    try:
        parameters = [
            p.name
            for p in signature(f).parameters.values()
            if p.kind in (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
        ]
    except (TypeError, ValueError):
        parameters = []
    for i, arg in enumerate(args):
        name = parameters[i] if i < len(parameters) else f"args[{i}]"
        for path, leaf, _ in matched(arg, arg, name):
            yield path, leaf


def _sort(node: Any) -> str:
    if isinstance(node, dict):
        return "dict"
    return "list" if isinstance(node, list) else "tuple"


def _keys(node: Any) -> str:
    if isinstance(node, dict):
        return f"the keys {list(node)}"
    return f"the fields {node._fields}" if hasattr(node, "_fields") else f"{len(node)} parts"


def _described(value: Any) -> str:
    if _children(value) is not None:
        return f"a {_sort(value)} with {_keys(value)}"
    if isinstance(value, Tensor | np.ndarray | np.generic):
        return f"a leaf of shape {value.shape}"
    return f"a leaf, {type(value).__name__}"


def expect_function(name: str, f: Any) -> None:
    """Raise TypeError for what cannot be called; a tensor, say, where f(x) was given for f."""
    if not callable(f):
        raise TypeError(
            f"{name}: {type(f).__name__} given, a function expected: {name}(f), not of f(x)"
        )


def returned(result: Any, name: str) -> tuple[list[Any], Callable[[list[Any]], Any]]:
    """`flatten` of what a function returned, which may hold no more than numbers and text.

    Raises TypeError where a tensor could be in something that is not looked into.
    """
    leaves, rebuild = flatten(result)
    for leaf in leaves:
        if not is_plain(leaf):
            objects = isinstance(leaf, np.ndarray)
            what = "an array of objects" if objects else type(leaf).__name__
            raise TypeError(
                f"{name}: the function returned {what}; tensors, arrays, numbers, and lists, "
                "tuples and dicts of them expected: a tensor inside anything else would lose its "
                "gradient"
            )
    return leaves, rebuild


def is_plain(leaf: Any) -> bool:
    """Whether a leaf is looked into: no tensor can be hidden in it."""
    if isinstance(leaf, np.ndarray) and leaf.dtype.hasobject:
        return False
    return isinstance(leaf, _PLAIN)


def is_floating(leaf: Any) -> bool:
    """Whether a leaf of a tree can have a gradient: a float, or an array or tensor of floats."""
    if isinstance(leaf, float):
        return True
    return isinstance(leaf, Tensor | np.ndarray | np.generic) and leaf.dtype.kind == "f"
