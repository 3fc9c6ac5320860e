"""The gradient of a matrix inverse, -R^T G R^T, in NumPy, in a blog post on linear algebra.
It calls R.transpose(-2, -1), which in NumPy leaves a matrix as it is."""

import autograd as ag
import numpy as np

from autograd import Tensor

SOURCE = (
    "https://github.com/pytorch/pytorch.github.io/issues/2135; Linalg autograd blog post: "
    "Typo/error in NumPy gradient computation for linalg.inv; 2026"
)
KIND = "transpose"
FIRST = "A"
CAUSE = "the inverse is not transposed on either side: NumPy's transpose(-2, -1) is the identity permutation"
WORDS = [["transpos", ".T", "inverse", "inv"]]


def forward(rng):
    A = Tensor(rng.standard_normal((4, 4)) + 3 * np.eye(4), requires_grad=True)
    B = Tensor(rng.standard_normal((4, 3)))
    C = Tensor(rng.standard_normal((4, 3)))
    result = ag.inv(A)
    X = result @ B
    return {"A": A, "B": B, "C": C, "result": result, "X": X, "loss": ((X - C) ** 2).sum() / 2}


def gradients(t):
    result = t["result"].data
    dX = t["X"].data - t["C"].data
    grad = dX @ t["B"].data.T
    dA = -(result.transpose(-2, -1) @ (grad @ result.transpose(-2, -1)))
    return {"X": dX, "result": grad, "A": dA}


def right(t):
    g = gradients(t)
    result = t["result"].data
    return {**g, "A": -(result.T @ (g["result"] @ result.T))}
