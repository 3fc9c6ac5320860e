"""Gradients kept within bounds, between the backward pass and the optimizer's step."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from autograd import Tensor, clip, isfinite, minimum, norm, stack
from autograd.engine.modes import array_of
from autograd.engine.tensor import Array
from autograd.runtime.scopes import tracer
from nn.functional.arguments import number, traced


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
) -> float:
    """Scale all gradients by one factor so that their norm, taken together, is at most `max_norm`
    (Pascanu et al. 2013, alg. 1; with 1e-6 added to the norm, as in PyTorch).

    Every gradient is bound to a new tensor; none is written into.

    Args:
        parameters: those without a gradient are left out.
        max_norm: at least 0.
        norm_type: the p of the p-norm; infinity for the largest absolute value.
        error_if_nonfinite: whether a norm that is NaN or infinite is an error. If not, an infinite
            one makes finite gradients 0, and NaN makes all NaN.

    Returns:
        The norm before, accumulated in float64.

    Raises:
        TypeError: max_norm or norm_type is a tensor that wants a gradient.
        ValueError: max_norm or norm_type out of range.
        RuntimeError: the norm is not finite, and error_if_nonfinite.
    """
    op = "clip_grad_norm_"
    max_norm = number(op, "max_norm", max_norm, expected="at least 0", holds=lambda n: n >= 0)
    norm_type = number(op, "norm_type", norm_type, expected="above 0", holds=lambda p: p > 0)
    held = _with_gradients(parameters)
    if traced() and held:
        total_norm = _clipped_as_ops(held, max_norm, norm_type, error_if_nonfinite)
        return tracer().as_float(total_norm)  # type: ignore[no-any-return]
    norms = [_norm(gradient.data, norm_type) for _, gradient in held]
    total = _norm(np.array(norms), norm_type)
    if error_if_nonfinite and not np.isfinite(total):
        raise _nonfinite(total)
    factor = max_norm / (total + 1e-6)
    if not factor >= 1:  # NaN too
        for parameter, gradient in held:
            with np.errstate(invalid="ignore"):  # inf * 0 is NaN, and said so above
                # In float64, as a factor may be too small for the gradient's dtype.
                scaled = np.multiply(gradient.data, factor, dtype=np.float64)
            parameter.grad = Tensor(np.asarray(scaled, gradient.dtype))
    return total


def _nonfinite(total: float) -> RuntimeError:
    return RuntimeError(
        f"clip_grad_norm_: the norm of the gradients is {total}; a finite one expected "
        "(error_if_nonfinite=False scales them all the same)"
    )


def _clipped_as_ops(
    held: list[tuple[Tensor, Tensor]], max_norm: float, p: float, error_if_nonfinite: bool
) -> Tensor:
    """The same while a program is made: what is decided there by numbers is computed."""
    wide = [gradient.astype(np.float64) for _, gradient in held]
    total = norm(stack([norm(g, p) if g.size else Tensor(0.0) for g in wide]), p)
    if error_if_nonfinite and not isfinite(total):
        raise _nonfinite(array_of(total).item())
    factor = minimum(max_norm / (total + 1e-6), 1.0)  # NaN stays
    for (parameter, gradient), g in zip(held, wide, strict=True):
        parameter.grad = (g * factor).astype(gradient.dtype)
    return total


def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float) -> None:
    """Limit each number of each gradient to [-clip_value, clip_value].

    Every gradient is bound to a new tensor; none is written into.

    Raises:
        ValueError: clip_value is negative.
    """
    op = "clip_grad_value_"
    limit = number(op, "clip_value", clip_value, expected="at least 0", holds=lambda c: c >= 0)
    for parameter, gradient in _with_gradients(parameters):
        parameter.grad = clip(gradient.detach(), -limit, limit)


def _norm(array: Array, p: float) -> float:
    """The p-norm of all elements, in float64, in which no power of them leaves the range."""
    return norm(Tensor(array.astype(np.float64)), p).item() if array.size else 0.0


def _with_gradients(parameters: Tensor | Iterable[Tensor]) -> list[tuple[Tensor, Tensor]]:
    given = [parameters] if isinstance(parameters, Tensor) else parameters
    return [(p, p.grad) for p in given if p.grad is not None]
