"""A recipe with holes: its first decisions train as the recipe does, and any others are recipes."""

import json
import random
import subprocess
import sys

from toys import convnet, same, weights

from nasmyth.domains import domain_for
from nasmyth.graph import chain
from nasmyth.ops import Linear, Mean
from nasmyth.record import to_json
from nasmyth.space import Space
from nasmyth.train import EMA, AdamW, Cosine, Crop, Flip, Recipe, fit
from nasmyth.train.recipe_space import recipe_space


def space_of(recipe):
    return Space(chain(Mean("h w"), Linear(10)), (1, 8, 8), recipe=recipe)


def first_of(recipe):
    """The recipe of the first decisions."""
    space = space_of(recipe)
    return space.recipe_of(space.changed({}, {}))


def trained(digits, recipe):
    network = convnet()
    fit(network, digits, recipe, epochs=0.3, device="cpu")
    return weights(network)


def test_the_first_decisions_train_as_the_recipe(digits):
    domain = domain_for(digits)
    own = Recipe(AdamW(lr=0.01), Cosine(0.2), (Flip(), Crop(1)), epochs=3, batch=64, average=EMA(0.9))
    for recipe, holes in ((domain.recipe(digits), domain.recipe_space(digits)), (own, recipe_space(own))):
        assert same(trained(digits, recipe), trained(digits, first_of(holes)))


def test_any_decisions_are_a_recipe_that_trains(digits):
    holes = domain_for(digits).recipe_space(digits)
    space = space_of(holes)
    seen = set()
    for seed in range(30):
        recipe = space.recipe_of(space.sample(random.Random(seed)))
        assert isinstance(recipe, Recipe)
        seen.add(recipe)
    assert len(seen) > 20
    trained(digits, recipe.replace(batch=64))


def test_a_recipe_space_is_read_in_a_process_that_knows_recipes_alone(digits):
    text = json.dumps(to_json(domain_for(digits).recipe_space(digits)))
    lines = ("import json, sys, nasmyth.space, nasmyth.train.recipe", "from nasmyth.record import from_json")
    read = "; ".join((*lines, "print(from_json(json.load(sys.stdin)))"))
    told = subprocess.run([sys.executable, "-c", read], input=text, capture_output=True, text=True, check=True)
    assert told.stdout.startswith("Recipe(") and "RandAugment" in told.stdout
