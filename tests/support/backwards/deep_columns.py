"""A deep net over examples in columns: lists of caches, gradients in a dict by layer."""

import numpy as np

MISTAKES = [
    ("dW = np.dot(dZ, A_prev.T) / m", "dW = np.dot(dZ, A_prev.T)"),
    ("db = np.sum(dZ, axis=1, keepdims=True) / m", "db = np.sum(dZ) / m"),
    ("dA_prev = np.dot(W.T, dZ)", "dA_prev = np.dot(W.T, dZ) / m"),
    ("dZ = dA * s * (1 - s)", "dZ = dA * s"),
    ("dZ[Z <= 0] = 0", "dZ[Z > 0] = 0"),
    (
        "dAL = -(np.divide(Y, AL) - np.divide(1 - Y, 1 - AL))",
        "dAL = np.divide(Y, AL) - np.divide(1 - Y, 1 - AL)",
    ),
]


def sigmoid(Z):
    return 1 / (1 + np.exp(-Z)), Z


def relu(Z):
    A = np.maximum(0, Z)
    cache = Z
    return A, cache


def linear_forward(A, W, b):
    Z = W.dot(A) + b
    cache = (A, W, b)
    return Z, cache


def linear_activation_forward(A_prev, W, b, activation):
    Z, linear_cache = linear_forward(A_prev, W, b)
    A, activation_cache = sigmoid(Z) if activation == "sigmoid" else relu(Z)
    return A, (linear_cache, activation_cache)


def model_forward(X, parameters):
    caches = []
    A = X
    L = len(parameters) // 2
    for k in range(1, L):
        A_prev = A
        A, cache = linear_activation_forward(
            A_prev, parameters["W" + str(k)], parameters["b" + str(k)], "relu"
        )
        caches.append(cache)
    AL, cache = linear_activation_forward(
        A, parameters["W" + str(L)], parameters["b" + str(L)], "sigmoid"
    )
    caches.append(cache)
    return AL, caches


def compute_cost(AL, Y):
    m = Y.shape[1]
    cost = (1.0 / m) * (-np.dot(Y, np.log(AL).T) - np.dot(1 - Y, np.log(1 - AL).T))
    cost = np.squeeze(cost)
    return cost


def linear_backward(dZ, cache):
    A_prev, W, b = cache
    m = A_prev.shape[1]
    dW = np.dot(dZ, A_prev.T) / m
    db = np.sum(dZ, axis=1, keepdims=True) / m
    dA_prev = np.dot(W.T, dZ)
    return dA_prev, dW, db


def relu_backward(dA, cache):
    Z = cache
    dZ = np.array(dA, copy=True)
    dZ[Z <= 0] = 0
    return dZ


def sigmoid_backward(dA, cache):
    Z = cache
    s = 1 / (1 + np.exp(-Z))
    dZ = dA * s * (1 - s)
    return dZ


def linear_activation_backward(dA, cache, activation):
    linear_cache, activation_cache = cache
    step = relu_backward if activation == "relu" else sigmoid_backward
    dZ = step(dA, activation_cache)
    return linear_backward(dZ, linear_cache)


def model_backward(AL, Y, caches):
    grads = {}
    L = len(caches)
    Y = Y.reshape(AL.shape)
    dAL = -(np.divide(Y, AL) - np.divide(1 - Y, 1 - AL))
    grads["dA" + str(L - 1)], grads["dW" + str(L)], grads["db" + str(L)] = (
        linear_activation_backward(dAL, caches[L - 1], "sigmoid")
    )
    for k in reversed(range(L - 1)):
        dA_prev, dW, db = linear_activation_backward(grads["dA" + str(k + 1)], caches[k], "relu")
        grads["dA" + str(k)] = dA_prev
        grads["dW" + str(k + 1)] = dW
        grads["db" + str(k + 1)] = db
    return grads


def cost(X, Y, parameters):
    AL, caches = model_forward(X, parameters)
    return compute_cost(AL, Y), AL, caches


def case(rng):
    sizes = [4, 5, 3, 1]
    parameters = {}
    for k in range(1, 4):
        parameters["W" + str(k)] = rng.standard_normal((sizes[k], sizes[k - 1]))
        parameters["b" + str(k)] = rng.standard_normal((sizes[k], 1))
    Y = rng.integers(0, 2, (1, 6))
    return cost, model_backward, rng.standard_normal((4, 6)), Y, parameters
