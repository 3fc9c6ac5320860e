"""A net of two layers that uses its arrays again, with a loss of its own."""

import numpy as np

MISTAKES = [
    ("dscores /= N", "dscores /= N * N"),
    ("dhidden[hidden <= 0] = 0", "dhidden[hidden < 0] = 1"),
    ("dW2 = np.dot(hidden.T, dscores)", "dW2 = np.dot(hidden.T, scores)"),
    ('grads["W1"] += 2 * reg * self.params["W1"]', 'grads["W1"] += reg * self.params["W1"]'),
]


class TwoLayerNet:
    def __init__(self, rng):
        self.params = {
            "W1": rng.standard_normal((4, 6)),
            "b1": rng.standard_normal(6),
            "W2": rng.standard_normal((6, 3)),
            "b2": rng.standard_normal(3),
        }

    def loss(self, X, y, reg):
        W1, W2 = self.params["W1"], self.params["W2"]
        self.reg = reg
        N = X.shape[0]
        hidden = np.maximum(0, X.dot(W1) + self.params["b1"])
        scores = hidden.dot(W2) + self.params["b2"]
        self.cache = X, y, hidden, scores
        exp_scores = np.exp(scores)
        probs = exp_scores / np.sum(exp_scores, axis=1, keepdims=True)
        loss = np.sum(-np.log(probs[range(N), y])) / N
        loss += reg * (np.sum(W1 * W1) + np.sum(W2 * W2))
        return loss

    def gradients(self):
        X, y, hidden, scores = self.cache
        N, reg = X.shape[0], self.reg
        grads = {}
        dscores = np.exp(scores)
        dscores /= dscores.sum(axis=1, keepdims=True)
        dscores[range(N), y] -= 1
        dscores /= N
        dW2 = np.dot(hidden.T, dscores)
        dW2 += 2 * reg * self.params["W2"]
        grads["W2"], grads["b2"] = dW2, np.sum(dscores, axis=0)
        dhidden = np.dot(dscores, self.params["W2"].T)
        dhidden[hidden <= 0] = 0
        grads["W1"] = np.dot(X.T, dhidden)
        grads["b1"] = np.sum(dhidden, axis=0)
        grads["W1"] += 2 * reg * self.params["W1"]
        return grads


def case(rng):
    net = TwoLayerNet(rng)
    return net.loss, net.gradients, rng.standard_normal((5, 4)), rng.integers(0, 3, 5), 0.1
