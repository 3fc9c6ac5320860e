"""What is asked of the engine about a random program.

Each question gives a number that the engine found, and the same number as a derivative of the
program along directions. All numbers are contractions with random directions and cotangents: a
contribution that is lost changes them, but for a chance of measure zero.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from support.random_programs.case import Answer, Case, dot, grads, number, plus, slope_of
from support.random_programs.differences import Array, Direction, Estimate, Head

import autograd as ag
from autograd import Tensor

Question = Callable[[Case], Answer]
QUESTIONS: dict[str, Question] = {}
ORDER: dict[str, int] = {}


def question(order: int) -> Callable[[Question], Question]:
    """Enter a question in the table: `order` is that of the highest derivative it needs."""

    def enter(ask: Question) -> Question:
        QUESTIONS[ask.__name__] = ask
        ORDER[ask.__name__] = order
        return ask

    return enter


def ask(name: str, case: Case) -> Answer:
    """The answer to a question: the same, whatever has been asked before."""
    case.reseed(list(QUESTIONS).index(name))
    return QUESTIONS[name](case)


# --- the gradient ---------------------------------------------------------------------------------


@question(1)
def backward(case: Case) -> Answer:
    leaves = case.leaves()
    case.run(leaves)(case.program.heads[0]).backward()
    return Answer(number(dot(grads(leaves), case.u)), case.oracle.first(case.f, case.u))


@question(1)
def backward_early(case: Case) -> Answer:
    leaves = case.leaves()
    case.run(leaves)(case.program.heads[0]).backward(early=True)
    return Answer(number(dot(grads(leaves), case.u)), case.oracle.first(case.f, case.u))


@question(1)
def backward_of_node(case: Case) -> Answer:
    """With a cotangent, an array or an untracked tensor."""
    leaves, node = case.leaves(), case.node()
    c = case.cotangent(node)
    given = Tensor(c) if case.rng.random() < 0.5 else c
    case.run(leaves)(node).backward(given)
    want = case.oracle.first([(node, c)], case.u)
    return Answer(number(dot(grads(leaves), case.u)), want)


@question(1)
def grad_transform(case: Case) -> Answer:
    found = ag.grad(case.value(case.program.heads[0]), case.every)(*case.arguments())
    return Answer(number(dot(found, case.u)), case.oracle.first(case.f, case.u))


@question(1)
def value_and_grad(case: Case) -> Answer:
    """The value is checked with the gradient: both are in one number."""
    head = case.program.heads[0]
    value, found = ag.value_and_grad(case.value(head), case.every)(*case.arguments())
    first = case.oracle.first(case.f, case.u)
    base = float(case.oracle.base[case.program.visible.index(head)])
    return Answer(
        number(value) + number(dot(found, case.u)), Estimate(base + first.value, first.error)
    )


@question(1)
def vjp_twice(case: Case) -> Answer:
    """One pullback, called with two cotangents: the second is not changed by the first."""
    node = case.node()
    c, d = case.cotangent(node), case.cotangent(node)
    _, pull = ag.vjp(case.value(node), *case.arguments())
    found = number(dot(pull(Tensor(c)), case.u)) + 2 * number(dot(pull(Tensor(d)), case.u))
    return Answer(found, case.oracle.first([(node, c + 2 * d)], case.u))


@question(1)
def jacobian(case: Case) -> Answer:
    node = case.node()
    c = case.cotangent(node)
    found = ag.jacobian(case.value(node), case.every)(*case.arguments())
    total = sum(
        float(np.sum(np.tensordot(c, np.asarray(part.data), c.ndim) * d))
        if isinstance(part, Tensor)
        else float(np.sum(np.tensordot(c, part, c.ndim) * d))
        for part, d in zip(found, case.u, strict=True)
    )
    return Answer(total, case.oracle.first([(node, c)], case.u))


@question(1)
def accumulated(case: Case) -> Answer:
    """Two backwards through one graph add up in `.grad`."""
    leaves = case.leaves()
    nodes = case.run(leaves)
    nodes(case.program.heads[0]).backward(retain_graph=True)
    nodes(case.program.heads[1]).backward(early=bool(case.rng.random() < 0.5))
    want = case.oracle.first(case.f + case.g, case.u)
    return Answer(number(dot(grads(leaves), case.u)), want)


@question(1)
def accumulated_apart(case: Case) -> Answer:
    """Two graphs that share leaves."""
    leaves = case.leaves()
    case.run(leaves)(case.program.heads[1]).backward()
    case.run(leaves)(case.program.heads[0]).backward()
    want = case.oracle.first(case.f + case.g, case.u)
    return Answer(number(dot(grads(leaves), case.u)), want)


@question(1)
def graph_twice(case: Case) -> Answer:
    """One graph, two cotangents."""
    leaves, node = case.leaves(), case.node()
    c, d = case.cotangent(node), case.cotangent(node)
    y = case.run(leaves)(node)
    y.backward(Tensor(c), retain_graph=True)
    y.backward(Tensor(d))
    return Answer(number(dot(grads(leaves), case.u)), case.oracle.first([(node, c + d)], case.u))


def _retainable(case: Case) -> int:
    """A node that no hook is on: there the gradient is retained after the hook."""
    hooks = {i for s in case.program.steps if "hooked" in "".join(s.lines) for i in s.outs}
    for _ in range(20):
        node = case.node()
        if node not in hooks:
            return node
    return case.program.heads[0]


def _nudge(case: Case, v: Array) -> Direction:
    return (*(np.zeros(x.shape) for x in case.program.inputs), v)


@question(1)
def retained(case: Case) -> Answer:
    """The gradient of an inner node, and that of the leaves beside it."""
    leaves, node = case.leaves(), _retainable(case)
    nodes = case.run(leaves)
    y = nodes(node)
    y.retain_grad()
    nodes(case.program.heads[0]).backward(early=bool(case.rng.random() < 0.5))
    v = case.cotangent(node)
    v /= np.sqrt(np.sum(v * v))
    want = plus(case.nudged(node).first(case.f, _nudge(case, v)), case.oracle.first(case.f, case.u))
    return Answer(number(dot([y.grad], [v])) + number(dot(grads(leaves), case.u)), want)


# --- second derivatives ---------------------------------------------------------------------------


@question(2)
def backward_twice(case: Case) -> Answer:
    leaves = case.leaves()
    early = bool(case.rng.random() < 0.5)
    case.run(leaves)(case.program.heads[0]).backward(create_graph=True, early=early)
    found = slope_of(leaves, dot(grads(leaves), case.u), case.w)
    return Answer(found, case.oracle.second(case.f, case.u, case.w))


@question(2)
def jvp(case: Case) -> Answer:
    """Of a node: a first derivative, that the engine finds by two sweeps."""
    node = case.node()
    c = case.cotangent(node)
    _, found = ag.jvp(case.value(node), case.arguments(), list(case.u))
    return Answer(number(dot([found], [c])), case.oracle.first([(node, c)], case.u))


@question(2)
def hvp(case: Case) -> Answer:
    found = ag.hvp(case.value(case.program.heads[0]), case.arguments(), list(case.u))
    parts = (found,) if len(case.every) == 1 else found
    return Answer(number(dot(parts, case.w)), case.oracle.second(case.f, case.u, case.w))


@question(2)
def jvp_of_grad(case: Case) -> Answer:
    gradient = ag.grad(case.value(case.program.heads[0]), case.every)
    _, found = ag.jvp(gradient, case.arguments(), list(case.w))
    return Answer(number(dot(found, case.u)), case.oracle.second(case.f, case.u, case.w))


@question(2)
def grad_of_jvp(case: Case) -> Answer:
    f = case.value(case.program.heads[0])
    along = ag.grad(lambda *xs: ag.jvp(f, xs, list(case.u))[1], case.every)
    found = along(*case.arguments())
    return Answer(number(dot(found, case.w)), case.oracle.second(case.f, case.u, case.w))


@question(2)
def grad_of_grad(case: Case) -> Answer:
    gradient = ag.grad(case.value(case.program.heads[0]), case.every)
    found = ag.grad(lambda *xs: dot(gradient(*xs), case.u), case.every)(*case.arguments())
    return Answer(number(dot(found, case.w)), case.oracle.second(case.f, case.u, case.w))


@question(2)
def grad_of_vjp(case: Case) -> Answer:
    node = case.node()
    c = case.cotangent(node)

    def along(*xs: Any) -> Any:
        return dot(ag.vjp(case.value(node), *xs)[1](Tensor(c)), case.u)

    found = ag.grad(along, case.every)(*case.arguments())
    return Answer(number(dot(found, case.w)), case.oracle.second([(node, c)], case.u, case.w))


@question(2)
def hessian(case: Case) -> Answer:
    """Of one input, all others held."""
    i = int(case.rng.integers(len(case.every)))
    u, w = case.direction([i]), case.direction([i])
    arguments = [Tensor(x) for x in case.program.inputs]  # those not differentiated by too
    found = ag.hessian(case.value(case.program.heads[0]), i)(*arguments)
    matrix = np.asarray(found.data if isinstance(found, Tensor) else found)
    n = case.program.inputs[i].size
    value = u[i].ravel() @ matrix.reshape(n, n) @ w[i].ravel()
    return Answer(float(value), case.oracle.second(case.f, u, w))


@question(2)
def grad_closing_over(case: Case) -> Answer:
    """grad by the first input, of a function that closes over the others, which are tracked."""
    u = case.direction([0])
    leaves = case.leaves()
    f = case.value(case.program.heads[0])
    inner = ag.grad(lambda x: f(x, *leaves[1:]))(leaves[0])
    found = slope_of(leaves, dot([inner], u[:1]), case.w)
    return Answer(found, case.oracle.second(case.f, u, case.w))


@question(2)
def accumulated_created(case: Case) -> Answer:
    """Several backwards into `.grad`, some of them recorded: their history stays, in any order."""
    leaves = case.leaves()
    nodes = case.run(leaves)
    pattern = [(True, False), (False, True), (True, True), (True, False, True)]
    head: Head = []
    for i, created in enumerate(pattern[int(case.rng.integers(len(pattern)))]):
        which = (case.f, case.g)[i % 2]
        nodes(which[0][0]).backward(retain_graph=True, create_graph=created)
        head = head + which if created else head
    found = slope_of(leaves, dot(grads(leaves), case.u), case.w)
    return Answer(found, case.oracle.second(head, case.u, case.w))


@question(2)
def gradient_kept(case: Case) -> Answer:
    """What was computed from a recorded gradient is not changed by later backwards."""
    leaves = case.leaves()
    nodes = case.run(leaves)
    nodes(case.program.heads[0]).backward(create_graph=True)
    slope = dot(grads(leaves), case.u)
    nodes(case.program.heads[1]).backward(retain_graph=True)
    case.run(leaves)(case.program.heads[1]).backward(create_graph=True)
    found = slope_of(leaves, slope, case.w)
    return Answer(found, case.oracle.second(case.f, case.u, case.w))


@question(2)
def graph_twice_created(case: Case) -> Answer:
    leaves, node = case.leaves(), case.node()
    c, d = case.cotangent(node), case.cotangent(node)
    y = case.run(leaves)(node)
    y.backward(Tensor(c), create_graph=True)
    y.backward(Tensor(d), create_graph=True)
    found = slope_of(leaves, dot(grads(leaves), case.u), case.w)
    return Answer(found, case.oracle.second([(node, c + d)], case.u, case.w))


@question(2)
def tracked_cotangent(case: Case) -> Answer:
    """A leaf as the cotangent: the gradient is linear in it."""
    leaves, node = case.leaves(), case.node()
    c, v = case.cotangent(node), case.cotangent(node)
    cotangent = Tensor(c, requires_grad=True)
    case.run(leaves)(node).backward(cotangent, create_graph=True)
    found = slope_of([*leaves, cotangent], dot(grads(leaves), case.u), (*case.w, v))
    second = case.oracle.second([(node, c)], case.u, case.w)
    return Answer(found, plus(second, case.oracle.first([(node, v)], case.u)))


@question(2)
def computed_cotangent(case: Case) -> Answer:
    """A node of the same program as the cotangent."""
    leaves, node = case.leaves(), case.node()
    other = case.node(case.program.shapes[node])
    nodes = case.run(leaves)
    nodes(node).backward(nodes(other), create_graph=True)
    found = slope_of(leaves, dot(grads(leaves), case.u), case.w)
    c = np.asarray(case.oracle.base[case.program.visible.index(other)])
    second = case.oracle.second([(node, c)], case.u, case.w)
    moved = case.oracle.first([(node, case.oracle.slope(other, case.w))], case.u)
    return Answer(found, plus(second, moved))


@question(2)
def retained_created(case: Case) -> Answer:
    """The gradient of an inner node, differentiated by the leaves."""
    leaves, node = case.leaves(), _retainable(case)
    nodes = case.run(leaves)
    y = nodes(node)
    y.retain_grad()
    nodes(case.program.heads[0]).backward(create_graph=True)
    v = case.cotangent(node)
    v /= np.sqrt(np.sum(v * v))
    found = slope_of(leaves, dot([y.grad], [v]), case.w)
    w = (*case.w, np.zeros(v.shape))
    return Answer(found, case.nudged(node).second(case.f, _nudge(case, v), w))


# --- third derivatives ----------------------------------------------------------------------------


@question(3)
def backward_thrice(case: Case) -> Answer:
    leaves = case.leaves()
    case.run(leaves)(case.program.heads[0]).backward(create_graph=True)
    for _ in range(2):
        slope = dot(grads(leaves), case.u)
        for leaf in leaves:
            leaf.grad = None
        if not (isinstance(slope, Tensor) and slope.requires_grad):
            return Answer(0.0, case.oracle.third(case.f, case.u, case.w))
        slope.backward(create_graph=True)
    want = case.oracle.third(case.f, case.u, case.w)
    return Answer(number(dot(grads(leaves), case.w)), want)


@question(3)
def grad_of_grad_of_grad(case: Case) -> Answer:
    f = ag.grad(case.value(case.program.heads[0]), case.every)
    g = ag.grad(lambda *xs: dot(f(*xs), case.u), case.every)
    found = ag.grad(lambda *xs: dot(g(*xs), case.u), case.every)(*case.arguments())
    return Answer(number(dot(found, case.w)), case.oracle.third(case.f, case.u, case.w))


@question(3)
def grad_of_hvp(case: Case) -> Answer:
    f = case.value(case.program.heads[0])

    def curvature(*xs: Any) -> Any:
        found = ag.hvp(f, xs, list(case.u))
        return dot((found,) if len(xs) == 1 else found, case.u)

    found = ag.grad(curvature, case.every)(*case.arguments())
    return Answer(number(dot(found, case.w)), case.oracle.third(case.f, case.u, case.w))


@question(3)
def jvp_of_jvp_of_grad(case: Case) -> Answer:
    f = ag.grad(case.value(case.program.heads[0]), case.every)

    def pushed(*xs: Any) -> Any:
        return ag.jvp(f, xs, list(case.u))[1]

    found = ag.jvp(pushed, case.arguments(), list(case.u))[1]
    return Answer(number(dot(found, case.w)), case.oracle.third(case.f, case.u, case.w))
