"""Running what explain prints, and reading the other formats; for the tests of explanations."""

from __future__ import annotations

import ast
import re
from html.parser import HTMLParser
from typing import Any

import numpy as np
from support.specs.running import assert_close

from autograd import Tensor, explain
from autograd.explanation import Explanation

Array = np.ndarray[Any, Any]


def run(explanation: Explanation) -> dict[str, Any]:
    """The namespace after the program has run in it."""
    space = explanation.namespace()
    exec(str(explanation), space)
    return space


def expect_gradients(loss: Tensor, *leaves: Tensor, **options: Any) -> Explanation:
    """Run the explanation of loss, and backward after it; both give the same for each leaf."""
    explanation = explain(loss, **options)
    space = run(explanation)
    assert all(leaf.grad is None for leaf in leaves)
    loss.backward()
    for leaf in leaves:
        assert leaf.grad is not None
        gradient = space["d_" + explanation.name_of(leaf)]
        assert gradient.dtype == leaf.grad.dtype
        assert_close(gradient, leaf.grad, 1e-12)
    return explanation


def leaf(*shape: int, rng: np.random.Generator, dtype: Any = np.float64) -> Tensor:
    return Tensor(rng.uniform(0.5, 1.5, shape).astype(dtype), requires_grad=True)


def lines(explanation: Explanation) -> dict[str, list[str]]:
    """The code of the program, by what it assigns to, without comments."""
    found: dict[str, list[str]] = {}
    for node in ast.parse(str(explanation)).body:
        assert isinstance(node, ast.Assign)
        found.setdefault(ast.unparse(node.targets[0]), []).append(ast.unparse(node.value))
    return found


def expect_balanced(latex: str) -> None:
    """Braces, environments, and \\left with \\right, each closed where it was opened."""
    depth: list[str] = []
    tokens = r"\\left|\\right|\\begin\{align\*\}|\\end\{align\*\}|\\.|[{}]"
    opening = {"\\right": "\\left", "}": "{", "\\end{align*}": "\\begin{align*}"}
    for token in re.findall(tokens, latex):
        if token in opening.values():
            depth.append(token)
        elif token in opening:
            assert depth
            assert depth.pop() == opening[token], latex
    assert not depth, latex
    for block in re.findall(r"\\begin\{align\*\}(.*?)\\end", latex, re.DOTALL):
        assert "&=" in block
        assert not re.search(r"(?<!\\)[$%#]", block)


def expect_tables(markdown: str) -> None:
    for block in re.findall(r"(?:^\|.*\n)+", markdown, re.MULTILINE):
        widths = {len(re.findall(r"(?<!\\)\|", row)) for row in block.splitlines()}
        assert widths == {4}, block


class _Html(HTMLParser):
    """Complains of tags that are not closed in the order in which they were opened."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "br"):
            self.open.append(tag)
        assert not [value for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def expect_html(page: str) -> str:
    """The text of a page that is well formed and loads nothing."""
    parser = _Html()
    parser.feed(page)
    parser.close()
    assert not parser.open
    assert "http" not in page
    return "".join(parser.text)
