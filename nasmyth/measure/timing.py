"""Latency: how long one forward pass takes, measured.

On a CPU it is measured with ONNX Runtime, as the network would be deployed, on the network alone: preprocessing and the
softmax of the answer are not part of it, so that a graph and the network trained from it are measured alike. On "cuda" it
is measured with PyTorch and CUDA events. A step is the last place of a sequence, when what came before is in the state: it is
measured with PyTorch.

One figure says little: the median of many runs is given, with the 10th and 90th percentile, after a warm-up, and with the
number of threads. Of a graph, weights are random; they do not matter to the time, except for denormal numbers, which are
flushed to zero.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from nasmyth.errors import NasmythError, require
from nasmyth.export.onnx import plain
from nasmyth.export.verify import prepared, ready
from nasmyth.graph.graph import Graph
from nasmyth.network.clocks import usually_whole
from nasmyth.network.network import build
from nasmyth.train.threads import threads as computing_in
from nasmyth.units import SECONDS, show

if TYPE_CHECKING:
    from nasmyth.network.network import Network

SHORTEST, LONGEST = 20, 1000
"""Fewest and most runs where `repeats` is not given."""
TIME = 0.2
"""Seconds of runs where `repeats` is not given."""


class Latency(NamedTuple):
    """Seconds for one batch: the median of `n` runs, and the 10th and 90th percentile. `float(latency)` is the median."""

    median: float
    p10: float
    p90: float
    n: int
    batch: int
    threads: int
    runtime: str

    def __float__(self) -> float:
        return self.median

    def __str__(self) -> str:
        threads = "1 thread" if self.threads == 1 else f"{self.threads} threads"
        return (
            f"{show(self.median, SECONDS)} ({show(self.p10, SECONDS)} to {show(self.p90, SECONDS)} in {self.n} runs; "
            f"batch {self.batch}, {threads}, {self.runtime})"
        )


def latency(
    candidate: Graph | Network,
    device: str = "cpu",
    batch: int = 1,
    *,
    threads: int = 1,
    warmup: int = 5,
    repeats: int | None = None,
    step: bool = False,
) -> Latency:
    """The latency of a graph or network. Of a graph it is measured once in a process; of a network every time.

    device: "cpu", or "cuda" (also "cuda:1"). repeats: how many runs; by default as many as fit into 0.2 s, 20 to 1000.
    step: of the last place of a sequence alone (see `Network.step`), and not of the whole.
    Raises NasmythError if the device is not there, the settings make no sense, or a network that is to step cannot.
    """
    if batch < 1 or threads < 1 or warmup < 0 or (repeats is not None and repeats < 1):
        raise NasmythError(
            f"latency(batch={batch}, threads={threads}, warmup={warmup}, repeats={repeats}): all of them count something"
        )
    if isinstance(candidate, Graph):
        return _of_graph(candidate, device, batch, threads, warmup, repeats, step)
    return _measure(candidate, device, batch, threads, warmup, repeats, step)


@lru_cache(maxsize=10_000)
def _of_graph(graph: Graph, *settings: Any) -> Latency:
    return _measure(build(graph), *settings)


def _measure(
    network: Network, device: str, batch: int, threads: int, warmup: int, repeats: int | None, step: bool
) -> Latency:
    kind = device.partition(":")[0]
    if kind not in ("cpu", "cuda"):
        raise NasmythError(f"latency on {device!r}: the devices are 'cpu' and 'cuda'")
    if kind == "cuda" and not torch.cuda.is_available():
        raise NasmythError(
            f"latency on {device!r}: no CUDA device is here; measure on 'cpu', or on a machine that has one"
        )

    def measured() -> Latency:
        if step:
            with computing_in(threads):
                run, runtime = _last_step(network, device, batch)
                return summary(timed(run, warmup, repeats), batch, threads, runtime)
        run, runtime = _on_cuda(network, device, batch) if kind == "cuda" else _on_cpu(network, batch, threads)
        return summary(timed(run, warmup, repeats), batch, threads, runtime)

    if kind == "cuda":
        return measured()
    # ONNX Runtime flushes denormals in the thread that it runs in, and leaves it so: trainings there would change
    with ThreadPoolExecutor(1) as elsewhere:
        return elsewhere.submit(measured).result()


def timed(run: Callable[[], float], warmup: int, repeats: int | None) -> list[float]:
    """Seconds of each run, after the warm-up. `run` runs once and returns how long it took."""
    for _ in range(warmup):
        run()
    if repeats is not None:
        return [run() for _ in range(repeats)]
    times: list[float] = []
    until = time.perf_counter() + TIME
    while len(times) < SHORTEST or (len(times) < LONGEST and time.perf_counter() < until):
        times.append(run())
    return times


def summary(times: list[float], batch: int, threads: int, runtime: str) -> Latency:
    """Median and spread of measured times."""
    ordered = sorted(times)
    last = len(ordered) - 1
    low, high = ordered[round(0.1 * last)], ordered[round(0.9 * last)]
    return Latency(statistics.median(ordered), low, high, len(ordered), batch, threads, runtime)


def _on_cpu(network: Network, batch: int, threads: int) -> tuple[Callable[[], float], str]:
    runtime = require("onnxruntime", extra="onnx")
    options = runtime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    model = plain(ready(network), batch)
    session = runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    sample = dict(zip(network.graph.inputs.names, prepared(network.graph, batch), strict=True))
    fed = {one.name: sample[one.name].numpy() for one in session.get_inputs()}  # what nothing reads is not in the file

    def run() -> float:
        start = time.perf_counter()
        session.run(None, fed)
        return time.perf_counter() - start

    return run, f"ONNX Runtime {runtime.__version__} on CPU"


def _on_cuda(network: Network, device: str, batch: int) -> tuple[Callable[[], float], str]:
    moved = ready(network).to(device)
    sample = [x.to(device) for x in prepared(network.graph, batch)]
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)

    @torch.inference_mode()
    def run() -> float:
        with torch.cuda.device(device):
            start.record()
            moved(*sample)
            end.record()
            end.synchronize()
        return float(start.elapsed_time(end)) / 1000  # CUDA counts in milliseconds

    return run, f"PyTorch {torch.__version__} on {torch.cuda.get_device_name(device)}"


def _last_step(network: Network, device: str, batch: int) -> tuple[Callable[[], float], str]:
    moved = ready(network).to(device)
    inputs = dict(zip(network.graph.inputs.names, (x.to(device) for x in prepared(network.graph, batch)), strict=True))
    whole = {name: inputs.pop(name) for name in usually_whole(network.graph)}
    synchronise = torch.cuda.synchronize if device.startswith("cuda") else lambda: None
    with torch.inference_mode():
        state = moved.initial_state(batch, **whole)
        *before, last = zip(*(x.unbind(1) for x in inputs.values()), strict=True)
        for places in before:
            _, state = moved.step(state, *places)

    @torch.inference_mode()
    def run() -> float:
        start = time.perf_counter()
        moved.step(state, *last)
        synchronise()
        return time.perf_counter() - start

    return run, f"PyTorch {torch.__version__} on {device}, a step"
