"""The table of lowerings, one row an op."""
