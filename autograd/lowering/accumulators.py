"""Partial results of reductions, in arrays that are seen in the text: compilers may work in vectors
without changing what is computed."""

from __future__ import annotations

import numpy as np

from autograd.lowering.lines import Lines, indented
from autograd.lowering.nests import Nest
from autograd.lowering.types import C_TYPES, literal

# Short loops are written out by GCC before it looks for vectors, and a choice is a jump then.
_VECTOR, _AS_VECTOR = 4, "#pragma GCC unroll 1"

_LEVELS, _TOTALS = 4, 32  # of totals of a long sum, and how many of one level are one of the next


class Accumulators:
    """So many partial results of one reduction, in the arrays acc and, of places, where.

    Args:
        nest: what reduces; others of the same numbers may use the same ones.
        made: the name of each number.
        place: the text of where that is.
        name: is put behind those of the arrays.
    """

    def __init__(self, nest: Nest, made: str, place: str, name: str) -> None:
        self._made, self._place, self.dtype = made, place, nest.expression.dtype
        self.kind, self._with_places = nest.kind.removeprefix("arg"), False
        self._acc, self._where, self._total = f"acc{name}", f"where{name}", f"total{name}"
        self._type = C_TYPES[self.dtype]

    def also(self, nest: Nest) -> None:
        """Another that is to use them."""
        self._with_places |= nest.kind.startswith("arg")

    def taken(self, nest: Nest, lane: str) -> str:
        """The result of a nest in an accumulator."""
        return f"{self._where if nest.kind.startswith('arg') else self._acc}[{lane}]"

    def declared(self, lanes: int, summed: bool) -> Lines:
        """The arrays; of a sum that is `summed` in parts also that of totals, of zeros."""
        if summed and self.kind == "sum":
            arrays = f"{self._type} {self._acc}[{lanes}], {self._total}[{_LEVELS}][{lanes}];"
            zeros = f"{each(lanes)} {self._total}[k][l] = {self._first()};"
            return [arrays, f"for (long k = 0; k < {_LEVELS}; k++) {zeros}"]
        lines = [f"{self._type} {self._acc}[{lanes}];"]
        fill = f"{self._acc}[l] = {self._first()};"
        if self._with_places:
            lines.append(f"int32_t {self._where}[{lanes}];")
            fill = f"{{ {fill} {self._where}[l] = 0; }}"
        return [*lines, f"{each(lanes)} {fill}"]

    def emptied(self, lanes: int) -> Lines:
        """Before a part of a sum."""
        return [f"{each(lanes)} {self._acc}[l] = {self._first()};"] * (self.kind == "sum")

    def totalled(self, lanes: int) -> Lines:
        """After a part of a sum, which is the `count`th: so many totals become one of the next
        level, so that no number is the sum of many others, one after the other."""
        if self.kind != "sum":
            return []
        total, last = self._total, _LEVELS - 1
        return [
            f"{each(lanes)} {total}[0][l] += {self._acc}[l];",
            f"for (long k = 0, c = count; k < {last} && c % {_TOTALS} == 0; c /= {_TOTALS}) {{",
            "    k++;",
            f"    {each(lanes)} {total}[k][l] += {total}[k - 1][l];",
            f"    {each(lanes)} {total}[k - 1][l] = {self._first()};",
            "}",
        ]

    def ended(self, lanes: int) -> Lines:
        """After all parts."""
        if self.kind != "sum":
            return []
        all_ = " + ".join([f"{self._total}[{k}][l]" for k in range(_LEVELS)])
        return [f"{each(lanes)} {self._acc}[l] = {all_};"]

    def _first(self) -> str:
        """What an accumulator begins with: of floats -0, which leaves a -0 that is added."""
        kind, dtype = self.kind, self.dtype
        if kind in ("sum", "prod"):
            return "1" if kind == "prod" else "-0.0" if dtype.kind == "f" else "0"
        if dtype.kind == "f":
            return literal(float("inf") if kind == "min" else float("-inf"), dtype)
        limits = np.iinfo(dtype)
        return literal(limits.max if kind == "min" else limits.min, dtype)

    def updated(self) -> Lines:
        """Another number in accumulator l."""
        if not self._with_places:
            return [self._with(self._made)]
        acc, where, made = f"{self._acc}[l]", f"{self._where}[l]", self._made
        better = f"better{self._acc[3:]}"
        return [
            f"const bool {better} = !({made} {self._sign()}= {acc}) & ({acc} == {acc});",
            f"{where} = {better} ? (int32_t)({self._place}) : {where};",
            f"{acc} = {better} ? {made} : {acc};",
        ]

    def _sign(self) -> str:
        return "<" if self.kind == "max" else ">"

    def _with(self, made: str) -> str:
        acc = f"{self._acc}[l]"
        if self.kind in ("sum", "prod"):
            return f"{acc} {'+' if self.kind == 'sum' else '*'}= {made};"
        other = ">" if self.kind == "max" else "<"
        return f"{acc} = ({acc} {other}= {made}) | ({acc} != {acc}) ? {acc} : {made};"

    def halved(self, lanes: int) -> Lines:
        """The accumulators taken together, pair by pair."""
        lines: Lines = []
        while lanes > 1:
            half = (lanes + 1) // 2
            paired = self._paired(f"l + {half}")
            if lanes - half >= _VECTOR:
                lines.append(_AS_VECTOR)
            if len(paired) == 1:
                lines.append(f"{each(lanes - half)} {paired[0]}")
            else:
                lines += [f"{each(lanes - half)} {{", *indented(paired), "}"]
            lanes = half
        return lines

    def _paired(self, other: str) -> Lines:
        acc, where = self._acc, self._where
        if not self._with_places:
            return [self._with(f"{acc}[{other}]")]
        sign = ">" if self.kind == "max" else "<"
        return [
            f"const {self._type} x = {acc}[{other}];",
            f"const bool nan = x != x, had = {acc}[l] != {acc}[l];",
            f"const bool before = {where}[{other}] < {where}[l];",
            f"const bool better = nan ? !had | before : !had & ((x {sign} {acc}[l])",
            f"    | ((x == {acc}[l]) & before));",
            f"{where}[l] = better ? {where}[{other}] : {where}[l];",
            f"{acc}[l] = better ? x : {acc}[l];",
        ]


def each(lanes: int) -> str:
    """The head of a loop over accumulators."""
    return f"for (long l = 0; l < {lanes}; l++)"
