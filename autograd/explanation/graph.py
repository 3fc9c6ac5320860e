"""The graph that is drawn: nodes within the modules they were made in, in layers."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Node:
    """A record, or a leaf: `scope` is None for a leaf, which stands beside what reads it."""

    label: str
    shape: str
    tip: str
    kind: str
    scope: tuple[str, ...] | None


@dataclass(frozen=True)
class Graph:
    """Nodes, each after those it reads, and edges (from, to, shape of what is read)."""

    nodes: list[Node]
    edges: list[tuple[int, int, str]]


@dataclass
class Group:
    """A module at work: an unbroken run of records made within it.

    A module that is called again later makes a second group, so that the groups, as the records,
    stand each after those it reads.
    """

    label: str
    children: list[int | Group] = field(default_factory=list)

    def nodes(self) -> list[int]:
        """All nodes within, also within groups within."""
        found: list[int] = []
        waiting: list[int | Group] = [self]
        while waiting:
            child = waiting.pop()
            if isinstance(child, Group):
                waiting += reversed(child.children)
            else:
                found.append(child)
        return found

    def groups(self) -> list[Group]:
        """The groups right within."""
        return [child for child in self.children if isinstance(child, Group)]


def grouped(graph: Graph) -> Group:
    """The outermost group, which is no module."""
    root = Group("")
    path: list[Group] = [root]
    place: dict[int, list[Group]] = {}
    for number, node in enumerate(graph.nodes):
        if node.scope is None:
            continue
        common = 0
        while common < min(len(path) - 1, len(node.scope)) and (
            path[common + 1].label == node.scope[common]
        ):
            common += 1
        del path[common + 1 :]
        for label in node.scope[common:]:
            group = Group(label)
            path[-1].children.append(group)
            path.append(group)
        path[-1].children.append(number)
        place[number] = list(path)
    readers: dict[int, list[int]] = defaultdict(list)
    for source, target, _ in graph.edges:
        readers[source].append(target)
    for number, node in enumerate(graph.nodes):
        if node.scope is None:
            home = root
            for groups in zip(*(place[r] for r in readers[number]), strict=False):
                if any(group is not groups[0] for group in groups):
                    break
                home = groups[0]
            home.children.insert(0, number)
    return root


def layers(graph: Graph, group: Group) -> list[list[int | Group]]:
    """The children of a group from top to bottom: each below everything within that it reads.

    A leaf, and what is computed from leaves alone, stands right above the first that reads it.
    Within a layer, what hangs together stands near: each child goes to the mean place of what it
    reads.
    """
    children = group.children
    owner = {
        node: i
        for i, child in enumerate(children)
        for node in (child.nodes() if isinstance(child, Group) else [child])
    }
    above: dict[int, set[int]] = defaultdict(set)
    below: dict[int, set[int]] = defaultdict(set)
    for source, target, _ in graph.edges:
        a, b = owner.get(source), owner.get(target)
        if a is not None and b is not None and a != b:
            above[b].add(a)
            below[a].add(b)
    from_outside = {owner[t] for s, t, _ in graph.edges if t in owner and s not in owner}
    is_leaf = [not isinstance(c, Group) and graph.nodes[c].scope is None for c in children]
    # Leaves come first among the children, then what was recorded in the order of recording.
    depth: dict[int, int] = {}
    for i in range(len(children)):
        depth[i] = max((depth[a] + 1 for a in above[i]), default=0)
    # Leaves and what is computed from leaves alone can wait until it is read.
    waits = list(is_leaf)
    for i, leaf in enumerate(is_leaf):
        waits[i] = leaf or (
            bool(above[i]) and i not in from_outside and all(waits[a] for a in above[i])
        )
    for i in reversed(range(len(children))):
        if waits[i] and below[i]:
            depth[i] = min(depth[b] for b in below[i]) - 1
    rows: list[list[int]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for i in range(len(children)):
        rows[depth[i]].append(i)
    position: dict[int, float] = {}
    for row in rows:
        row.sort(key=lambda i: (waits[i], _mean([position[a] for a in above[i]]), i))
        for k, i in enumerate(row):
            position[i] = k - (len(row) - 1) / 2
    return [[children[i] for i in row] for row in rows if row]


def _mean(numbers: list[float]) -> float:
    return sum(numbers) / len(numbers) if numbers else 0.0
