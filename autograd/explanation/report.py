"""The derivation as a program, as Markdown, as LaTeX and as a page in a notebook."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

from autograd.engine.tensor import Tensor
from autograd.explanation import latex_text
from autograd.explanation.derivation import Derivation, Row, Step
from autograd.program.expressions import Key, Made, Statement
from autograd.program.printing import comment, shapes_of, with_comment
from autograd.program.python_text import statement

_INDENT = "    "


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
        inputs: leaves and constants.
    """

    def __init__(self, derivation: Derivation) -> None:
        self._derivation, self._names = derivation, derivation.names
        self._leaves = derivation.leaves()
        # Writing them gives ops, and what else the namespace needs, their names.
        body = [*self._forward(), "", *self._backward(), ""]
        describe = derivation.describe
        self.inputs: list[Input] = [
            *(Input(describe(name, array), True, "") for name, array in self._leaves.items()),
            *_constants(derivation),
        ]
        self.program = "\n".join([*self._head(), *body])

    @property
    def steps(self) -> list[Step]:
        """The calls, oldest first, each with its formula and the statements of its pullback; none
        is in a loop."""
        return self._derivation.steps

    @property
    def seed(self) -> Statement | None:
        """The statement that the backward part starts with; None where nothing reads it."""
        return self._derivation.seed

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
            return self._names(Key("v", self._derivation.taped.slot(tensor._place)))
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
        names, rooms = self._derivation.rooms, []
        for i in range(0, len(names), 8):
            some = names[i : i + 8]
            comma = "," * (len(some) == 1)
            rooms.append(f"{', '.join(some)}{comma} = ({{}} for _ in range({len(some)}))")
        return [
            *lines,
            "",
            *(["# Loops: v[t] is what v is at step t", *rooms, ""] if rooms else []),
        ]

    def _forward(self) -> list[str]:
        lines = ["# Forward"]
        scope: tuple[str, ...] = ()
        for row in self._derivation.forward:
            if row.scope != scope and not row.inside:
                scope = row.scope
                lines += ["", f"# -- {' / '.join(scope) or 'outside of modules'}"]
            lines.append(self._line(row, shapes=True))
        return lines

    def _backward(self) -> list[str]:
        lines = ["# Backward: d_v is the gradient of the result in v"]
        scope: tuple[str, ...] = ()
        of: Statement | None = None
        again = False
        for row in self._derivation.backward:
            if row.scope != scope and not row.inside:
                scope = row.scope
                lines += ["", f"# -- {' / '.join(scope) or 'outside of modules'}"]
            if row.of is not None and row.of != of:
                lines.append(f"{_INDENT if row.inside else ''}# {self.code(row.of)}")
            if row.again and not again:
                lines.append("# computed again: a checkpoint keeps nothing")
            of, again = row.of, row.again
            lines.append(self._line(row))
        return lines

    def code(self, line: Statement) -> str:
        """A statement as Python, without its comment."""
        return statement(line, self._names.op)

    def _line(self, row: Row, shapes: bool = False) -> str:
        if row.statement is None:
            return row.head
        code = (_INDENT if row.inside else "") + self.code(row.statement)
        return with_comment(code, self._said(row.statement, shapes))

    def _said(self, line: Statement, shapes: bool = False) -> str:
        made = ", ".join(str(part.shape) for part in line.made)
        return comment(line, shapes_of(line) if shapes else made)

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
        lines = ["% Forward"]
        for title, rows in (
            ("", self._derivation.forward),
            ("% Backward", self._derivation.backward),
        ):
            lines += [title] if title else []
            of: Statement | None = None
            block: list[Statement] = []
            for row in rows:
                if block and (row.statement is None or row.of is None or row.of != of):
                    lines += latex_text.environment(block, self._names.op)
                    block = []
                of = row.of
                if row.statement is None:
                    lines.append(rf"\noindent {latex_text.escaped(row.head)}")
                else:
                    block.append(row.statement)
            if block:
                lines += latex_text.environment(block, self._names.op)
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

        def cells(row: Row, first: str, shapes: bool = False) -> list[str]:
            if row.statement is None:
                return [first, row.head, ""]
            return [first, self.code(row.statement), self._said(row.statement, shapes)]

        forward = [cells(row, " / ".join(row.scope), True) for row in self._derivation.forward]
        backward = []
        before: Statement | None = None
        for row in self._derivation.backward:
            new = row.of is not None and row.of != before
            backward.append(cells(row, self.code(row.of) if new and row.of else ""))
            before = row.of
        return forward, backward


def _constants(derivation: Derivation) -> list[Input]:
    """The constants that the text names; those of the steps of a loop are one."""
    found: dict[str, Input] = {}
    counts: dict[str, list[int]] = {}
    for name, (_, array, note, _) in derivation.names.constants().items():
        base, _, index = name.partition("[")
        if not index:
            found[name] = Input(derivation.describe(name, array), False, note)
            continue
        numbers = counts.setdefault(base, [])
        numbers.append(int(index[:-1]))
        text = f"{base}[t] for t = {min(numbers)} to {max(numbers)}"
        found[base] = Input(derivation.describe(text, array, value=False), False, note)
    return list(found.values())


def _md(text: str) -> str:
    return text.replace("*", "\\*").replace("_", "\\_").replace("<", "&lt;")


def _and(note: str, mark: str = ", ") -> str:
    return f"{mark}{note}" if note else ""


def _described(made: Made) -> str:
    return f"{made.dtype} {made.shape}" + (f" = {made.value}" if made.value else "")


_STYLE = """
.pullback-explanation { font-family: system-ui, sans-serif; font-size: 14px }
.pullback-explanation table { border-collapse: collapse; margin: 4px 0 12px }
.pullback-explanation th, .pullback-explanation td { text-align: left; padding: 2px 12px 2px 4px;
  vertical-align: top; border-bottom: 1px solid #8884 }
.pullback-explanation code { white-space: pre-wrap }
.pullback-explanation summary { font-weight: 600; cursor: pointer }
"""
