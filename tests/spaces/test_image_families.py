"""Hand-designed families are genomes of the space of images, and the residual one is the network of the textbook."""

import itertools

import pytest

from nasmyth.spaces.image_families import FAMILIES, KINDS
from nasmyth.spaces.images import WIDTHS, images

SIZES = [(1, 8, 8), (1, 28, 28), (3, 32, 32), (3, 48, 60), (3, 96, 80)]


@pytest.mark.parametrize("input", SIZES)
@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_is_a_genome_that_grows_with_its_width(name, input):
    space = images(input, 10)
    costs = []
    for width in (1, 4, 7, 16, 18, 60, 160):
        genome = FAMILIES[name](width, input)
        assert space.validate(genome) == genome
        graph = space.decode(genome)
        assert graph.output == (10,)
        costs.append((graph.costs.params, graph.costs.macs))
    assert costs[0] == costs[1] and costs[1:] == sorted(set(costs[1:]))


def block(c, out, stride):
    """Two convolutions and a shortcut, as a count of parameters."""
    convolutions = 9 * c * out + 9 * out * out + 4 * out
    return convolutions + (c * out + 2 * out if (c, stride) != (out, 1) else 0)


@pytest.mark.parametrize(("input", "side"), [((1, 28, 28), 4), ((3, 32, 32), 4), ((1, 20, 20), 3)])
@pytest.mark.parametrize("width", [8, 18])
def test_the_residual_family_strides_in_the_stem_and_has_three_stages(input, side, width):
    graph = images(input, 10).decode(FAMILIES["residual"](width, input))
    stem = 9 * input[0] * width + 2 * width
    blocks = block(width, width, 1) + block(width, 2 * width, 2) + block(2 * width, 4 * width, 2)
    assert graph.costs.params == stem + blocks + (4 * width + 1) * 10
    last = [node.shape for node in graph.nodes if len(node.shape) == 3][-1]
    assert last == (4 * width, side, side)


def test_kinds_are_those_of_the_space():
    space = images((3, 32, 32), 10)
    genome = FAMILIES["residual"](16, (3, 32, 32))
    assert genome["stages[3]"] == KINDS.index("none") and genome["stem.stride"] == 2
    marks = {"mobile": "DepthwiseConv", "separable": "DepthwiseConv", "convnext": "LayerNorm2d"}
    for number, kind in enumerate(KINDS[:5]):
        described = str(space.decode(space.fix({"stages[0]": number}).sample(0)))
        assert marks.get(kind, "Conv") in described


def test_widths_are_fine_enough_that_a_budget_is_used():
    """The next width has at most half as many parameters again from 8 on, so two thirds of any budget are used at least."""
    space = images((1, 28, 28), 10)
    sizes = [space.decode(FAMILIES["residual"](width, (1, 28, 28))).costs.params for width in WIDTHS if width >= 8]
    assert all(larger / smaller < 1.5 for smaller, larger in itertools.pairwise(sizes))
