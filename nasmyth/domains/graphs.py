"""Graphs: one graph whose nodes have features and labels, some of which are known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nasmyth.domains.domain import Domain, domains
from nasmyth.domains.sources import Options, Raw
from nasmyth.domains.sources.graph_files import OneGraph
from nasmyth.errors import DataError

if TYPE_CHECKING:
    from torch import Tensor

    from nasmyth.space import Genome, Space
    from nasmyth.train.recipe import Recipe
    from nasmyth.train.task import Task

SHARES = {"train": 0.6, "valid": 0.2, "test": 0.2}
"""Of the nodes, where the source has no masks."""


class Graphs(Domain):
    """Classification of the nodes of one graph."""

    name = "graphs"
    about = "a graph: x, edge_index and y of its nodes"

    def accepts(self, raw: Raw) -> bool:
        return isinstance(raw.train.x, OneGraph)

    def suits(self, task: Task) -> bool:
        """Tasks whose inputs are a GraphInput."""
        from nasmyth.forms.graphs import GraphInput

        return isinstance(task.inputs, GraphInput)

    def task(self, raw: Raw, options: Options) -> Task:
        """The whole graph is one example in each split; which nodes count differs."""
        import torch

        from nasmyth.forms.form import IGNORED
        from nasmyth.forms.graphs import GraphInput
        from nasmyth.forms.outputs import fit_classes, label_type
        from nasmyth.train.split import Split
        from nasmyth.train.task import Task

        if not isinstance(raw.train.x, OneGraph):
            raise DataError(f"{raw.name}: no graph; give x, edge_index and y, as an .npz file or a mapping")
        if options.kind == "regression":
            raise DataError(f"{raw.name}: nodes of a graph are classified; kind='regression' is not there yet")
        graph, labels = raw.train.x, raw.train.y
        if labels.dtype.kind in "if":  # -1 usually stands for nobody knows
            labels = np.where(labels == -1, np.nan, labels.astype(np.float64))
        classes = fit_classes(labels).replace(type="int" if raw.train.y.dtype.kind in "iu" else label_type(labels))
        outputs = classes.replace(positions=(len(graph),))
        y = outputs.encode(np.asarray(labels, dtype=object)[None])
        masks, note = _masks(graph, y[0], options)
        inputs = GraphInput(*graph.features.shape, graph.edges.shape[1], scaled=bool(graph.features.min() >= 0))
        stored = inputs.encode({"x": graph.features, "edges": graph.edges})
        splits = {
            name: Split(stored, torch.where(torch.from_numpy(mask)[None], y, IGNORED)) for name, mask in masks.items()
        }
        sizes = ", ".join(f"{name} {int(mask.sum()):,}" for name, mask in masks.items())
        said = f"a graph of {len(graph):,} nodes and {graph.edges.shape[1]:,} edges, {outputs.size} classes; {note}: {sizes}"
        return Task(raw.name, inputs, outputs, **splits, notes=(*raw.notes, said))

    def space(self, task: Task) -> Space:
        from nasmyth.spaces.graph_networks import graph_networks

        return graph_networks(task.input, task.outputs.size)

    def plain(self, task: Task, width: int) -> Genome:
        from nasmyth.spaces.graph_networks import plain

        return plain(width)

    def recipe(self, task: Task) -> Recipe:
        """Every step sees the whole graph; a few labels want much weight decay (Kipf and Welling 2017)."""
        from nasmyth.train.recipe import Recipe

        return Recipe(optimizer="adamw", lr=1e-2, weight_decay=0.5, batch=1, epochs=100)


def _masks(graph: OneGraph, y: Tensor, options: Options) -> tuple[dict[str, np.ndarray], str]:
    """Which nodes are in which split: as the source says, or by shares of each class."""
    import torch

    from nasmyth.train.split import stratified_split

    if set(graph.masks) == set(SHARES):
        return {name: graph.masks[name] for name in SHARES}, "split as its masks say"
    found = {name: mask for name, mask in graph.masks.items() if mask.any()}
    taken = np.any([*found.values(), np.zeros(len(graph), dtype=bool)], axis=0)
    known = torch.nonzero((y >= 0) & torch.from_numpy(~taken)).flatten()
    rest = [name for name in SHARES if name not in found]
    shares = [SHARES[name] / sum(SHARES[name] for name in rest) for name in rest]
    for name, rows in zip(rest, stratified_split(y[known], shares, options.seed), strict=True):
        found[name] = np.zeros(len(graph), dtype=bool)
        found[name][known[rows].numpy()] = True
    return {name: found[name] for name in SHARES}, f"{' and '.join(rest)} taken by equal shares of each class"


GRAPHS = domains.add(Graphs.name, Graphs())
