"""What the benchmark of blocks is made of: its data, trainings in several processes, and how figures are said."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch

from nasmyth.bench.protocol import interval
from nasmyth.forms.fitting import fit_image_input
from nasmyth.forms.outputs import fit_classes
from nasmyth.graph import Graph
from nasmyth.measure import params
from nasmyth.measure.timing import latency
from nasmyth.network import Network, build
from nasmyth.train import Recipe, Split, Task, evaluate, fit, initialise, stratified_split
from nasmyth.train.evaluation import predict_logits
from nasmyth.transform import merge

workers = 1
"""Trainings at once."""


# --- data ---------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=8)
def digits(seed: int, few: int = 0) -> Task:
    """The digits, split by `seed`; `few`: only so many examples to train on."""
    from sklearn.datasets import load_digits

    data = load_digits()
    outputs = fit_classes(data.target)
    y = outputs.encode(data.target)
    train, valid, test = stratified_split(y, (0.4, 0.1, 0.5), seed)
    if few:
        train = train[stratified_split(y[train], (few / len(train), 1 - few / len(train)), seed)[0]]
    return _task("digits", data.images, outputs, y, (train, valid, test))


@lru_cache(maxsize=8)
def cues(seed: int, count: int = 4000, size: int = 32) -> Task:
    """A bar at the left, upright or level, thick or thin; a mark at the right says which of the two is asked for.

    Whoever does not see the mark is right in three of four cases.
    """
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 40, (count, size, size))
    upright, thick, full = (rng.integers(0, 2, count) for _ in range(3))
    for image, turned, wide, filled in zip(images, upright, thick, full, strict=True):
        row, column = rng.integers(0, size - 7), rng.integers(0, 4)
        patch = image[row : row + 8, column : column + 8]
        (patch.T if turned else patch)[2 : 6 if wide else 4] += 180
        row, column = rng.integers(0, size - 5), rng.integers(size - 9, size - 5)
        square = image[row : row + 6, column : column + 6]
        square += 180
        if not filled:
            square[1:5, 1:5] -= 180
    outputs = fit_classes(np.array(["no", "yes"]))
    y = outputs.encode(np.where(np.where(full, upright, thick), "yes", "no"))
    rows = torch.arange(count).split([count // 2, count // 8, count - count // 2 - count // 8])
    return _task("cues", images, outputs, y, rows)


def _task(name: str, images: Any, outputs: Any, y: torch.Tensor, parts: Iterable[torch.Tensor]) -> Task:
    parts = tuple(parts)
    inputs = fit_image_input(images[parts[0].numpy()].astype(np.uint8))
    whole = Split(inputs.encode(images.astype(np.uint8)), y)
    return Task(name, inputs, outputs, *(whole.take(part) for part in parts))


# --- training -----------------------------------------------------------------------------------------------------


class Job(NamedTuple):
    """One training: which network, on what, how, from which seed."""

    graph: Graph
    data: tuple[Callable[..., Task], dict[str, Any]]
    recipe: Recipe
    seed: int


def trained(job: Job) -> tuple[Network, Task]:
    make, settings = job.data
    task = make(job.seed, **settings)
    network = build(job.graph, job.seed, task.inputs, task.outputs)
    initialise(network, job.seed)
    fit(network, task, job.recipe, seed=job.seed, device="cpu")
    return network, task


def accuracy(job: Job) -> float:
    """On the test split, in percent."""
    return 100 * evaluate(*trained(job), "test")["accuracy"]


def merging(job: Job) -> tuple[float, float]:
    """Accuracy of the merged network, and the largest difference of its logits, relative to the largest logit."""
    network, task = trained(job)
    one = merge(network)
    before, after = (predict_logits(n, task.inputs, task.test.x) for n in (network, one))
    return 100 * evaluate(one, task, "test")["accuracy"], float((before - after).abs().max() / before.abs().max())


def mapped(work: Callable[[Job], Any], jobs: Iterable[Job]) -> list[Any]:
    if workers == 1:
        return list(map(work, jobs))
    with ProcessPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        return list(pool.map(work, jobs))


def table(graphs: dict[str, Graph], data: Any, recipe: Recipe, seeds: Sequence[int]) -> dict[str, list[float]]:
    """The accuracies of several networks, seed by seed."""
    found = mapped(accuracy, [Job(graph, data, recipe, seed) for graph in graphs.values() for seed in seeds])
    return {name: found[i * len(seeds) : (i + 1) * len(seeds)] for i, name in enumerate(graphs)}


# --- saying it ----------------------------------------------------------------------------------------------------


def margin(values: Sequence[float]) -> float:
    return interval(values)[1]


def shown(values: Sequence[float], digits: int = 2) -> str:
    mean, half = statistics.mean(values), margin(values)
    return f"{mean:.{digits}f} [{mean - half:.{digits}f}, {mean + half:.{digits}f}]"


def paired(one: Sequence[float], other: Sequence[float]) -> list[float]:
    return [a - b for a, b in zip(one, other, strict=True)]


def verdict(what: str, met: bool) -> None:
    print(f"  {'met   ' if met else 'MISSED'}  {what}")


def seconds(*candidates: Graph | Network, rounds: int = 7) -> list[float]:
    """Latencies, measured in turns so that whatever else runs on the machine meets all alike; the best of the medians."""
    networks = [build(one) if isinstance(one, Graph) else one for one in candidates]
    return [min(times) for times in zip(*([latency(n).median for n in networks] for _ in range(rounds)), strict=True)]


def widest(make: Callable[[int], Graph], budget: float, widths: Iterable[int] = range(1, 200)) -> Graph:
    """The network of the largest width within a budget of parameters."""
    fitting = [graph for graph in map(make, widths) if params(graph) <= budget]
    return max(fitting, key=params)
