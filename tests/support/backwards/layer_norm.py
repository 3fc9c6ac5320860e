"""Layer normalisation as an object that keeps what its backward needs."""

import numpy as np

MISTAKES = [
    (
        "self.grad_gamma = (grad_out * self.normed).sum(axis=0)",
        "self.grad_gamma = grad_out.sum(axis=0)",
    ),
    (
        "mean_grad = grad_normed.mean(axis=-1, keepdims=True)",
        "mean_grad = grad_normed.mean(axis=0, keepdims=True)",
    ),
    ("grad_normed = grad_out * self.gamma", "grad_normed = grad_out * self.gamma**2"),
]
# What is named is the first gradient that is wrong, which the mean is not by itself.
LINES = {1: "grad_x = (grad_normed - mean_grad - self.normed * mean_product) / self.std"}


class LayerNorm:
    def __init__(self, size, rng):
        self.gamma = rng.uniform(0.5, 2, size)
        self.beta = rng.standard_normal(size)

    def forward(self, x):
        centred = x - x.mean(axis=-1, keepdims=True)
        self.std = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + 1e-6)
        self.normed = centred / self.std
        normed = self.normed
        return self.gamma * normed + self.beta

    def backward(self, grad_out):
        self.grad_beta = grad_out.sum(axis=0)
        self.grad_gamma = (grad_out * self.normed).sum(axis=0)
        grad_normed = grad_out * self.gamma
        mean_grad = grad_normed.mean(axis=-1, keepdims=True)
        mean_product = (grad_normed * self.normed).mean(axis=-1, keepdims=True)
        grad_x = (grad_normed - mean_grad - self.normed * mean_product) / self.std
        return grad_x


def case(rng):
    layer = LayerNorm(5, rng)
    return layer.forward, layer.backward, rng.standard_normal((4, 5)) + 0.5
