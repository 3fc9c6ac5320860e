"""What names mean: which variable a gradient is of, and what a backward is to be called with."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from inspect import Parameter, signature
from typing import Any

import numpy as np

_GRADIENTS = [
    re.compile(r"d(?:L|J|E|C|loss|cost)_?d_?(?P<of>.+)"),
    re.compile(r"(?:d|grad|grads|gradient|delta|del|nabla|g|bar|adj|∂)_(?:of_|wrt_)?(?P<of>.+)"),
    re.compile(r"(?:d|∂|grad|delta|nabla)(?P<of>[^_].*)"),
    re.compile(r"(?P<of>.+?)_?(?:grads?|gradients?|delta|bar)"),
    re.compile(r"(?P<of>.+)_d"),
    re.compile(r"g(?P<of>[A-Za-z]\d?)"),
]
_CACHES = {"cache", "caches", "ctx", "context", "saved", "memory", "mem", "stash", "state", "tape"}
_DELTA = re.compile(r"(?:delta|error)_?(?P<of>\d+)")
_TOGETHER = {"grad", "grads", "gradient", "gradients", "dparams", "nabla", "derivatives"}
_ARRIVING = {
    *("dout", "dy", "grad", "grad_output", "grad_out", "gradoutput", "output_gradient", "dvalues"),
    *("upstream", "dupstream", "dl", "dloss", "delta", "g", "gradient", "error", "d", "dprev"),
    *("output_grad", "out_grad", "grad_y", "douts", "upstream_grad", "upstream_gradient", "eta"),
    *("dnext", "next_grad", "accum_grad", "output_error", "grad_outputs", "dlout", "gy", "dh"),
}
_NEXT = ("next", "new", "cur", "curr", "current", "t")
_SAME = [
    {"w", "weights", "weight", "ws", "kernel", "kernels"},
    {"b", "bias", "biases", "bs"},
    {"x", "input", "inputs", "xs", "in"},
    {"out", "output", "outputs"},
]


def of_gradient(name: str) -> list[str]:
    """The names that a gradient of this name may be of, the likeliest first."""
    found = [m["of"] for pattern in _GRADIENTS if (m := pattern.fullmatch(name))]
    numbered = _DELTA.fullmatch(name)
    if numbered:
        found = [f"z{numbered['of']}", f"a{numbered['of']}", *found]
    return list(dict.fromkeys(found))


def of_entry(name: str, group: str | None) -> list[str]:
    """The same of an entry of a dict or list, or of a variable where `group` is None."""
    if group is None or name == group:  # in a list, or by a number
        return of_gradient(name)
    together = group.lower() in _TOGETHER or bool(of_gradient(group))
    return [*of_gradient(name), *([name] if together else [])]


def arrives(name: str) -> bool:
    """Whether an argument of this name is likely the gradient of the output."""
    return name.lower() in _ARRIVING


def looked_up(name: str, known: Iterable[str]) -> list[str]:
    """Which of the known names a name means: itself, or one that is written a little otherwise."""
    known = list(dict.fromkeys(known))
    if name in known:
        return [name]
    found = [other for other in known if _folded(other) == _folded(name)]
    if not found:
        alike = {_folded(name), _folded(name) + "s", _folded(name).removesuffix("s")}
        for same in _SAME:
            if _folded(name) in same:
                alike |= same
        found = [other for other in known if _folded(other) in alike]
    if not found:  # c for next_c, of a step
        found = [other for other in known if _folded(name) in _stepped(_folded(other))]
    if not found and len(name) > 1:  # var for sample_var
        found = [other for other in known if other.rpartition("_")[2] == name]
    return found


def _stepped(name: str) -> set[str]:
    return {name.removeprefix(w) for w in _NEXT} | {name.removesuffix(w) for w in _NEXT}


def without_number(name: str) -> str | None:
    """The name that a part of a gradient is of: `xmu` for `xmu1` and `xmu_2`."""
    match = re.fullmatch(r"(.*[A-Za-z])_?(?:\d|a|b|from_\w+|part\d*)", name)
    return match[1] if match else None


def _folded(name: str) -> str:
    return name.replace("_", "").lower()


def cotangent_names(backward: Callable[..., Any], returned: tuple[str | None, ...]) -> list[str]:
    """Names of the forward's results whose gradients the backward takes, as its arguments say."""
    found = []
    for parameter in _parameters(backward):
        found += [of for of in of_gradient(parameter.name) if of in returned][:1]
    return found


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
    parameters = _parameters(backward)
    called = getattr(backward, "__name__", "backward")
    if not parameters and any(array.size > 1 for _, array in cotangents):
        raise TypeError(
            f"check_backward: {called} takes no gradient of the output, which has shape "
            f"{cotangents[0][1].shape}: give as forward a function that returns the loss that it "
            "differentiates, forward=lambda x, y: loss(net.forward(x), y)"
        )
    found: dict[str, Any] = {}
    rest = list(cotangents)
    spare = [pair for at, pair in enumerate(parts) if at not in outputs]
    results = {name: part for name, part in parts if name is not None}
    left: list[Parameter] = []
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
            left.append(parameter)
    for parameter in list(left):
        name = parameter.name
        cache = name.lower() in _CACHES or name.lower().endswith("cache")
        if arrives(name) and rest:
            found[name] = rest.pop(0)[1]
        elif cache and (spare or (parts and not cotangents)):
            found[name] = (spare or parts)[-1][1]
        else:
            continue
        left.remove(parameter)
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
        asked = ", ".join(f"'{p.name}'" for p in needed)
        raise TypeError(
            f"check_backward: it cannot be told what {asked} of "
            f"{called} is; known are the gradient of the output, and of forward "
            f"{', '.join(known) or 'nothing'}. Give the arguments of backward: "
            "inputs=lambda dout, returned: (dout, returned[1])"
        )
    return found


def _parameters(backward: Callable[..., Any]) -> list[Parameter]:
    try:
        parameters = list(signature(backward).parameters.values())
    except ValueError:  # written in C
        return []
    return [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
