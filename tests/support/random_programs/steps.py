"""The kinds of steps that a random program is made of.

A kind is a function of the builder: it picks nodes that have been computed, and adds one line of
source, or several. It gives up where what it picked does not fit; the builder then draws another.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from support.random_programs.builder import Builder

Kind = Callable[["Builder"], None]

KINDS: dict[str, Kind] = {}
WEIGHTS: dict[str, float] = {}


class MisfitError(Exception):
    """The picked nodes do not suit the step."""


def kind(weight: float) -> Callable[[Kind], Kind]:
    """Enter a kind of step in the table, to be drawn in proportion to `weight`."""

    def enter(function: Kind) -> Kind:
        KINDS[function.__name__] = function
        WEIGHTS[function.__name__] = weight
        return function

    return enter


def needs(fits: bool) -> None:
    if not fits:
        raise MisfitError


ELEMENTWISE = [
    "-{x}",
    "exp({x} * 0.5)",
    "log({x} * {x} + 1.3)",
    "log1p(square({x}))",
    "sqrt({x} * {x} + 0.8)",
    "sin({x})",
    "cos({x})",
    "tanh({x})",
    "sinh({x} * 0.5)",
    "arctan({x} * 0.5)",
    "expm1({x} * 0.4)",
    "softplus({x})",
    "expit({x})",
    "reciprocal(square({x}) + 1.5)",
    "absolute({x})",
    "{x}**2",
    "{x}**3",
    "({x} * {x} + 0.7)**1.5",
    "(square({x}) + 1.0)**-0.5",
    "1.5**{x}",
    "{x} * {x}",
    "2 * {x} + {x} * {x}",
    "{x} * {x} + 2 * {x} + 3 * {x}",
]


@kind(5)
def elementwise(b: Builder) -> None:
    x = b.pick()
    b.line(b.choice(ELEMENTWISE), x=x)


@kind(6)
def arithmetic(b: Builder) -> None:
    x = b.pick()
    y = b.partner(x)
    forms = ["{x} + {y}", "{x} - {y}", "{x} * {y}", "{x} / ({y} * {y} + 1.2)"]
    b.line(
        b.choice([*forms, "{y} * {x}", "({x} * {x} + 0.7)**{y}", "logaddexp({x}, {y})"]), x=x, y=y
    )


@kind(5)
def with_constant(b: Builder) -> None:
    """A number, an array or an untracked tensor, on either side."""
    x = b.pick()
    shape = b.shape(x)
    if b.chance(0.3):  # only where it makes the result no smaller than x
        shape = tuple(b.choice([n, 1]) for n in shape[b.integer(len(shape) + 1) :])
    c = b.choice([b.number(), b.array(shape), b.constant(shape)])
    forms = ["{x} + {c}", "{c} + {x}", "{x} - {c}", "{c} - {x}", "{x} * {c}", "{c} * {x}"]
    b.line(b.choice([*forms, "{x} / (2.5 + {c})", "{c} / ({x} * {x} + 1.1)"]), x=x, c=c)


@kind(2)
def larger(b: Builder) -> None:
    x = b.pick()
    other = f"n{b.partner(x)}" if b.chance(0.6) else b.constant(b.shape(x))
    b.line(b.choice(["maximum({x}, {c})", "minimum({c}, {x})"]), x=x, c=other)


@kind(2)
def chosen(b: Builder) -> None:
    x = b.pick()
    y = b.partner(x)
    mask = b.mask(b.shape(x) if b.chance(0.7) else b.shape(x)[-1:])
    b.line(b.choice(["where({m}, {x}, {y})", "where({m}, {y}, 0.3)"]), x=x, y=y, m=mask)


@kind(4)
def reduction(b: Builder) -> None:
    x = b.pick(lambda shape: shape != ())
    name = b.choice(["sum", "sum", "mean", "max", "min", "logsumexp", "var", "std", "norm"])
    axes = b.axes(x)
    count = b.size(x) / max(b.size_of_reduced(x, axes), 1)
    needs(name not in ("std", "var", "norm") or count > 1)
    ddof = ", ddof=1" if name in ("std", "var") and b.chance(0.3) else ""
    if name == "norm":
        needs(axes is not None and isinstance(axes, int))
    keep = b.choice(["", ", keepdims=True"])
    inner = "{x}" if name not in ("std", "norm") else b.spread("{x}", x)
    b.line(f"{name}({inner}, axis={axes}{keep}{ddof})", x=x)


@kind(2)
def running(b: Builder) -> None:
    x = b.pick(lambda shape: shape != ())
    axis = b.integer(len(b.shape(x)))
    name = b.choice(["cumsum", "cumprod", "prod", "prod"])
    axes = b.choice([axis, None]) if name == "prod" else axis
    b.line(f"{name}({{x}}, axis={axes})", x=x)


@kind(5)
def view(b: Builder) -> None:
    x = b.pick(lambda shape: shape != ())
    shape, ndim = b.shape(x), len(b.shape(x))
    axis = b.integer(ndim)
    order = tuple(int(i) for i in b.rng.permutation(ndim))
    forms = [
        f"reshape({{x}}, {b.regrouped(shape)})",
        f"reshape({{x}}, {b.regrouped(shape)})",
        f"transpose({{x}}, {order})",
        f"swapaxes({{x}}, 0, {axis})",
        f"moveaxis({{x}}, {axis}, -1)",
        f"expand_dims({{x}}, {axis})",
        f"flip({{x}}, axis={axis})",
        f"roll({{x}}, 1, axis={axis})",
        "ravel({x})",
        "transpose({x})",
        f"squeeze(expand_dims({{x}}, {axis}), axis={axis})",
    ]
    b.line(b.choice(forms), x=x)


@kind(3)
def spreading(b: Builder) -> None:
    """Each element goes to several places, so that its gradient is a sum."""
    x = b.pick()
    shape = b.shape(x)
    wide = tuple(b.choice([2, 3]) if n == 1 else n for n in shape)
    forms = [f"broadcast_to({{x}}, {b.choice([wide, (2, *shape)])})"]
    if shape:
        axis = b.integer(len(shape))
        forms += [f"repeat({{x}}, 2, axis={axis})", "tile({x}, (2,))", "pad({x}, 1)"]
    b.line(b.choice(forms), x=x)


@kind(5)
def indexing(b: Builder) -> None:
    x = b.pick(lambda shape: shape != () and 0 not in shape)
    shape = b.shape(x)
    n = shape[0]
    rows = [int(i) for i in b.rng.integers(-n, n, b.choice([2, 3, 4]))]
    forms = [
        "{x}[0]",
        "{x}[-1]",
        "{x}[..., 0]",
        "{x}[None]",
        "{x}[::2]",
        "{x}[:, None]",
        f"{{x}}[{b.integer(n)}:]",
        f"{{x}}[{rows}]",
        f"{{x}}[{rows}]",
        f"take({{x}}, {rows}, axis=0)",
        f"{{x}}[..., {[b.integer(shape[-1]) for _ in range(3)]}]",
        f"{{x}}[{b.mask(shape)}]",
    ]
    if len(shape) > 1:
        columns = [b.integer(shape[1]) for _ in rows]
        forms += [f"{{x}}[{rows}, {columns}]", f"{{x}}[1:, {b.integer(shape[1])}]"]
    b.line(b.choice(forms), x=x)


@kind(1.5)
def writing(b: Builder) -> None:
    """Indices that are assigned or added to, some of them twice."""
    x = b.pick(lambda shape: shape != () and 0 not in shape)
    y = b.pick(lambda shape: shape == b.shape(x)[1:])
    i = b.integer(b.shape(x)[0])
    forms = [f"index_update({{x}}, {i}, {{y}})", f"index_add({{x}}, {i}, {{y}})"]
    b.line(b.choice([*forms, f"index_add({{x}}, [{i}, {i}, 0], {{y}})"]), x=x, y=y)


@kind(6)
def product(b: Builder) -> None:
    x = b.pick(lambda shape: shape != ())
    shape = b.shape(x)
    rows, columns = shape[-2:] if len(shape) > 1 else (1, shape[0])
    drawn = b.integer(4)
    if drawn == 0:
        y = b.pick(lambda s: s != () and (s[-2] if len(s) > 1 else s[0]) == columns)
        b.line(b.choice(["matmul({x}, {y})", "{x} @ {y}", "dot({x}, {y})"]), x=x, y=y)
    elif drawn == 1:
        c = b.choice([b.array, b.constant])
        forms = [f"matmul({{x}}, {c((columns, 2))})"]
        if len(shape) > 1:
            forms += [f"{c((2, rows))} @ {{x}}", f"{{x}} @ {c((columns,))}"]
        b.line(b.choice(forms), x=x)
    elif len(shape) == 1:
        y = b.pick(lambda s: len(s) in (1, 2) and s[0] == columns)
        if len(b.shape(y)) == 2:
            b.line(
                b.choice(["einsum('i,ij->j', {x}, {y})", "einsum('i,ij->ij', {x}, {y})"]), x=x, y=y
            )
        else:
            b.line(b.choice(["inner({x}, {y})", "outer({x}, {y})", "dot({x}, {y})"]), x=x, y=y)
    else:
        needs(len(shape) == 2)
        y = b.pick(lambda s: len(s) == 2 and s[1] == columns)
        forms = ["einsum('ij,kj->ik', {x}, {y})", "{x} @ transpose({y})", "inner({x}, {y})"]
        forms += ["tensordot({x}, {y}, axes=([1], [1]))", "einsum('ij,kj->i', {x}, {y})"]
        if rows == columns:
            forms += ["trace({x} * 0.5) * {y}", "einsum('ii,kj->ki', {x}, {y})"]
        b.line(b.choice(forms), x=x, y=y)


@kind(1.5)
def matrix(b: Builder) -> None:
    x = b.pick(lambda shape: len(shape) == 2)
    rows, _ = b.shape(x)
    forms = [f"tril({{x}}, {b.integer(2)})", "triu({x})", "diagonal({x})"]
    # Symmetric, and so far from singular that the inverse continues around the point.
    near = f"({{x}} @ transpose({{x}}) * 0.3 + 2 * np.eye({rows}))"
    forms += [f"inv({near})", f"solve({near}, {{x}})"]
    b.line(b.choice(forms), x=x)


@kind(3)
def joined(b: Builder) -> None:
    x = b.pick()
    y = b.pick(lambda shape: shape == b.shape(x))
    z = b.choice([f"n{x}", f"n{y}", b.array(b.shape(x)), b.constant(b.shape(x))])
    form = b.choice(["stack([{x}, {y}, {z}])", "stack([{z}, {x}], axis=-1)"])
    if b.shape(x):
        form = b.choice([form, "concatenate([{x}, {z}, {y}])", "concatenate([{z}, {x}], axis=-1)"])
    b.line(form, x=x, y=y, z=z)


@kind(2)
def listed(b: Builder) -> None:
    """Lists of nodes and constants, nested ones too, in place of a tensor."""
    x = b.pick()
    y = b.pick(lambda shape: shape == b.shape(x))
    scalars = [b.number()] if b.shape(x) == () else []
    z = b.choice([f"n{x}", b.array(b.shape(x)), b.constant(b.shape(x)), *scalars])
    pair = b.choice(
        ["nest({x}, {z})", "nest({z}, {y}, {x})", "nest(nest({x}, {y}), nest({z}, {x}))"]
    )
    forms = ["tanh({p})", "mean({p})", "sum({p}, axis=0)", "Tensor({p})", "{x} * {p}", "{p} - {y}"]
    forms += ["wave({p})", "blend({x}, {p})", "log_cosh({p})", "logaddexp({p}, {y})", "stack({p})"]
    b.line(b.choice(forms).replace("{p}", pair), x=x, y=y, z=z)


@kind(1.5)
def parted(b: Builder) -> None:
    x = b.pick(lambda shape: shape != () and shape[0] in (2, 3, 4))
    n = b.shape(x)[0]
    at = b.choice([[1], [n - 1]])
    b.line(f"split({{x}}, {at}, axis=0)", outs=2, x=x)


@kind(5)
def user_op(b: Builder) -> None:
    x = b.pick()
    drawn = b.integer(6)
    if drawn < 2:
        b.line(b.choice(["wave({x})", "bell({x})"]), x=x)
        return
    y = b.partner(x)
    if drawn == 2:
        b.line("blend({x}, {y})", x=x, y=y)
    elif drawn < 5:
        b.line("turned({x}, {y})", outs=2, x=x, y=y)
    else:
        z = b.choice([f"n{x}", f"n{y}", b.number(), b.array(b.shape(x))])
        b.line(b.choice(["sum_of_sines({x}, {y}, {z})", "sum_of_sines({x}, {z})"]), x=x, y=y, z=z)


@kind(2)
def custom_rule(b: Builder) -> None:
    b.line(b.choice(["log_cosh({x})", "straight({x})"]), x=b.pick())


@kind(0.25)
def saving_op(b: Builder) -> None:
    """Its rule cannot be differentiated: the program is asked for first derivatives only."""
    x = b.pick(lambda shape: True, tracked=True)
    b.line("kept({x})", x=x)
    b.order = 1


@kind(2)
def hook(b: Builder) -> None:
    form = b.choice(["hooked({x} + 0.3, 1.7)", "hooked(sin({x}), -0.6)", "hooked({x} * {x}, 0.8)"])
    b.line(form, x=b.pick())


@kind(2.5)
def constant_part(b: Builder) -> None:
    """Values that hang on the inputs, and of which no derivative is wanted."""
    x = b.pick()
    y = b.partner(x)
    constants = ["detach({x})", "stop_gradient({x})", "no_grad()(lambda: sin({x}) * {y})()"]
    parts = ["detach({x} * {y}) + {x}", "{x} * detach({x})", "no_grad()(lambda: {x} + {y})() * {x}"]
    form = b.choice(constants + parts)
    # Of the other forms y is held.
    b.line(form, held=form in constants or x not in b.tracked, x=x, y=y)


@kind(3)
def transform_inside(b: Builder) -> None:
    """A derivative inside the program, of a function that closes over a node."""
    x = b.pick()
    y = b.pick(lambda shape: shape == b.shape(x))
    names = ["slope_inside", "pulled_inside", "pushed_inside", "curved_inside"]
    b.line(b.choice([*names, "checkpointed_slope"]) + "({x}, {y})", x=x, y=y)


@kind(4)
def checkpointed(b: Builder) -> None:
    """Some steps, of any kind, computed again in the backward pass."""
    needs(b.depth < 2)
    parameters = sorted({b.pick() for _ in range(b.choice([1, 1, 2]))})
    b.inside(parameters, steps=b.choice([1, 2, 3]), outs=b.choice([1, 1, 2]))
