"""einsum: sums of products over axes that are named by letters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from autograd.engine.primitives import primitive
from autograd.engine.tensor import Array, Tensor
from autograd.ops.kernels.halves import in_single
from autograd.ops.linear.products import as_arrays
from autograd.ops.shapes.shape import broadcast_to, reshape

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"  # string is slow to import


@primitive(
    kind="contraction",
    expects="subscripts such as 'ij,jk->ik', a term for each operand",
    analytic=True,
)
@in_single
def einsum(subscripts: str, *operands: Array, optimize: Any = True) -> Array:
    """Sums of products of the operands, over the axes whose letters the output does not have.

    Args:
        subscripts: a term for each operand, a letter for each axis, and the output's term after
            an arrow; without it the letters that occur once, in alphabetical order. "..." stands
            for axes that broadcast. A letter that an operand has twice stands for its diagonal.
        optimize: as in NumPy, but by default on: pairs of operands then become matrix products
            where they can, and are taken in a cheap order.

    A gradient is again an einsum: of g and the other operands, to the letters of the operand.
    float16 is summed in float32.
    """
    if not isinstance(subscripts, str):
        raise TypeError(
            f"subscripts of type {type(subscripts).__name__} given; the form with lists of axes is "
            "not offered"
        )
    return np.asarray(np.einsum(subscripts, *as_arrays(*operands), optimize=optimize))


def _pull_operand(
    position: int, g: Tensor, out: Tensor, subscripts: str, *operands: Any, optimize: Any = True
) -> Tensor:
    terms, output = labels_of(subscripts, tuple(np.ndim(a) for a in operands))
    own, x = terms[position - 1], operands[position - 1]
    others = [a for i, a in enumerate(operands) if i != position - 1]
    left = [output, *(term for i, term in enumerate(terms) if i != position - 1)]

    # An axis is summed over where x was repeated along it (it has length 1 there), and the gradient
    # is repeated along an axis that no other operand has, or has with length 1.
    size = dict(zip(own, x.shape, strict=True))
    others_have = {
        label
        for term, a in zip(left, [g, *others], strict=True)
        for label, n in zip(term, np.shape(a), strict=True)
        if n == size.get(label)
    }
    target = "".join(label for label in size if size[label] != 1 and label in others_have)
    pulled = einsum(f"{','.join(left)}->{target}", g, *others, optimize=optimize)
    pulled = reshape(pulled, tuple(n if label in target else 1 for label, n in size.items()))
    pulled = broadcast_to(pulled, tuple(size.values()))
    return pulled if len(size) == len(own) else scatter_diagonal(pulled, own, x.shape)


einsum.defvjp_each(_pull_operand)


@lru_cache(maxsize=256)
def labels_of(subscripts: str, ndims: tuple[int, ...]) -> tuple[tuple[str, ...], str]:
    """The operands' terms and the output's, with letters in the place of ellipses."""
    left, arrow, output = subscripts.replace(" ", "").partition("->")
    written = left.split(",")
    hidden = [n - len(t) + 3 if "..." in t else 0 for t, n in zip(written, ndims, strict=True)]
    longest = max(hidden, default=0)
    unused = "".join(c for c in LETTERS if c not in subscripts)[:longest]
    # They broadcast from the right, so a shorter ellipsis has the last of the letters.
    terms = tuple(
        t.replace("...", unused[longest - n :]) for t, n in zip(written, hidden, strict=True)
    )
    if arrow:
        return terms, output.replace("...", unused)
    count = Counter(left)
    return terms, unused + "".join(c for c in sorted(count) if c.isalpha() and count[c] == 1)


def sizes_of(terms: Sequence[str], shapes: Sequence[tuple[int, ...]]) -> dict[str, int]:
    """How long the axis of each letter is: 1 in one operand broadcasts to what it is in another."""
    sizes: dict[str, int] = {}
    for term, shape in zip(terms, shapes, strict=True):
        for label, size in zip(term, shape, strict=True):
            sizes[label] = max(sizes.get(label, size), size)
    return sizes


@primitive(kind="gather", analytic=True)
def scatter_diagonal(g: Array, labels: str, shape: tuple[int, ...]) -> Array:
    """Zeros of `shape`, with g on a diagonal: letters that repeat name axes that are equal on it.

    g has an axis for each letter, in the order of their first occurrence: with labels "iij", g of
    shape (n, m) comes to the places [i, i, j] of an array of shape (n, n, m).
    """
    out = np.zeros(shape, g.dtype)
    np.einsum(_diagonal(labels), out)[...] = g  # of one operand it is a view
    return out


scatter_diagonal.defvjp(lambda g, out, x, labels, shape: einsum(_diagonal(labels), g), keeps=[""])


def _diagonal(labels: str) -> str:
    return f"{labels}->{''.join(dict.fromkeys(labels))}"
