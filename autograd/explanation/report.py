"""The derivation as a program, as Markdown, as LaTeX and as a page in a notebook."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from autograd.engine.tensor import Tensor
from autograd.explanation import latex_text, python_text
from autograd.explanation.derivation import Derivation
from autograd.explanation.expressions import Made, Statement
from autograd.explanation.formulas import Step

_COMMENT = 44  # the column at which comments start, where the code leaves room


@dataclass(frozen=True)
class Input:
    """What a derivation starts from: a leaf or a constant."""

    made: Made
    leaf: bool
    note: str


class Explanation:
    """What `explain` gives; print it for the program.

    Attributes:
        program: a Python program that computes every value and then every gradient.
            exec(e.program, space) with space = e.namespace() leaves the gradient of the leaf x1 in
            space["d_x1"], equal to the `.grad` that backward() would leave.
        steps: the records, oldest first, each with its formula and the statements of its pullback.
        inputs: leaves and constants.
        seed: the statement that the backward part starts with.
    """

    def __init__(self, derivation: Derivation) -> None:
        self._names = derivation.names
        seen = derivation.formulas.leaves
        self._leaves = {name: seen[name] for name in self._names.leaves if name in seen}
        self.steps: list[Step] = derivation.steps
        self.seed: Statement = derivation.seed
        constants = {
            name: entry
            for name, entry in self._names.constants.items()
            if isinstance(entry[0], np.ndarray)
        }
        describe = derivation.describe
        self.inputs: list[Input] = [
            *(Input(describe(name, array), True, "") for name, array in self._leaves.items()),
            *(Input(describe(n, array), False, note) for n, (array, note) in constants.items()),
        ]
        # Writing it gives each op its name, which the namespace needs.
        self.program = "\n".join([*self._head(), *self._forward(), "", *self._backward(), ""])

    def namespace(self) -> dict[str, Any]:
        """What `program` starts from: ops, leaves and constants under their names. A new dict.

        Arrays are shared with the tape, not copied. After the program has run in it, it also holds
        every value and gradient, as tensors.
        """
        return self._names.namespace(self._leaves)

    def name_of(self, tensor: Tensor) -> str:
        """The name of a tensor of this tape in the program; its gradient's is d_ and this name.

        Raises LookupError where the tensor is not on the tape.
        """
        try:
            assert tensor._place is not None
            return self._names.of(tensor._place)
        except (KeyError, AssertionError):
            raise LookupError(
                "name_of: this tensor is not on the tape of the loss that was explained; a tensor "
                "it was computed from expected"
            ) from None

    def __str__(self) -> str:
        return self.program.rstrip("\n")

    def __repr__(self) -> str:
        return f"<Explanation of {len(self.steps)} records; print it>"

    # --- the program ---------------------------------------------------------------------------

    def _head(self) -> list[str]:
        lines = ["# Given"]
        for given in self.inputs:
            what = "leaf" if given.leaf else "constant"
            lines.append(f"# {given.made.name}: {_described(given.made)}, {what}{_and(given.note)}")
        return [*lines, ""]

    def _forward(self) -> list[str]:
        lines = ["# Forward"]
        scope: tuple[str, ...] = ()
        for step in self.steps:
            if step.scope != scope:
                scope = step.scope
                lines += ["", f"# -- {' / '.join(scope) or 'outside of modules'}"]
            lines.append(self._line(step.forward, _shapes(step)))
        return lines

    def _backward(self) -> list[str]:
        lines = ["# Backward: d_v is the gradient of the result in v", self._line(self.seed)]
        scope: tuple[str, ...] = ()
        for step in reversed(self.steps):
            if not step.backward:
                continue
            if step.scope != scope:
                scope = step.scope
                lines += ["", f"# -- {' / '.join(scope) or 'outside of modules'}"]
            lines.append(f"# {self.code(step.forward)}")
            lines += [self._line(line) for line in step.backward]
        return lines

    def code(self, line: Statement) -> str:
        """A statement as Python, without its comment."""
        return python_text.statement(line, self._names.op)

    def _line(self, line: Statement, shapes: str = "") -> str:
        shapes = shapes or ", ".join(str(made.shape) for made in line.made)
        values = "; ".join(made.value for made in line.made if made.value)
        comment = shapes + (f" = {values}" if values else "") + _and(line.note, "; ")
        return f"{self.code(line):<{_COMMENT}}  # {comment}"

    # --- other formats -------------------------------------------------------------------------

    def markdown(self) -> str:
        """The derivation as Markdown: what is given, a table of formulas, and one of pullbacks."""

        def table(head: list[str], rows: list[list[str]]) -> list[str]:
            cells = [[cell.replace("|", "\\|") for cell in row] for row in rows]
            rule = ["---"] * len(head)
            return [f"| {' | '.join(row)} |" for row in [head, rule, *cells]]

        rows = self._rows()
        return "\n".join(
            [
                *("## Given", ""),
                *table(["name", "what", "dtype and shape"], self._given_rows("`{}`".format)),
                *("", "## Forward", ""),
                *table(
                    ["module", "formula", "shapes"],
                    [[_md(m), f"`{code}`", _md(shape)] for m, code, shape in rows[0]],
                ),
                *("", "## Backward", ""),
                "`d_v` is the gradient of the result in `v`.",
                "",
                *table(
                    ["of", "pullback", "shape and reason"],
                    [
                        [f"`{of}`" if of else "", f"`{code}`", _md(shape)]
                        for of, code, shape in rows[1]
                    ],
                ),
                "",
            ]
        )

    def latex(self) -> str:
        """The derivation as LaTeX: an align* environment for each record. Needs amsmath.

        The gradient of the result in v is written as v with a bar.
        """
        op_name = self._names.op
        lines = ["% Forward"]
        for step in self.steps:
            lines += latex_text.environment([step.forward], op_name)
        lines += ["% Backward", *latex_text.environment([self.seed], op_name)]
        for step in reversed(self.steps):
            if step.backward:
                lines += latex_text.environment(step.backward, op_name)
        return "\n".join([*lines, ""])

    def _repr_html_(self) -> str:
        def table(head: list[str], rows: list[list[str]]) -> str:
            top = "".join(f"<th>{cell}</th>" for cell in head)
            body = "".join(
                "<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows
            )
            return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"

        def code(text: str) -> str:
            return f"<code>{escape(text)}</code>"

        forward, backward = self._rows()
        parts = [
            ("Given", table(["name", "what", "dtype and shape"], self._given_rows(code, escape))),
            (
                "Forward",
                table(
                    ["module", "formula", "shapes"],
                    [[escape(m), code(text), escape(shape)] for m, text, shape in forward],
                ),
            ),
            (
                "Backward",
                table(
                    ["of", "pullback", "shape and reason"],
                    [[code(of), code(text), escape(shape)] for of, text, shape in backward],
                ),
            ),
        ]
        sections = "".join(
            f"<details open><summary>{title}</summary>{body}</details>" for title, body in parts
        )
        return f'<div class="pullback-explanation"><style>{_STYLE}</style>{sections}</div>'

    def _given_rows(self, code: Any, text: Any = str) -> list[list[str]]:
        return [
            [
                code(given.made.name),
                text(("leaf" if given.leaf else "constant") + _and(given.note)),
                text(_described(given.made)),
            ]
            for given in self.inputs
        ]

    def _rows(self) -> tuple[list[list[str]], list[list[str]]]:
        """Rows of three cells: (module, formula, shapes) and (formula, pullback, shape)."""

        def split(line: Statement, shapes: str = "") -> list[str]:
            code, _, comment = self._line(line, shapes).rpartition("  # ")
            return [code.rstrip(), comment]

        forward = [[" / ".join(s.scope), *split(s.forward, _shapes(s))] for s in self.steps]
        backward = [["", *split(self.seed)]]
        for step in reversed(self.steps):
            of = self.code(step.forward)
            for line in step.backward:
                backward.append([of, *split(line)])
                of = ""
        return forward, backward


def _md(text: str) -> str:
    return text.replace("*", "\\*").replace("_", "\\_").replace("<", "&lt;")


def _and(note: str, mark: str = ", ") -> str:
    return f"{mark}{note}" if note else ""


def _described(made: Made) -> str:
    return f"{made.dtype} {made.shape}" + (f" = {made.value}" if made.value else "")


def _shapes(step: Step) -> str:
    """Arguments' shapes -> outputs' shapes."""
    out = ", ".join(str(made.shape) for made in step.forward.made)
    args = getattr(step.forward.expression, "args", ())
    shapes = [str(arg.shape) for arg in args if getattr(arg, "shape", None) is not None]
    return f"{', '.join(shapes)} -> {out}" if shapes else out


_STYLE = """
.pullback-explanation { font-family: system-ui, sans-serif; font-size: 14px }
.pullback-explanation table { border-collapse: collapse; margin: 4px 0 12px }
.pullback-explanation th, .pullback-explanation td { text-align: left; padding: 2px 12px 2px 4px;
  vertical-align: top; border-bottom: 1px solid #8884 }
.pullback-explanation code { white-space: pre-wrap }
.pullback-explanation summary { font-weight: 600; cursor: pointer }
"""
