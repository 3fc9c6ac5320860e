"""Two layers (ReLU), softmax, cross-entropy and L2 on the weights: the case study of the notes of CS231n.
Right, though all is done in place: the probabilities become the gradient of the scores, and the hidden layer's gradient is masked where it lies."""

import numpy as np

import autograd as ag

SOURCE = "https://cs231n.github.io/neural-networks-case-study/ (seen through https://github.com/g-eoj/cs231n); cs231n Two-Layer Backprop Mathematics Example; 2017"
KIND = "buffer"
FIRST = None
CAUSE = None
WORDS = None
REG = 0.3


def forward(rng):
    X = ag.Tensor(rng.standard_normal((6, 2)))
    y = ag.Tensor(rng.integers(0, 3, 6))
    W = ag.Tensor(rng.standard_normal((2, 5)), requires_grad=True)
    b = ag.Tensor(rng.standard_normal((1, 5)) / 3, requires_grad=True)
    W2 = ag.Tensor(rng.standard_normal((5, 3)), requires_grad=True)
    b2 = ag.Tensor(rng.standard_normal((1, 3)) / 3, requires_grad=True)
    pre = X @ W + b
    hidden_layer = ag.maximum(0, pre)
    scores = hidden_layer @ W2 + b2
    data_loss = (ag.logsumexp(scores, axis=1) - scores[np.arange(6), y.data]).mean()
    loss = data_loss + 0.5 * REG * (W * W).sum() + 0.5 * REG * (W2 * W2).sum()
    return dict(
        X=X,
        y=y,
        W=W,
        b=b,
        W2=W2,
        b2=b2,
        pre=pre,
        hidden_layer=hidden_layer,
        scores=scores,
        loss=loss,
    )


def gradients(t):
    X, y, W, W2, hidden_layer = (t[k].data for k in ("X", "y", "W", "W2", "hidden_layer"))
    probs = t["scores"].data.copy()
    probs -= probs.max(axis=1, keepdims=True)
    np.exp(probs, out=probs)
    probs /= probs.sum(axis=1, keepdims=True)
    dscores = probs
    dscores[range(6), y] -= 1
    dscores /= 6
    dW2 = np.dot(hidden_layer.T, dscores)
    db2 = np.sum(dscores, axis=0, keepdims=True)
    dhidden = np.dot(dscores, W2.T)
    dhidden[hidden_layer <= 0] = 0
    dW = np.dot(X.T, dhidden)
    db = np.sum(dhidden, axis=0, keepdims=True)
    dW2 += REG * W2
    dW += REG * W
    return dict(scores=dscores, W2=dW2, b2=db2, pre=dhidden, W=dW, b=db)


right = gradients
