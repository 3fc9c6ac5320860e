"""What a backward is called with, worked out from the names of its arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import Parameter, signature
from typing import Any

import numpy as np

from autograd.checking.backward.naming import arrives, of_gradient

_CACHES = {"cache", "caches", "ctx", "context", "saved", "memory", "mem", "stash", "state", "tape"}


def cotangent_names(backward: Callable[..., Any], returned: tuple[str | None, ...]) -> list[str]:
    """Names of the forward's results whose gradients the backward takes, as its arguments say."""
    found = []
    for parameter in _parameters(backward):
        found += [of for of in of_gradient(parameter.name) if of in returned][:1]
    return found


def takes_cotangent(backward: Callable[..., Any]) -> bool:
    """Whether an argument of the backward is the gradient of a result, as far as names tell."""
    names = [parameter.name for parameter in _parameters(backward)]
    return any(arrives(name) or of_gradient(name) for name in names)


def arguments_for(
    backward: Callable[..., Any],
    given: Mapping[str, Any],
    cotangents: list[tuple[str | None, Any]],
    parts: list[tuple[str | None, Any]],
    variables: Mapping[str, Any],
    outputs: set[int],
) -> dict[str, Any]:
    """The arguments of a backward, by name.

    Args:
        given: the forward's arguments.
        cotangents: names of results, and their gradients.
        parts: what the forward returned, with the names that it has there.
        variables: those of the forward as it returned.
        outputs: which of the parts are those whose gradients `cotangents` are.

    Raises TypeError where it cannot be told what an argument is.
    """
    found: dict[str, Any] = {}
    rest = list(cotangents)
    spare = [pair for at, pair in enumerate(parts) if at not in outputs]
    results = {name: part for name, part in parts if name is not None}
    unknown: list[Parameter] = []
    parameters = _parameters(backward)
    for parameter in parameters:
        name = parameter.name
        index = next((i for i, (n, _) in enumerate(rest) if n in of_gradient(name)), None)
        if name in results and not (arrives(name) and name not in of_gradient(name) and rest):
            found[name] = results[name]
        elif name in given:
            found[name] = given[name]
        elif index is not None:
            found[name] = rest.pop(index)[1]
        elif name in variables:
            found[name] = variables[name]
        else:
            unknown.append(parameter)
    left = []
    for parameter in unknown:
        if arrives(parameter.name) and rest:
            found[parameter.name] = rest.pop(0)[1]
        else:
            left.append(parameter)
    unknown, left = left, []
    for parameter in unknown:
        if parameter.name.lower() in _CACHES or parameter.name.lower().endswith("cache"):
            if spare:
                found[parameter.name] = spare[-1][1]
                continue
            if parts and not cotangents:
                found[parameter.name] = parts[-1][1]
                continue
        left.append(parameter)
    needed = [p for p in left if p.default is Parameter.empty]
    if len(needed) == len(parameters) == 1 and spare and all(np.size(g) == 1 for _, g in rest):
        found[needed.pop().name] = spare[-1][1]  # of a loss, whose gradient is 1
    if needed and rest and (len(needed) == 1 or of_gradient(needed[0].name)):
        found[needed.pop(0).name] = rest.pop(0)[1]
    elif len(needed) == 2 and len(rest) == 1 and spare:
        found[needed[0].name], found[needed[1].name] = rest[0][1], spare[-1][1]
        needed = []
    if len(needed) == 1 and spare and not found.keys() & {n for n, _ in spare}:
        found[needed.pop().name] = spare[-1][1]
    if needed:
        known = list(dict.fromkeys([*given, *results, *variables]))
        raise TypeError(
            f"check_backward: it cannot be told what {_listed([p.name for p in needed])} of "
            f"{getattr(backward, '__name__', 'backward')} is; known are the gradient of the "
            f"output, and of forward {', '.join(known) or 'nothing'}. Give the arguments of "
            "backward: inputs=lambda dout, returned: (dout, returned[1])"
        )
    return found


def _parameters(backward: Callable[..., Any]) -> list[Parameter]:
    try:
        parameters = list(signature(backward).parameters.values())
    except ValueError:  # written in C
        return []
    return [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]


def _listed(names: list[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)
