"""Which variable of the forward the name of a gradient means."""

from __future__ import annotations

import re
from collections.abc import Iterable

_GRADIENTS = [
    re.compile(r"d(?:L|J|E|C|loss|cost)_?d_?(?P<of>.+)"),
    re.compile(r"(?:d|grad|grads|gradient|delta|del|nabla|g|bar|adj|∂)_(?:of_|wrt_)?(?P<of>.+)"),
    re.compile(r"(?:d|∂|grad|delta|nabla)(?P<of>[^_].*)"),
    re.compile(r"(?P<of>.+?)_?(?:grads?|gradients?|delta|bar)"),
    re.compile(r"(?P<of>.+)_d"),
    re.compile(r"g(?P<of>[A-Za-z]\d?)"),
]
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
