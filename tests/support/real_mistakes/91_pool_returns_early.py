"""A small CNN for one image at a time: convolution (height, width, filters), 2 x 2 max pooling, a dense layer, softmax.
In the backward of the pooling, the return stands inside of the loop over the patches: only the first patch gets its gradient."""

import numpy as np

import autograd as ag

SOURCE = "https://github.com/riccardoandreoni0/CNN-from-scratch/issues/1; MaxPoolingLayer back_prop return incorrectly indented; 2023"
KIND = "pooling"
FIRST = "image"
CAUSE = "Only the first window's gradient is passed back and the rest stays 0: the loop over the windows ends after one turn."
WORDS = [
    ["window", "patch", "zero", "missing", "left out", "only", "subset", "first", "lacks", "rest"]
]
SIZE = 2


def forward(rng):
    x = rng.standard_normal((8, 6))
    patches = np.stack([x[i : i + 3, j : j + 3].ravel() for i in range(6) for j in range(4)])
    t = dict(patches=ag.Tensor(patches), label=ag.Tensor(np.array(3)))
    t["kernel"] = ag.Tensor(rng.standard_normal((9, 2)) / 3, requires_grad=True)
    t["image"] = (t["patches"] @ t["kernel"]).reshape(6, 4, 2)
    t["pooled"] = t["image"].reshape(3, SIZE, 2, SIZE, 2).max(axis=(1, 3))
    t["W"] = ag.Tensor(rng.standard_normal((12, 5)) / 3, requires_grad=True)
    t["b"] = ag.Tensor(rng.standard_normal(5) / 3, requires_grad=True)
    t["z"] = t["pooled"].reshape(12) @ t["W"] + t["b"]
    t["loss"] = ag.logsumexp(t["z"]) - t["z"][3]
    return t


def _backward(t, to_the_end):
    image, pooled, z = t["image"].data, t["pooled"].data, t["z"].data
    dz = np.exp(z - z.max())
    dz /= dz.sum()
    dz[int(t["label"].data)] -= 1
    dW = np.outer(pooled.ravel(), dz)
    dpooled = (t["W"].data @ dz).reshape(pooled.shape)
    dimage = np.zeros(image.shape)
    for h, w in np.ndindex(pooled.shape[:2]):
        patch = image[h * SIZE : (h + 1) * SIZE, w * SIZE : (w + 1) * SIZE]
        largest = np.amax(patch, axis=(0, 1))
        for a in range(patch.shape[0]):
            for b in range(patch.shape[1]):
                for k in range(patch.shape[2]):
                    if patch[a, b, k] == largest[k]:
                        dimage[h * SIZE + a, w * SIZE + b, k] = dpooled[h, w, k]
        if not to_the_end:
            break
    dkernel = t["patches"].data.T @ dimage.reshape(-1, 2)
    return dict(z=dz, W=dW, b=dz, pooled=dpooled, image=dimage, kernel=dkernel)


def gradients(t):
    return _backward(t, to_the_end=False)


def right(t):
    return _backward(t, to_the_end=True)
