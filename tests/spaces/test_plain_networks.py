"""SimpleNet, ResNet-RS, VanillaNet, VoVNet, LowFormer: their published members have the published sizes."""

import pytest

from nasmyth.errors import BudgetError, GenomeError
from nasmyth.spaces import lowformer, registry, resnet_rs, simplenet, vanillanet, vovnet
from nasmyth.spaces.lowformer import FAMILY as LOWFORMER
from nasmyth.spaces.resnet_rs import FAMILY as RESNET_RS
from nasmyth.spaces.resnet_rs import genome, scaled, text
from nasmyth.spaces.simplenet import PRINCIPLES, PUBLISHED
from nasmyth.spaces.vanillanet import FAMILY as VANILLANET
from nasmyth.spaces.vovnet import FAMILY as VOVNET


def small(name):
    named = registry.spaces.get(name)
    return named(**named.small)


def million(graph):
    return graph.costs.params / 1e6


# --- SimpleNet ----------------------------------------------------------------------------------------------------


def test_simplenet_is_one_genome_of_its_space():
    graph = simplenet().decode(PUBLISHED)
    convolutions = [node for node in graph.nodes if type(node.op).__name__ == "Conv"]
    assert len(convolutions) == 13 and graph.costs.params == 5_498_378  # "5.4M"
    assert [node.shape[0] for node in convolutions] == [64, *[128] * 5, *[256] * 3, 512, 2048, 256, 256]
    assert graph.nodes[-3].shape == (256, 1, 1)  # nothing is left to be averaged


def test_every_principle_is_a_toggle_and_the_widths_are_free():
    space = simplenet()
    assert space.size == 18 * 2 ** len(PRINCIPLES)
    networks = {space.decode({**PUBLISHED, name: other}).key for name, (_, other) in PRINCIPLES.items()}
    assert len(networks | {space.decode(PUBLISHED).key}) == 1 + len(PRINCIPLES)


def test_pooling_late_leaves_large_images_to_most_layers():
    def sizes(pooling):
        graph = simplenet((1, 8, 8)).decode({**PUBLISHED, "pooling": pooling})
        return [node.shape[1] for node in graph.nodes if type(node.op).__name__ == "Conv"]

    assert sizes("late") == [8] * 9 + [4, 2, 2, 1] and sizes("early") == [8, 4, 2] + [1] * 10


# --- ResNet-RS ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("depth, params", [
    (50, 35.69), (101, 63.62), (152, 86.62), (200, 93.21), (270, 129.86), (350, 163.96), (420, 191.89)
])  # fmt: skip
def test_the_family_of_resnet_rs(depth, params):
    graph = resnet_rs().decode({"depth": depth, "width": 64, "resolution": 160})
    assert million(graph) == pytest.approx(params, abs=0.006)
    layers = sum(type(n.op).__name__ == "Conv" and n.op.kernel in (1, 3) and ".body." in n.address for n in graph.nodes)
    assert abs(layers + 2 - depth) <= 2  # 270 and 420 are rounded names


def test_names_of_resnet_rs_read_back():
    space = resnet_rs()
    for seed in range(30):
        one = space.sample(seed)
        assert space.validate(genome(text(one))) == one
    assert genome("resnet-rs-152-i256") == {"depth": 152, "width": 64, "resolution": 256}
    assert text({"depth": 50, "width": 32, "resolution": 160}) == "resnet-rs-50-w0.5-i160"
    with pytest.raises(GenomeError, match="resnet-rs-DEPTH-iRESOLUTION"):
        genome("resnet-50")


def test_the_rule_deepens_where_overfitting_threatens_and_widens_elsewhere():
    space = resnet_rs()
    start = {"depth": 50, "width": 64, "resolution": 160}
    budget = 12e9
    deep, wide = scaled(space, budget, overfits=True, start=start), scaled(space, budget, overfits=False, start=start)
    assert deep["depth"] > wide["depth"] and wide["width"] > deep["width"]
    for one in (deep, wide):
        assert space.decode(one).costs.macs <= budget
        assert all(one[name] >= start[name] for name in start)


def test_the_rule_grows_the_resolution_about_as_slowly_as_the_family():
    space = resnet_rs()
    first, last = ({"depth": depth, "width": 64, "resolution": size} for depth, size in (RESNET_RS[0], RESNET_RS[-1]))
    for budget, size in ((space.decode(first).costs.macs, 160), (space.decode(last).costs.macs, 320)):
        assert scaled(space, budget, overfits=True, start=first)["resolution"] == size
    with pytest.raises(BudgetError, match="start from less"):
        scaled(space, 1e9, overfits=True, start=first)


# --- the others ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name, params, macs", [
    ("vanillanet-5", 15.5, 5.2), ("vanillanet-6", 32.5, 6.0), ("vanillanet-7", 32.8, 6.9), ("vanillanet-8", 37.1, 7.7),
    ("vanillanet-9", 41.4, 8.6), ("vanillanet-10", 45.7, 9.4), ("vanillanet-11", 50.0, 10.3), ("vanillanet-12", 54.3, 11.1),
    ("vanillanet-13", 58.6, 11.9), ("vanillanet-13-1.5x", 127.8, 26.5),
])  # fmt: skip
def test_vanillanets_as_deployed(name, params, macs):
    graph = vanillanet(form="merged").decode(VANILLANET[name])
    assert (round(million(graph), 1), round(graph.costs.macs / 1e9, 1)) == (params, macs)


@pytest.mark.parametrize("name, params", [("vovnet-39", 22.600), ("vovnet-57", 36.640), ("vovnetv2-39", 24.57),
                                          ("vovnetv2-57", 38.61)])  # fmt: skip
def test_vovnets(name, params):
    assert million(vovnet().decode(VOVNET[name])) == pytest.approx(params, abs=0.01)


@pytest.mark.parametrize("name, params, macs, classifier", [
    ("lowformer-b0", 14.1, 944, {}), ("lowformer-b1", 17.9, 1410, {}), ("lowformer-b3", 57.1, 6098, {}),
    ("lowformer-b1.5", 33.9, 2573, {"features": 2304, "hidden": 2560}),
])  # fmt: skip
def test_lowformers(name, params, macs, classifier):
    graph = lowformer(**classifier).decode(LOWFORMER[name])
    assert million(graph) == pytest.approx(params, abs=0.1) and graph.costs.macs / 1e6 == pytest.approx(macs, abs=1.0)


@pytest.mark.parametrize("name", ["lowformer", "resnet_rs", "simplenet", "vanillanet", "vovnet"])
def test_small_ones_are_small(name):
    space = small(name)
    assert max(million(space.decode(space.sample(seed))) for seed in range(20)) < 0.5
