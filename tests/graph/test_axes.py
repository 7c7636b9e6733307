"""Groups of axes that change together, over whole graphs: what is one, what is split, what is frozen, and why."""

import subprocess
import sys

import pytest

from nasmyth import Graph, chain, ops, parallel, residual
from nasmyth.errors import NasmythError
from nasmyth.graph.inputs import Spec
from nasmyth.ops import Opaque


def axes(template, shape=(3, 8, 8)):
    return Graph.of(template, shape).axes


def where(group):
    return {str(member) for member in group.members}


def free(found):
    return [group for group in found if not group.frozen]


RESNET = chain(
    stem=ops.Conv(8),
    norm=ops.BatchNorm(),
    body=residual(ops.Conv(16), ops.BatchNorm(), ops.Activation(), ops.Conv(8)),
    pool=ops.Mean("h w"),
    head=ops.Linear(10),
)


def test_a_shortcut_makes_widths_one_and_the_inner_width_stays_its_own():
    found = axes(RESNET)
    trunk, inner = free(found)
    assert (trunk.length, trunk.step, inner.length) == (8, 1, 16)
    assert where(trunk) == {
        "stem.out", "stem.weight[0]", "norm.c", "norm.weight[0]", "norm.bias[0]", "norm.running_mean[0]", "norm.running_var[0]",
        "body.body[0].weight[1]", "body.body[3].out", "body.body[3].weight[0]", "body.join[0]", "pool.c", "head.weight[1]",
    }  # fmt: skip
    assert where(inner) >= {"body.body[0].out", "body.body[1].weight[0]", "body.body[3].weight[1]"}
    assert found["stem.out"] is trunk is found["head.weight[1]"]


def test_what_enters_and_what_comes_out_is_frozen_with_the_reason():
    found = axes(RESNET)
    assert found["stem.weight[1]"].frozen == ("it is what enters the graph (input)",)
    assert found["head.out"].frozen == ("it is what comes out of the graph",)
    assert found["stem.weight[2]"].frozen == ("its order matters to Conv(8) (stem)",)
    assert "computed of h" in found["stem[1]"].frozen[0]
    text = str(found)
    assert "stem.out: 8: stem out weight[0], norm c" in text
    assert "head.out 10: it is what comes out" in text


def test_every_axis_of_every_parameter_is_in_a_group():
    graph = Graph.of(RESNET, (3, 8, 8))
    for address, weight, rank in [("stem", "weight", 4), ("norm", "running_var", 1), ("head", "bias", 1)]:
        assert len(graph.axes.of(address, weight)) == rank
        assert all(len(groups) == 1 for groups in graph.axes.of(address, weight))
    assert [member.name for member in graph.axes["stem.weight[2]"].members] == ["kernel", "kernel"]


def test_groups_and_heads_say_which_lengths_are_legal():
    found = axes(chain(a=ops.Conv(12, kernel=1), b=ops.Conv(8, groups=4), pool=ops.Mean("h w"), head=ops.Linear(2)))
    assert {(g.name, g.length, g.step) for g in free(found)} == {("b.groups", 4, 3), ("b.n", 3, 4), ("b.m", 2, 4)}
    heads, each = free(axes(chain(ops.Linear(6), ops.Attention(heads=2), ops.Linear(3)), (4, 5)))
    assert (heads.length, heads.step, each.length, each.step) == (2, 3, 3, 2)
    assert each.members[0].places == ((0, 3), (1, 4), (2, 5)), "feature j of every head"
    qkv = next(m for m in each.members if (m.tensor, m.axis) == ("qkv.weight", 0))
    assert qkv.places[1] == (1, 4, 7, 10, 13, 16), "of queries, keys and values"
    assert each.mixed == heads.mixed == ("[1]",)


def test_a_product_is_named_by_its_parts():
    found = axes(chain(a=ops.Linear(6), b=ops.Attention(heads=2), c=ops.Linear(3)), (4, 5))
    with pytest.raises(NasmythError, match=r"a.out is the product of b.heads and b.k: name one of them"):
        _ = found["a.out"]
    assert [group.name for group in found.of("a")[1]] == ["b.heads", "b.k"]
    with pytest.raises(NasmythError, match=r"no axis is called 'a\.outt'.*a\.out"):
        _ = found["a.outt"]
    with pytest.raises(NasmythError, match=r"nothing with axes is at 'a\.wieght'.*a\.weight"):
        found.of("a", "wieght")


def test_concatenated_widths_stay_apart_and_a_slice_finds_its_own_again():
    found = axes(chain(j=parallel(a=ops.Conv(4), b=ops.Conv(6), join=ops.Concat()), s=ops.ChannelSlice(6, start=4),
                       e=ops.Conv(3), p=ops.Mean("h w"), h=ops.Linear(2)))  # fmt: skip
    a, b = found["j.a.out"], found["j.b.out"]
    assert a is not b
    assert [m.places[0] for m in a.members if m.address == "j.join"] == [(0,)]
    assert [m.places[0] for m in b.members if m.address == "j.join"] == [(4,)]
    assert found.of("s")[0] == (b,) and found.of("e", "weight")[1] == (b,)


def test_flattened_channels_take_their_pixels_along():
    found = axes(chain(a=ops.Conv(5), f=ops.Flatten(), h=ops.Linear(2)), (3, 4, 4))
    member = next(m for m in found["a.out"].members if m.address == "h")
    assert (member.tensor, member.axis, member.places[1]) == ("weight", 1, tuple(range(16, 32)))


def test_reshapes_split_what_was_one_and_give_it_back():
    found = axes(chain(a=ops.Linear(20), r=ops.Reshape((4, 5)), n=ops.LayerNorm(), t=ops.Permute((1, 0)), f=ops.Reshape((20,)),
                       h=ops.Linear(3)), (7,))  # fmt: skip
    four, five = free(found)
    assert (four.length, four.step, five.length, five.step) == (4, 5, 5, 4)
    assert five.members[0].places[1] == (1, 6, 11, 16)
    last = next(m for m in five.members if m.address == "h")
    assert last.places[1] == (4, 5, 6, 7), "after the exchange it is the slower one"


def test_a_channel_shuffle_is_followed_place_by_place():
    found = axes(chain(a=ops.Conv(6), s=ops.ChannelShuffle(2), b=ops.Conv(4), p=ops.Mean("h w"), h=ops.Linear(2)))
    member = {m.address: m for m in found["s.n"].members if m.address in "ab" and m.tensor}
    assert member["a"].places == ((0, 3), (1, 4), (2, 5))
    assert member["b"].places == ((0, 1), (2, 3), (4, 5))


def test_two_ways_of_splitting_one_width_keep_what_both_allow():
    """8 groups of 2 and 4 heads of 4: a head is two groups, and a place in a head two places in each of them."""
    found = axes(chain(a=ops.Linear(16), t=ops.Permute((1, 0)), g=ops.GroupNorm(groups=8), u=ops.Permute((1, 0)),
                       b=ops.Attention(heads=4), h=ops.Linear(2)), (5, 3))  # fmt: skip
    assert sorted((g.length, g.step) for g in free(found)) == [(2, 8), (4, 4)]


def test_shared_weights_make_axes_one():
    from nasmyth import repeat

    found = axes(chain(a=ops.Conv(6), r=repeat(ops.Conv(6), 2, tied=True), p=ops.Mean("h w"), h=ops.Linear(2)))
    assert [g.length for g in free(found)] == [6]


def test_opaque_calls_are_frozen_by_name():
    roll = Opaque("aten.roll.default", (("self", "input 0"), ("shifts", (1,)), ("dims", (2,))), (((6, 4), 0, 1, ""),),
        ((6, 4), 0, 1))  # fmt: skip
    found = axes(chain(a=ops.Linear(4), roll=roll, h=ops.Linear(2)), (6, 3))
    assert found["a.out"].frozen == ("aten.roll.default is opaque, traced for this shape alone (roll)",)
    assert not free(found)


def test_several_inputs_are_all_given():
    graph = Graph.of(chain(a=ops.Linear(4), h=ops.Linear(2)), input={"x": Spec((5, 3)), "edges": Spec((2, 7), "int")})
    frozen = [g.name for g in graph.axes if g.frozen and g.members[0].address.startswith("input")]
    assert len(frozen) == 4
    assert [g.length for g in free(graph.axes)] == [4]


def test_ops_without_modules_need_no_torch_and_every_space_has_axes():
    """Axes are told from the sentences alone: a graph of ops that are declared so is read without torch."""
    code = """
import sys
from nasmyth.graph import Add, Graph, Op, chain, parallel
class Mix(Op):
    signature = "b c h w -> b out h w"
    weight_axes = {"weight": "out c 1 1"}
    out: int = 4
g = Graph.of(chain(a=Mix(6), b=parallel(x=Mix(4), y=Mix(4), join=Add()), c=Mix(2)), (3, 5, 5))
assert [(x.name, x.length) for x in g.axes if not x.frozen] == [("a.out", 6), ("b.x.out", 4)], g.axes
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", ["nb201", "vit", "fbnet"])
def test_networks_of_the_bundled_spaces_have_widths_that_can_change(name):
    from nasmyth.spaces import spaces

    space = spaces.get(name)()
    graph = space.decode(space.sample(seed=1))
    widths = [g for g in graph.axes if not g.frozen]
    assert widths
    for group in widths:
        for member in group.members:
            assert len(member.places) == group.length
            assert sorted(p for places in member.places for p in places) == sorted(
                {p for places in member.places for p in places}
            )
