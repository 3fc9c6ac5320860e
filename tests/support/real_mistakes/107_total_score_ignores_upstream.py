"""Acceptors whose arcs are scored by a linear layer: the total score of each is the log of the sum of exp over all its paths; loss: minus the mean of them.
The backward of the total score returns the arcs' posteriors alone: the gradient that arrives at the total is not multiplied in."""

import numpy as np

import autograd as ag

SOURCE = (
    "https://github.com/k2-fsa/k2/issues/341; Backward of get_tot_scores ignores gradient; 2020"
)
KIND = "upstream"
FIRST = "arc_scores"
CAUSE = "The gradient that arrives from the loss (-1/4 for each acceptor) is not multiplied in: only the local derivative was returned."
WORDS = [
    [
        "arriv",
        "upstream",
        "incoming",
        "comes in",
        "tot_scores",
        "not multiplied",
        "factor",
        "times",
        "-4",
        "-1/4",
    ]
]
PATHS = np.array(
    [[a == 0, a == 1, a == 2, b == 0, b == 1] for a in range(3) for b in range(2)]
).astype(float)


def forward(rng):
    x = ag.Tensor(rng.standard_normal((4, 3)))
    W = ag.Tensor(rng.standard_normal((3, 5)), requires_grad=True)
    bias = ag.Tensor(rng.standard_normal(5), requires_grad=True)
    z = x @ W + bias
    arc_scores = z - ag.logsumexp(z, axis=1, keepdims=True)
    tot_scores = ag.logsumexp(arc_scores @ PATHS.T, axis=1)
    loss = -tot_scores.mean()
    return dict(x=x, W=W, bias=bias, z=z, arc_scores=arc_scores, tot_scores=tot_scores, loss=loss)


def _backward(t, tot_scores_back):
    x, z, scores, tot = (t[k].data for k in ("x", "z", "arc_scores", "tot_scores"))
    dtot = np.full(len(tot), -1 / len(tot))
    posteriors = np.zeros_like(scores)
    for fsa in range(len(scores)):
        for path in PATHS:
            posteriors[fsa] += path * np.exp(scores[fsa] @ path - tot[fsa])
    dscores = tot_scores_back(dtot, posteriors)
    p = np.exp(scores)
    dz = dscores - p * dscores.sum(axis=1, keepdims=True)
    return dict(tot_scores=dtot, arc_scores=dscores, z=dz, W=x.T @ dz, bias=dz.sum(axis=0))


def gradients(t):
    return _backward(t, lambda dtot, posteriors: posteriors)


def right(t):
    return _backward(t, lambda dtot, posteriors: dtot[:, None] * posteriors)
