"""Network entropy: the paper's sum for chains, the longest path of anything else, and what does not count."""

import math
from random import Random

import pytest
from core_toys import Tag

from nasmyth import Graph, Space, blocks, chain, choice, ops, parallel, residual
from nasmyth.graph import fan_ins, op
from nasmyth.graph.op import ops as registered
from nasmyth.measure import constraint, depth, effectiveness, entropy, find
from nasmyth.measure.scores.entropy import has_positions, longest_path
from nasmyth.testing import examples, randomised

CHAIN = chain(
    ops.Conv(16, kernel=5, stride=2), ops.BatchNorm(), ops.Activation("relu"), ops.DepthwiseConv(3),
    ops.Conv(24, kernel=1), ops.Conv(32, kernel=3, groups=4), ops.RectConv(8, tall=1, wide=7)
)  # fmt: skip
WIDTHS = [3 * 25, 9, 16, 24 * 9 / 4, 32 * 7]


def graph(template, shape=(3, 16, 16)):
    return Graph.of(template, shape)


def test_a_chain_has_the_sum_of_the_paper():
    one = graph(CHAIN)
    total = sum(map(math.log, WIDTHS))
    assert entropy(one) == pytest.approx(math.log(8 * 8 * 8) * total)
    assert depth(one) == 5
    assert effectiveness(one) == pytest.approx(5 / math.prod(WIDTHS) ** (1 / 5))


def test_a_classifier_behind_it_changes_nothing():
    for head in (chain(ops.Mean("h w"), ops.Linear(10)), chain(ops.Flatten(), ops.Linear(50), ops.Linear(10))):
        assert longest_path(graph(chain(CHAIN, head))) == longest_path(graph(CHAIN))


def test_a_network_without_positions_counts_whole():
    one = graph(chain(ops.Linear(20), ops.Activation("relu"), ops.Linear(5)), (12,))
    assert entropy(one) == pytest.approx(math.log(5) * (math.log(12) + math.log(20)))
    assert depth(one) == 2


def test_sequences_count_their_layers():
    one = graph(chain(residual(ops.LayerNorm(), ops.Attention(4)), ops.Linear(7), ops.Mean("l")), (9, 16))
    assert entropy(one) == pytest.approx(math.log(9 * 7) * 3 * math.log(16))


def brute(one):
    """The best of all paths to the last value with positions, each followed from the input."""

    def paths(i):
        node = one.nodes[i]
        wide = [j for j in node.inputs if has_positions(one.nodes[j].shape)] or list(node.inputs)
        shapes = tuple(one.nodes[j].shape for j in node.inputs)
        own = fan_ins(node.op, shapes, node.shape) if node.inputs else ()
        return [(*before, *own) for j in wide for before in paths(j)] if wide else [tuple(own)]

    longest = max(paths(len(one.nodes) - 1), key=lambda p: (round(sum(map(math.log, p)), 9), len(p)))
    return sum(map(math.log, longest)), len(longest)


def test_of_many_paths_the_longest_is_taken():
    space = Space(
        chain(
            *(
                parallel(
                    choice(ops.Identity(), ops.Conv(8, kernel=1), chain(ops.Conv(12), ops.Conv(8))),
                    choice(ops.Conv(8), ops.DepthwiseConv(5), chain(ops.Conv(2, kernel=1), ops.Conv(8))),
                )
                for _ in range(4)
            )
        ),
        (8, 6, 6),
    )
    for seed in range(30):
        one = space.decode(space.sample(seed))
        path = longest_path(one)
        assert (path.total, path.depth) == (pytest.approx(brute(one)[0]), brute(one)[1])


def test_of_equal_paths_the_deepest():
    """Fan-ins of 4 and 9, and one of 36."""
    one = graph(parallel(ops.Conv(4, kernel=3), chain(ops.Conv(9, 1), ops.Conv(4, 1))), (4, 5, 5))
    assert depth(one) == 2 and entropy(one) == pytest.approx(math.log(100) * math.log(36))


def test_a_gate_is_no_path():
    plain = graph(chain(ops.Conv(32), ops.Conv(8)))
    gated = graph(chain(ops.Conv(32), blocks.squeeze_excite(ratio=4.0), ops.Conv(8)))
    assert longest_path(gated) == longest_path(plain)


def test_more_width_and_more_layers_are_more_entropy_and_only_layers_less_effective():
    def stack(width, layers):
        return graph(chain(*(ops.Conv(width) for _ in range(layers))))

    assert entropy(stack(8, 4)) < entropy(stack(16, 4)) and entropy(stack(8, 4)) < entropy(stack(8, 5))
    assert effectiveness(stack(16, 4)) < effectiveness(stack(8, 4)) < effectiveness(stack(8, 5))


def test_nothing_weighted_has_none():
    one = graph(chain(Tag(factor=0), ops.Activation("relu")))
    assert (entropy(one), depth(one), effectiveness(one)) == (0.0, 0.0, 0.0)


def test_every_op_has_a_rule_and_no_fan_in_is_below_one():
    for name, listed in examples(registered).items():
        for one, *shapes in listed:
            found = fan_ins(one, tuple(shapes), one.infer(*shapes))
            assert found is not None and all(fan >= 1 for fan in found), name


@pytest.mark.parametrize(
    "one, shape", [(ops.Conv(6, 3, groups=2), (4, 5, 5)), (ops.DepthwiseConv(5), (4, 5, 5)), (ops.Linear(3), (7,)),
                   (ops.SequenceConv(6, kernel=3), (8, 4)), (ops.Patchify(p=2, d=5), (3, 4, 4))]
)  # fmt: skip
def test_a_fan_in_is_the_numbers_in_one_row_of_the_weights(one, shape):
    module = one.build(shape)
    weight = next(p for p in module.parameters() if p.dim() > 1)
    assert fan_ins(one, (shape,), one.infer(shape)) == (weight[0].numel(),)


def test_an_op_of_a_user_is_counted_by_running_it():
    import torch

    @op("b c h w -> b out h w", name="EntropyToy")
    class Toy(torch.nn.Conv2d):
        def __init__(self, c, out):
            super().__init__(c, out, 3, padding=1)

    one = graph(chain(Toy(4), ops.Conv(5)))
    assert entropy(one) == pytest.approx(entropy(graph(chain(ops.Conv(4), ops.Conv(5)))))


def test_it_is_a_budget_and_a_goal_like_any_other():
    assert find("entropy") is entropy and entropy.direction == "max"
    limit = constraint("effectiveness<=0.5")
    space = Space(chain(*(ops.Conv(choice(4, 8, 64)) for _ in range(12))), (3, 8, 8)).narrow(limit)
    for seed in range(5):
        assert effectiveness(space.decode(space.sample(Random(seed)))) <= 0.5


def test_weights_do_not_matter():
    from nasmyth import build

    network = build(graph(CHAIN))
    before = entropy(network)
    randomised(network)
    assert entropy(network) == before
