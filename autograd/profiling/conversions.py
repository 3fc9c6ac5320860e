"""Where a tensor became a number though nobody said so: `buffer[i] = t`, `math.exp(t)`."""

from __future__ import annotations

import ast
import cmath
import linecache
import math
import warnings
from itertools import islice
from opcode import opmap
from types import FrameType
from typing import Any

import numpy as np

from autograd.engine.tensor import Tensor

_STORES = opmap.get("STORE_SUBSCR")
_STORING = {
    "numpy",
    "array",
    "_struct",
    "_operator",
}  # whose functions keep but the number
_SAYING = {"float", "int", "complex"}
_TELLING = {"isnan", "isinf", "isfinite", "isclose", "floor", "ceil", "trunc"}  # of no use to rules


class LostGradientWarning(UserWarning):
    """Debug mode saw a tensor that wants a gradient become a number, where nobody asked for one."""


def warn_of_conversion(tensor: Tensor, frame: FrameType) -> None:
    """Warn, at the line of the frame that had `tensor` converted by `__float__` or `__int__`.

    A call of `float` or `int` says what it does. An array's element that is assigned to, and a
    function of `math`, call them as well, and only the instruction that runs tells them apart.
    """
    inner = frame
    while frame.f_back is not None and _module(frame) == "numpy":
        frame = frame.f_back
    if frame is not inner:
        what = "given to a function of NumPy as an option: use autograd's function of that name"
    elif frame.f_code.co_code[frame.f_lasti] == _STORES:
        what = "assigned to an element of an array: stack tensors instead, or use index_update"
    else:
        called = _called(frame)
        owner, name = getattr(called, "__self__", None), getattr(called, "__name__", "")
        if (owner is math or owner is cmath) and name not in _TELLING:
            what = f"given to {owner.__name__}.{name}: use a function of autograd instead"
        elif isinstance(owner, np.ndarray):
            what = f"given to the method '{name}' of an array: use broadcast_to or stack instead"
        elif (getattr(called, "__module__", None) or "").partition(".")[0] in _STORING:
            what = f"given to '{name}' of '{called.__module__}': use astype, or stack instead"
        else:
            return
    made = f" made by '{tensor.op_name}'" if tensor.op_name else ""
    warnings.warn_explicit(
        f"a tensor of shape {tensor.shape}{made} became a number, and its gradient is lost, as it "
        f"was {what}; or write float(t) where a number is meant",
        LostGradientWarning,
        frame.f_code.co_filename,
        frame.f_lineno,
        frame.f_globals.get("__name__"),
        frame.f_globals.setdefault("__warningregistry__", {}),
    )


def _module(frame: FrameType) -> str:
    """The package whose code runs there."""
    name = frame.f_globals.get("__name__") or ""
    return str(name).partition(".")[0]


def _called(frame: FrameType) -> Any:
    """What the running instruction calls, where its source can be read, and is but a name, or an
    attribute that can be looked up without running anything."""
    code = frame.f_code
    if not hasattr(code, "co_positions"):  # Python 3.10
        return _called_on_line(frame)
    line, end_line, begin, end = next(islice(code.co_positions(), frame.f_lasti // 2, None))
    lines = [text.encode() for text in linecache.getlines(code.co_filename)[line - 1 : end_line]]
    if not lines or None in (begin, end):
        return None
    lines[-1] = lines[-1][:end]  # first, as there may be one line only
    lines[0] = lines[0][begin:]
    try:
        call = ast.parse(b"(" + b"".join(lines) + b")", mode="eval").body
    except SyntaxError:  # the file has changed
        return None
    return _value(call.func, frame) if isinstance(call, ast.Call) else None


def _called_on_line(frame: FrameType) -> Any:
    """What the running line calls, where it calls but one thing that can be looked up, and nobody
    says what becomes of the tensor."""
    line = linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip()
    try:
        tree = ast.parse(line + " pass" if line.endswith(":") else line)
    except SyntaxError:  # a line within a longer statement
        return None
    functions = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    said = [f.id for f in functions if isinstance(f, ast.Name) and f.id in _SAYING]
    found = [value for f in functions if (value := _value(f, frame)) is not None]
    return found[0] if len(found) == 1 and not said else None


def _value(node: ast.expr, frame: FrameType) -> Any:
    if isinstance(node, ast.Name):
        return frame.f_locals.get(node.id, frame.f_globals.get(node.id))
    if not isinstance(node, ast.Attribute):
        return None
    owner = _value(node.value, frame)
    if isinstance(owner, np.ndarray | np.dtype):
        return getattr(owner, node.attr, None)
    return getattr(owner, "__dict__", {}).get(node.attr)
