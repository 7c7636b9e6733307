"""What only a device tells: how long one inference takes.

latency("cpu") <= "8ms"              one example, one thread, ONNX Runtime, the median of many runs
latency("cpu", batch=8, threads=2)
latency("cuda")                      PyTorch, timed with events
"""

from __future__ import annotations

from functools import cache
from typing import Any

from nasmyth.measure.measure import Measure, measures


@cache
def latency(device: str = "cpu", batch: int = 1, threads: int = 1) -> Measure:
    """Seconds for one inference of `batch` examples on `device`, exported as it would be deployed (see the file)."""
    setting = [device, *([f"batch={batch}"] if batch != 1 else []), *([f"threads={threads}"] if threads != 1 else [])]

    def seconds(model: Any, timing: Any = None) -> float:
        if timing is None:
            from nasmyth.measure import timing
        return float(timing.latency(model, device=device, batch=batch, threads=threads).median)

    seconds.__doc__ = f"Median seconds for one inference of {batch} example{'s' * (batch > 1)} on {device}."
    return Measure(f"latency@{','.join(setting)}", seconds, unit="s", needs=("model", "device"), stochastic=True)


measures.add("latency", latency)
