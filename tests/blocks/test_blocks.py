"""What blocks do with their arguments: widths, shortcuts, templates as arguments, holes."""

import pytest
import torch

from nasmyth import blocks
from nasmyth.errors import ShapeError
from nasmyth.graph.chain import chain
from nasmyth.graph.graph import Graph
from nasmyth.graph.joins import Identity
from nasmyth.graph.op import block
from nasmyth.graph.op import blocks as registered
from nasmyth.ops import Add, Attention, Conv, DropPath, LayerScale, Linear, Multiply, RMSNorm
from nasmyth.space import Space, choice
from nasmyth.testing import Wired, check_block

torch.set_num_threads(1)


def graph(template, shape):
    return Graph.of(template, shape)


def kinds(g):
    return [type(node.op) for node in g.nodes]


@pytest.mark.parametrize("block", [blocks.mbconv, blocks.fused_mbconv])
def test_shortcut_only_where_the_shape_stays(block):
    assert Add in kinds(graph(block(8), (8, 6, 6)))
    assert Add not in kinds(graph(block(8, stride=2), (8, 6, 6)))
    assert Add not in kinds(graph(block(8), (6, 6, 6)))


def test_drop_path_needs_a_shortcut():
    assert DropPath in kinds(graph(blocks.mbconv(8, drop_path=0.1), (8, 6, 6)))
    assert DropPath not in kinds(graph(blocks.mbconv(8, drop_path=0.1), (6, 6, 6)))


def test_squeeze_is_a_share_of_the_narrow_width():
    squeezes = [n.op.out for n in graph(blocks.mbconv(8, expand=6, se=0.25), (8, 6, 6)).nodes if type(n.op) is Linear]
    assert squeezes == [2, 48]
    assert Multiply not in kinds(graph(blocks.mbconv(8, se=0), (8, 6, 6)))


def test_residual_without_weights_is_the_identity_where_its_norm_starts_at_zero():
    network = Wired(graph(blocks.basic_block(4, preactivation=True), (4, 5, 5))).eval()
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.zeros_(module.weight)
    x = torch.randn(2, 4, 5, 5)
    assert torch.equal(network(x), x)


def test_one_shot_aggregation_joins_the_input_and_every_layer_once():
    g = graph(blocks.one_shot_aggregation(6, width=3, layers=4), (5, 4, 4))
    (join,) = [node for node in g.nodes if len(node.inputs) > 1]
    assert join.shape[0] == 5 + 4 * 3 and join.inputs[0] == 0
    inside = [node for node in g.nodes if type(node.op) is Conv and node.op.kernel == 3]
    assert [node.shape[0] for node in inside] == [3, 3, 3, 3]


def test_gated_mlp_costs_what_a_plain_one_costs():
    plain, gated = (graph(block(expand=3), (7, 64)).costs.macs for block in (blocks.mlp, blocks.gated_mlp))
    assert plain == gated


@pytest.mark.parametrize("narrow, shape", [
    (blocks.mlp(0.001), (6,)),
    (blocks.gated_mlp(0.001), (6,)),
    (blocks.dense_residual(0.001), (6,)),
    (blocks.convnext(0.001), (4, 5, 5)),
    (blocks.mbconv(4, 0.001, se=0.001), (4, 5, 5)),
    (blocks.bottleneck_block(4, ratio=0.001), (4, 5, 5)),
])  # fmt: skip
def test_ratios_never_round_to_nothing(narrow, shape):
    assert min(min(node.shape) for node in graph(narrow, shape).nodes) == 1


def test_transformer_takes_any_mixer_and_norm():
    block = blocks.transformer(
        mixer=chain(Linear(12), Attention(heads=3), Linear(6)),
        feedforward=blocks.gated_mlp(2),
        norm=RMSNorm(),
        scale=0.1,
    )
    check_block(block, (4, 6))
    assert kinds(graph(block, (4, 6))).count(LayerScale) == 2


def test_a_mixer_that_changes_the_shape_is_refused():
    with pytest.raises(ShapeError, match=r"\(at encoder\.mix\.join\)"):
        graph(chain(encoder=blocks.transformer(mixer=Linear(5))), (4, 6))


def test_holes_at_any_depth_of_a_block():
    template = chain(
        blocks.mbconv(choice(4, 8), expand=choice(1, 2), se=choice(0, 0.25)),
        blocks.conv_block(6, norm=choice(Identity(), blocks.squeeze_excite(ratio=choice(0.25, 0.5)))),
    )
    space = Space(template, input=(4, 6, 6))
    assert space.size == 2 * 2 * 2 * 3
    decoded = {space.decode(genome).key for genome in space.enumerate()}
    assert len(decoded) == 24


def test_a_block_that_breaks_its_signature_is_named():
    @block("b d -> b d")
    def narrowing(d):
        return Linear(d - 1)

    try:
        with pytest.raises(ShapeError, match=r"narrowing\(\) declares \(6,\) and gives \(5,\).*\(at head\)"):
            graph(chain(head=narrowing()), (6,))
    finally:
        del registered._items["narrowing"]
