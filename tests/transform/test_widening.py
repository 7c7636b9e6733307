"""A group of axes is widened with the same function, and training goes on from the optimizer's moments.

Net2Net (Chen et al. 2016, arXiv:1511.05641): units are copied, and what reads a unit's copies shares its weight among
them, with shares that sum to 1. So gradients are known as well: those of what makes a copy are multiplied by its share,
and those of what reads it stay. All of it follows from the groups of `graph.axes`.
"""

import pytest
import torch
import torch.nn.functional as F

from nasmyth import Graph, chain, ops, parallel, residual
from nasmyth.forms import Classes
from nasmyth.forms.fitting import fit_image_input
from nasmyth.graph import edit
from nasmyth.graph.op_axes import op_axes
from nasmyth.network import build
from nasmyth.testing import randomised
from nasmyth.train import EMA, AdamW, Recipe, Split, Task, TrainingState, fit

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
            shares = scale.to(tensor.dtype).reshape(-1, *[1] * (tensor.dim() - axis - 1))
            tensor = tensor if statistic else tensor * shares**power
    return tensor.clone()


KEYS = {
    "stem": "stem", "norm": "norm", "body.body[0]": "body.body.0", "body.body[1]": "body.body.1", "body.body[3]": "body.body.3",
    "gate.weigh[1]": "gate.weigh.1", "depth": "depth", "head": "head",
}  # fmt: skip


def data():
    """Random pictures, in batches of 32: the second epoch, and all that is left of the first, shuffled."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randint(0, 256, (160, 6, 6, 3), dtype=torch.uint8, generator=generator)
    outputs = Classes(("a", "b", "c", "d"))
    split = Split(x, torch.randint(0, 4, (160,), generator=generator))
    return Task("pictures", fit_image_input(x), outputs, split, split, split)


TASK = data()
RECIPE = Recipe(AdamW(lr=1e-2), epochs=4, batch=32, average=EMA(0.9))


def left(until=1.2):
    """The state of a training that was left within an epoch."""
    torch.manual_seed(0)
    network = build(NETWORK, 0, TASK.inputs, TASK.outputs)
    randomised(network)
    return fit(network, TASK, RECIPE, until=until, device="cpu").state


def carried(state, graph, moves, moments=True):
    """The state of the wider network's training: weights, statistics, average and best ones as weights are mapped, the
    first moments as gradients, the second as their squares."""
    kinds = {"exp_avg": "gradient", "exp_avg_sq": "square"}

    def weights(tensors):
        return {name: moved(name, tensor, moves, "weight") for name, tensor in tensors.items()}

    kept = {
        name: {key: moved(name, value, moves, kinds[key]) if key in kinds else value for key, value in of_it.items()}
        for name, of_it in state.moments.items()
    }
    return state.replace(
        network=build(graph, 0, TASK.inputs, TASK.outputs),
        weights=weights(state.weights),
        average=weights(state.average),
        best=weights(state.best),
        moments=kept if moments else {},
    )


def doubled(state, graph, moves):
    """The network of a state and the wider one, with 64-bit numbers."""
    network = state.fresh_network().double()
    wide = build(graph).double()
    wide.load_state_dict({name: moved(name, t, moves, "weight") for name, t in network.state_dict().items()})
    return network, wide


@pytest.mark.parametrize(
    "axis, copied", [("stem.out", (1, 4)), ("stem.out", (0, 1, 2, 3, 4, 5)), ("body.body[0].out", (2,))]
)
def test_a_widened_network_is_the_same_function_with_known_gradients_and_trains_on(axis, copied):
    state, group = left(), NETWORK.axes[axis]
    graph, moves = widened(NETWORK, group, copied)
    assert graph.axes[axis].length == group.length + len(copied)
    assert edit.diff(NETWORK, graph).added == edit.diff(NETWORK, graph).removed == ()
    network, wide = doubled(state, graph, moves)
    x, y = torch.randn(32, 3, 6, 6, dtype=torch.float64), torch.randint(0, 4, (32,))
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

    wider = carried(state, graph, moves)
    assert (wider.progress, wider.epochs) == (state.progress, state.progress.steps / 5)
    ended = fit(TrainingState.from_bytes(wider.to_bytes()), TASK, device="cpu")
    assert ended.network.graph == graph and (ended.epochs, ended.reason) == (4, "finished")
    assert all(kept["step"] == 20 for kept in ended.state.moments.values()) and ended.state.progress.averaged == 20
    assert ended.curve[: len(state.progress.curve)] == state.progress.curve
    assert ended.curve[-1]["train_loss"] < state.progress.curve[0]["train_loss"], "training goes on"


@pytest.mark.parametrize("moments", [True, False])
def test_moments_that_were_carried_make_the_next_step_of_what_was_not_copied_the_same(moments):
    """A weight that has nothing to do with the group is updated as it would have been: its gradient and moments are the
    same, on the same batch. Begun anew, Adam takes another step."""
    state = left()
    graph, moves = widened(NETWORK, NETWORK.axes["body.body[0].out"], (0, 3))
    wider = carried(state, graph, moves, moments)
    ends = [fit(one, TASK, until=1.4, device="cpu").state for one in (state, wider)]
    assert all(end.progress.steps == 7 for end in ends)
    gaps = [
        float((ends[0].weights[name] - ends[1].weights[name]).abs().max())
        for name in ("stem.weight", "head.weight", "depth.weight", "body.body.3.bias")
    ]
    assert max(gaps) < 1e-5 if moments else min(gaps) > 1e-4, gaps
