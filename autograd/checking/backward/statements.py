"""The statements of source files: what each names, and what it writes into."""

from __future__ import annotations

import ast
import linecache
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType
from typing import NamedTuple

from autograd.checking.backward.naming import of_gradient

_LONGEST = 100
_CHANGING = {"at", "append", "extend", "insert", "update", "fill", "put", "setdefault"}
_HEADS = (ast.For, ast.While, ast.If, ast.With, ast.Try, ast.FunctionDef, ast.ClassDef)


@dataclass(frozen=True)
class Statement:
    """A statement, or the head of a compound one.

    Attributes:
        file, line: where it begins.
        text: its source in one line; empty where there is none.
        function: the name of the function that it is in.
        names: those that occur in it; None where the source is not known.
        clears: whether it writes a constant into elements.
        returns: the names of what it returns, one for each part; None for a part without a name.
        reads: what it reads, attributes as ".name", or ".owner.name".
        binds, changes: what it binds anew, and what it changes in place.
        computes: whether it does more than to give names to what there is.
        calls: whether it but calls a function with what there is.
        adds: whether it is `+=` or the like, or `x = x + ...`.
        parts: of what it returns, what each part reads.
        unpacks: where it assigns to several names at once, those.
        key: the string by which it writes into a container, if it writes there alone.
        asks: where it gives what a call returns, the name of what is called, and what each
            argument reads, if none is given by name.
    """

    file: str
    line: int
    text: str = ""
    function: str = ""
    names: frozenset[str] | None = None
    clears: bool = False
    returns: tuple[str | None, ...] = ()
    reads: frozenset[str] = frozenset()
    binds: frozenset[str] = frozenset()
    changes: frozenset[str] = frozenset()
    computes: bool = True
    calls: bool = False
    adds: bool = False
    parts: tuple[frozenset[str], ...] = ()
    unpacks: tuple[str | None, ...] = ()
    key: str | None = None
    asks: tuple[str | None, tuple[frozenset[str], ...]] = None, ()


class Statements:
    """Those of all files, read when one is asked for."""

    def __init__(self) -> None:
        self._files: dict[str, _File] = {}
        self._made: dict[tuple[CodeType, int, ast.stmt | None], Statement] = {}
        self._offsets: dict[CodeType, dict[int, Statement]] = {}

    def at(self, code: CodeType, line: int, offset: int = -1) -> Statement:
        """The statement of a line of a function; of several there, that of an instruction."""
        told = self.shared(code).get(offset)
        return told or self._of(code, line, self._file(code).lines.get(line))

    def shared(self, code: CodeType) -> dict[int, Statement]:
        """The statements of a function by the offsets of its instructions, where some stand in one
        line, which are told apart by nothing else; none where all lines are of one."""
        if code not in self._offsets:
            found: dict[int, Statement] = {}
            file = self._file(code)
            here = {line for _, _, line in code.co_lines() if line is not None}
            if file.several & here and hasattr(code, "co_positions"):  # from Python 3.11 on
                spans = [
                    ((n.lineno, n.col_offset), (n.end_lineno or 0, n.end_col_offset or 0), n)
                    for n in file.nodes
                    if not here.isdisjoint(_span(n))
                ]
                last: ast.stmt | None = None
                for number, (line, _, column, _) in enumerate(code.co_positions()):
                    at = line or 0, column or 0
                    within = [n for start, end, n in spans if start <= at < end]
                    last = within[-1] if within else last  # the outer before the inner
                    found[2 * number] = self._of(code, line or code.co_firstlineno, last)
            self._offsets[code] = found
        return self._offsets[code]

    def written(self, code: CodeType) -> frozenset[str] | None:
        """Names of what the file of a function writes into in place; None where that is unknown."""
        return self._file(code).written

    def _of(self, code: CodeType, line: int, node: ast.stmt | None) -> Statement:
        key = (code, 0 if node is not None else line, node)
        if key not in self._made:
            self._made[key] = _statement(code, line, node, self._file(code).source)
        return self._made[key]

    def _file(self, code: CodeType) -> _File:
        name = code.co_filename
        if name not in self._files:
            source = "".join(linecache.getlines(name))
            try:
                tree = ast.parse(source)
            except SyntaxError:  # a notebook's magic, say
                tree = ast.Module([], [])
            nodes = [node for node in ast.walk(tree) if isinstance(node, ast.stmt)]
            simple = Counter(node.lineno for node in nodes if not isinstance(node, _HEADS))
            self._files[name] = _File(
                nodes,
                {line: node for node in nodes for line in _span(node)},
                {line for line, count in simple.items() if count > 1},
                source,
                frozenset(filter(None, map(_target, _changed(tree)))) if tree.body else None,
            )
        return self._files[name]


class _File(NamedTuple):
    """Its statements, the outer before the inner; by line; the lines that have several; its text;
    and names of what it writes into."""

    nodes: list[ast.stmt]
    lines: dict[int, ast.stmt]
    several: set[int]
    source: str
    written: frozenset[str] | None


def _span(node: ast.stmt) -> range:
    """The lines of a statement, of a compound one those of its head."""
    body = getattr(node, "body", None) if isinstance(node, _HEADS) else None
    end = max(node.lineno, int(body[0].lineno) - 1) if body else node.end_lineno or node.lineno
    return range(node.lineno, end + 1)


def _statement(code: CodeType, line: int, node: ast.stmt | None, source: str) -> Statement:
    file = code.co_filename
    if node is None:
        return Statement(file, line, linecache.getline(file, line).strip(), code.co_name)
    head = "".join(source.splitlines(True)[_span(node)[0] - 1 : _span(node)[-1]])
    own = None if isinstance(node, _HEADS) else ast.get_source_segment(source, node)
    text = " ".join((own or head).split())
    if len(text) > _LONGEST:
        text = text[: _LONGEST - 4] + " ..."
    heads = list(_heads(node))
    names = {n.id for head in heads for n in ast.walk(head) if isinstance(n, ast.Name)}
    value = node.value if isinstance(node, ast.Assign | ast.Return) else None
    roots = [_root(target) for head in heads for target in _touched(head)]
    changed = frozenset(filter(None, roots))
    return Statement(
        file,
        node.lineno,
        text,
        code.co_name,
        frozenset(names),
        bool(changed) and isinstance(value, ast.Constant),
        tuple(map(_returned, _parts(node, ast.Return))),
        frozenset(n for head in heads for n in _read(head)),
        frozenset(n for head in heads for n in _bound(head)) - changed,
        changed,
        _names_a_gradient(node)
        or not (isinstance(node, _HEADS) or (value is not None and _is_plain(value))),
        isinstance(value, ast.Call)
        and all(_is_plain(part) or isinstance(part, ast.Constant) for part in value.args),
        isinstance(node, ast.AugAssign) or _adds(node),
        tuple([frozenset(_read(part)) for part in _parts(node, ast.Return)]),
        tuple([_root(part) for part in _parts(node, ast.Assign)]),
        _key(next(_changed(node), None)) if len(roots) == 1 else None,
        (_target(value.func), tuple([frozenset(_read(part)) for part in value.args]))
        if isinstance(value, ast.Call) and not value.keywords
        else (None, ()),
    )


def _parts(node: ast.stmt, kind: type[ast.Return | ast.Assign]) -> list[ast.expr]:
    """Those of what a statement returns, or of the target that it assigns to."""
    if not isinstance(node, kind):
        return []
    whole = node.targets[0] if isinstance(node, ast.Assign) else node.value
    if isinstance(whole, ast.Tuple | ast.List):
        return whole.elts
    return [] if whole is None else [whole]


def _adds(node: ast.stmt) -> bool:
    """Whether it gives a name to the sum of what had it and of something else."""
    if not isinstance(node, ast.Assign) or len(node.targets) != 1:
        return False
    name, terms = ast.unparse(node.targets[0]), [node.value]
    for term in terms:  # which grows
        if isinstance(term, ast.BinOp) and isinstance(term.op, ast.Add):
            terms += [term.left, term.right]
    parts = [ast.unparse(n) for n in ast.walk(node.value) if isinstance(n, ast.expr)]
    return len(terms) > 1 and name in map(ast.unparse, terms) and parts.count(name) == 1


def _bound(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.id if isinstance(node, ast.Name) else _path(node)


def _read(node: ast.AST) -> Iterator[str]:
    """What a tree reads; of a target only what is in its indices."""
    if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
        yield node.id if isinstance(node, ast.Name) else _path(node)
    parts = list(ast.iter_child_nodes(node))
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
        parts = [node.slice]
        while isinstance(node.value, ast.Subscript):
            node = node.value
            parts.append(node.slice)
    elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
        parts = []
    for part in parts:
        yield from _read(part)


def _touched(tree: ast.AST) -> Iterator[ast.AST]:
    """What a statement changes in place, by `np.add.at`, `out=` and methods of containers too."""
    yield from _changed(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from (k.value for k in node.keywords if k.arg == "out")
            if isinstance(node.func, ast.Attribute) and node.func.attr in _CHANGING:
                yield from node.args[:1] if node.func.attr == "at" else [node.func.value]


def _is_plain(node: ast.AST) -> bool:
    """Whether it is but a name for what there is, or something empty to begin with."""
    if isinstance(node, ast.Tuple | ast.List):
        return all(map(_is_plain, node.elts))
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Attribute) and node.func.attr in ("zeros", "zeros_like")
    empty = isinstance(node, ast.Dict) and not node.keys
    return empty or isinstance(node, ast.Name | ast.Attribute | ast.Subscript)


def _names_a_gradient(node: ast.stmt) -> bool:
    """Whether it gives a gradient another name, or goes through several."""
    if isinstance(node, ast.For):
        return any(map(of_gradient, _read(node.iter)))
    if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Name):
        return False
    return any(isinstance(t, ast.Name) and of_gradient(t.id) for t in node.targets)


def _heads(node: ast.stmt) -> Iterator[ast.AST]:
    """The parts of a statement that are run at its own lines."""
    if not isinstance(node, _HEADS):
        yield node
        return
    for name, value in ast.iter_fields(node):
        if name not in ("body", "orelse", "finalbody", "handlers"):
            several = value if isinstance(value, list) else [value]
            yield from (v for v in several if isinstance(v, ast.AST))


def _changed(tree: ast.AST) -> Iterator[ast.expr]:
    """The targets in a tree that are changed in place rather than bound."""
    for node in ast.walk(tree):
        if isinstance(node, ast.AugAssign):
            yield node.target
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                parts = target.elts if isinstance(target, ast.Tuple | ast.List) else [target]
                yield from (part for part in parts if isinstance(part, ast.Subscript))


def _target(node: ast.AST) -> str | None:
    """The name of the array, or of the container, that a target is in."""
    while isinstance(node, ast.Subscript | ast.Starred):
        node = node.value
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else None


def _root(node: ast.AST) -> str | None:
    while isinstance(node, ast.Subscript | ast.Starred):
        node = node.value
    return _path(node) if isinstance(node, ast.Attribute) else _target(node)


def _path(node: ast.Attribute) -> str:
    """ "W.grad" of `self.W.grad`, as other names may lead there; with a dot before it."""
    owner = f".{node.value.attr}" if isinstance(node.value, ast.Attribute) else ""
    return f"{owner}.{node.attr}"


def _returned(node: ast.expr) -> str | None:
    """A name, or a key that is a string."""
    return _key(node) if isinstance(node, ast.Subscript) else _target(node)


def _key(node: ast.expr | None) -> str | None:
    index = node.slice if isinstance(node, ast.Subscript) else None
    key = index.value if isinstance(index, ast.Constant) else None
    return key if isinstance(key, str) else None
