"""A graph as input: its nodes with their features, and its edges.

One graph of n nodes is one example: features 1 n f, edges 1 2 e (from, to). Graphs with fewer edges than there is room for have
negative ones, which lead nowhere. Which nodes count in which split is said by the answer: `Classes(names, positions=(n,))`
with IGNORED for the others.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from nasmyth.errors import DataError
from nasmyth.forms.form import InputForm, stored_as
from nasmyth.forms.raw import tensor_of
from nasmyth.graph.inputs import Inputs, Spec, checked_inputs


class PrepareGraph(nn.Module):
    """{"x": N n f, "edges": N 2 e} to features, each node's scaled to sum to one, and edges."""

    def __init__(self, scaled=True):
        super().__init__()
        self.scaled = scaled

    def forward(self, graph):
        x = graph["x"].float()
        if self.scaled:
            x = x / x.abs().sum(2, keepdim=True).clamp(min=1.0)
        return x, graph["edges"]


class GraphInput(InputForm):
    """Graphs of `nodes` nodes with `features` each, and room for `edges` edges. scaled: features of a node, none below
    zero, sum to one."""

    nodes: int
    features: int
    edges: int
    scaled: bool = True

    def check(self) -> None:
        if min(self.nodes, self.features, self.edges) < 1:
            raise DataError(
                f"a graph of {self.nodes} nodes, {self.features} features, {self.edges} edges: each is at least 1"
            )

    @property
    def parts(self) -> tuple[str, ...]:
        """What stored input consists of."""
        return ("x", "edges")

    @property
    def shape(self) -> tuple[int, int]:
        """What the network sees first: (nodes, features)."""
        return (self.nodes, self.features)

    @property
    def spec(self) -> Inputs:
        return checked_inputs({"x": self.shape, "edges": Spec((2, self.edges), "int")})

    @property
    def takes(self) -> str:
        return f"a graph: x, float32 (N, {self.nodes}, {self.features}), and edges, int64 (N, 2, {self.edges}), from and to"

    def encode(self, raw: Any) -> dict[str, Tensor]:
        """{"x": n f or N n f, "edges": 2 e or N 2 e} to stored form. Raises DataError for what is no such graph."""
        if not isinstance(raw, dict) or not {"x", "edges"} <= set(raw):
            raise DataError("a graph is given as {'x': features of its nodes, 'edges': pairs of nodes, 2 x E}")
        x, edges = tensor_of(raw["x"]).float(), tensor_of(raw["edges"]).long()
        x, edges = x[None] if x.ndim == 2 else x, edges[None] if edges.ndim == 2 else edges
        if edges.ndim == 3 and edges.shape[2] < self.edges:
            edges = torch.nn.functional.pad(edges, (0, self.edges - edges.shape[2]), value=-1)
        stored = {"x": x, "edges": edges.expand(len(x), -1, -1) if len(edges) == 1 else edges}
        self.validate(stored, "a graph")
        return stored

    @property
    def settings(self) -> dict[str, Any]:
        return {"scaled": self.scaled}

    def module(self) -> PrepareGraph:
        """Stored features and edges to what the network is called with."""
        return PrepareGraph(**self.settings)

    def validate(self, stored: Any, what: str) -> None:
        if not isinstance(stored, dict) or set(stored) != {"x", "edges"}:
            raise DataError(f"{what}: inputs are a dict with x and edges; make them with inputs.encode(raw)")
        stored_as(stored["x"], what, self.shape, torch.float32)
        stored_as(stored["edges"], what, (2, self.edges), torch.int64)
        if isinstance(stored["edges"], Tensor) and int(stored["edges"].max()) >= self.nodes:
            raise DataError(
                f"{what}: an edge leads to node {int(stored['edges'].max())}, and there are {self.nodes}, from 0 on"
            )

    def random(self, n: int, seed: int) -> dict[str, Tensor]:
        """Raw input at random."""
        generator = torch.Generator().manual_seed(seed)
        x = torch.rand((n, self.nodes, self.features), generator=generator)
        return {"x": x, "edges": torch.randint(self.nodes, (n, 2, self.edges), generator=generator)}

    @property
    def shown_columns(self) -> list[str]:
        return ["node"]

    def show(self, stored: Any, places: list[tuple[int, ...]]) -> list[dict[str, Any]]:
        """The number of the node."""
        return [{"cells": [str(at[0]) if at else "-"]} for at in places]
