"""explain and tape_of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autograd.engine.tensor import Tensor
from autograd.explanation.derivation import Derivation
from autograd.explanation.report import Explanation
from autograd.explanation.tabulation import TapeTable
from autograd.program.taping import place_of_root


def explain(
    loss: Tensor,
    values: bool = False,
    names: Mapping[str, Any] | None = None,
    *,
    as_run: bool = False,
    folded: bool | None = None,
) -> Explanation:
    """The derivation of the gradients of `loss`: every formula, and every pullback.

    The pullbacks are run once and written down as they run, so that they cannot differ from the
    code; then what one would not write on a board is left out: a transpose of a transpose, a
    broadcast that an op makes by itself, times one, a gradient that is another one. Nothing is
    freed, no hook is called and no `.grad` is touched. A checkpointed function runs again, as it
    does in a backward pass, here twice.

    Args:
        loss: a tensor of one element. Any shape of one element will do.
        values: whether to print each value beside its formula, large ones in short.
        as_run: write down what ran, sums over broadcast axes and all.
        folded: whether what repeats, as the steps of a recurrent network, becomes a loop; by
            default unless `values` are asked for, which differ at each step.
        names: what to call tensors (leaves or computed ones) and constant arrays; the rest are x1,
            x2 ... (leaves), v1, v2 ... (computed) and c1, c2 ... (constants). A dict of a model's
            parameters will do: characters that Python does not take in a name become "_", and a
            name that starts with a digit gets a "p" before it.

    Returns:
        the explanation. Print it, or take its `markdown()` or `latex()`; notebooks show it as a
        page. Its text is a program that computes the gradients: see `Explanation.program`.

    Raises:
        TypeError: `loss` is no Tensor, or a name is not given as names={"W": W}.
        ValueError: `loss` has not one element, or two names would be the same.
        RuntimeError: nothing was recorded, or an earlier backward pass freed the tape.
    """
    place_of_root(loss, "explain")
    _expect_names("explain", names)
    if not isinstance(values, bool):
        raise TypeError(
            f"explain: values is {type(values).__name__}, True or False expected; names are given "
            "as names={'W': W}"
        )
    if loss.size != 1:
        raise ValueError(
            f"explain: a tensor of shape {loss.shape} given, one of a single element expected; "
            "reduce it first, as for backward: with sum or mean, or (v * out).sum() for a "
            "cotangent v"
        )
    return Explanation(
        Derivation(loss, names, values, as_run, not values if folded is None else folded)
    )


def tape_of(loss: Tensor, names: Mapping[str, Any] | None = None) -> TapeTable:
    """The records from which `loss` was computed, oldest first.

    Iterate over it, print it as a table, or draw it: `.to_dot()`, `.to_html("tape.html")`.

    Args:
        loss: a tensor of any shape.
        names: what to call tensors and constant arrays in the formulas; see `explain`.

    Raises:
        TypeError: `loss` is no Tensor.
        RuntimeError: nothing was recorded, or an earlier backward pass freed the tape.
    """
    place_of_root(loss, "tape_of")
    _expect_names("tape_of", names)
    return TapeTable(loss, names)


def _expect_names(caller: str, names: Any) -> None:
    if names is not None and not isinstance(names, Mapping):
        raise TypeError(
            f"{caller}: names is {type(names).__name__}, a mapping expected: names={{'W': W}}"
        )
