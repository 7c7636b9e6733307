"""A network of all options of a space at once, in forty lines over `follow`: what a genome names is run, what it leaves open
is mixed."""

from __future__ import annotations

import torch
from torch import nn

from nasmyth.graph import Zero
from nasmyth.graph.origins import OptionMixture, follow, origins, supergraph
from nasmyth.network import build
from nasmyth.network.names import places


class SharedWeights(nn.Module):
    """Layers for every option of a space, by their places. decided: what all its networks have in common."""

    def __init__(self, space, decided):
        super().__init__()
        self.space, self.decided = space, decided
        self.graph = supergraph(space.template_of(decided), space.inputs)
        self.layers = nn.ModuleDict()
        for node in self.graph.nodes[1:]:
            if not isinstance(node.op, OptionMixture):
                shapes = (self.graph.nodes[i].shape for i in node.inputs)
                self.layers[node.address.replace(".", "/")] = node.op.build(*shapes)

    def layer(self, place):
        return self.layers[place.replace(".", "/")]

    def forward(self, x, decisions, weights=None):
        """weights: of the options that `decisions` leaves open, by (hole, option)."""

        def apply(op, inputs, at):
            if isinstance(op, OptionMixture):
                return sum(weights[op.key, option] * y for option, y in zip(op.options, inputs, strict=True))
            if isinstance(op, Zero):  # of a cell whose decisions leave no path through it
                return torch.zeros_like(inputs[0])
            return self.layer(at.place)(*inputs)

        return follow(self.space.template_of(decisions), (x,), apply, lambda y: tuple(y.shape[1:]))

    def pairs(self, child):
        """Each layer of a child that has weights, and the layer here that it is."""
        found = origins(self.space.template_of(child.genome), self.space.inputs)
        for address, path in places(dict.fromkeys(node.address for node in child.graph.nodes[1:])).items():
            alone = child.get_submodule(".".join(path))
            if alone.state_dict():
                yield alone, self.layer(found[address].place)

    def extract(self, genome):
        """The network of a genome alone, with the weights that it has here."""
        child = build(self.space.decode(genome))
        child.genome = genome
        for alone, here in self.pairs(child):
            alone.load_state_dict(here.state_dict())
        return child
