"""einspace: known blocks are derived, windows and products are what they claim, samples fit and run."""

from __future__ import annotations

import random

import pytest
import torch
import torch.nn.functional as F

from nasmyth.errors import ShapeError, SpaceError
from nasmyth.graph import Concat, Graph, Identity, chain, parallel, residual
from nasmyth.network import build
from nasmyth.ops import (
    Activation,
    BatchNorm,
    Col2Im,
    Im2Col,
    LayerNorm,
    LearnedPosition,
    Linear,
    MatMul,
    Part,
    Pooled,
    RowProducts,
    Softmax,
)
from nasmyth.space.language import Language
from nasmyth.spaces import einspace
from nasmyth.spaces.einspace import SWAP

SMALL = {"input": (3, 8, 8), "depth": 6, "size": 24, "widths": (4, 8), "windows": ((1, 1), (3, 1), (3, 2), (4, 4))}
RELU = Activation("relu")


class Deriver:
    """Writes derivations: the alternative of a symbol that looks so, with what its symbols become."""

    def __init__(self, space):
        self.space, self.grammar = space, space.template

    def __call__(self, rule, like, *parts):
        every = self.grammar.productions[rule]
        found = [one for one in every if one.template is like or (callable(like) and like(one))]
        assert len(found) == 1 and len(found[0].leaves) == len(parts), (rule, like, found)
        return [found[0].number, *[i for part in parts for i in part]]

    def key(self, derivation):
        return self.space.decode({"": derivation}).key


def over(*leaves, first=None, join=None, closed=()):
    """An alternative with these symbols: by its first op, its join and the other ops in it."""

    def like(one):
        ops = [step.part for step in one.steps if step.part is not None and not hasattr(step.part, "rule")]
        return (
            one.leaves == leaves
            and (first is None or (ops and ops[0] is first))
            and (join is None or any(op is join for op in ops))
            and all(op in ops for op in closed)
            and (first or join or closed or not ops)
        )

    return like


def windowed(window):
    return lambda one: one.leaves == ("project", "col") and one.steps[0].part is Im2Col(*window)


def seq(derive, rule, *parts):
    """Several one after another: chain(a, chain(b, c))."""
    return parts[0] if len(parts) == 1 else derive(rule, over(rule, rule), parts[0], seq(derive, rule, *parts[1:]))


def summed(rule):
    from nasmyth.graph import Add

    return lambda one: (
        one.leaves == (rule, rule) and [s.part for s in one.steps if not hasattr(s.part, "rule")] == [Add()]
    )


# --- blocks that are known ------------------------------------------------------------------------------------------


def conv(out, kernel=3, stride=1):
    return chain(Im2Col(kernel, stride), Linear(out), Col2Im())


@pytest.fixture(scope="module")
def images():
    return Deriver(einspace((16, 8, 8)))


def test_a_resnet_block_is_derived(images):
    derive = images
    nothing = derive("col", Identity())
    convolve = derive("im", windowed((3, 1)), derive("project", Linear(16)), nothing)
    norm, relu = derive("im", BatchNorm()), derive("im", RELU)
    body = seq(derive, "im", convolve, norm, relu, convolve, norm)
    block = seq(derive, "im", derive("im", summed("im"), derive("im", Identity()), body), relu)
    network = derive("network", over("im", first=Pooled()), block)
    written = chain(residual(conv(16), BatchNorm(), RELU, conv(16), BatchNorm()), RELU, Pooled(), Linear(10))
    assert derive.key(network) == Graph.of(written, (16, 8, 8)).key


def test_a_resnet_block_that_halves_the_image_is_derived(images):
    derive = images
    nothing, wide = derive("col", Identity()), derive("project", Linear(32))
    norm, relu = derive("im", BatchNorm()), derive("im", RELU)
    convolve = derive("im", windowed((3, 1)), wide, nothing)
    down = derive("down", windowed((3, 2)), wide, nothing)
    body = derive("down", over("down", "im"), down, seq(derive, "im", norm, relu, convolve, norm))
    skip = derive("down", over("down", "im"), derive("down", windowed((1, 2)), wide, nothing), norm)
    block = derive("down", over("down", "im"), derive("down", summed("down"), body, skip), relu)
    network = derive("network", over("down", first=Pooled()), block)
    sides = parallel(
        chain(conv(32, 3, 2), BatchNorm(), RELU, conv(32), BatchNorm()), chain(conv(32, 1, 2), BatchNorm())
    )
    assert derive.key(network) == Graph.of(chain(sides, RELU, Pooled(), Linear(10)), (16, 8, 8)).key


@pytest.fixture(scope="module")
def tokens():
    return Deriver(einspace((3, 16, 16)))


def embedded(derive, body):
    """Patches of 4x4 as 16 tokens of 64 features, and what comes then."""
    found = [one for one in derive.grammar.productions["network"] if one.steps[0].part is Im2Col(4, 4)]
    return [found[0].number, *derive("project", Linear(64)), *body]


def perceptron(derive):
    layers = (Linear(64), RELU, Linear(64))
    body = seq(derive, "col", *(derive("col", layer) for layer in (LayerNorm(), *layers)))
    return derive("col", summed("col"), derive("col", Identity()), body), residual(LayerNorm(), *layers)


def test_a_vision_transformer_is_derived(tokens):
    derive = tokens
    narrow = derive("col", Linear(16))
    head = derive(
        "col",
        over("col", "col", "scores", "col", join=RowProducts(), closed=(MatMul(),)),
        narrow, narrow, derive("scores", Softmax()), narrow,
    )  # fmt: skip
    four = lambda one: one.leaves == ("col",) and one.steps[0].copies == 4 and one.steps[-1].part is Concat("d")
    attention = seq(derive, "col", derive("col", LayerNorm()), derive("col", four, head), derive("col", Linear(64)))
    feed, feed_written = perceptron(derive)
    mix = derive("col", summed("col"), derive("col", Identity()), attention)
    network = embedded(derive, seq(derive, "col", derive("col", LearnedPosition()), mix, feed))

    written = parallel(
        chain(parallel(Linear(16), Linear(16), join=RowProducts()), Softmax()), Linear(16), join=MatMul()
    )
    heads = parallel(written, written, written, written, join=Concat("d"))
    block = chain(residual(LayerNorm(), heads, Linear(64)), feed_written)
    whole = chain(Im2Col(4, 4), Linear(64), LearnedPosition(), block, Pooled(), Linear(10))
    assert derive.key(network) == Graph.of(whole, (3, 16, 16)).key


def test_an_mlp_mixer_is_derived(tokens):
    derive = tokens
    places = derive(
        "swapped", over("project", "swapped", "project"),
        derive("project", Linear(64)), derive("swapped", RELU), derive("project", Linear(16)),
    )  # fmt: skip
    mixing = seq(derive, "col", derive("col", LayerNorm()), derive("col", over("swapped", first=SWAP), places))
    feed, feed_written = perceptron(derive)
    mix = derive("col", summed("col"), derive("col", Identity()), mixing)
    network = embedded(derive, seq(derive, "col", mix, feed))

    mixed = residual(LayerNorm(), SWAP, Linear(64), RELU, Linear(16), SWAP)
    whole = chain(Im2Col(4, 4), Linear(64), mixed, feed_written, Pooled(), Linear(10))
    assert derive.key(network) == Graph.of(whole, (3, 16, 16)).key


def test_a_known_block_is_found_from_how_it_is_written(images):
    """No derivation is written by hand: a search can start from a network that is known."""
    written = chain(residual(conv(16), BatchNorm(), RELU, conv(16), BatchNorm()), RELU, Pooled(), Linear(10))
    genome = images.space.genome_of(written)
    assert images.key(genome[""]) == Graph.of(written, (16, 8, 8)).key
    assert images.space.validate(genome)


# --- the operations ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kernel", "stride"), [(1, 1), (3, 1), (3, 2), (4, 4), (5, 2)])
def test_windows_and_a_linear_layer_are_a_convolution(kernel, stride):
    torch.manual_seed(0)
    x, weight = torch.randn(2, 3, 8, 8), torch.randn(5, 3, kernel, kernel)
    windows = Im2Col(kernel, stride).build((3, 8, 8))(x)
    wanted = F.conv2d(x, weight, stride=stride, padding=(kernel - 1) // 2 if kernel % 2 else 0)
    got = Col2Im().build((windows.shape[1], 5))(windows @ weight.flatten(1).T)
    assert torch.allclose(got, wanted, atol=1e-4)


def test_attention_of_products_is_attention():
    torch.manual_seed(0)
    q, k, v = torch.randn(3, 2, 5, 4)
    scores = RowProducts().build((5, 4), (5, 4))(q, k)
    got = MatMul().build((5, 5), (5, 4))(Softmax().build((5, 5))(scores), v)
    assert torch.allclose(got, F.scaled_dot_product_attention(q, k, v), atol=1e-5)


def test_parts_joined_are_the_whole():
    x = torch.randn(2, 6, 4)
    for axis, length in ((0, 3), (1, 2), (-1, 2)):
        parts = [Part(i, length, axis).build((6, 4)) for i in range(length)]
        assert torch.equal(torch.cat([part(x) for part in parts], axis + 1 if axis >= 0 else axis), x)
    with pytest.raises(ShapeError, match="no part 0 of 4 equal ones"):
        Part(0, 4).infer((6, 4))
    with pytest.raises(ShapeError, match="12 places are no square image"):
        Col2Im().infer((12, 4))


# --- samples ----------------------------------------------------------------------------------------------------------


def test_samples_build_and_run():
    space, rng = einspace(**SMALL), random.Random(0)
    torch.manual_seed(0)
    for _ in range(150):
        network = build(space.decode(space.sample(rng))).eval()
        with torch.no_grad():
            output = network(torch.randn(2, 3, 8, 8))
        assert output.shape == (2, 10) and output.isfinite().all()


def test_samples_are_of_many_kinds():
    space = einspace(**SMALL)
    kinds = {type(node.op).__name__ for seed in range(300) for node in space.decode(space.sample(seed)).nodes}
    assert {"Im2Col", "Col2Im", "Permute", "Part", "Concat", "Add", "MatMul", "RowProducts", "Softmax"} <= kinds


def test_nothing_is_counted_to_draw_and_decode(monkeypatch):
    """Counting takes minutes where derivations are deep."""
    monkeypatch.setattr(Language, "classes", lambda self: pytest.fail("the derivations were counted"))
    space = einspace((5, 8, 8), widths=(4, 8), windows=((1, 1), (3, 1), (3, 2)))
    assert space.decode(space.sample(0)).output == (10,)


def test_only_square_images():
    with pytest.raises(SpaceError, match="square images"):
        einspace((3, 8, 6))
