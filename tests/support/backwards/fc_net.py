"""A net of any depth: parameters in a dict by number, caches in a list, loss and gradients."""

import numpy as np

MISTAKES = [
    ("dx, dw, db = affine_backward(da, fc_cache)", "dx, dw, db = affine_backward(dout, fc_cache)"),
    ("dx = dout * (x > 0)", "dx = dout * (dout > 0)"),
    (
        'grads[f"W{i}"] = dw + self.reg * self.params[f"W{i}"]',
        'grads[f"W{i}"] = dw + 2 * self.reg * self.params[f"W{i}"]',
    ),
    ('grads[f"b{i}"] = db', 'grads[f"b{i}"] = db + self.reg * self.params[f"b{i}"]'),
    ("dx /= N", "dx /= N * N"),
]


def affine_forward(x, w, b):
    out = x.reshape(x.shape[0], -1).dot(w) + b
    return out, (x, w, b)


def affine_backward(dout, cache):
    x, w, b = cache
    dx = dout.dot(w.T).reshape(x.shape)
    dw = x.reshape(x.shape[0], -1).T.dot(dout)
    db = dout.sum(axis=0)
    return dx, dw, db


def relu_forward(x):
    return np.maximum(0, x), x


def relu_backward(dout, cache):
    x = cache
    dx = dout * (x > 0)
    return dx


def affine_relu_forward(x, w, b):
    a, fc_cache = affine_forward(x, w, b)
    out, relu_cache = relu_forward(a)
    return out, (fc_cache, relu_cache)


def affine_relu_backward(dout, cache):
    fc_cache, relu_cache = cache
    da = relu_backward(dout, relu_cache)
    dx, dw, db = affine_backward(da, fc_cache)
    return dx, dw, db


def softmax_loss(x, y):
    N = x.shape[0]
    shifted = x - np.max(x, axis=1, keepdims=True)
    log_probs = shifted - np.log(np.sum(np.exp(shifted), axis=1, keepdims=True))
    loss = -np.sum(log_probs[np.arange(N), y]) / N
    dx = np.exp(log_probs).copy()
    dx[np.arange(N), y] -= 1
    dx /= N
    return loss, dx


class FullyConnectedNet:
    def __init__(self, dims, reg, rng):
        self.num_layers, self.reg, self.params = len(dims) - 1, reg, {}
        for i in range(1, len(dims)):
            self.params[f"W{i}"] = rng.standard_normal((dims[i - 1], dims[i]))
            self.params[f"b{i}"] = 0.1 * rng.standard_normal(dims[i])

    def loss(self, X, y=None):
        caches = []
        out = X
        for i in range(1, self.num_layers):
            out, cache = affine_relu_forward(out, self.params[f"W{i}"], self.params[f"b{i}"])
            caches.append(cache)
        last = self.num_layers
        scores, cache = affine_forward(out, self.params[f"W{last}"], self.params[f"b{last}"])
        caches.append(cache)
        if y is None:
            return scores
        grads = {}
        loss, dscores = softmax_loss(scores, y)
        for i in range(1, last + 1):
            loss += 0.5 * self.reg * np.sum(self.params[f"W{i}"] ** 2)
        for i in range(last, 0, -1):
            if i == last:
                dout, dw, db = affine_backward(dscores, caches[i - 1])
            else:
                dout, dw, db = affine_relu_backward(dout, caches[i - 1])
            grads[f"W{i}"] = dw + self.reg * self.params[f"W{i}"]
            grads[f"b{i}"] = db
        return loss, grads


def case(rng):
    net = FullyConnectedNet([6, 5, 4, 3], 0.3, rng)
    return net.loss, None, rng.standard_normal((4, 2, 3)), rng.integers(0, 3, 4)
