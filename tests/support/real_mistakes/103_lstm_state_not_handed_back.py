"""A character LSTM over three steps: gates on [h, x], softmax at every step, cross-entropy summed over the steps.
dh_prev and dC_prev are computed at every step, but dh_next and dC_next are never set to them: nothing goes back from one step to the one before."""

import numpy as np

import autograd as ag

SOURCE = "https://github.com/CaptainE/RNN-LSTM-in-numpy/issues/1; Questions on the LSTM backpropagation code (issue 2 in it); 2023"
KIND = "recurrence"
FIRST = "h2"
CAUSE = "Only the step's own loss is in the gradient: what comes back from the next time step (dh_next, dC_next) is missing."
A = [
    "next",
    "step",
    "time",
    "recurr",
    "path",
    "use",
    "term",
    "way",
    "through",
    "contribut",
    "branch",
]
WORDS = [
    A,
    [
        "missing",
        "left out",
        "forgotten",
        "lacks",
        "without",
        "only",
        "not added",
        "lost",
        "ignored",
    ],
]
H, V, T, TARGETS, GATES = 3, 4, 3, [2, 0, 3], "figo"


def forward(rng):
    t = {
        f"W_{g}": ag.Tensor(rng.standard_normal((H, H + V)) * 0.7, requires_grad=True)
        for g in GATES
    }
    t["W_v"] = ag.Tensor(rng.standard_normal((V, H)), requires_grad=True)
    h, C = t["h0"], t["C0"] = ag.Tensor(np.zeros((H, 1))), ag.Tensor(np.zeros((H, 1)))
    loss = 0.0
    for k, token in enumerate([1, 2, 0], start=1):
        z = ag.concatenate([h, np.eye(V)[:, [token]]], axis=0)
        f, i, o = (ag.expit(t[f"W_{g}"] @ z) for g in "fio")
        g = ag.tanh(t["W_g"] @ z)
        C = f * C + i * g
        h = o * ag.tanh(C)
        v = t["W_v"] @ h
        loss = loss + ag.logsumexp(v) - v[TARGETS[k - 1], 0]
        t |= {f"{name}{k}": x for name, x in dict(z=z, f=f, i=i, g=g, o=o, C=C, h=h, v=v).items()}
    return t | dict(loss=loss)


def _backward(t, hand_back):
    a = {k: x.data for k, x in t.items()}
    out = {name: np.zeros_like(a[name]) for name in ["W_v", *(f"W_{g}" for g in GATES)]}
    dh_next, dC_next = np.zeros((H, 1)), np.zeros((H, 1))
    for k in range(T, 0, -1):
        f, i, g, o, C, h, z = (a[f"{name}{k}"] for name in "figoChz")
        dv = np.exp(a[f"v{k}"]) / np.exp(a[f"v{k}"]).sum()
        dv[TARGETS[k - 1]] -= 1
        dh = a["W_v"].T @ dv + dh_next
        dC = dC_next + dh * o * (1 - np.tanh(C) ** 2)
        d = dict(f=dC * a[f"C{k - 1}"] * f * (1 - f), i=dC * g * i * (1 - i))
        d |= dict(g=dC * i * (1 - g**2), o=dh * np.tanh(C) * o * (1 - o))
        out["W_v"] += dv @ h.T
        for gate in GATES:
            out[f"W_{gate}"] += d[gate] @ z.T
        dh_prev, dC_prev = sum(a[f"W_{gate}"].T @ d[gate] for gate in GATES)[:H], f * dC
        out |= {f"v{k}": dv, f"h{k}": dh, f"C{k}": dC}
        if hand_back:
            dh_next, dC_next = dh_prev, dC_prev
    return out


def gradients(t):
    return _backward(t, hand_back=False)


def right(t):
    return _backward(t, hand_back=True)
