"""One step of an LSTM by the formulas of a course. In that of the candidate, a bracket and a square
went astray: dc * i + o (1 - tanh(c)^2) i dh * cct * (1 - tanh(cct)^2)."""

import numpy as np
import autograd as ag

SOURCE = "https://github.com/jinzishuai/learn2deeplearn/issues/44; RNN HW1 Formula for LSTM_Backward is Wrong (equation 8, dcct); 2018"
KIND = "recurrence"
FIRST = "pc"
CAUSE = "the candidate's derivative 1 - cct**2 belongs to the whole sum; there it multiplies one term, with another factor cct"
WORDS = [["tanh", "cct", "derivative", "1 -", "term", "factor", "sum"]]


def forward(rng):
    n_a, m, n_x = 4, 3, 2
    t = {
        "a_prev": ag.Tensor(rng.standard_normal((n_a, m)), requires_grad=True),
        "c_prev": ag.Tensor(rng.standard_normal((n_a, m)), requires_grad=True),
    }
    t["concat"] = ag.concatenate([t["a_prev"], ag.Tensor(rng.standard_normal((n_x, m)))])
    for g in "fico":
        t["W" + g] = ag.Tensor(rng.standard_normal((n_a, n_a + n_x)), requires_grad=True)
        t["p" + g] = t["W" + g] @ t["concat"]
    t["ft"], t["it"], t["ot"] = (ag.expit(t["p" + g]) for g in "fio")
    t["cct"] = ag.tanh(t["pc"])
    t["c_next"] = t["ft"] * t["c_prev"] + t["it"] * t["cct"]
    t["a_next"] = t["ot"] * ag.tanh(t["c_next"])
    t["da"], t["dc"] = (
        ag.Tensor(rng.standard_normal((n_a, m))),
        ag.Tensor(rng.standard_normal((n_a, m))),
    )
    t["loss"] = (t["da"] * t["a_next"]).sum() + (t["dc"] * t["c_next"]).sum()
    return t


def gradients(t, mended=False):
    d = {n: v.data for n, v in t.items()}
    ft, it, ot, cct, c_next, da_next, dc_next = (
        d[n] for n in ("ft", "it", "ot", "cct", "c_next", "da", "dc")
    )
    through = ot * (1 - np.tanh(c_next) ** 2)
    dot = da_next * np.tanh(c_next) * ot * (1 - ot)
    if mended:
        dcct = (dc_next * it + through * it * da_next) * (1 - cct**2)
    else:
        dcct = dc_next * it + through * it * da_next * cct * (1 - np.tanh(cct) ** 2)
    dit = (dc_next * cct + through * cct * da_next) * it * (1 - it)
    dft = (dc_next * d["c_prev"] + through * d["c_prev"] * da_next) * ft * (1 - ft)
    out = dict(po=dot, pc=dcct, pi=dit, pf=dft, c_prev=dc_next * ft + through * ft * da_next)
    for g, grad in zip("fico", (dft, dit, dcct, dot)):
        out["W" + g] = grad @ d["concat"].T
    out["a_prev"] = sum(d["W" + g][:, :4].T @ out["p" + g] for g in "fico")
    return out


def right(t):
    return gradients(t, mended=True)
