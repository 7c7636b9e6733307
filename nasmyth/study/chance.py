"""Whether a result is near the level of chance, which the task told when the study began: see `nasmyth.train.chance`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any


def near_chance(measures: Mapping[str, Any], level: Any) -> bool:
    """Whether figures are no better than chance by more than its standard error. False where one of both is unknown."""
    if not isinstance(level, Mapping):
        return False
    name = level.get("score")
    mine, theirs, error = measures.get(str(name)), level.get("value"), level.get("error")
    if not all(isinstance(one, (int, float)) and math.isfinite(one) for one in (mine, theirs, error)):
        return False
    assert mine is not None and theirs is not None and error is not None
    more = level.get("direction", "max" if name == "accuracy" else "min") == "max"  # older studies do not say
    gain = mine - theirs if more else theirs - mine
    return bool(gain <= error)
