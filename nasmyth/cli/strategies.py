"""A strategy as it is written on a command line."""

from __future__ import annotations

import ast
from typing import Any

from nasmyth.errors import NasmythError, UnknownNameError, nearest


def strategy_of(text: str) -> Any:
    """ "evolution", "evolution(population=16)" or "deduplicated(inner=local(start=5))" as a strategy.

    A setting that is a strategy or a part of one, such as a model, or a list of them, is written alike. Raises
    UnknownNameError, which suggests the nearest.
    """
    from nasmyth.search import strategies

    name, bracket, rest = text.partition("(")
    cls = strategies.get(name.strip())
    if not bracket:
        return cls()
    try:
        call = ast.parse(f"f({rest}", mode="eval").body
        assert isinstance(call, ast.Call)
        return _made(cls, name, call)
    except NasmythError:  # a name that is not known, or settings that do not go together
        raise
    except (
        SyntaxError,
        ValueError,
        AssertionError,
        MemoryError,
        RecursionError,
    ):  # the last two of brackets within brackets
        raise UnknownNameError(f"cannot read {text!r}; write it as {name}(setting=value)") from None


def _made(cls: Any, name: str, call: ast.Call) -> Any:
    """The strategy of a call. Raises ValueError or AssertionError for what is none."""
    assert not call.args
    settings = {str(keyword.arg): _setting(keyword.value) for keyword in call.keywords}
    unknown = [key for key in settings if key not in cls.fields]
    if unknown:
        hint = nearest(unknown[0], cls.fields) or f"; it has {', '.join(cls.fields) or 'none'}"
        raise UnknownNameError(f"{name} has no setting {unknown[0]!r}{hint}")
    return cls(**settings)


def _setting(node: ast.expr) -> Any:
    """A number, a text, a list, or a strategy or part of one."""
    if isinstance(node, ast.Name):
        return _class(node.id)()
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return _made(_class(node.func.id), node.func.id, node)
    if isinstance(node, (ast.List, ast.Tuple)):
        return tuple(map(_setting, node.elts))
    return ast.literal_eval(node)


def _class(name: str) -> Any:
    """The strategy or part of this name. Raises UnknownNameError."""
    from nasmyth.search import parts, strategies

    for registry in (strategies, parts):
        if name in registry:
            return registry.get(name)
    raise UnknownNameError(
        f"unknown strategy or part {name!r}{nearest(name, [*strategies.names(), *parts.names()])} (`nasmyth list "
        f"strategies` and `nasmyth list parts` show all)"
    )
