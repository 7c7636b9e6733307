"""The experiments of `operators.py`, one a file."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

STUDENT = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78, 6: 2.57, 7: 2.45, 8: 2.36, 9: 2.31, 10: 2.26}
"""The 97.5 % point of Student's t by the number of values."""


def spread(values: Sequence[float], digits: int = 3) -> str:
    """The mean with half of its 95 % interval.

    >>> spread([1.0, 2.0, 3.0])
    '2.000 ± 2.482'
    """
    mean = f"{statistics.fmean(values):.{digits}f}"
    if len(values) < 2:
        return mean
    half = STUDENT.get(len(values), 1.96) * statistics.stdev(values) / math.sqrt(len(values))
    return f"{mean} ± {half:.{digits}f}"
