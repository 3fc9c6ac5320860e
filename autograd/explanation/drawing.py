"""A tape as a drawing: in Graphviz' language, and as a page of its own."""

from __future__ import annotations

import json
from html import escape

from autograd.explanation.graph import Graph, Group, grouped, layers
from autograd.explanation.page_parts import SCRIPT, STYLE

_READABLE = 60  # boxes that a page shows at first

_FILL = {
    "leaf": "#ffffff",
    "elementwise": "#dcebff",
    "reduction": "#ffe3cc",
    "contraction": "#ffd6de",
    "view": "#ededed",
    "gather": "#dff3df",
    "other": "#efe3fb",
}


def dot(graph: Graph) -> str:
    """The graph in Graphviz' language, modules as clusters."""
    lines = [
        "digraph tape {",
        '  node [shape=box, style="filled,rounded", fontname="Helvetica", fontsize=11];',
        '  edge [fontname="Helvetica", fontsize=9];',
    ]
    clusters = 0

    def write(group: Group, indent: str) -> None:
        nonlocal clusters
        for child in group.children:
            if isinstance(child, Group):
                lines.append(f"{indent}subgraph cluster_{clusters} {{")
                clusters += 1
                lines.append(f"{indent}  label={_quoted(child.label)};")
                write(child, indent + "  ")
                lines.append(f"{indent}}}")
            else:
                node = graph.nodes[child]
                oval = ", shape=ellipse, style=filled" if node.scope is None else ""
                label = _quoted(node.label + "\n" + node.shape)
                tip, fill = _quoted(node.tip), _FILL[node.kind]
                lines.append(
                    f'{indent}n{child} [label={label}, tooltip={tip}, fillcolor="{fill}"{oval}];'
                )

    write(grouped(graph), "  ")
    for source, target, shape in graph.edges:
        lines.append(f"  n{source} -> n{target} [label={_quoted(shape)}];")
    return "\n".join([*lines, "}", ""])


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def page(graph: Graph) -> str:
    """The graph as HTML: modules are nested <details>, and a script of the page draws the edges."""
    root = grouped(graph)
    opened = _opened(root)
    records = sum(node.scope is not None for node in graph.nodes)
    used = [kind for kind in _FILL if any(node.kind == kind for node in graph.nodes)]
    legend = "".join(f'<span class="key {kind}">{kind}</span>' for kind in used)
    edges = json.dumps([[source, target] for source, target, _ in graph.edges])
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>Tape of {records} records</title>",
            f"<style>{_colours()}{STYLE}</style></head><body>",
            f"<header><b>Tape of {records} records</b>",
            '<button id="open">open all</button><button id="close">close all</button>',
            f"{legend}</header>",
            '<noscript><p class="hint">Without JavaScript the edges are not drawn.</p></noscript>',
            '<main id="drawing"><svg id="edges" aria-hidden="true"></svg>',
            _inside(graph, root, opened),
            "</main>",
            f"<script>const EDGES = {edges};\n{SCRIPT}</script>",
            "</body></html>",
            "",
        ]
    )


def _opened(root: Group) -> set[int]:
    """The identities of the groups open at first: level by level, while it stays readable."""
    opened: set[int] = set()
    visible = len(root.children)
    level = root.groups()
    while level:
        visible += sum(len(group.children) - 1 for group in level)
        if visible > _READABLE:
            break
        opened |= {id(group) for group in level}
        level = [inner for group in level for inner in group.groups()]
    return opened


def _inside(graph: Graph, group: Group, opened: set[int]) -> str:
    rows = []
    for layer in layers(graph, group):
        boxes = "".join(
            _group(graph, child, opened) if isinstance(child, Group) else _node(graph, child)
            for child in layer
        )
        rows.append(f'<div class="layer">{boxes}</div>')
    return f'<div class="layers">{"".join(rows)}</div>'


def _group(graph: Graph, group: Group, opened: set[int]) -> str:
    records = sum(graph.nodes[n].scope is not None for n in group.nodes())
    state = " open" if id(group) in opened else ""
    count = f"{records} record{'s' * (records != 1)}"
    return (
        f'<details class="group"{state}><summary>{escape(group.label)} <i>{count}</i></summary>'
        f"{_inside(graph, group, opened)}</details>"
    )


def _node(graph: Graph, number: int) -> str:
    node = graph.nodes[number]
    return (
        f'<div class="node {node.kind}" id="n{number}" title="{escape(node.tip)}">'
        f"<b>{escape(node.label)}</b><span>{escape(node.shape)}</span></div>"
    )


def _colours() -> str:
    return "".join(f".{kind} {{ background: {colour} }}\n" for kind, colour in _FILL.items())
