"""A strategy as it is written on a command line."""

from __future__ import annotations

import ast
from typing import Any

from nasmyth.errors import UnknownNameError, nearest


def strategy_of(text: str) -> Any:
    """ "evolution" or "evolution(population=16)" as a strategy. Raises UnknownNameError, which suggests the nearest."""
    from nasmyth.search import strategies

    name, bracket, rest = text.partition("(")
    cls = strategies.get(name.strip())
    if not bracket:
        return cls()
    try:
        call = ast.parse(f"f({rest}", mode="eval").body
        assert isinstance(call, ast.Call) and not call.args
        settings = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords}
    except (
        SyntaxError,
        ValueError,
        AssertionError,
        MemoryError,
        RecursionError,
    ):  # the last two of brackets within brackets
        raise UnknownNameError(f"cannot read {text!r}; write it as {name}(setting=value)") from None
    unknown = [key for key in settings if key not in cls.fields]
    if unknown:
        hint = nearest(unknown[0], cls.fields) or f"; it has {', '.join(cls.fields) or 'none'}"
        raise UnknownNameError(f"{name} has no setting {unknown[0]!r}{hint}")
    return cls(**settings)
