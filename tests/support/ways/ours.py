"""Tensors as options, in ops that users declare, in transforms, in modules, across threads."""

from __future__ import annotations

import collections
import copy
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from support.ways.judging import Flat, Refused, Right, Said, ways

import autograd as ag
import nn.functional as F
from autograd import Tensor


def numpy_cube(*rules: Any) -> Any:
    """x ** 3 in NumPy, with these rules."""

    @ag.primitive
    def cube(x: Any) -> Any:
        return x**3

    return cube.defvjp(*rules)


@ag.primitive
def product(x: Any, y: Any) -> Any:
    """x * y, of the first argument's shape."""
    return x * y


product.defvjp(lambda g, out, x, y: g * y, lambda g, out, x, y: g * x)


@ag.custom_vjp
def doubled(x: Any) -> Any:
    """2 x."""
    return 2 * x


doubled.defvjp(lambda g, out, x: 2 * g)


@ag.custom_vjp
def first_of(held: Any) -> Any:
    """Twice what a dict holds."""
    return held["a"] * 2


def closing(y: Any, way: Any) -> Any:
    """An op that multiplies by y, which it closes over."""
    op = way(lambda x: x * y)
    op.defvjp(lambda g, out, x: g * y)
    return op


def second(rule: Any) -> Any:
    """The gradient of x ** 6, through a rule of x ** 3, as a function of x."""
    cube = numpy_cube(rule)
    return lambda x: ag.grad(lambda x: (cube(x) ** 2).sum())(x)


def on_thread(f: Any, x: Any) -> Any:
    """f(x), computed by another thread."""
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(f(x)))
    thread.start()
    thread.join()
    return found


def in_no_grad(x: Any) -> Any:
    """x * 2, not recorded."""
    with ag.no_grad():
        return x * 2


def changed(x: Any) -> Any:
    """x * x, after the name of the factor was bound to another tensor by +=."""
    y = x * 1
    z = y
    y += 1
    return y * z


SCORES = np.array([[0.2, -0.4, 0.9], [1.1, 0.3, -0.5]])
POINTS = np.array([-2.0, -0.3, 0.4, 1.7])

# The same losses and activations on plain numbers, for what the option is differentiated.
WAYS = [
    *ways(
        Right(),
        {
            "clip(x, t, t)": (
                lambda x: ag.clip(x, x[2] + 0.1, x[0] + 0.1),
                lambda x: np.clip(x, x[2] + 0.1, x[0] + 0.1),
            ),
            "clip(x, a_max=t)": (
                lambda a, x: ag.clip(x, a_max=a),
                lambda a, x: np.clip(x, None, a),
            ),
            "t.clip(min=t)": (lambda a, x: x.clip(min=a), lambda a, x: np.clip(x, a, None)),
            "where(c, x=t, y=t)": (
                lambda a, b: ag.where([True, False], x=a, y=b),
                lambda a, b: np.where([True, False], a, b),
            ),
            "pad(constant_values=t)": lambda x, a: ag.pad(x, 1, constant_values=a),
            "leaky_relu(negative_slope=t)": (
                lambda a: F.leaky_relu(Tensor(POINTS), a),
                lambda a: np.where(POINTS > 0, POINTS, a * POINTS),
            ),
            "elu(alpha=t)": (
                lambda a: F.elu(Tensor(POINTS), a),
                lambda a: np.where(POINTS > 0, POINTS, a * np.expm1(POINTS)),
            ),
            "softplus(beta=t)": (
                lambda b: F.softplus(Tensor(POINTS), b),
                lambda b: np.log1p(np.exp(b * POINTS)) / b,
            ),
            "huber_loss(delta=t)": (
                lambda a: F.huber_loss(Tensor(POINTS), np.zeros(4), "none", a),
                lambda a: np.where(abs(POINTS) < a, POINTS**2 / 2, a * (abs(POINTS) - a / 2)),
            ),
            "smooth_l1_loss(beta=t)": (
                lambda a: F.smooth_l1_loss(Tensor(POINTS), np.zeros(4), "none", a),
                lambda a: np.where(abs(POINTS) < a, POINTS**2 / 2 / a, abs(POINTS) - a / 2),
            ),
            "layer_norm(eps=t)": (
                lambda a: F.layer_norm(Tensor(POINTS), 4, eps=a),
                lambda a: (POINTS - POINTS.mean()) / np.sqrt(POINTS.var() + a),
            ),
            "cross_entropy(label_smoothing=t)": (
                lambda a: F.cross_entropy(Tensor(SCORES), [2, 0], label_smoothing=a),
                lambda a: (
                    -((1 - a) * _logs(SCORES)[[0, 1], [2, 0]] + a / 3 * _logs(SCORES).sum(1)).mean()
                ),
            ),
            "cross_entropy(weight=[t, t, t])": (
                lambda x: F.cross_entropy(Tensor(SCORES), [2, 0], [x[0], x[1], x[2]]),
                lambda x: -(x[[2, 0]] @ _logs(SCORES)[[0, 1], [2, 0]]) / (x[2] + x[0]),
            ),
            "mse_loss([t, t], [t, t])": (
                lambda a, b: F.mse_loss([a, b], [b, 1.0]),
                lambda a, b: ((a - b) ** 2 + (b - 1) ** 2) / 2,
            ),
            "a user's op given a list": (
                lambda a, b: product([a, b], 3.0),
                lambda a, b: [3 * a, 3 * b],
            ),
            "a user's op given tuples": (
                lambda a, b: product((a, b), (b, a)),
                lambda a, b: [a * b, a * b],
            ),
            "a user's op given nested lists": (
                lambda a, b: product([[a, 1.0], (2.0, b)], 3.0),
                lambda a, b: [3 * a, 3, 6, 3 * b],
            ),
            "custom_vjp given a list": (lambda a, b: doubled([a, b]), lambda a, b: [2 * a, 2 * b]),
            "second derivatives of a rule": (
                second(lambda g, out, x: g * 3 * x**2),
                lambda x: 6 * x**5,
            ),
            "vjp of a function that returns lists": (
                lambda x: ag.vjp(lambda x: [x[0] ** 3, (x[1] ** 3,)], x)[1]([1.0, (2.0,)])[0],
                lambda x: 3 * x**2 * [1, 2, 0],
            ),
            "vjp by a list": (
                lambda a, b: ag.vjp(lambda v: ag.exp(v), [a, b])[1](np.array([1.0, 2.0]))[0],
                lambda a, b: [np.exp(a), 2 * np.exp(b)],
            ),
            "grad of a function of lists": (
                lambda a, b: ag.grad(lambda v: ag.sum(v) ** 3)([a, b]),
                lambda a, b: [3 * (a + b) ** 2] * 2,
            ),
            "np.full(shape, g) in a rule, once": (
                lambda x: numpy_cube(lambda g, out, x: 3 * x**2 * np.full(3, g[0]))(x).sum(),
                lambda x: np.sum(x**3),
            ),
            "jvp along a tensor": (
                lambda x: ag.jvp(lambda x: x**3, (x,), (x * 2,))[1],
                lambda x: 6 * x**3,
            ),
            "a checkpoint that closes over t": (
                lambda x, a: ag.checkpoint(lambda x: ag.clip(x, a_min=a))(x),
                lambda x, a: np.clip(x, a, None),
            ),
            "a checkpoint with lists of t": (
                lambda x, a, b: ag.checkpoint(lambda x: x * Tensor([a, b, 1.0]))(x),
                lambda x, a, b: x * [a, b, 1],
            ),
            "another thread": (lambda x: on_thread(ag.exp, x), np.exp),
            "a pool of threads": (
                lambda x: list(ThreadPoolExecutor(2).map(ag.exp, x)),
                lambda x: np.exp(x),
            ),
            "y += 1 after z = y": (changed, lambda x: (x + 1) * x),
            "astype(longdouble) and back": lambda x: x.astype(np.longdouble).astype(float) ** 2,
            "(x > 0.5) * x": lambda x: (x > 0.5) * x,
            "sort, max, median": lambda x: (ag.sort(x), ag.max(x), ag.median(x)),
            "t.copy()": lambda x: x.copy() * 2,
        },
    ),
    *ways(
        Refused(TypeError, ("option",)),
        {
            "nan_to_num(nan=t)": lambda a: ag.nan_to_num(np.array([np.nan]), nan=a),
            "var(ddof=t)": lambda x, a: ag.var(x, ddof=a),
            "sum(axis=t)": lambda x, a: ag.sum(x, axis=a),
            "einsum(optimize=[t])": lambda x: ag.einsum("i->", x, optimize=[x]),
            "a dict in an option": lambda x: product(x, 1.0, held={"a": x}),
        },
    ),
    *ways(
        Refused(TypeError),
        {
            "dropout(p=t)": lambda x, a: F.dropout(x, a),
            "softplus(threshold=t)": lambda x, a: F.softplus(x, threshold=a),
            "batch_norm(momentum=t)": lambda m, a: F.batch_norm(m, None, None, momentum=a),
            "matrix_power(m, t)": lambda m, a: ag.matrix_power(m, a),
            "round(x, t)": lambda x, a: ag.round(x, a),
            "x.reshape(t)": lambda x, a: x.reshape(a),
            "x[t:]": lambda x, a: x[a:],
            "x[0] = t": lambda x, a: x.__setitem__(0, a),
        },
    ),
    *ways(
        Refused(ValueError, ("polygamma",)), {"polygamma(t, x)": lambda a, x: ag.polygamma(a, x)}
    ),
    *ways(
        Refused(TypeError, ("option", "detach()")),
        {
            "roll(x, t)": lambda x, a: ag.roll(x, a),
            "norm(x, t)": lambda x, a: ag.norm(x + 0, a + 2),
        },
    ),
    *ways(Refused(IndexError, ("integer",)), {"x[t]": lambda x, a: x[a]}),
    *ways(
        Refused(RuntimeError, ("detach()",)),
        {
            "a forward that closes over t": lambda x, a: closing(a, ag.primitive)(x),
            "custom_vjp that closes over t": lambda x, a: closing(a, ag.custom_vjp)(x),
            "custom_vjp given a dict": lambda a: first_of({"a": a}),
            "autograd.random, uniform(0, t)": lambda a: ag.random.Generator(0).uniform(0.0, a),
            "copy.copy of a result": lambda x: copy.copy(x * 2),
            "copy.deepcopy of a result": lambda x: copy.deepcopy([x * 2]),
            "pickle of a result": lambda x: pickle.dumps(x * 2),
            "np.full(shape, g) in a rule": second(
                lambda g, out, x: Tensor(np.full(x.shape, g[0])) * 3 * x**2
            ),
            "np.asarray(g) in a rule": second(lambda g, out, x: np.asarray(g) * 3 * x**2),
        },
    ),
    *ways(
        Refused(RuntimeError, ("on_arrays",)),
        {
            "second derivatives of on_arrays": second(ag.on_arrays(lambda g, out, x: g * 3 * x**2)),
        },
    ),
    *ways(
        Refused(TypeError, ("Tensor",)),
        {
            "a rule that returns an array": lambda x: numpy_cube(
                lambda g, out, x: np.full(x.shape, 1.0)
            )(x),
            "a rule that returns g.data": lambda x: numpy_cube(lambda g, out, x: g.data)(x),
        },
    ),
    *ways(
        Refused(Exception, ("returned",)),
        {
            "grad of a function that returns lists": lambda x: ag.grad(lambda x: [x[0], x[1]])(x),
            "jacobian of one that returns lists": lambda x: ag.jacobian(lambda x: [x[0], x[1]])(x),
            "a checkpoint that returns a deque": lambda x: ag.checkpoint(collections.deque)(x),
        },
    ),
    *ways(
        Refused(RuntimeError, ("stack()",)),
        {
            "vjp of a function that returns np.array": lambda x: ag.vjp(
                lambda x: np.array([x[0], x[1]]), x
            ),
            "grad of one that fills an array": lambda x: ag.grad(lambda x: np.full(3, x[0]).sum())(
                x
            ),
        },
    ),
    *ways(
        Flat(),
        {
            "astype(int)": lambda x: x.astype(int),
            "floor, ceil, trunc, round": lambda x: (
                ag.floor(x),
                ag.ceil(x),
                ag.trunc(x),
                x.round(0),
            ),
            "sign, isnan, x // 0.3": lambda x: (ag.sign(x), ag.isnan(x), x // 0.3),
            "x > 0.5, x == 0.7, logical_not": lambda x: (x > 0.5, x == 0.7, ag.logical_not(x)),
            "argmax, argsort, argmin of a list": lambda x: (x.argmax(), ag.argmin([x[0], x[1]])),
            "any, all, count_nonzero, nonzero": lambda x: (ag.any(x), ag.count_nonzero(x)),
            "norm of order 0": lambda x: ag.norm(x, 0),
            "where(t, 1, 2)": lambda x: ag.where(x, 1.0, 2.0),
        },
    ),
    *ways(
        Said("no_grad"),
        {
            "no_grad": (in_no_grad, lambda x: x * 2),
            "Tensor(x) in no_grad": (lambda x: ag.no_grad()(lambda y: Tensor(y))(x), lambda x: x),
        },
    ),
    *ways(
        Said("detach"),
        {
            "detach": (lambda x: (x * 2).detach(), lambda x: x * 2),
            "stop_gradient of a list": (lambda x: ag.stop_gradient([x * 2]), lambda x: x * 2),
        },
    ),
    *ways(
        Said(".data"),
        {
            ".data": (lambda x: (x * 2).data, lambda x: x * 2),
            ".numpy()": (lambda x: (x * 2).numpy(), lambda x: x * 2),
            "Tensor(x.data)": (lambda x: Tensor(x.data), lambda x: x),
            "a forward that reads .data": (
                lambda x: closing(x, lambda f: ag.primitive(lambda y: y * x.data))(np.ones(3)),
                lambda x: x,
            ),
        },
    ),
    *ways(Said("item"), {"item": lambda a: a.item() * 2}),
    *ways(
        Said("copies"),
        {
            "copy.copy of a leaf": (lambda x: copy.copy(x).detach(), lambda x: x),
            "copy.deepcopy of a leaf": (lambda x: copy.deepcopy([x])[0].detach(), lambda x: x),
            "pickle of a leaf": (lambda x: pickle.loads(pickle.dumps(x)).detach(), lambda x: x),
        },
    ),
]


def _logs(scores: Any) -> Any:
    return scores - np.log(np.exp(scores).sum(1, keepdims=True))
