"""The label's -1 in the gradient of softmax and cross-entropy."""

from __future__ import annotations

import numpy as np

from autograd.checking.diagnosis.evidence import Candidate, Case, largest


def propose_label(case: Case) -> None:
    """ "label missing": one constant too much at the labels, and nothing wrong elsewhere."""
    if case.context is None:
        return
    for mask in case.context.label_masks:
        if mask.shape != case.given.shape or mask.sum() < 2 or mask.all():
            continue
        if largest(case.expected[~mask]) <= case.limit:
            continue  # no softmax: only labels have a gradient, and "right elsewhere" says nothing
        constant = float(case.difference[mask].mean())
        values = case.expected + constant * mask
        number = constant and 1 / constant
        whole = 1 <= number < 1e6 and abs(number - round(number)) < 1e-3
        times = f"1/{round(number)}" if whole else f"{constant:.6g}"
        text = f"{times} too much at every label, right elsewhere: the -1 at the label is missing"
        if constant > 0 and np.any(case.expected[mask] < 0):
            case.propose(Candidate("label missing", text, values, 0.8, free=1))
