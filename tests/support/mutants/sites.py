"""Where a source text can be changed by a small mistake, and what stands there then.

The tree of a file says where a mistake can be made, and the text is changed at that place alone, so
that a mutant reads as a difference of one line. Left alone is what no test can or should notice:
annotations, docstrings, what errors and warnings say, imports, `__slots__` and `__all__`, blocks
for type checkers, assertions (they say what holds anyway), and `strict=` of `zip`.
"""

from __future__ import annotations

import ast
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate, pairwise
from typing import Any, NamedTuple, TypeGuard

_OPERATORS: dict[type[ast.AST], tuple[str, list[str]]] = {  # as written, and what it becomes
    ast.Lt: ("<", ["<=", ">="]),
    ast.LtE: ("<=", ["<", ">"]),
    ast.Gt: (">", [">=", "<="]),
    ast.GtE: (">=", [">", "<"]),
    ast.Eq: ("==", ["!="]),
    ast.NotEq: ("!=", ["=="]),
    ast.Is: ("is", ["is not"]),
    ast.IsNot: ("is not", ["is"]),
    ast.In: ("in", ["not in"]),
    ast.NotIn: ("not in", ["in"]),
    ast.And: ("and", ["or"]),
    ast.Or: ("or", ["and"]),
    ast.Add: ("+", ["-"]),
    ast.Sub: ("-", ["+"]),
    ast.Mult: ("*", ["/"]),
    ast.Div: ("/", ["*"]),
    ast.FloorDiv: ("//", ["/", "%"]),
    ast.Mod: ("%", ["//"]),
    ast.Pow: ("**", ["*"]),
    ast.BitOr: ("|", ["&"]),
    ast.BitAnd: ("&", ["|"]),
    ast.BitXor: ("^", ["&"]),
    ast.LShift: ("<<", [">>"]),
    ast.RShift: (">>", ["<<"]),
}
# A condition made of one of these is negated by the mistake in the comparison already.
_NEGATED = (ast.Eq, ast.NotEq, ast.Is, ast.IsNot, ast.In, ast.NotIn)

_PAIRS = [
    *[("no_grad", "enable_grad"), ("any", "all"), ("min", "max"), ("minimum", "maximum")],
    *[("zeros", "ones"), ("zeros_like", "ones_like"), ("floor", "ceil"), ("popleft", "pop")],
]
_NAMES = dict(_PAIRS) | {b: a for a, b in _PAIRS} | {"extend": "append", "sorted": "list"}
_NAMES["pop"] = "get"  # of a dict; of a list it fails, and is found at once
_DROPPED = (ast.Raise, ast.Break, ast.Continue, ast.Delete)  # as a whole, or not changed
_LEFT_ALONE = (ast.Import, ast.ImportFrom, ast.Global, ast.Assert, ast.JoinedStr)
_CONVERSIONS = {"astype", "copy", "detach", "reshape"}  # x.copy() becomes x
_ANY_ORDER = {"isinstance", "issubclass", "getattr", "hasattr", "setattr", "min", "max", "cast"}


class Edit(NamedTuple):
    """Characters `start` to `end` become `new`; `where` is the function, `row` counts from 0."""

    kind: str
    start: int
    end: int
    new: str
    where: str
    row: int


def edits(source: str) -> list[Edit]:
    """Every edit of a source text, in the order of the text."""
    finder = _Finder(source)
    finder.visit(ast.parse(source))
    unique = {(edit.start, edit.end, edit.new): edit for edit in reversed(finder.edits)}
    return sorted(unique.values(), key=lambda edit: edit.start)


class _Finder(ast.NodeVisitor):
    """Walks a tree and notes the edits."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.lines = source.splitlines(keepends=True)
        self.starts = [0, *accumulate(map(len, self.lines))]
        self.edits: list[Edit] = []
        self.scopes: list[ast.AST] = []
        self.bound: list[set[str]] = []  # the names that each function around has given values
        self.in_default = False

    # --- places in the text ----------------------------------------------------------------------

    def offset(self, line: int, column: int) -> int:
        # The tree counts columns in bytes of UTF-8.
        prefix = self.lines[line - 1].encode()[:column].decode()
        return self.starts[line - 1] + len(prefix)

    def span(self, node: Any) -> tuple[int, int]:
        end = self.offset(node.end_lineno, node.end_col_offset)
        return self.offset(node.lineno, node.col_offset), end

    def text(self, node: ast.AST) -> str:
        start, end = self.span(node)
        return self.source[start:end]

    def operand(self, node: ast.AST) -> str:
        loose = isinstance(node, ast.BoolOp | ast.IfExp | ast.NamedExpr | ast.Lambda | ast.BinOp)
        return f"({self.text(node)})" if loose else self.text(node)

    # --- edits -----------------------------------------------------------------------------------

    def edit(self, kind: str, start: int, end: int, new: str) -> None:
        names = [getattr(node, "name", "") for node in self.scopes]
        row = bisect_right(self.starts, start) - 1
        self.edits.append(Edit(kind, start, end, new, ".".join(names), row))

    def replace(self, kind: str, node: ast.AST, new: str) -> None:
        self.edit(kind, *self.span(node), new)

    def operator(self, kind: str, op: ast.AST, left: ast.AST, right: ast.AST) -> None:
        """Edit the operator that stands between two nodes, beside parentheses perhaps."""
        if type(op) not in _OPERATORS:
            return
        written, others = _OPERATORS[type(op)]
        start, end = self.span(left)[1], self.span(right)[0]
        pattern = re.escape(written).replace("\\ ", r"\s+")
        found = re.search(pattern, self.source[start:end])
        assert found is not None, f"{written} expected in {self.source[start:end]!r}"
        for other in others:
            self.edit(kind, start + found.start(), start + found.end(), other)

    def condition(self, test: ast.expr, values: Sequence[str] = ("True", "False")) -> None:
        simple = isinstance(test, ast.Compare) and isinstance(test.ops[0], _NEGATED)
        negated = isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)
        if not (simple or negated or isinstance(test, ast.Constant)):
            self.replace("condition", test, f"not ({self.text(test)})")
        for value in values:
            self.replace("condition", test, value)

    def swaps(self, nodes: Sequence[ast.expr]) -> None:
        for one, other in pairwise(nodes):
            if isinstance(one, ast.Starred) or isinstance(other, ast.Starred):
                continue
            (start, stop), (begin, end) = self.span(one), self.span(other)
            swapped = self.text(other) + self.source[stop:begin] + self.text(one)
            self.edit("swap", start, end, swapped)

    def without(self, kind: str, nodes: Sequence[ast.AST], dropped: ast.AST) -> None:
        """Drop one of the nodes that commas separate."""
        i = nodes.index(dropped)
        start, end = self.span(dropped)
        if i:
            start = self.span(nodes[i - 1])[1]
        elif len(nodes) > 1:
            end = self.span(nodes[1])[0]
        self.edit(kind, start, end, "")

    def visit(self, node: ast.AST) -> None:
        if isinstance(node, _DROPPED):
            self.drop(node)
        elif not isinstance(node, _LEFT_ALONE):
            super().visit(node)

    # --- definitions -----------------------------------------------------------------------------

    @contextmanager
    def scope(self, node: ast.AST, bound: Iterable[str]) -> Iterator[None]:
        self.scopes.append(node)
        self.bound.append(set(bound))
        yield
        self.scopes.pop()
        self.bound.pop()

    def visit_Module(self, node: ast.Module) -> None:
        self.bound.append(set())
        self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        if any("overload" in ast.unparse(decorator) for decorator in node.decorator_list):
            return
        args = node.args
        for child in [*node.decorator_list, args]:
            self.visit(child)
        names = [arg.arg for arg in [*args.posonlyargs, *args.args, *args.kwonlyargs]]
        with self.scope(node, names):
            for statement in node.body:
                self.visit(statement)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self.visit_FunctionDef(node)

    def visit_arguments(self, node: ast.arguments) -> None:
        for default in [*node.defaults, *node.kw_defaults]:
            if default is not None:
                self.in_default = True
                self.visit(default)
                self.in_default = False

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        if any("Protocol" in ast.unparse(base) for base in node.bases):
            return
        with self.scope(node, ()):
            for statement in node.body:
                self.visit(statement)

    def visit_Nonlocal(self, node: ast.Nonlocal) -> None:
        self.bound[-1].update(node.names)

    # --- statements ------------------------------------------------------------------------------

    def drop(self, node: ast.stmt) -> None:
        self.replace("dropped statement", node, "pass")

    def visit_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Constant):
            return
        if not isinstance(node.value, ast.Yield | ast.YieldFrom | ast.Await):
            self.drop(node)
        self.visit(node.value)

    def visit_Return(self, node: ast.Return) -> None:
        if node.value is None:
            self.drop(node)
            return
        if not (isinstance(node.value, ast.Constant) and node.value.value in (None, True, False)):
            self.replace("return", node.value, "None")
        if isinstance(node.value, ast.Tuple):
            self.swaps(node.value.elts)
        self.visit(node.value)

    def visit_Assign(self, node: ast.Assign) -> None:
        names = [n.id for target in node.targets for n in ast.walk(target) if _stored(n)]
        if {"__slots__", "__all__"} & set(names) or (not self.scopes and _is_alias(node.value)):
            return
        self.assignment(node, names)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.assignment(node, [n.id for n in ast.walk(node.target) if _stored(n)])

    def assignment(self, node: ast.Assign | ast.AnnAssign, names: list[str]) -> None:
        assert node.value is not None
        in_class = bool(self.scopes) and isinstance(self.scopes[-1], ast.ClassDef)
        if in_class or set(names) <= self.bound[-1]:
            self.drop(node)
        elif self.scopes and not isinstance(node.value, ast.Constant):
            self.replace("value", node.value, "None")  # dropped, the name would be unknown
        if isinstance(node.value, ast.Tuple):
            self.swaps(node.value.elts)
        self.visit(node.value)
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            self.visit(target)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self.drop(node)
        self.operator("arithmetic", node.op, node.target, node.value)
        self.visit(node.value)

    def visit_With(self, node: ast.With) -> None:
        contexts = [item.context_expr for item in node.items]
        for context in [i.context_expr for i in node.items if i.optional_vars is None]:
            if len(contexts) > 1:
                self.without("dropped context", contexts, context)
            else:
                start, end = self.span(node)[0], self.span(context)[1]
                self.edit("dropped context", start, end, "if True")
        self.generic_visit(node)

    def visit_If(self, node: ast.If) -> None:
        if "TYPE_CHECKING" in ast.unparse(node.test):
            return
        self.condition(node.test)
        self.generic_visit(node)

    def visit_While(self, node: ast.While) -> None:
        self.condition(node.test, ("False",))
        self.generic_visit(node)

    # --- expressions -----------------------------------------------------------------------------

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self.condition(node.test)
        self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        for test in node.ifs:
            self.condition(test)
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        operands = [node.left, *node.comparators]
        for op, (left, right) in zip(node.ops, pairwise(operands), strict=True):
            self.operator("comparison", op, left, right)
            letters = right.value if isinstance(right, ast.Constant) else None
            if isinstance(op, ast.In | ast.NotIn) and isinstance(letters, str):
                for i in range(len(letters) if len(letters) > 1 else 0):
                    self.replace("string", right, f'"{letters[:i]}{letters[i + 1 :]}"')
                self.visit(left)
                return
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        for left, right in pairwise(node.values):
            self.operator("boolean", node.op, left, right)
        word = _OPERATORS[type(node.op)][0]
        for dropped in node.values:
            kept = [self.operand(value) for value in node.values if value is not dropped]
            joined = f" {word} ".join(kept)
            self.replace("boolean", node, f"({joined})" if len(kept) > 1 else joined)
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not):
            self.replace("boolean", node, self.operand(node.operand))
        elif isinstance(node.op, ast.USub):
            self.replace("arithmetic", node, self.operand(node.operand))
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if not (_is_text(node.left) or _is_text(node.right)):
            self.operator("arithmetic", node.op, node.left, node.right)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else self.text(node.func)
        if name == "warn":
            return
        if name in ("isinstance", "issubclass") and isinstance(node.args[1], ast.BinOp):
            for part in (node.args[1].left, node.args[1].right):
                self.replace("condition", node.args[1], self.text(part))
            self.visit(node.args[0])
            return
        if name not in _ANY_ORDER:
            self.swaps(node.args)
        keywords = [k for k in node.keywords if k.arg != "strict"]
        self.swaps([k.value for k in keywords if k.arg is not None])
        for keyword in keywords:
            if keyword.arg is not None:
                self.without("dropped keyword", [*node.args, *node.keywords], keyword)
        if isinstance(node.func, ast.Attribute) and name in _CONVERSIONS:
            self.replace("dropped call", node, self.text(node.func.value))
        for child in [node.func, *node.args, *(k.value for k in keywords)]:
            self.visit(child)

    def visit_Slice(self, node: ast.Slice) -> None:
        start, end = self.span(node)
        if node.lower is None and node.upper is not None:
            self.edit("slice", start, start, "1")
        elif node.lower is not None and not _is_number(node.lower):
            self.replace("slice", node.lower, f"{self.operand(node.lower)} + 1")
        if node.upper is None and node.lower is not None and node.step is None:
            self.edit("slice", end, end, "-1")
        elif node.upper is not None and not _is_number(node.upper):
            self.replace("slice", node.upper, f"{self.operand(node.upper)} - 1")
        self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        if _stored(node):
            self.bound[-1].add(node.id)
        elif node.id in _NAMES:
            self.replace("name", node, _NAMES[node.id])

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if node.attr in _NAMES and isinstance(node.ctx, ast.Load):
            end = self.span(node)[1]
            self.edit("name", end - len(node.attr), end, _NAMES[node.attr])
        self.visit(node.value)

    def visit_Constant(self, node: ast.Constant) -> None:
        kind = "default" if self.in_default else "constant"
        value = node.value
        if isinstance(value, bool):
            self.replace(kind, node, str(not value))
        elif isinstance(value, int | float):
            self.replace(kind, node, "0" if value == 1 else repr(value + 1))
        elif isinstance(value, str) and re.fullmatch(r"\S{1,30}", value):  # the rest is prose
            self.replace("default" if self.in_default else "string", node, '"other"')


def _is_text(node: ast.expr) -> bool:
    constant = isinstance(node, ast.Constant) and isinstance(node.value, str)
    return constant or isinstance(node, ast.JoinedStr)


def _stored(node: ast.AST) -> TypeGuard[ast.Name]:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)


def _is_number(node: ast.expr) -> bool:
    inner = node.operand if isinstance(node, ast.UnaryOp) else node
    return isinstance(inner, ast.Constant)


def _is_alias(value: ast.expr) -> bool:
    """Whether a module gives a type a shorter name: names, brackets and bars, nothing else."""
    parts = (ast.Name, ast.Attribute, ast.Subscript, ast.Tuple, ast.List, ast.Constant)
    marks = (ast.BinOp, ast.BitOr, ast.expr_context)
    shaped = isinstance(value, ast.Subscript | ast.BinOp)
    return shaped and all(isinstance(node, parts + marks) for node in ast.walk(value))
