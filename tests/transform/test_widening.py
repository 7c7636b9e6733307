"""A group of axes is widened with the same function, and training goes on from the optimizer's moments.

Net2Net (Chen et al. 2016, arXiv:1511.05641): units are copied, and what reads a unit's copies shares its weight among
them, with shares that sum to 1. So gradients are known as well: those of what makes a copy are multiplied by its share,
and those of what reads it stay. All of it follows from the groups of `graph.axes`.
"""

import pytest
import torch
import torch.nn.functional as F

from nasmyth import Graph, chain, ops, parallel, residual
from nasmyth.graph import edit
from nasmyth.graph.op_axes import op_axes
from nasmyth.network import build
from nasmyth.testing import randomised

torch.set_num_threads(1)

SHARES = (0.3, 0.7)

NETWORK = Graph.of(
    chain(
        stem=ops.Conv(6),
        norm=ops.BatchNorm(),
        act=ops.Activation("relu"),
        body=residual(ops.Conv(5), ops.BatchNorm(), ops.Activation("gelu"), ops.Conv(6, kernel=1, bias=True)),
        gate=parallel(skip=ops.Identity(), weigh=chain(ops.Mean("h w"), ops.Linear(6)), join=ops.Multiply()),
        depth=ops.DepthwiseConv(stride=2),
        flat=ops.Flatten(),
        head=ops.Linear(4),
    ),
    (3, 6, 6),
)


def reads(graph, group):
    """For each weight axis of a group whether its op sums over it: it comes in and does not go out."""
    told = {}
    for node in graph.nodes[1:]:
        axes = op_axes(node.op, tuple(graph.nodes[i].shape for i in node.inputs), node.shape)
        given = {name for axis in axes.output for place in axis.places for name, _ in place}
        for weight, tensor in axes.weights.items():
            for i, axis in enumerate(tensor):
                names = {name for place in axis.places for name, _ in place}
                told[node.address, weight, i] = not names & given
    return {key: told[key] for key in ((m.address, m.tensor, m.axis) for m in group.members if m.tensor)}


def widened(graph, group, copied):
    """The graph with these units of a group twice, and for each weight: along which axis, from which places, with which shares,
    and whether it reads them."""
    share = dict.fromkeys(copied, SHARES)
    order = [(unit, k) for k in (0, 1) for unit in range(group.length) if k == 0 or unit in copied]
    ops_, moves, sums = {}, {}, reads(graph, group)
    for m in group.members:
        # places of one axis: the outer count of a product first, so that (c h w) keeps c outermost
        index = [place for unit, _ in order for place in m.places[unit]]
        scale = [share.get(unit, (1.0,))[k] for unit, k in order for _ in m.places[unit]]
        node = next(node for node in graph.nodes if node.address == m.address)
        if not m.tensor and m.name in node.op.fields:
            ops_[m.address] = node.op.replace(**{m.name: len(index)})
        if m.tensor:
            consumes = sums[m.address, m.tensor, m.axis]
            moves[m.address, m.tensor, m.axis] = torch.tensor(index), torch.tensor(scale, dtype=torch.float64), consumes
    return edit.replace(graph, ops_), moves


def moved(name, tensor, moves, kind):
    """What a number of the old network is in the new one. kind: "weight", "gradient" (first moment) or "square" (second)."""
    for (address, weight, axis), (index, scale, consumes) in moves.items():
        if name == f"{KEYS[address]}.{weight}":
            tensor = tensor.index_select(axis, index)
            power = {"weight": consumes, "gradient": not consumes, "square": 2 * (not consumes)}[kind]
            statistic = kind == "weight" and not consumes
            tensor = tensor if statistic else tensor * scale.reshape(-1, *[1] * (tensor.dim() - axis - 1)) ** power
    return tensor.clone()


KEYS = {
    "stem": "stem", "norm": "norm", "body.body[0]": "body.body.0", "body.body[1]": "body.body.1", "body.body[3]": "body.body.3",
    "gate.weigh[1]": "gate.weigh.1", "depth": "depth", "head": "head",
}  # fmt: skip


def trained(graph, steps=6):
    torch.manual_seed(0)
    network = build(graph).double()
    randomised(network)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-2, weight_decay=0.01)
    x, y = torch.randn(32, 3, 6, 6, dtype=torch.float64), torch.randint(0, 4, (32,))
    for _ in range(steps):
        step(network, optimizer, x, y)
    return network, optimizer, x, y


def step(network, optimizer, x, y):
    optimizer.zero_grad()
    loss = F.cross_entropy(network.train()(x), y)
    loss.backward()
    optimizer.step()
    return float(loss.detach())


def transferred(network, optimizer, graph, moves):
    """The wider network with the weights and statistics of the other, and an optimizer with its moments."""
    wide = build(graph).double()
    wide.load_state_dict({name: moved(name, t, moves, "weight") for name, t in network.state_dict().items()})
    other = torch.optim.AdamW(wide.parameters(), lr=1e-2, weight_decay=0.01)
    new = dict(wide.named_parameters())
    for name, parameter in network.named_parameters():
        old = optimizer.state[parameter]
        other.state[new[name]] = {
            "step": old["step"].clone(),
            "exp_avg": moved(name, old["exp_avg"], moves, "gradient"),
            "exp_avg_sq": moved(name, old["exp_avg_sq"], moves, "square"),
        }
    return wide, other


@pytest.mark.parametrize(
    "axis, copied", [("stem.out", (1, 4)), ("stem.out", (0, 1, 2, 3, 4, 5)), ("body.body[0].out", (2,))]
)
def test_a_widened_network_is_the_same_function_with_known_gradients_and_trains_on(axis, copied):
    network, optimizer, x, y = trained(NETWORK)
    group = NETWORK.axes[axis]
    graph, moves = widened(NETWORK, group, copied)
    assert graph.axes[axis].length == group.length + len(copied)
    assert edit.diff(NETWORK, graph).added == edit.diff(NETWORK, graph).removed == ()
    wide, other = transferred(network, optimizer, graph, moves)
    with torch.no_grad():
        # statistics of a batch are those of each channel, so training computes the same as well
        for mode in (False, True):
            gap = (wide.train(mode)(x) - network.train(mode)(x)).abs().max()
            assert gap < 1e-10
    for net in (network, wide):
        net.zero_grad()
        F.cross_entropy(net.train()(x), y).backward()
    new = dict(wide.named_parameters())
    for name, parameter in network.named_parameters():
        assert torch.allclose(new[name].grad, moved(name, parameter.grad, moves, "gradient"), rtol=0, atol=1e-10), name
    losses = [step(wide, other, x, y) for _ in range(12)]
    assert losses[-1] < losses[0], "training goes on"
    assert all(state["step"] == 6 + 12 for state in other.state.values())


def test_moments_that_were_carried_make_the_next_step_of_what_was_not_copied_the_same():
    """A weight that has nothing to do with the group is updated as it would have been: its gradient and moments are the
    same."""
    network, optimizer, x, y = trained(NETWORK)
    graph, moves = widened(NETWORK, NETWORK.axes["body.body[0].out"], (0, 3))
    wide, other = transferred(network, optimizer, graph, moves)
    step(network, optimizer, x, y)
    step(wide, other, x, y)
    for name in ("stem.weight", "head.weight", "depth.weight", "body.body.3.bias"):
        assert torch.allclose(wide.state_dict()[name], network.state_dict()[name], rtol=0, atol=1e-10), name
