"""The records of a tape as a table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from html import escape
from pathlib import Path
from time import perf_counter
from typing import Any, overload

import numpy as np

from autograd.engine.keeping import Dropped
from autograd.engine.modes import no_grad
from autograd.engine.primitives import Primitive
from autograd.engine.tape import Leaf, Output, Record
from autograd.engine.tensor import Array, Tensor
from autograd.explanation.drawing import dot, page
from autograd.explanation.graph import Graph, Node
from autograd.explanation.naming import Names
from autograd.program.expressions import Key
from autograd.program.lines import lines_of
from autograd.program.printing import to_statement
from autograd.program.python_text import statement
from autograd.program.taping import Taped, calls_of_tape

Shape = tuple[int, ...]

_RUNS = 3  # of a forward, of which the fastest counts


class Row:
    """One record.

    Attributes:
        number: from 0, the oldest record.
        op: the name of the op, and `kind` how it moves data, where it says so.
        scope: the modules within which it was called, outermost first.
        formula: what it computes, as Python; names are those of the whole table.
        argument_shapes: of the arguments that are arrays.
        output_shapes: one, or one for each of several outputs.
        dtype: of the (first) output.
        nbytes: the size of the output, in bytes.
        held: how many bytes the tape keeps for this record and for no earlier one: arguments,
            outputs and what the forward saved. What was let go counts nothing, nor do leaves, which
            their tensors hold; a view counts as the memory that it is a view of.
        line: where it was called; in debug mode only, otherwise None.
    """

    def __init__(
        self,
        number: int,
        record: Record,
        names: list[str],
        code: str,
        held: int,
        taped: Callable[[], Taped],
    ) -> None:
        assert record.arrays is not None
        outs = record.out if isinstance(record.out, tuple) else (record.out,)
        outs = tuple(out for out in outs if isinstance(out, np.ndarray | Dropped))
        self.number = number
        self.op = record.op.name
        self.kind: str | None = getattr(record.op, "kind", None)
        self.scope = record.scope
        self.formula = code
        self.argument_shapes: tuple[Shape, ...] = tuple(
            a.shape for a in record.arrays if isinstance(a, np.ndarray | Dropped)
        )
        self.output_shapes: tuple[Shape, ...] = tuple(out.shape for out in outs)
        self.dtype: np.dtype[Any] = outs[0].dtype
        self.nbytes = sum(out.nbytes for out in outs)
        self.held = held
        self.line = record.line
        self.outputs = tuple(names)
        self._record, self._taped = record, taped
        self._milliseconds: float | None = None

    @property
    def milliseconds(self) -> float | None:
        """The time of the forward, run again on the recorded values when first asked for.

        None where the op has no forward of its own (a checkpoint), and once the tape is freed, or
        a part of it.
        """
        op = self._record.op
        if self._milliseconds is None and isinstance(op, Primitive) and self._record.arrays:
            try:
                arrays = self._taped().arrays(self._record)
            except RuntimeError:
                return None
            times = []
            for _ in range(_RUNS):
                start = perf_counter()
                with no_grad():
                    op.forward(*arrays, **self._record.options)
                times.append(perf_counter() - start)
            self._milliseconds = 1e3 * min(times)
        return self._milliseconds

    @property
    def shapes(self) -> str:
        """Arguments' shapes -> outputs' shapes."""
        given, made = (
            ", ".join(map(str, shapes)) for shapes in (self.argument_shapes, self.output_shapes)
        )
        return f"{given} -> {made}"

    def __repr__(self) -> str:
        return f"<record {self.number}: {self.formula}  {self.shapes}>"


class TapeTable(Sequence[Row]):
    """What `tape_of` gives: a sequence of rows that prints as a table."""

    def __init__(self, root: Tensor, given: Mapping[str, Any] | None) -> None:
        taped, again = calls_of_tape(root), cache(partial(calls_of_tape, root))
        names = Names(taped, given)
        program = taped.program
        statements = [to_statement(program, line, names) for line in lines_of(program)]
        self._rows: list[Row] = []
        counted: set[int] = set()
        kept: list[Array] = []  # alive, so that no other array takes the identity of one counted
        for number, record in enumerate(taped.records):
            several = isinstance(record.out, tuple)
            slots = [
                taped.slots.get((record.serial, i))
                for i in range(len(record.out) if several else 1)
            ]
            made = [names(Key("v", slot)) for slot in slots if slot is not None]
            if record.serial in taped.calls:
                code = statement(statements[taped.calls[record.serial]], names.op)
            else:
                code = f"{', '.join(made)} = {record.op.name}"
            held = _held(record, counted, kept)
            self._rows.append(Row(number, record, made, code, held, again))
        self._graph = _graph(taped, names, self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> list[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | list[Row]:
        return self._rows[index]

    def to_dot(self) -> str:
        """The graph in Graphviz' language, modules as clusters: dot -Tsvg tape.dot -o tape.svg."""
        return dot(self._graph)

    def to_html(self, path: str | Path | None = None) -> str:
        """The graph as one page that needs nothing else; written to `path` where it is given.

        Modules are boxes that open and close on a click. Of a large tape only the outer ones are
        open at first. Pointing at a record shows its formula and shapes.
        """
        text = page(self._graph)
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    def _cells(self) -> tuple[list[str], list[list[str]], list[str]]:
        head = ["#", "op", "module", "shapes", "dtype", "bytes", "held", "ms"]
        times = [row.milliseconds for row in self]
        body = [
            [
                str(row.number),
                row.op,
                " / ".join(row.scope),
                row.shapes,
                str(row.dtype),
                f"{row.nbytes:,}",
                f"{row.held:,}",
                "-" if time is None else f"{time:.3f}",
            ]
            for row, time in zip(self, times, strict=True)
        ]
        total = sum(time for time in times if time is not None)
        foot = [
            *("", f"{len(self)} records", "", "", ""),
            f"{sum(row.nbytes for row in self):,}",
            f"{sum(row.held for row in self):,}",
            f"{total:.3f}",
        ]
        return head, body, foot

    def __str__(self) -> str:
        head, body, foot = self._cells()
        widths = [max(map(len, column)) for column in zip(head, *body, foot, strict=True)]

        def line(cells: list[str]) -> str:
            return "  ".join(
                cell.rjust(width) if i in _NUMBERS else cell.ljust(width)
                for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
            ).rstrip()

        rule = "-" * len(line(["x" * width for width in widths]))
        return "\n".join([line(head), rule, *map(line, body), rule, line(foot)])

    def __repr__(self) -> str:
        return f"<TapeTable of {len(self)} records; print it>"

    def _repr_html_(self) -> str:
        head, body, foot = self._cells()

        def line(cells: list[str], tag: str) -> str:
            return (
                "<tr>"
                + "".join(
                    f'<{tag} style="text-align:{"right" if i in _NUMBERS else "left"}">'
                    f"{escape(cell)}</{tag}>"
                    for i, cell in enumerate(cells)
                )
                + "</tr>"
            )

        rows = "".join(line(cells, "td") for cells in body)
        return (
            f"<table><thead>{line(head, 'th')}</thead><tbody>{rows}</tbody>"
            f"<tfoot>{line(foot, 'th')}</tfoot></table>"
        )


_NUMBERS = {0, 5, 6, 7}  # columns that are aligned to the right


def _held(record: Record, counted: set[int], kept: list[Array]) -> int:
    """Bytes that this record keeps alive, without those that were counted before."""
    assert record.arrays is not None
    total = 0
    own = [a for a, p in zip(record.arrays, record.parents, strict=True) if not isinstance(p, Leaf)]
    leaves = [a for a, p in zip(record.arrays, record.parents, strict=True) if isinstance(p, Leaf)]
    for array in leaves:
        memory = _memory(array)
        counted.add(id(memory))
        kept.append(memory)
    for array in _arrays([*own, record.out, record.saved, record.options]):
        memory = _memory(array)
        if id(memory) not in counted:
            counted.add(id(memory))
            kept.append(memory)
            total += memory.nbytes
    return total


def _memory(array: Array) -> Array:
    """The array whose memory this one is a view of, or itself."""
    owner: Any = array
    while owner is not None:
        if isinstance(owner, np.ndarray):
            array = owner
        # What as_strided makes has a go-between as its base, which in turn knows the array.
        owner = getattr(owner, "base", None)
    return array


def _arrays(value: Any) -> Iterator[Array]:
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, tuple | list):
        for part in value:
            yield from _arrays(part)
    elif isinstance(value, dict):
        yield from _arrays(list(value.values()))


def _graph(taped: Taped, names: Names, rows: list[Row]) -> Graph:
    """The rows and the leaves they read, with an edge for each tensor that is read."""
    nodes: list[Node] = []
    number_of: dict[int, int] = {}  # the node of a place, by its serial number
    edges: list[tuple[int, int, str]] = []
    by_serial = dict(zip((r.serial for r in taped.records), rows, strict=True))
    for place in taped.places:
        if isinstance(place, Leaf):
            slot = taped.slot(place)
            kind = taped.program.slots[slot]
            name, shape = names(Key("v", slot)), str(kind.shape)
            number_of[place.serial] = len(nodes)
            nodes.append(Node(name, shape, f"{name}: {kind.dtype} {shape}, leaf", "leaf", None))
        elif isinstance(place, Record):
            row = by_serial[place.serial]
            made = ", ".join(map(str, row.output_shapes))
            tip = f"{row.formula}\n{row.shapes}\n{row.dtype}, {row.nbytes:,} bytes"
            if row.line is not None:
                tip += f"\n{row.line}"
            number_of[place.serial] = len(nodes)
            nodes.append(Node(row.op, made, tip, row.kind or "other", row.scope))
            for parent, array in zip(place.parents, place.arrays or (), strict=True):
                source = parent.record if isinstance(parent, Output) else parent
                if source is not None and source.serial in number_of:
                    edge = (number_of[source.serial], number_of[place.serial], str(array.shape))
                    edges.append(edge)
    return Graph(nodes, edges)
