"""What the diagnosis is to say first of each mistake in the derivation by hand."""

from __future__ import annotations

from support.by_hand.manual_mistakes import Mistake

UNKNOWN = ("unknown", "")

# Mistake -> kind of the first hypothesis, and words that are in it. To see that eps is missing in
# the backward pass would take a tape with another eps: that stays unknown.
FIRST: dict[str, tuple[str, str]] = {
    "log_probabilities: a sum for the mean": ("sum for mean", "'mean'"),
    "log_probabilities: the number of classes for N": ("factor", "divided by 10"),
    "log_probabilities: at the class after the label": ("rolled", "axis 1"),
    "logits: no -1 at the label": ("label missing", "-1"),
    "logits: -1 in the whole row": ("softmax", "whole row"),
    "logits: -1 after the division by N": ("term scaled", "the -1 at the label is 3 times"),
    "logits: softmax taken as elementwise": ("softmax", "own input alone"),
    "logits: logarithms for probabilities": ("softmax", "logarithms"),
    "bias: not summed": ("not summed", "axis 0"),
    "bias: a mean for the sum": ("mean for sum", "divided by 3"),
    "bias: summed over the classes": ("wrong axis", "axis 1 of 'add'"),
    "weight: transposed": ("transposed", ""),
    "weight: a mean over the batch": ("mean for sum", "the product"),
    "weight: of the last image only": ("not summed", "index 2 (the last) of axis 0"),
    "weight: another image's features": ("rolled", "'matmul'"),
    "weight: added twice": ("factor", "2 times the right gradient: it is counted or accumulated"),
    "flat: one class left out": ("subset", "index 9 (the last) of axis 1 of 'matmul'"),
    "flat: classes in reverse": ("flipped", "'matmul'"),
    "pooled: channels last": ("reshaped", "axes must be moved"),
    "pooled: height and width exchanged": ("transposed", "axes 2 and 3 of the gradient"),
    "pooled: images in reverse": ("flipped", "axis 0"),
    "rectified: to all that tie": ("subset", "tie"),
    "rectified: a mean": ("wrong factor", "spread over all elements"),
    "rectified: to the smallest": ("wrong factor", "argument 0 has the other sign"),
    "normed: no mask": ("local factor forgotten", "the mask of 'maximum'"),
    "normed: the gradient's mask": ("wrong factor", "the gradient that arrives"),
    "normed: the other half": ("wrong factor", "you have (normed < 0)"),
    "normed: times the output": ("wrong factor", "you have rectified"),
    "beta: summed over the batch only": ("not summed", "axes 1, 2"),
    "beta: a mean for the sum": ("mean for sum", "'add'"),
    "beta: without the last image": ("subset", "left out of the sum"),
    "gamma: not yet normalised": ("wrong factor", "argument 0 of 'divide'"),
    "gamma: what came in": ("wrong factor", "argument 0 of 'subtract'"),
    "gamma: no x-hat": ("local factor forgotten", ""),
    "gamma: summed over the batch only": ("not summed", "axes 1, 2"),
    "x_hat: no gamma": ("local factor forgotten", "of shape (16, 1, 1)"),
    "x_hat: beta for gamma": ("wrong factor", "argument 1 of 'add'"),
    "x_hat: channels off by one": ("rolled", "argument 1 is rolled by 1 along axis 0"),
    "variance: the power -1/2": ("local factor forgotten", "'add'"),
    "variance: no eps": UNKNOWN,
    "variance: not centred": ("wrong factor", "argument 0 of 'subtract'"),
    "variance: no 1/2": ("factor", "'sqrt'"),
    "centred: the variance a constant": ("variance term missing", ""),
    "centred: no 1/M": ("term scaled", "it is not divided by"),
    "centred: M - 1 for M": ("term scaled", "in place of"),
    "centred: no 2": ("term scaled", "the variance's term is 1/2 times what it should be"),
    "centred: no eps": UNKNOWN,
    "centred: minus": ("wrong sign of a term", "the variance's term"),
    "mean: a mean for the sum": ("mean for sum", "'subtract'"),
    "mean: summed over all channels": ("wrong axis", "axis 1"),
    "convolved: the mean a constant": ("mean term missing", ""),
    "convolved: no 1/M": ("term scaled", "the mean's term"),
    "convolved: the batch size for M": ("term scaled", "divided by 3"),
    "convolved: minus": ("wrong sign of a term", "the mean's term"),
    "kernel: reshaped, not moved": ("reshaped", "'matmul'"),
    "kernel: a mean over the places": ("mean for sum", ""),
    "kernel: of the last image only": ("not summed", "'matmul'"),
    "kernel: flipped": ("flipped", "axes 2 and 3"),
    "kernel: taps transposed": ("transposed", "axes 2 and 3 of the gradient"),
    "columns: the kernel scrambled": ("reshaped", "argument 1"),
    "columns: the kernel flipped": ("flipped", "axis 3"),
    "columns: one filter left out": ("subset", "axis 3 of 'matmul'"),
    "images: = for +=": ("overwritten", "overlap"),
    "images: padding cut off at one edge": ("padding", "'pad'"),
    "images: padding left on": ("padding", "left on axes 2, 3"),
    "images: taps flipped": ("flipped", "runs backwards along axis 3"),
    "images: added twice": ("factor", "2 times the right gradient: it is counted or accumulated"),
}
SIGN = ("factor", "the sign is wrong: it is -1 times the right gradient")


def first_answer(mistake: Mistake) -> tuple[str, str]:
    """The kind of the first hypothesis, and words that are in its text."""
    return SIGN if mistake.kind == "the sign" else FIRST[str(mistake)]
