"""A character model: a context of three tokens looked up in a table, tanh layer, softmax cross-entropy (makemore, backprop by hand).
The table's gradient is added row by row of the batch with a list of indices: a token that is twice in one context is added once only."""

import numpy as np

import autograd as ag

SOURCE = (
    "https://github.com/karpathy/nn-zero-to-hero/issues/57; makemore/lecture4/backprop/dC; 2024"
)
KIND = "accumulation"
FIRST = "C"
CAUSE = "dC[ids] += g adds once for each distinct index: where a token occurs twice in a context, all but its last gradient are lost."
WORDS = [
    [
        "indices",
        "same index",
        "token",
        "repeat",
        "duplicat",
        "twice",
        "more than once",
        "add.at",
        "accumulat",
        "occur",
        "overwrit",
    ]
]
XB = np.array([[0, 0, 5], [3, 1, 4], [2, 2, 2], [1, 6, 1], [5, 3, 0]])
YB = np.array([5, 2, 6, 0, 4])


def forward(rng):
    shapes = (7, 2), (6, 4), (4,), (4, 7), (7,)
    C, W1, b1, W2, b2 = (ag.Tensor(rng.standard_normal(s) / 2, requires_grad=True) for s in shapes)
    embcat = (emb := C[XB]).reshape(5, 6)
    h = ag.tanh(hpreact := embcat @ W1 + b1)
    logits = h @ W2 + b2
    loss = (ag.logsumexp(logits, axis=1) - logits[np.arange(5), YB]).mean()
    t = dict(C=C, W1=W1, b1=b1, W2=W2, b2=b2, emb=emb, embcat=embcat)
    return t | dict(hpreact=hpreact, h=h, logits=logits, loss=loss)


def _backward(t, into_table):
    v = {k: x.data for k, x in t.items()}
    n = len(YB)
    dlogits = np.exp(v["logits"] - v["logits"].max(1, keepdims=True))
    dlogits /= dlogits.sum(1, keepdims=True)
    dlogits[range(n), YB] -= 1
    dlogits /= n
    dh = dlogits @ v["W2"].T
    dW2, db2 = v["h"].T @ dlogits, dlogits.sum(0)
    dhpreact = (1.0 - v["h"] ** 2) * dh
    dembcat = dhpreact @ v["W1"].T
    dW1, db1 = v["embcat"].T @ dhpreact, dhpreact.sum(0)
    demb = dembcat.reshape(v["emb"].shape)
    d = dict(logits=dlogits, h=dh, W2=dW2, b2=db2, hpreact=dhpreact)
    return d | dict(
        embcat=dembcat, W1=dW1, b1=db1, emb=demb, C=into_table(np.zeros_like(v["C"]), demb)
    )


def gradients(t):
    def by_rows(dC, demb):
        for k in range(XB.shape[0]):
            dC[XB[k]] += demb[k]
        return dC

    return _backward(t, by_rows)


def right(t):
    def one_by_one(dC, demb):
        for k, j in np.ndindex(XB.shape):
            dC[XB[k, j]] += demb[k, j]
        return dC

    return _backward(t, one_by_one)
