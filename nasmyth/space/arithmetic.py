"""Arithmetic on named numeric holes: `2 * width`, `kernel // 2`. It stands in a template until the holes are decided."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

from nasmyth.errors import SpaceError
from nasmyth.graph.combine import Composite, Parts
from nasmyth.kinds import shown
from nasmyth.record import Value, is_open

Fill = Callable[[Any, str], Any]


class Arithmetic(Value, abstract=True):
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


class Expression(Arithmetic, Composite):
    """Arithmetic on named holes; it has its value once they are decided."""

    symbol: str
    left: Any
    right: Any

    def check(self) -> None:
        sides = (self.left, self.right)
        if self.symbol not in _OPERATORS or not all(isinstance(s, Arithmetic) or _is_number(s) for s in sides):
            raise SpaceError(
                f"{shown(self)}: arithmetic is {', '.join(_OPERATORS)} of numbers and of holes with a name"
            )

    def parts(self) -> Parts:
        return ((None, self.left), (None, self.right))

    def with_parts(self, parts: Sequence[Any]) -> Any:
        """Its value once both sides have theirs. Raises SpaceError where they are no numbers, or are divided by zero."""
        left, right = parts
        if is_open(left) or is_open(right):
            return Expression.of((self.symbol, left, right))
        if not (_is_number(left) and _is_number(right)):
            raise SpaceError(f"{shown(left)} {self.symbol} {shown(right)}: arithmetic is for holes that decide numbers")
        try:
            return _OPERATORS[self.symbol](left, right)
        except OverflowError:
            raise SpaceError(f"{shown(left)} {self.symbol} {shown(right)} is beyond all numbers") from None
        except ZeroDivisionError:
            raise SpaceError(
                f"{left} {self.symbol} {right}: {self.right!r} can be 0, and nothing divides by it"
            ) from None


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float))
