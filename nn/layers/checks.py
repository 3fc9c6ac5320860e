"""What the layers' constructors check."""

from __future__ import annotations


def positive(layer: str, **sizes: int) -> None:
    """Refuse a size below 1."""
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(f"{layer}: {name}={size} given, at least 1 expected")


def divisor(layer: str, name: str, value: int, **sizes: int) -> None:
    """Refuse a value that does not divide all sizes."""
    for size_name, size in sizes.items():
        if value < 1 or size % value:
            raise ValueError(
                f"{layer}: {name}={value} given, a divisor of {size_name}={size} expected"
            )
