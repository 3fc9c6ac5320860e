"""einsum and the functions of matrices beside PyTorch's: values and gradients."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from support.matrices import Array, gradient, symmetric, with_values
from support.specs.specs_linalg import EQUATIONS  # after matrices, which imports specs first

import autograd as ag
from autograd import Tensor


@pytest.mark.oracle
@pytest.mark.parametrize(("equation", "shapes"), EQUATIONS)
def test_einsum_as_in_torch(
    equation: str, shapes: str, rng: np.random.Generator, torch: ModuleType
) -> None:
    operands: list[Array] = []
    for word in shapes.split(", "):
        shape = () if word == "0-d" else tuple(map(int, word.split("x"))) if word != "same" else ()
        operands.append(operands[-1] if word == "same" else rng.uniform(-1, 1, shape))
    ours = [Tensor(a, requires_grad=True) for a in operands]
    theirs = [torch.tensor(a, requires_grad=True) for a in operands]
    out, right = ag.einsum(equation, *ours), torch.einsum(equation, *theirs)
    np.testing.assert_allclose(out.data, right.detach().numpy(), 1e-13, 1e-14)
    v = rng.uniform(-1, 1, out.shape)
    out.backward(v)
    right.backward(torch.tensor(v))
    for a, b in zip(ours, theirs, strict=True):
        assert a.grad is not None
        np.testing.assert_allclose(a.grad.data, b.grad.numpy(), 1e-13, 1e-14)


def _first_column(vectors: Any) -> Any:
    """Up to its sign: the products of its elements."""
    return vectors[..., :, :1] * vectors[..., None, :, 0]


# What to compare, of a library's linalg functions and of a matrix.
IN_TORCH: dict[str, Callable[[Any, Any], Any]] = {
    "det": lambda la, x: la.det(x),
    "slogdet": lambda la, x: la.slogdet(x)[1],
    "inv": lambda la, x: la.inv(x),
    "solve": lambda la, x: la.solve(x, x @ x),
    "pinv, tall": lambda la, x: la.pinv(x[..., :2]),
    "pinv, wide": lambda la, x: la.pinv(x[..., :2, :]),
    "cholesky": lambda la, x: la.cholesky(x @ x.mT),
    "qr, Q": lambda la, x: la.qr(x).Q,
    "qr, R": lambda la, x: la.qr(x[..., :2, :]).R,
    "eigh, values": lambda la, x: la.eigh(x + x.mT)[0],
    "eigh, vectors": lambda la, x: _first_column(la.eigh(x + x.mT)[1]),
    "eigvalsh": lambda la, x: la.eigvalsh(x + x.mT),
    "svd, U": lambda la, x: _first_column(la.svd(x[..., :2], full_matrices=False)[0]),
    "svd, S": lambda la, x: la.svd(x, full_matrices=False)[1],
    "svd, V": lambda la, x: _first_column(la.svd(x[..., :2, :], full_matrices=False)[2].mT),
    "svdvals": lambda la, x: la.svdvals(x),
    "matrix_power": lambda la, x: la.matrix_power(x, -3),
    "vecdot": lambda la, x: la.vecdot(x, x @ x),
    "cross": lambda la, x: la.cross(x, x @ x),
}


@pytest.mark.oracle
@pytest.mark.parametrize("batch", [(), (2,)])
@pytest.mark.parametrize("name", IN_TORCH)
def test_functions_of_matrices_as_in_torch(
    name: str, batch: tuple[int, ...], rng: np.random.Generator, torch: ModuleType
) -> None:
    x = with_values(rng, (*batch, 3, 3))
    ours, theirs = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    out, right = IN_TORCH[name](ag, ours), IN_TORCH[name](torch.linalg, theirs)
    np.testing.assert_allclose(out.data, right.detach().numpy(), 1e-11, 1e-12)
    v = rng.uniform(-1, 1, out.shape)
    out.backward(v)
    right.backward(torch.tensor(v))
    assert ours.grad is not None
    np.testing.assert_allclose(ours.grad.data, theirs.grad.numpy(), 1e-9, 1e-10)


@pytest.mark.oracle
def test_the_gradient_of_cholesky_is_symmetric_as_in_torch(
    rng: np.random.Generator, torch: ModuleType
) -> None:
    x, v = symmetric(rng, (3, 3)), rng.uniform(-1, 1, (3, 3))
    theirs = torch.tensor(x, requires_grad=True)
    (torch.tensor(v) * torch.linalg.cholesky(theirs)).sum().backward()
    ours = gradient(lambda x: (v * ag.cholesky(x)).sum(), x)
    np.testing.assert_allclose(ours, theirs.grad.numpy(), 1e-12, 1e-13)
