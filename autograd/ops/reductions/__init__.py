"""Ops along axes: sums, moments, extrema, running sums, sorting."""
