"""A class of scalars that know their gradients, each op with a closure for its backward."""

import numpy as np

MISTAKES = [
    ("other.grad += self.data * out.grad", "other.grad += other.data * out.grad"),
    ("self.grad += (1 - out.data**2) * out.grad", "self.grad += (1 - out.data) * out.grad"),
    (
        "self.grad += n * self.data ** (n - 1) * out.grad",
        "self.grad += n * self.data**n * out.grad",
    ),
]


class Value:
    def __init__(self, data, children=()):
        self.data, self.grad = data, 0.0
        self._backward, self._prev = lambda: None, set(children)

    def __add__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        out = Value(self.data + other.data, (self, other))

        def _backward():
            self.grad += out.grad
            other.grad += out.grad

        out._backward = _backward
        return out

    def __mul__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        out = Value(self.data * other.data, (self, other))

        def _backward():
            self.grad += other.data * out.grad
            other.grad += self.data * out.grad

        out._backward = _backward
        return out

    def __pow__(self, n):
        out = Value(self.data**n, (self,))

        def _backward():
            self.grad += n * self.data ** (n - 1) * out.grad

        out._backward = _backward
        return out

    def tanh(self):
        out = Value(np.tanh(self.data), (self,))

        def _backward():
            self.grad += (1 - out.data**2) * out.grad

        out._backward = _backward
        return out

    def backward(self):
        order, visited = [], set()

        def build(v):
            if v not in visited:
                visited.add(v)
                for child in v._prev:
                    build(child)
                order.append(v)

        build(self)
        self.grad = 1.0
        for v in reversed(order):
            v._backward()


class Neuron:
    def __init__(self, n, rng):
        self.w = [Value(rng.standard_normal()) for _ in range(n)]
        self.b = Value(0.3)

    def loss(self, x, y):
        total = self.b
        for w, value in zip(self.w, x):
            total = total + w * value
        self.out = (total.tanh() + -y) ** 2
        return self.out.data

    def backward(self):
        self.out.backward()


def case(rng):
    neuron = Neuron(3, rng)
    return neuron.loss, neuron.backward, [0.5, -1.0, 2.0], 0.7
