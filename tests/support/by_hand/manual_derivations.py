"""A walkthrough: the gradient of the basic CNN, derived by hand, in plain NumPy.

The network is `mnist.models.basic` with cross-entropy on top:

    images -> convolution -> batch normalisation -> ReLU -> max pooling -> linear -> softmax -> loss

Read on from the loss back to the images. Each part is a forward function and, after it, a function
`d_x` for each value x that it computes with: `d_x` gets g, the gradient of the part's result (of
both results, g_y and g_z, where x is used twice), and returns the gradient of x. manual_network.py
puts the functions in order; test_manual_derivations.py compares every value and every gradient
with the tape's, and the gradients with differences of the loss.

Three rules carry all of it. L is the loss, a number; "the gradient of x" is dL/dx, an array of the
shape of x, whose element i says how fast L grows with x_i.

    1. Chain rule.   If x reaches L only through y:   dL/dx_i = sum_j dL/dy_j dy_j/dx_i.
       So ask of an element of x: which elements of y does it reach, and how fast?
    2. Several ways. If x is used more than once, the gradients that come by each use are added.
    3. Shape.        A gradient has the shape of its value. What the forward repeats (a bias over
       the batch) the backward sums; what the forward sums, the backward repeats.

Letters: N images, C channels, H x W pixels; F filters of U x V taps; I features, K classes;
M = N H W, the number of values of a channel in a batch. [a = b] is 1 where a = b, and else 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

PER_CHANNEL = (0, 2, 3)  # the axes of (N, F, H, W) over which a channel has its statistics


# --- Softmax and cross-entropy -----------------------------------------------------------------


def log_softmax(logits: Array) -> Array:
    """l[n,k] = a[n,k] - log sum_j exp a[n,j]. a, the logits, and l are (N, K).

    Subtracting the same number from a row of a changes nothing, and the largest of the row keeps
    exp from overflowing.
    """
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def cross_entropy(log_probabilities: Array, labels: Array) -> Array:
    """L = -1/N sum_n l[n, y_n], for labels y of shape (N,). L has the shape ()."""
    rows = np.arange(len(labels))
    return -log_probabilities[rows, labels].mean()


def d_log_probabilities(g: Array, log_probabilities: Array, labels: Array) -> Array:
    """() -> (N, K). Of each row, L sees the element at the label and no other:

        dL/dl[n,k] = -1/N [k = y_n].

    Often wrong: 1/N is left out, as if the loss were a sum. The gradient is N times too large
    then; with one image at a time nobody notices.
    """
    gradient = np.zeros_like(log_probabilities)
    gradient[np.arange(len(labels)), labels] = -g / len(labels)
    return gradient


def d_logits(g: Array, log_probabilities: Array) -> Array:
    """(N, K) -> (N, K). A logit reaches all of its row: its own l directly, each by the sum.

        dl[k]/da[j] = [k = j] - exp a[j] / sum_i exp a[i] = [k = j] - p[j],   p = softmax(a) = exp l
        dL/da[j]    = sum_k g[k] ([k = j] - p[j]) = g[j] - p[j] sum_k g[k].

    Put in g[k] = -1/N [k = y], whose sum is -1/N, and both functions are one subtraction
    (Bishop 2006, "Pattern Recognition and Machine Learning", eq. 4.109):

        dL/da[n,j] = 1/N (p[n,j] - [j = y_n]).

    Often wrong: the -1 at the label is forgotten, or subtracted after the division by N; p - 1
    is taken of the whole row. A check: each row of the gradient sums to 0, as p sums to 1.
    """
    return g - np.exp(log_probabilities) * g.sum(axis=1, keepdims=True)


def d_logits_at_once(log_probabilities: Array, labels: Array) -> Array:
    """() -> (N, K): the last formula of `d_logits`, which is what one writes in the end."""
    gradient = np.exp(log_probabilities)
    gradient[np.arange(len(labels)), labels] -= 1
    return gradient / len(labels)


# --- Linear --------------------------------------------------------------------------------------


def linear(flat: Array, weight: Array, bias: Array) -> Array:
    """a = x W^T + b, that is a[n,k] = sum_i x[n,i] W[k,i] + b[k].

    x, the flat features, (N, I); W (K, I), laid out as PyTorch does; b (K,); a (N, K).
    """
    return flat @ weight.T + bias


def d_bias(g: Array) -> Array:
    """(N, K) -> (K,). b[k] is added in every row, so every row has a say:

        dL/db[k] = sum_n g[n,k] da[n,k]/db[k] = sum_n g[n,k].

    Often wrong: not summed, which broadcasting hides until the shapes are compared; or the mean
    instead of the sum: the 1/N of the loss is in g already.
    """
    return g.sum(axis=0)


def d_weight(g: Array, flat: Array) -> Array:
    """(N, K) and (N, I) -> (K, I). W[k,i] reaches a[n,k] for every n, at the rate x[n,i]:

        dL/dW[k,i] = sum_n g[n,k] x[n,i],   the matrix product g^T x.

    Often wrong: x^T g, the transpose. The shapes tell the two apart, unless K = I.
    """
    return g.T @ flat


def d_flat(g: Array, weight: Array) -> Array:
    """(N, K) and (K, I) -> (N, I). x[n,i] reaches the whole row a[n,:], at the rates W[:,i]:

        dL/dx[n,i] = sum_k g[n,k] W[k,i],   the matrix product g W.

    The forward multiplies by W^T, the backward by W: the adjoint of a matrix is its transpose.
    Often wrong: W^T again, where it is square and NumPy does not object.
    """
    return g @ weight


def flatten(pooled: Array) -> Array:
    """(N, F, H, W) -> (N, F H W), the last index running fastest."""
    return pooled.reshape(len(pooled), -1)


def d_pooled(g: Array, pooled: Array) -> Array:
    """(N, F H W) -> (N, F, H, W). Each element reaches its copy, at the rate 1: only put back.

    Often wrong: put back in another order than it was taken, such as (N, H, W, F). All numbers
    are right then, and in the wrong places.
    """
    return g.reshape(pooled.shape)


# --- Max pooling ---------------------------------------------------------------------------------


def max_pool(rectified: Array) -> Array:
    """(N, F, H, W) -> (N, F, H/2, W/2): the largest of each window of 2 x 2; H and W are even."""
    return _windows(rectified).max(axis=-1)


def d_rectified(g: Array, rectified: Array) -> Array:
    """(N, F, H/2, W/2) -> (N, F, H, W). Of its window, m = max(x_1, ..., x_4) follows the largest:

        dm/dx_i = [x_i is the largest],   so g goes there whole, and the other three get 0.

    At a tie the derivative does not exist. Every choice that adds up to 1 lies between the
    one-sided slopes; here, as in PyTorch, the first in row-major order gets all, and argmax
    returns just that one. Ties are no rarity: after a ReLU most windows have more than one 0.

    Often wrong: `x == max`, which gives g to each that ties, and so too much altogether. And
    `=` is enough only because the windows do not overlap; where they do, add (see `d_images`).
    """
    windows = _windows(rectified)
    gradient = np.zeros_like(windows)
    first = windows.argmax(axis=-1)[..., np.newaxis]
    np.put_along_axis(gradient, first, g[..., np.newaxis], axis=-1)
    return _from_windows(gradient)


def _windows(x: Array) -> Array:
    """(N, F, H, W) -> (N, F, H/2, W/2, 4): the pixels of each window, row by row."""
    n, f, h, w = x.shape
    return x.reshape(n, f, h // 2, 2, w // 2, 2).swapaxes(3, 4).reshape(n, f, h // 2, w // 2, 4)


def _from_windows(windows: Array) -> Array:
    """The inverse of `_windows`."""
    n, f, h, w, _ = windows.shape
    return windows.reshape(n, f, h, w, 2, 2).swapaxes(3, 4).reshape(n, f, 2 * h, 2 * w)


# --- ReLU ----------------------------------------------------------------------------------------


def relu(normed: Array) -> Array:
    """r = max(x, 0), element by element; (N, F, H, W) both."""
    return np.maximum(normed, 0)


def d_normed(g: Array, normed: Array) -> Array:
    """(N, F, H, W) both. An element reaches itself alone, at the rate 1 above 0 and 0 below:

        dL/dx = g [x > 0].

    At x = 0 any rate between 0 and 1 would do; 0 is the custom, and what PyTorch has.
    Often wrong: x > 0 is asked of the gradient instead of the input; or the mask is x >= 0, which
    shows only where inputs are exactly 0, as all are of a channel whose gamma and beta are 0.
    """
    return g * (normed > 0)


# --- Batch normalisation -------------------------------------------------------------------------


def mean(convolved: Array) -> Array:
    """m = 1/M sum x, over all of a channel: (N, F, H, W) -> (1, F, 1, 1)."""
    return convolved.mean(axis=PER_CHANNEL, keepdims=True)


def center(convolved: Array, mean: Array) -> Array:
    """c = x - m, of the shape of x."""
    return convolved - mean


def variance(centred: Array) -> Array:
    """v = 1/M sum c^2, the biased one: (N, F, H, W) -> (1, F, 1, 1)."""
    return (centred**2).mean(axis=PER_CHANNEL, keepdims=True)


def normalize(centred: Array, variance: Array, eps: float) -> Array:
    """z = c / sqrt(v + eps), of the shape of c. Ioffe & Szegedy's x-hat."""
    return centred / np.sqrt(variance + eps)


def scale_and_shift(x_hat: Array, gamma: Array, beta: Array) -> Array:
    """y = gamma z + beta; gamma and beta (F,), one for each channel, z and y (N, F, H, W)."""
    return x_hat * gamma[:, np.newaxis, np.newaxis] + beta[:, np.newaxis, np.newaxis]


def d_beta(g: Array) -> Array:
    """(N, F, H, W) -> (F,). As `d_bias`: beta[f] is added M times, so sum over its channel.

    Often wrong: summed over the batch only, which leaves (F, H, W).
    """
    return g.sum(axis=PER_CHANNEL)


def d_gamma(g: Array, x_hat: Array) -> Array:
    """(N, F, H, W) both -> (F,). gamma[f] reaches its channel of y, at the rate z:

        dL/dgamma[f] = sum_{n,i,j} g[n,f,i,j] z[n,f,i,j].

    Often wrong: z, which is normalised, confused with what came in.
    """
    return (g * x_hat).sum(axis=PER_CHANNEL)


def d_x_hat(g: Array, gamma: Array) -> Array:
    """(N, F, H, W) and (F,) -> (N, F, H, W): dL/dz = g gamma.

    Often wrong: gamma left out, as it is 1 at first; or `g * gamma`, which multiplies columns of
    pixels and not channels, and which NumPy allows where W = F.

    This and the next four are the chain rule as in Ioffe & Szegedy 2015, "Batch Normalization:
    Accelerating Deep Network Training by Reducing Internal Covariate Shift", section 3, below
    algorithm 1; theirs for m and x have more terms, as they do without c.
    """
    return g * gamma[:, np.newaxis, np.newaxis]


def d_variance(g: Array, centred: Array, variance: Array, eps: float) -> Array:
    """(N, F, H, W) -> (1, F, 1, 1). One v divides all of its channel:

        dz/dv = c (-1/2) (v + eps)^(-3/2),   so   dL/dv = -1/2 (v + eps)^(-3/2) sum of g c.

    Often wrong: the power -1/2 in place of -3/2, or the 1/2 of the square root forgotten.
    """
    return -0.5 * (variance + eps) ** -1.5 * (g * centred).sum(axis=PER_CHANNEL, keepdims=True)


def d_centred(
    g_x_hat: Array, g_variance: Array, centred: Array, variance: Array, eps: float
) -> Array:
    """(N, F, H, W) and (1, F, 1, 1) -> (N, F, H, W). c is used twice, in z and in v. Add (rule 2):

        dL/dc = g_z / sqrt(v + eps)  +  g_v 2 c / M.

    Often wrong: v taken for a constant, so that the second term is missing; or its 1/M.
    """
    count = centred.size // variance.size
    return g_x_hat / np.sqrt(variance + eps) + g_variance * 2 * centred / count


def d_mean(g: Array) -> Array:
    """(N, F, H, W) -> (1, F, 1, 1). m is subtracted M times: dL/dm = -sum of g_c.

    Often wrong: the sign.
    """
    return -g.sum(axis=PER_CHANNEL, keepdims=True)


def d_convolved(g_centred: Array, g_mean: Array) -> Array:
    """(N, F, H, W) and (1, F, 1, 1) -> (N, F, H, W). x is used twice, in c and in m. Add:

        dL/dx = g_c + g_m / M = g_c - mean of g_c,   the mean over the channel.

    Now put in all that g_c is, with s = 1 / sqrt(v + eps) and c = z / s. The second term of
    `d_centred` is -s z times the mean of g_z z; its own mean is 0, since that of z is. In one:

        dL/dx = s (g_z  -  mean of g_z  -  z times the mean of g_z z).

    Read it thus: to add a constant to a channel changes nothing, nor (but for eps) to stretch it,
    and the two means take from the gradient what points in those two directions.

    Often wrong: m taken for a constant, so that the second term is missing. The network still
    trains, only worse: a slope that is merely plausible is hard to see in a loss curve.
    """
    return g_centred + g_mean / (g_centred.size // g_mean.size)


def d_convolved_at_once(g_x_hat: Array, x_hat: Array, variance: Array, eps: float) -> Array:
    """The last formula of `d_convolved`, from g_z: the four functions before it in one."""
    along_one = g_x_hat.mean(axis=PER_CHANNEL, keepdims=True)
    along_x_hat = (g_x_hat * x_hat).mean(axis=PER_CHANNEL, keepdims=True)
    return (g_x_hat - along_one - x_hat * along_x_hat) / np.sqrt(variance + eps)


# --- Convolution ---------------------------------------------------------------------------------


def im2col(images: Array, kernel: Array, padding: int) -> Array:
    """columns[n,i,j,(c,u,v)] = padded[n, c, i + u, j + v]: what each place sees, laid out in a row.

    Images (N, C, H, W), a kernel (F, C, U, V), padding in pixels of zeros at each edge, stride 1;
    the result is (N, H', W', C U V), H' = H + 2 padding - U + 1, and so for W'. Every pixel is
    copied up to U V times (Chellapilla, Puri & Simard 2006, "High Performance Convolutional Neural
    Networks for Document Processing").
    """
    edge = (padding, padding)
    padded = np.pad(images, ((0, 0), (0, 0), edge, edge))
    (n, c, h, w), (u, v) = padded.shape, kernel.shape[2:]
    rows, places = h - u + 1, w - v + 1
    columns = np.empty((n, rows, places, c, u, v), images.dtype)
    for i, j in np.ndindex(u, v):
        columns[..., i, j] = np.moveaxis(padded[:, :, i : i + rows, j : j + places], 1, -1)
    return columns.reshape(n, rows, places, c * u * v)


def convolve(columns: Array, kernel: Array) -> Array:
    """y[n,f,i,j] = sum_t columns[n,i,j,t] W[f,t], t = (c,u,v): a linear layer at each place.

    Columns (N, H, W, C U V) and kernel (F, C, U, V) -> (N, F, H, W). The filter is not flipped:
    strictly, this is a correlation.
    """
    return np.moveaxis(columns @ kernel.reshape(len(kernel), -1).T, -1, 1)


def d_kernel(g: Array, columns: Array, kernel: Array) -> Array:
    """(N, F, H, W) and (N, H, W, C U V) -> (F, C, U, V). `d_weight`, with N H W rows for N:

        dL/dW[f,t] = sum_{n,i,j} g[n,f,i,j] columns[n,i,j,t],   the matrix product G^T columns.

    Every place that a filter visits adds to it. Often wrong: the axis F of g, which is the second,
    reshaped instead of moved to the end; or the mean over the places taken.
    """
    rows = np.moveaxis(g, 1, -1).reshape(-1, len(kernel))
    return (rows.T @ columns.reshape(len(rows), -1)).reshape(kernel.shape)


def d_columns(g: Array, kernel: Array) -> Array:
    """(N, F, H, W) and (F, C, U, V) -> (N, H, W, C U V). `d_flat`, at each place:

        dL/dcolumns[n,i,j,t] = sum_f g[n,f,i,j] W[f,t],   the matrix product G W.

    Often wrong: the kernel reshaped to (C U V, F), which scrambles it, in place of transposed.
    """
    return np.moveaxis(g, 1, -1) @ kernel.reshape(len(kernel), -1)


def d_images(g: Array, images: Array, kernel: Array, padding: int) -> Array:
    """(N, H', W', C U V) -> (N, C, H, W): col2im. im2col copied a pixel into many columns, so the
    pixel gathers from all of them (rule 2), and what fell on the padding is cut off:

        dL/dpadded[n,c,k,l] = sum_{u,v} g[n, k - u, l - v, (c,u,v)],   where that place exists.

    With `d_columns` put in, it is a convolution of g with the filters flipped and their first two
    axes exchanged (Dumoulin & Visin 2016, "A guide to convolution arithmetic", chapter 4).

    Often wrong: `=` where `+=` must be, so that of overlapping windows the last one wins; the
    padding left on, or cut off at one edge only; flipping the filters here *and* scattering.
    """
    (n, c, h, w), (u, v) = images.shape, kernel.shape[2:]
    rows, places = g.shape[1:3]
    taps = g.reshape(n, rows, places, c, u, v)
    padded = np.zeros((n, c, h + 2 * padding, w + 2 * padding), g.dtype)
    for i, j in np.ndindex(u, v):
        padded[:, :, i : i + rows, j : j + places] += np.moveaxis(taps[..., i, j], -1, 1)
    return padded[:, :, padding : padding + h, padding : padding + w]
