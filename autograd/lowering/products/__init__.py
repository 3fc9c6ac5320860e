"""Sums of products in blocks of registers."""
