"""The table of the functions that are there in C: text, needs, bound and source of each.

The C lies in the files beside this one, so that it can be read, compiled and coloured as C. A
function there follows a comment that begins with its name, and says its bound, if it has one:

    /* pb_exp_f32: within 1.1 ulp.
       How, and where its coefficients are from. */
    PB_INLINE float pb_exp_f32(float x) {
        ...
    }

and ends at the first brace at the beginning of a line. What it needs is seen in its text.

They are written so that a loop which calls them becomes vectors: without branches, with both sides
of a choice computed, numbers rounded by adding and subtracting, powers of two made of bits. Parts
that round as C says are kept so by all compilers that are not told to be careless; the bounds hold
whether products and sums are fused or not.

Coefficients are of polynomials whose largest error, as the comment measures it, is the least that
there is. They were found by Remez's exchange algorithm in 60 digits, and rounded; the error that a
comment states is that after rounding, and a test measures it again.

Functions with "near" in their name are right in a domain only. Where a loop can be sure of it, or
look at all its arguments first, they are faster: exp_near saves two steps, sin_near, cos_near and
tan_near half of the time in float32, and in float64 they become vectors, which sin, cos and tan do
not. Neither do power of float64, remainder and floor_divide, which call the C library.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

_FUNCTION = re.compile(r"^/\* (pb_\w+): (.*?) \*/\n(PB_INLINE .*?^\}\n)", re.DOTALL | re.MULTILINE)
_BOUND = re.compile(r"(?:within ([\d.]+) ulp|exact)\b")
_DOMAIN = re.compile(r"within [\d.]+ ulp for x from (-?\d+) to (\d+)\.")

# A compiler that counts instructions would leave large functions calls, and loops no vectors.
INCLUDES = """\
#include <stdint.h>
#define PB_INLINE static inline __attribute__((always_inline))
"""


@dataclass(frozen=True)
class Function:
    """A function in C.

    Attributes:
        name: such as pb_exp_f32.
        text: its definition, with the comment.
        needs: names of the functions that it calls.
        bound: how far a result may be from the true value, in units in the last place of that: 0
            where it is exact, None for parts of others. Where a sum may cancel the comment says in
            units of what else it is.
        domain: the first and the last x for which that holds, None for all of them.
        arguments: how many it has.
        note: what the comment says of it.
    """

    name: str
    text: str = field(repr=False)
    needs: tuple[str, ...]
    bound: float | None
    domain: tuple[float, float] | None
    arguments: int
    note: str = field(repr=False)


def _read(text: str) -> Iterable[Function]:
    for found in _FUNCTION.finditer(text):
        name, note, body = found.groups()
        called = dict.fromkeys(re.findall(r"\bpb_\w+", body))
        needs = tuple(other for other in called if other != name)
        bound = _BOUND.match(note)
        limit = float(bound[1] or 0) if bound else None
        domain = _DOMAIN.match(note)
        ends = (float(domain[1]), float(domain[2])) if domain else None
        arguments = body[: body.index("{")].count(",") + 1
        said = " ".join(note.split())
        yield Function(name, found.group(), needs, limit, ends, arguments, said)


FUNCTIONS = {
    function.name: function
    for file in sorted(Path(__file__).parent.glob("*.c"))
    for function in _read(file.read_text(encoding="utf-8"))
}

_LIBRARY = re.compile(r"\b__builtin_(?:sin|cos|tan|pow|fmod)f?\b")  # called, or pointed to


def is_vector(name: str) -> bool:
    """Whether loops that call a function can become vectors: none calls the C library.

    Example:
        >>> is_vector("pb_exp_f64"), is_vector("pb_power_f64")
        (True, False)
    """
    function = FUNCTIONS.get(name)
    if function is None or _LIBRARY.search(function.text):
        return False
    return all(map(is_vector, function.needs))


SUFFIXES = {np.dtype(np.float32): "f32", np.dtype(np.float64): "f64"}


def is_function(name: str) -> bool:
    """Whether pb_{name}_f32 and pb_{name}_f64 are for use, and not parts of others."""
    both = [FUNCTIONS.get(f"pb_{name}_{suffix}") for suffix in SUFFIXES.values()]
    return all(function is not None and function.bound is not None for function in both)


def needed(names: Iterable[str]) -> str:
    """The text of these functions and of what they need, each once, in an order that compiles.

    Args:
        names: such as pb_exp_f32.

    Raises:
        KeyError: there is no such function.

    Example:
        >>> needed(["pb_sqrt_f32"]).splitlines()[-1]
        '}'
    """
    texts: dict[str, str] = {}

    def add(name: str) -> None:
        if name not in texts:
            function = FUNCTIONS[name]
            for other in function.needs:
                add(other)
            texts[name] = function.text

    for name in names:
        add(name)
    return "\n".join([INCLUDES, *texts.values()])
