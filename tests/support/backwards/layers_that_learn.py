"""A list of layers whose backward updates their weights as it goes."""

import numpy as np

MISTAKES = [
    (
        "input_gradient = output_gradient @ self.weights.T",
        "input_gradient = output_gradient @ (self.weights - rate * weights_gradient).T",
    ),
    (
        "weights_gradient = self.input.T @ output_gradient",
        "weights_gradient = self.input.T @ self.output",
    ),
    (
        "return output_gradient * (1 - np.tanh(self.input) ** 2)",
        "return output_gradient * (1 - np.tanh(self.output) ** 2)",
    ),
]


class Layer:
    def __init__(self):
        self.input = None
        self.output = None


class Dense(Layer):
    def __init__(self, n_in, n_out, rng):
        super().__init__()
        self.weights = rng.standard_normal((n_in, n_out))
        self.bias = rng.standard_normal((1, n_out))

    def forward(self, input):
        self.input = input
        self.output = self.input @ self.weights + self.bias
        return self.output

    def backward(self, output_gradient, rate):
        weights_gradient = self.input.T @ output_gradient
        bias_gradient = np.sum(output_gradient, axis=0, keepdims=True)
        input_gradient = output_gradient @ self.weights.T
        self.weights -= rate * weights_gradient
        self.bias -= rate * bias_gradient
        return input_gradient


class Tanh(Layer):
    def forward(self, input):
        self.input = input
        self.output = np.tanh(input)
        return self.output

    def backward(self, output_gradient, rate):
        return output_gradient * (1 - np.tanh(self.input) ** 2)


class Network:
    def __init__(self, layers):
        self.layers = layers

    def forward(self, x):
        output = x
        for layer in self.layers:
            output = layer.forward(output)
        return output

    def backward(self, grad, learning_rate=0.1):
        for layer in reversed(self.layers):
            grad = layer.backward(grad, learning_rate)
        return grad


def case(rng):
    net = Network([Dense(3, 4, rng), Tanh(), Dense(4, 2, rng), Tanh()])
    return net.forward, net.backward, rng.standard_normal((5, 3))
