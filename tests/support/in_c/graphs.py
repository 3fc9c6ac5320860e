"""Random graphs of maps, views, reductions and scatters: what decides where values lie, how long,
and which loops run together.

A graph is drawn while it runs: each step takes nodes whose shapes fit. Its numbers stay moderate,
and most of its ops round nothing, so that a wrong place is a wrong number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import prod
from typing import Any

import numpy as np
from support.in_c.drawing import MOST, Graph, MisfitError, Shape
from support.in_c.joining import Part

import autograd as ag
from autograd import Tensor, ops, primitive
from autograd.ops.elementwise.exponential import shares
from autograd.ops.reductions.extremum import gather_first_max, scatter_first_max
from autograd.ops.reductions.moments import deviations
from autograd.ops.reductions.reduction import shared, sum_of_products, sum_of_squares
from autograd.ops.shapes.indexing import scatter
from autograd.ops.shapes.windows import fold_windows
from autograd.program.passes import simplified, without_dead_calls
from autograd.program.watching import program_of

Array = np.ndarray[Any, Any]

_SIZES = (1, 1, 2, 2, 3, 3, 4, 5, 6, 8, 12)
_LONG = (17, 33, 65, 70, 300)


@primitive(differentiable=False)
def foreign(x: Array) -> Array:
    """An op of somebody else, which NumPy runs, and whose calls keep their order."""
    return np.ascontiguousarray(x) * 0.5


def _map(g: Graph) -> Tensor:
    x = g.pick()
    y = g.partner(x)
    forms: list[Callable[[], Tensor]] = [
        lambda: x + y,
        lambda: x - y,
        lambda: ag.maximum(x, y),
        lambda: ag.where(x > y, x, y),
        lambda: ag.where(x > 0.1, g.number(), y),
        lambda: x * g.number(),
        lambda: x + g.number(),
        lambda: ag.tanh(x) * y,
        lambda: ag.exp(-ag.absolute(x)) - y,
        lambda: ag.tanh(ag.exp(ag.tanh(x) - ag.absolute(y)) * ag.tanh(ag.sin(x) - ag.cos(y))),
    ]
    return forms[g.integer(0, len(forms))]()


def _reshape(g: Graph) -> Tensor:
    x = g.pick()
    return ag.reshape(x, g.regrouped(x.size) if x.size else x.shape[::-1])


def _transpose(g: Graph) -> Tensor:
    x = g.pick(lambda x: x.ndim > 1)
    return ag.transpose(x, tuple(int(a) for a in g.rng.permutation(x.ndim)))


def _flip(g: Graph) -> Tensor:
    x = g.pick()
    return ag.flip(x, g.axes(x))


def _sliced(g: Graph) -> Tensor:
    x = g.pick(lambda x: x.ndim > 0)
    return ops.getitem(x, g.index(x.shape))


def _spread(g: Graph) -> Tensor:
    x = g.pick(lambda x: x.size < 500)
    wide = tuple([g.integer(2, 5) if n == 1 and g.chance(0.6) else n for n in x.shape])
    lead = (g.integer(2, 4),) if g.chance(0.4) else ()
    return ag.broadcast_to(x, (*lead, *wide))


def _windows(g: Graph) -> Tensor:
    x = g.pick(lambda x: 0 < x.ndim < 4 and x.size > 1)
    k = g.integer(1, min(x.ndim, 2) + 1)
    if g.chance(0.4):  # side by side
        window = [_divisor(g, n) for n in x.shape[-k:]]
        return ops.sliding_windows(x, tuple(window), tuple(window), (1,) * k)
    window = [g.integer(1, min(n, 4) + 1) if n else 0 for n in x.shape[-k:]]
    if 0 in window:
        raise MisfitError
    spread = [
        g.integer(1, 3) if d * 2 - 1 <= n else 1 for d, n in zip(window, x.shape[-k:], strict=True)
    ]
    stride = [g.integer(1, 4) for _ in window]
    return ops.sliding_windows(x, tuple(window), tuple(stride), tuple(spread))


def _divisor(g: Graph, n: int) -> int:
    return int(g.rng.choice([k for k in range(1, n + 1) if n % k == 0] or [1]))


def _fold(g: Graph) -> Tensor:
    x = g.pick(lambda x: 2 <= x.ndim <= 5 and x.size > 1)
    k = 2 if x.ndim >= 4 and g.chance(0.5) else 1
    lead, counts, window = x.shape[: -2 * k], x.shape[-2 * k : -k], x.shape[-k:]
    if 0 in window or 0 in counts:
        raise MisfitError
    if g.chance(0.4):
        stride, spread = window, (1,) * k
    else:
        stride = tuple(g.integer(1, 4) for _ in window)
        spread = tuple(g.integer(1, 3) for _ in window)
    rest = [g.integer(0, 2) if s > 1 else 0 for s in stride]
    sizes = [
        (c - 1) * s + d * (w - 1) + 1 + (0 if stride == window else min(r, s - 1))
        for c, s, d, w, r in zip(counts, stride, spread, window, rest, strict=True)
    ]
    return fold_windows(x, (*lead, *sizes), window, stride, spread)


def _pad(g: Graph) -> Tensor:
    x = g.pick(lambda x: x.ndim > 0)
    widths = tuple((g.integer(0, 3), g.integer(0, 3)) for _ in x.shape)
    return ag.pad(x, widths, constant_values=float(g.rng.choice([0.0, 0.0, -1.5])))


def _roll(g: Graph) -> Tensor:
    x = g.pick(lambda x: x.ndim > 0 and x.size > 0)
    return ag.roll(x, g.integer(-3, 4), g.axis(x))


def _joined(g: Graph) -> Tensor:
    x = g.pick()
    y = g.pick(lambda y: y.shape == x.shape)
    if x.ndim and g.chance(0.5):
        return ag.concatenate([x, y, x], axis=g.axis(x))
    return ag.stack([x, y], axis=g.integer(0, x.ndim + 1))


def _split(g: Graph) -> tuple[Tensor, ...]:
    x = g.pick(lambda x: x.ndim > 0 and max(x.shape) > 1)
    axis = g.axis(x)
    if x.shape[axis] < 2:
        raise MisfitError
    return tuple(ag.split(x, [g.integer(1, x.shape[axis])], axis=axis))


def _reduction(g: Graph) -> Tensor:
    x = g.pick(lambda x: x.ndim > 0 and x.size > 0)
    axes, keep = g.axes(x), g.chance(0.5)
    forms: list[Callable[[], Tensor]] = [
        lambda: ag.sum(x, axes, keepdims=keep) * (1 / x.size),
        lambda: ag.max(x, axes, keepdims=keep),
        lambda: ag.min(x, axes, keepdims=keep),
        lambda: ag.mean(x, axes, keepdims=keep),
        lambda: ag.logsumexp(x, axes, keepdims=keep),
        lambda: ag.var(x, axes, keepdims=keep),
        lambda: shares(x, axes),
        lambda: deviations(x, axes),
        lambda: sum_of_squares(x, axes) * (1 / x.size),
        lambda: ag.sum(x, -1),
    ]
    return forms[g.integer(0, len(forms))]()


def _two_reduced(g: Graph) -> Tensor:
    x = g.pick(lambda x: x.ndim > 0 and x.size > 0)
    y = g.pick(lambda y: y.shape == x.shape)
    return sum_of_products(x, y, g.axes(x)) * (1 / x.size)


def _product(g: Graph) -> Tensor:
    x = g.pick(lambda x: x.ndim > 0 and x.size > 0)
    y = g.pick(lambda y: y.ndim > 0 and y.shape[max(y.ndim - 2, 0)] == x.shape[-1])
    if prod(x.shape[:-1]) * y.size > MOST or x.ndim > 3 or y.ndim > 3:
        raise MisfitError
    try:
        np.broadcast_shapes(x.shape[:-2], y.shape[:-2])
    except ValueError:
        raise MisfitError from None
    return ag.matmul(x, y) * (1 / x.shape[-1])


def _first(g: Graph) -> tuple[Tensor, ...]:
    x = g.pick(lambda x: x.ndim > 0 and x.size > 0)
    peak = ag.max(x, g.axes(x), keepdims=True)
    spread = scatter_first_max(peak * g.number(), peak, x)
    return peak, spread, gather_first_max(x * g.number(), peak, x)


def _shared(g: Graph) -> Tensor:
    x = g.pick(lambda x: x.ndim > 0 and x.size > 0)
    axes = g.axes(x)
    return shared(ag.mean(x, axes), x.shape, axes)


def _largest(g: Graph) -> Tensor:
    x = g.pick(lambda x: x.ndim > 0 and x.size > 0)
    return g.rng.choice([ag.argmax, ag.argmin])(x, g.axis(x))


def _taken(g: Graph) -> Tensor:
    x = g.pick(lambda x: x.ndim > 0 and x.size > 0)
    axis = g.axis(x)
    n = x.shape[axis]
    if g.chance(0.3):  # places that are computed
        at = g.pick(lambda i: i.size < 100, ints=True)
        index: Any = ag.minimum(at, n - 1)
    else:
        index = g.places(n, (g.integer(1, 4),) * g.integer(1, 3))
    before: list[Any] = [slice(None) if g.chance(0.7) else g.slice(k) for k in x.shape[:axis]]
    after: list[Any] = [...] if g.chance(0.3) else []
    return ops.getitem(x, (*before, index, *after))


def _paired(g: Graph) -> Tensor:
    """One element of each line."""
    x = g.pick(lambda x: x.ndim == 2 and x.size > 0)
    n, m = x.shape
    return ops.getitem(x, (Tensor(np.arange(n)), g.places(m, (n,))))


def _added(g: Graph) -> Tensor:
    x = g.pick(lambda x: x.ndim > 0 and 0 < x.size < 1000)
    n = g.integer(1, 7)
    if g.chance(0.4):
        return scatter(x, g.places(n, x.shape[:1]), (n, *x.shape[1:]))
    if x.ndim == 1 and g.chance(0.5):
        line = Tensor(np.arange(x.size))
        return scatter(x, (line, g.places(n, x.shape)), (x.size, n))
    lead = tuple([k + g.integer(0, 3) for k in x.shape])
    index = tuple([_within(g, k, size) for k, size in zip(x.shape, lead, strict=True)])
    return scatter(x, index, lead)


def _within(g: Graph, n: int, size: int) -> slice:
    start = g.integer(0, size - n + 1)
    if g.chance(0.3):
        return slice(start + n - 1, start - 1 if start else None, -1)
    return slice(start, start + n)


def _by_numpy(g: Graph) -> Tensor:
    x = g.pick()
    drawn = g.integer(0, 3)
    if drawn == 0 and x.ndim:
        return ag.cumsum(x, axis=g.axis(x)) * 0.25
    return foreign(x) if drawn == 1 else ag.sort(x, axis=-1) if x.ndim else foreign(x)


_WEIGHTS: dict[Callable[[Graph], Any], float] = {
    _map: 8,
    _reshape: 3,
    _transpose: 2,
    _flip: 2,
    _sliced: 3,
    _spread: 2,
    _windows: 2,
    _fold: 2,
    _pad: 2,
    _roll: 1,
    _joined: 1.5,
    _split: 1,
    _reduction: 6,
    _two_reduced: 1,
    _product: 1,
    _first: 1,
    _shared: 1,
    _largest: 1,
    _taken: 1.5,
    _paired: 0.7,
    _added: 1.5,
    _by_numpy: 1.5,
}
_KINDS = list(_WEIGHTS)
_CHANCES = np.array(list(_WEIGHTS.values())) / sum(_WEIGHTS.values())


def step(graph: Graph) -> None:
    """Add another node or several, by a kind of step that fits."""
    for _ in range(50):
        kind = _KINDS[int(graph.rng.choice(len(_KINDS), p=_CHANCES))]
        try:
            made = kind(graph)
        except MisfitError:
            continue
        several = made if isinstance(made, tuple) else (made,)
        if all((x.size or graph.empty) and x.size <= MOST and x.ndim <= 6 for x in several):
            graph.nodes += several
            return


def graph_part(seed: int, steps: int = 14, empty: bool = False) -> Part:
    """The program of a random graph, as jit would run it."""
    rng = np.random.default_rng([seed, 23])
    dtype = np.float32 if seed % 3 == 0 else np.float64
    xs = [np.asarray(rng.normal(size=_shape(rng, empty)), dtype) for _ in range(rng.integers(1, 4))]

    def f(*given: Tensor) -> Any:
        graph = Graph(np.random.default_rng([seed, 29]), list(given), empty)
        for _ in range(steps):
            step(graph)
        last = graph.nodes[len(given) :]
        count = min(len(last), graph.integer(1, 5))
        kept = [last[int(i)] for i in graph.rng.permutation(len(last))[:count]]
        return [*kept, *last[-1:]]

    with np.errstate(all="ignore"):
        program = program_of(f, *xs)
    if seed % 5:
        program = simplified(without_dead_calls(program))
    return Part(f"graph {seed}", program, tuple(xs))


def _shape(rng: np.random.Generator, empty: bool) -> Shape:
    ndim = int(rng.integers(0, 5))
    sizes = [int(n) for n in rng.choice(_SIZES, ndim)]
    if ndim and rng.random() < 0.3:
        sizes[int(rng.integers(ndim))] = int(rng.choice(_LONG))
    if ndim and empty and rng.random() < 0.3:
        sizes[int(rng.integers(ndim))] = 0
    while prod(sizes) > MOST:
        sizes.pop()
    return tuple(sizes)


def graph_parts(seeds: Iterable[int], empty: bool = False) -> list[Part]:
    """One for each seed."""
    return [graph_part(seed, empty=empty) for seed in seeds]
