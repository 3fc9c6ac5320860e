"""The lowering of einsum: sums of products of two arrays whose axes have letters."""

from __future__ import annotations

from math import prod

from autograd.lowering.lowerer import Arguments, Lowerer, NotLoweredError
from autograd.lowering.nests import View
from autograd.lowering.products.factors import SMALL_PRODUCT
from autograd.lowering.rows.reducing import expect_floats, finished, summed_products
from autograd.ops.linear.subscripts import labels_of, sizes_of
from autograd.program.program import Value

_SMALL = 4 * SMALL_PRODUCT  # NumPy's einsum has more to do than to call BLAS


def einsum(lowerer: Lowerer, given: Arguments) -> View:
    """Products of two arrays, summed along the letters that the output lacks, where they are few:
    what would be a large product of matrices is left to BLAS."""
    operands = given.given["operands"]
    if len(operands) != 2 or not all(isinstance(operand, Value) for operand in operands):
        raise NotLoweredError("other than two arrays")
    views = [lowerer.view(operand.slot) for operand in operands]
    expect_floats(*views)
    terms, output = labels_of(given["subscripts"], tuple([len(view.dims) for view in views]))
    if any(len({*term}) < len(term) for term in terms):
        raise NotLoweredError("a diagonal")
    sizes = dict.fromkeys(output, 1) | sizes_of(terms, [view.shape for view in views])
    both = {*terms[0]} & {*terms[1]} & {*output}
    if prod([size for label, size in sizes.items() if label not in both]) > _SMALL:
        raise NotLoweredError("a large product, which is left to BLAS")
    factors = []
    for term, view in zip(terms, views, strict=True):
        dims = dict(zip(term, view.dims, strict=True))
        factors.append(view.moved({}, tuple([dims.get(label, ()) for label in sizes])))
    summed = len(sizes) - len(output)
    dtype = views[0].value.dtype
    found = summed_products(lowerer, factors, tuple(sizes.values()), dtype, summed)
    return finished(lowerer, given, found)
