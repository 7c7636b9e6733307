"""FBNetV3: its size, a published network, and architectures searched together with recipes."""

from __future__ import annotations

import math

import pytest

from nasmyth import Recipe
from nasmyth.measure import params
from nasmyth.space import choice
from nasmyth.spaces import fbnetv3
from nasmyth.testing import check_space
from nasmyth.train import EMA, SGD, AdamW
from nasmyth.train.published import FBNETV3

TINY = {"input": (3, 12, 12), "classes": 4, "width": 0.1, "deepest": 2, "resolutions": (8, 12)}


def genome_of(resolution, stem, stages):
    """stages: (width, layers, first kernel, first expansion, other kernels, other expansions)."""
    found = {"resolution": resolution, "stem": stem}
    for i, (out, depth, first_kernel, first_expand, kernel, expand) in enumerate(stages):
        at = f"stages[{i}]" if i == 6 else f"stages[{i}].first"
        found |= {f"width{i + 1}": out, f"{at}.kernel": first_kernel}
        if i < 6:
            found |= {f"stages[{i}].rest.count": depth - 1, f"kernel{i + 1}": kernel}
        if 0 < i < 6:
            found |= {f"{at}.expand": first_expand, f"expand{i + 1}": expand}
    return found


FBNETV3_A = genome_of(
    224,
    16,
    [
        (16, 2, 3, 1, 3, 1),
        (24, 4, 5, 4, 5, 2),
        (40, 5, 5, 5, 5, 3),
        (72, 5, 5, 5, 3, 3),
        (120, 6, 3, 5, 5, 3),
        (184, 6, 3, 6, 5, 4),
        (224, 1, 5, 6, 0, 0),
    ],
)


def test_size_by_hand():
    """Seven resolutions, five stems; the kernel of a first stage's other layers is a decision if it has any."""
    first = 5 * 2 * (1 + 3 * 2)
    others = [widths * depths * (2 * 4) * (2 * 4) for widths, depths in ((4, 4), (7, 4), (8, 5), (13, 5), (12, 5))]
    assert fbnetv3().size == 7 * 5 * first * math.prod(others) * (12 * 2)
    freed = fbnetv3(free=True).size
    assert freed == 4**7 * fbnetv3().size, "an activation and squeeze-excite or none, in seven stages"


def test_a_published_network():
    """FBNetV3-A: 8.6 M parameters."""
    graph = fbnetv3(input=(3, 224, 224)).decode(FBNETV3_A)
    assert params(graph) == pytest.approx(8.6e6, rel=0.001)


def test_recipes_are_searched_with_architectures():
    space = fbnetv3(**TINY, recipe=FBNETV3.replace(epochs=2))
    assert space.size == math.inf
    genome = space.sample(3)
    recipe, kind = space.recipe_of(genome), genome["recipe.optimizer"]
    assert isinstance(recipe, Recipe) and recipe.epochs == 2
    assert recipe.optimizer.lr == genome[f"recipe.optimizer:{kind}.lr"]
    alpha = recipe.augment[0].alpha
    other = space.changed(genome, {"recipe.augment[0].alpha": next(a for a in (0.0, 0.1) if a != alpha)})
    assert space.decode(other) == space.decode(genome) and space.recipe_of(other) != recipe
    check_space(space, samples=20)


def test_each_optimizer_has_a_range_of_rates_of_its_own():
    space = fbnetv3(**TINY, recipe=FBNETV3)
    drawn = [space.recipe_of(space.sample(seed)) for seed in range(200)]
    rates = {kind: [r.optimizer.lr for r in drawn if type(r.optimizer) is kind] for kind in (SGD, AdamW)}
    assert min(map(len, rates.values())) > 50
    assert max(rates[AdamW]) <= 0.02 < 0.5 < max(rates[SGD]) and min(rates[AdamW]) < 0.001 < 0.01 <= min(rates[SGD])
    assert {r.average for r in drawn} == {None, EMA(0.9999)} and len({r.optimizer.weight_decay for r in drawn}) == 15


def test_free_stages_choose_activation_and_squeeze_excite():
    space = fbnetv3(**TINY, free=True)
    kinds = set()
    for seed in range(10):
        nodes = space.decode(space.sample(seed)).nodes
        kinds |= {node.op.kind for node in nodes if type(node.op).__name__ == "Activation"}
    assert {"relu", "hardswish"} <= kinds
    fixed = {type(node.op).__name__ for node in fbnetv3(**TINY).decode(fbnetv3(**TINY).sample(0)).nodes}
    assert "Multiply" in fixed, "the published stages have squeeze-excite"


def test_stochastic_depth_may_be_a_hole():
    space = fbnetv3(**TINY, drop_path=choice(0.0, 0.1, name="drop_path"))
    genome = space.sample(0)
    assert genome["drop_path"] in (0.0, 0.1)
    dropping = space.decode({**genome, "drop_path": 0.1})
    assert params(dropping) == params(space.decode({**genome, "drop_path": 0.0}))


def test_deepest_bounds_every_stage():
    depths = [one.count for key, one in fbnetv3(deepest=5).holes.items() if key.endswith("rest.count")]
    assert depths == [4, 2, 2, 2, 5], "1 to 4; 4 or 5, three times; 1 to 5 in place of 6 to 10; then always 5"
