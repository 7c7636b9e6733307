"""Where a part sits in a value, `stages[1].block[0].kernel`, and the classes of all that is in one."""

from __future__ import annotations

from typing import Any

from nasmyth.record.value import Value


def below(address: str, part: str | int | None) -> str:
    """The address of a part: below("stem", "kernel") is "stem.kernel", below("stages", 1) is "stages[1]".

    None is the whole, and ":2" its option 2.
    """
    if isinstance(part, int):
        return f"{address}[{part}]"
    if part is None or part.startswith(":"):
        return address + (part or "")
    return f"{address}.{part}" if address else part


def classes_in(*values: Any) -> set[type[Value]]:
    """The classes of these values, and of what is in them."""
    found, rest = set(), list(values)
    while rest:
        part = rest.pop()
        if isinstance(part, Value):
            found.add(type(part))
            rest += part.field_values
        elif isinstance(part, tuple):
            rest += part
    return found


def defined_in(*values: Any) -> tuple[str, ...]:
    """The names of the modules in which the classes of these values, and of what is in them, are defined."""
    return tuple(sorted({cls.__module__ for cls in classes_in(*values)}))
