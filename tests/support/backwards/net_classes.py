"""A net of layers as classes, each with forward and backward, and a list of them."""

import numpy as np

MISTAKES = [
    (
        "self.dweights = np.dot(self.inputs.T, dvalues)",
        "self.dweights = np.dot(self.inputs.T, dvalues) / len(dvalues)",
    ),
    (
        "self.dinputs = dvalues * (1 - self.output**2)",
        "self.dinputs = dvalues * (1 - self.inputs**2)",
    ),
    (
        "self.dbiases = np.sum(dvalues, axis=0, keepdims=True)",
        "self.dbiases = -np.sum(dvalues, axis=0, keepdims=True)",
    ),
]


class Dense:
    def __init__(self, n, m, rng):
        self.weights = rng.standard_normal((n, m))
        self.biases = np.zeros((1, m))

    def forward(self, inputs):
        self.inputs = inputs
        self.output = np.dot(inputs, self.weights) + self.biases

    def backward(self, dvalues):
        self.dweights = np.dot(self.inputs.T, dvalues)
        self.dbiases = np.sum(dvalues, axis=0, keepdims=True)
        self.dinputs = np.dot(dvalues, self.weights.T)


class Tanh:
    def forward(self, inputs):
        self.inputs = inputs
        self.output = np.tanh(inputs)

    def backward(self, dvalues):
        self.dinputs = dvalues * (1 - self.output**2)


class Net:
    def __init__(self, rng):
        self.layers = [Dense(3, 5, rng), Tanh(), Dense(5, 4, rng), Tanh(), Dense(4, 2, rng)]

    def forward(self, X):
        for layer in self.layers:
            layer.forward(X)
            X = layer.output
        return X

    def backward(self, dvalues):
        for layer in reversed(self.layers):
            layer.backward(dvalues)
            dvalues = layer.dinputs


def case(rng):
    net = Net(rng)
    return net.forward, net.backward, rng.standard_normal((6, 3))
