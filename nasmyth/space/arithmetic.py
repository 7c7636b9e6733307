"""Arithmetic on named numeric holes: `2 * width`, `kernel // 2`. It stands in a template until the holes are decided."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from nasmyth.errors import SpaceError
from nasmyth.record import Value

Fill = Callable[[Any, str], Any]


class Arithmetic(Value):
    """What may stand in a sum or product: a named numeric hole, or an expression of some."""

    def _combine(self, symbol: str, other: Any, swapped: bool = False) -> Expression:
        for side in (self, other):
            named = bool(getattr(side, "name", None)) and getattr(side, "numeric", False)
            number = named or isinstance(side, (int, float, Expression))
            if not number:
                raise SpaceError(
                    f"{side!r}: only a named number takes arithmetic; write e.g. choice(16, 32, name='width')"
                )
        left, right = (other, self) if swapped else (self, other)
        return Expression(symbol, left, right)

    def __add__(self, other: Any) -> Any:
        return self._combine("+", other)

    def __radd__(self, other: Any) -> Any:
        return self._combine("+", other, True)

    def __sub__(self, other: Any) -> Any:
        return self._combine("-", other)

    def __rsub__(self, other: Any) -> Any:
        return self._combine("-", other, True)

    def __mul__(self, other: Any) -> Any:
        return self._combine("*", other)

    def __rmul__(self, other: Any) -> Any:
        return self._combine("*", other, True)

    def __floordiv__(self, other: Any) -> Any:
        return self._combine("//", other)

    def __rfloordiv__(self, other: Any) -> Any:
        return self._combine("//", other, True)

    def __truediv__(self, other: Any) -> Any:
        return self._combine("/", other)

    def __rtruediv__(self, other: Any) -> Any:
        return self._combine("/", other, True)


_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "//": operator.floordiv, "/": operator.truediv,
}  # fmt: skip


class Expression(Arithmetic):
    """Arithmetic on named holes; it has its value once they are decided."""

    symbol: Any
    left: Any
    right: Any

    def refill(self, fill: Fill, address: str) -> Any:
        return self.of_values(fill(self.left, address), fill(self.right, address))

    def of_values(self, left: Any, right: Any) -> Any:
        """Its value once both sides have theirs. Raises SpaceError for a division by zero."""
        try:
            return _OPERATORS[self.symbol](left, right)
        except ZeroDivisionError:
            raise SpaceError(
                f"{left} {self.symbol} {right}: {self.right!r} can be 0, and nothing divides by it"
            ) from None
