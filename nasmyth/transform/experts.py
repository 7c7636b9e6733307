"""More experts for a network that has some, which can go on from what it knows without losing it.

wider = add_experts(network, 2)         # two more in each mixture; those that were there are held
"""

from __future__ import annotations

from nasmyth.errors import NasmythError
from nasmyth.graph import edit
from nasmyth.network import Network
from nasmyth.ops import MixtureOfExperts


def add_experts(network: Network, count: int, hold: bool = True, seed: int = 0) -> Network:
    """The network with `count` more experts in each `MixtureOfExperts`, and their columns of its gate; the rest is as it was.

    hold: experts that were there, and their columns of the gate, are not trained any more: no optimizer changes a bit of them
    (Lifelong-MoE, Chen et al. 2023, arXiv:2305.12281, section 3). A place passes as many experts as before, so what it
    costs grows by the columns of the gate alone. The function is not preserved, since new experts are chosen at once; to
    stay near it, train with the old network's answers beside the new data (its section 3.3).

    Raises NasmythError where there is no mixture, or the count is not at least 1.
    """
    if type(count) is not int or count < 1:
        raise NasmythError(f"add_experts(count={count!r}): add at least 1")
    mixtures = {node.address: node.op for node in network.graph.nodes if isinstance(node.op, MixtureOfExperts)}
    if not mixtures:
        raise NasmythError("add_experts(): this network has no MixtureOfExperts that could have more")
    wider = {}
    for address, op in mixtures.items():
        last = op.experts - sum(op.older)
        wider[address] = op.replace(experts=op.experts + count, older=(*op.older, last))
    history = (*network.history, {"transform": "add_experts", "count": count, "hold": hold})
    graph = edit.replace(network.graph, wider)
    made = Network(graph, network.inputs, network.outputs, seed=seed, history=history)
    like = next(network.parameters())
    made.to(like.device, like.dtype).load_state_dict({**made.state_dict(), **network.state_dict()})
    learned = {name: weight.requires_grad for name, weight in network.named_parameters()}
    for name, weight in made.named_parameters():
        weight.requires_grad_(learned.get(name, True))
    for address in mixtures if hold else ():
        known = dict(network.layer(address).named_parameters())
        for name, weight in made.layer(address).named_parameters():
            weight.requires_grad_(weight.requires_grad and name not in known)
    return made.train(network.training)
