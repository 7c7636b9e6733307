"""How a suite says that a law is broken."""

from __future__ import annotations


def law(holds: bool, who: object, message: str) -> None:
    """Raise AssertionError with the message if a law does not hold."""
    if not holds:
        raise AssertionError(f"{who}: {message}")
