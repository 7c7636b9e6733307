"""A space as a Gymnasium environment: its contract, its rewards, and an agent of another library that learns in it."""

import math
import sys
from random import Random as Generator
from statistics import mean

import numpy as np
import pytest
from core_toys import SHAPE, Tag, Wide
from test_strategies import SPACES

from nasmyth.errors import MissingExtraError, OutOfMemory
from nasmyth.graph import chain
from nasmyth.measure import macs, params
from nasmyth.search.reinforce.steps import plan_of
from nasmyth.space import Space, choice

pytest.importorskip("gymnasium", reason="pip install 'nasmyth[gym]'")
from nasmyth.search.reinforce.environment import Environment

LINE = Space(chain(*(Tag(i, choice(0, 1, 2, 3)) for i in range(6))), SHAPE)
UNEVEN = Space(chain(Wide(choice(4, 8, 16, 32)), Tag(choice(1, 2)), Wide(8)), SHAPE)


def total(genome):
    return float(sum(genome.values())) / 18


def episode(environment, choose, seed=None):
    """Its rewards, and what was told at its end."""
    seen, told = environment.reset(seed=seed)
    rewards, over = [], False
    while not over:
        assert environment.observation_space.contains(seen)
        seen, reward, over, cut, told = environment.step(choose(told["action_mask"]))
        rewards.append(reward)
        assert not cut
    return rewards, told


def at_random(rng):
    return lambda mask: rng.randrange(len(mask))


@pytest.mark.parametrize("space", [LINE, *SPACES.values()], ids=["line", *SPACES])
def test_gymnasium_finds_nothing_wrong(space):
    from gymnasium.utils.env_checker import check_env

    with pytest.warns(UserWarning, match="alternative render modes") as told:  # as it is in no registry of Gymnasium's
        check_env(Environment(space, lambda genome: float(len(genome))))
    assert len(told) == 1


@pytest.mark.parametrize("space", [LINE, *SPACES.values()], ids=["line", *SPACES])
def test_an_episode_makes_a_genome_by_its_steps(space):
    environment, rng = Environment(space, lambda genome: 1.0 + len(genome)), Generator(0)
    for seed in range(10):
        rewards, told = episode(environment, at_random(rng), seed)
        genome = told["genome"]
        assert space.validate(genome) == genome
        assert len(rewards) == max(1, len(plan_of(space).read(genome)))
        assert rewards[-1] == (1.0 + len(genome) if space.meets(genome) else rewards[-1]) and not any(rewards[:-1])


def test_every_genome_can_be_made_and_is_seen():
    """By the actions that the mask allows; and what is seen before the last step tells the genome but for one decision."""
    made, seen = set(), set()
    for first in range(4):
        for second in range(2):
            environment = Environment(UNEVEN, params)
            environment.reset(seed=0)
            observation, _, over, _, told = environment.step(first)
            assert told["action_mask"].tolist() == [1, 1, 0, 0] and not over
            seen.add(observation.tobytes())
            *_, told = environment.step(second)
            made.add(tuple(told["genome"].values()))
    assert made == {tuple(genome.values()) for genome in UNEVEN.enumerate()} and len(seen) == 4


def test_an_action_too_large_is_another():
    ends = []
    for second in (1, 3):
        environment = Environment(UNEVEN, params)
        environment.reset()
        environment.step(2)
        ends.append(environment.step(second)[-1]["genome"])
    assert ends[0] == ends[1]


def test_measures_and_constraints():
    """Less of a cost is better; what breaks a constraint gets what was worst so far, or what was said."""
    bound = sorted(params(UNEVEN.decode(genome)) for genome in UNEVEN.enumerate())[4]
    for failed in (None, -7.0):
        environment, rng = Environment(UNEVEN, "macs", under=[params <= bound], failed=failed), Generator(1)
        worst, over = 0.0, 0
        for seed in range(30):
            rewards, told = episode(environment, at_random(rng), seed)
            graph = UNEVEN.decode(told["genome"])
            if params(graph) <= bound:
                assert rewards[-1] == -macs(graph)
                worst = min(worst, rewards[-1])
            else:
                assert rewards[-1] == (worst if failed is None else failed)
                over += 1
        reward, genome = environment.best
        within = [one for one in UNEVEN.enumerate() if params(UNEVEN.decode(one)) <= bound]
        assert over and reward == max(-macs(UNEVEN.decode(one)) for one in within)
        assert -macs(UNEVEN.decode(genome)) == reward


def test_a_failure_is_an_outcome():
    def fails(genome):
        if genome["[0].factor"] == 0:
            raise OutOfMemory("too large")
        return math.nan if genome["[0].factor"] == 1 else 5.0

    environment = Environment(LINE, fails, failed=-1.0)
    for first, reward in ((0, -1.0), (1, -1.0), (2, 5.0)):
        environment.reset(seed=0)
        for action in (first, 0, 0, 0, 0):
            environment.step(action)
        assert environment.step(0)[1] == reward


class NoGymnasium:
    """Finds all modules as if that one was not installed."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "gymnasium":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def test_without_gymnasium_it_says_which_extra_has_it(monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "gymnasium"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "nasmyth.search.reinforce.environment")
    monkeypatch.setattr(sys, "meta_path", [NoGymnasium, *sys.meta_path])
    with pytest.raises(MissingExtraError, match=r"pip install 'nasmyth\[gym\]'"):
        __import__("nasmyth.search.reinforce.environment")


def test_an_agent_of_stable_baselines_learns():
    """PPO of Stable-Baselines3, in a hundred episodes or so: what it makes then is better than what chance makes, which is half
    of the best on average."""
    agents = pytest.importorskip("stable_baselines3", reason="pip install stable-baselines3")
    environment = Environment(LINE, total)
    settings = {"n_steps": 64, "batch_size": 64, "n_epochs": 5, "learning_rate": 1e-2, "seed": 0, "device": "cpu"}
    agent = agents.PPO("MlpPolicy", environment, **settings).learn(768)
    made = []
    for seed in range(20):
        seen, _ = environment.reset(seed=seed)
        over = False
        while not over:
            action, _ = agent.predict(seen)
            seen, reward, over, *_ = environment.step(action)
        made.append(reward)
    chance = [total(LINE.sample(seed)) for seed in range(200)]
    assert mean(chance) == pytest.approx(0.5, abs=0.05)
    assert mean(made) > 0.5 + 4 * np.std(chance) / math.sqrt(20) and environment.best[0] > 0.9
