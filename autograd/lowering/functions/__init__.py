"""Functions as texts of C, which compilers turn into vectors within loops, with stated bounds.

Left to NumPy: gammaln, digamma, polygamma and erfinv, which have many pieces and are rare, and the
slopes to any order (power_slope, polar_term, inverse_power, sinc_slope), which are loops.
"""

from autograd.lowering.functions.table import (
    FUNCTIONS,
    INCLUDES,
    SUFFIXES,
    Function,
    is_function,
    is_vector,
    needed,
)

__all__ = ["FUNCTIONS", "INCLUDES", "SUFFIXES", "Function", "is_function", "is_vector", "needed"]
