"""Activations, regularisers and joins."""

import pytest
import torch
import torch.nn.functional as F

from nasmyth.errors import ShapeError, SpaceError
from nasmyth.graph.chain import chain, parallel
from nasmyth.graph.graph import Graph
from nasmyth.graph.joins import Identity
from nasmyth.ops import Activation, Add, Concat, Dropout, DropPath, LayerScale, LayerScale2d, Mean, Multiply, Zero
from nasmyth.space import choice
from nasmyth.testing import Wired

torch.set_num_threads(1)


def test_unknown_activation_names_the_nearest():
    with pytest.raises(SpaceError, match="did you mean 'gelu'"):
        Activation("gelo")
    Activation(choice("relu", "gelu"))  # a decision still to be made


def test_activation_is_the_function_of_that_name():
    x = torch.randn(5)
    assert torch.equal(Activation("silu").build((5,))(x), F.silu(x))


@pytest.mark.parametrize("op", [Dropout(0.3), DropPath(0.3)])
def test_dropping_keeps_the_mean_and_is_off_in_evaluation(op):
    torch.manual_seed(0)
    module, x = op.build((4,)), torch.ones(20_000, 4)
    dropped = module.train()(x)
    assert dropped.mean().item() == pytest.approx(1.0, abs=0.02)
    assert (dropped == 0).float().mean().item() == pytest.approx(0.3, abs=0.02)
    assert torch.equal(module.eval()(x), x)


def test_drop_path_drops_whole_examples():
    torch.manual_seed(0)
    kept = DropPath(0.5).build((3, 2, 2)).train()(torch.ones(64, 3, 2, 2)).flatten(1)
    assert ((kept == 0).all(1) | (kept == 2).all(1)).all()


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_rates_are_probabilities(rate):
    for cls in (Dropout, DropPath):
        with pytest.raises(SpaceError, match="rate is a probability"):
            cls(rate)


def test_layer_scale_of_each_feature():
    x = torch.randn(2, 3, 4)
    assert torch.allclose(LayerScale(0.5).build((3, 4))(x), x / 2)
    image = torch.randn(2, 3, 4, 4)
    module = LayerScale2d(0.5).build((3, 4, 4))
    with torch.no_grad():
        module.scale[1] = 2.0
    assert torch.allclose(module(image)[:, 1], image[:, 1] * 2) and torch.allclose(module(image)[:, 2], image[:, 2] / 2)


def test_joins():
    x, y, z = torch.randn(3, 2, 4).unbind()
    assert torch.allclose(Add().build((4,), (4,), (4,))(x, y, z), x + y + z)
    assert torch.allclose(Multiply().build((4,), (4,))(x, y), x * y)
    assert torch.equal(Concat("d").build((4,), (3,))(x, y[:, :3]), torch.cat((x, y[:, :3]), 1))
    assert not Zero().build((4,))(x).any()


def test_concat_of_unequal_widths_is_built_and_of_unequal_sizes_refused():
    assert Concat().infer((3, 4, 4), (2, 4, 4)) == (5, 4, 4)
    with pytest.raises(ShapeError, match="may differ only in axis c"):
        Concat().build((3, 4, 4), (2, 4, 5))
    Concat(choice("c", "d"))  # a decision still to be made


def test_gate_weighs_channels_by_their_own_mean():
    graph = Graph.of(parallel(Identity(), chain(Mean("h w"), Activation("sigmoid")), join=Multiply()), (3, 4, 4))
    x = torch.randn(2, 3, 4, 4)
    assert torch.allclose(Wired(graph)(x), x * x.mean((2, 3), keepdim=True).sigmoid())


def test_a_gate_is_a_product_whose_factor_is_repeated():
    x, y = torch.randn(2, 3, 4, 5), torch.randn(2, 3)
    wanted = x * y[:, :, None, None]
    assert torch.equal(Multiply().build((3, 4, 5), (3,))(x, y), wanted)
    assert torch.equal(Multiply().build((3,), (3, 4, 5))(y, x), wanted), "in any order"
    assert Multiply().infer((3,), (3, 4, 5), (3, 4)) == (3, 4, 5)
    with pytest.raises(ShapeError, match=r"axis x0 is 3 in one place and 4 in another"):
        Multiply().infer((3, 4, 5), (4,))


def test_former_names_are_read_and_not_written():
    from nasmyth.ops import DecayingActivation, ShiftPixel
    from nasmyth.record import from_json, to_json

    former = {"Gate": Multiply(), "Nudge": ShiftPixel(), "Fading": DecayingActivation("gelu")}
    for name, value in former.items():
        written = to_json(value)
        assert written["$"] != name
        assert from_json({**written, "$": name}) is value
