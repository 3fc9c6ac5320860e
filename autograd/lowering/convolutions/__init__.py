"""Convolutions that were traced by Winograd's algorithm, as windows and a product."""
