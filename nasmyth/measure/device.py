"""What only a device tells: how long one inference takes.

latency("cpu") <= "8ms"              one example, one thread, ONNX Runtime, the median of many runs
latency("cpu", batch=8, threads=2)
latency("cpu", step=True)            PyTorch, the last place of a sequence when all before it are in the state
latency("cuda")                      PyTorch, timed with events
"""

from __future__ import annotations

from functools import cache
from typing import Any

from nasmyth.measure.measure import Measure, measures


@cache
def latency(device: str = "cpu", batch: int = 1, threads: int = 1, step: bool = False) -> Measure:
    """Seconds for one inference of `batch` examples on `device`, exported as it would be deployed (see the file).

    step: of one place of a sequence, where the network takes them one by one.
    """
    set_ = {"batch": (batch, 1), "threads": (threads, 1), "step": (int(step), 0)}
    setting = [device, *(f"{name}={value}" for name, (value, usual) in set_.items() if value != usual)]

    def seconds(model: Any, timing: Any = None) -> float:
        if timing is None:
            from nasmyth.measure import timing
        return float(timing.latency(model, device=device, batch=batch, threads=threads, step=bool(step)).median)

    seconds.__doc__ = (
        f"Median seconds for one {'step' if step else 'inference'} of {batch} example{'s' * (batch > 1)} on {device}."
    )
    return Measure(f"latency@{','.join(setting)}", seconds, unit="s", needs=("model", "device"), stochastic=True)


measures.add("latency", latency)
