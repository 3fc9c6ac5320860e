"""Tensors among others: Python's operators, NumPy's protocols, notebooks."""
