"""The examples that a file of ops or blocks lists for the suites, `EXAMPLES = [(Conv(8), (3, 9, 9)), ...]`."""

from __future__ import annotations

import sys
from typing import Any

from nasmyth.registry import Registry

Example = tuple[Any, ...]
"""A value, and the shape of each input."""


def examples(registry: Registry[Any]) -> dict[str, list[Example]]:
    """The examples of every registered op or block by its name, found in the files that define them."""
    found: dict[str, list[Example]] = {}
    for name, cls in registry:
        files = {cls.__module__, getattr(getattr(cls, "module", None), "__module__", cls.__module__)}
        listed = [e for file in sorted(files) for e in getattr(sys.modules.get(file), "EXAMPLES", ())]
        found[name] = [example for example in listed if type(example[0]) is cls]
    return found
