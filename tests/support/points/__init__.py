"""The table of points where rules divide, choose or take powers; see judging.py."""

from support.points import activations, elementwise, linear, reductions, shapes

_MODULES = elementwise, activations, reductions, linear, shapes
ROWS = [row for module in _MODULES for row in module.ROWS]

# Ops without such points, each with the reason.
PLAIN = {name: why for module in _MODULES for name, why in module.PLAIN.items()}
