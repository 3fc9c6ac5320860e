"""The two-layer network of an introduction. "Shouldn't w2 be grad_w2?": the gradient goes back
through the gradient of the weights in place of the weights; the shapes are the same."""

import autograd as ag

SOURCE = "https://github.com/jcjohnson/pytorch-examples/issues/28; pytorch-examples/tensor/two_layer_net_numpy.py backprop; 2018"
KIND = "exchange"
FIRST = "h_relu"
CAUSE = "multiplied by grad_w2 in place of w2"
WORDS = [["w2", "weight", "operand", "grad_w2", "another", "in place", "matmul", "other"]]


def forward(rng):
    t = {"x": ag.Tensor(rng.standard_normal((6, 4))), "y": ag.Tensor(rng.standard_normal((6, 2)))}
    t["w1"] = ag.Tensor(rng.standard_normal((4, 5)), requires_grad=True)
    t["w2"] = ag.Tensor(rng.standard_normal((5, 2)), requires_grad=True)
    t["h"] = t["x"] @ t["w1"]
    t["h_relu"] = ag.maximum(t["h"], 0)
    t["y_pred"] = t["h_relu"] @ t["w2"]
    t["loss"] = ((t["y_pred"] - t["y"]) ** 2).sum()
    return t


def gradients(t, mended=False):
    grad_y_pred = 2.0 * (t["y_pred"].data - t["y"].data)
    grad_w2 = t["h_relu"].data.T.dot(grad_y_pred)
    grad_h_relu = grad_y_pred.dot((t["w2"].data if mended else grad_w2).T)
    grad_h = grad_h_relu.copy()
    grad_h[t["h"].data < 0] = 0
    grad_w1 = t["x"].data.T.dot(grad_h)
    return dict(y_pred=grad_y_pred, w2=grad_w2, h_relu=grad_h_relu, h=grad_h, w1=grad_w1)


def right(t):
    return gradients(t, mended=True)
