"""Searches that the contract of strategies has to carry, each in its shortest form: by growth, and by populations."""

from __future__ import annotations

from nasmyth.measure import params
from nasmyth.search import FULL, Proposal, Stage, Strategy, fitness
from nasmyth.search.strategy import WORST, distinct, hashable, out


def size(space, genome):
    """Parameters."""
    return params(space.decode(genome))


class Growth(Strategy):
    """Search by growth: the best go on as something larger, with their weights (Net2Net: Chen et al. 2016,
    arXiv:1511.05641).

    Begins with the smallest of a few random genomes; a child has one decision that makes it larger than its parent, in
    whose trained weights it starts.
    """

    among: int = 3

    def init(self, space):
        return ()

    def tell(self, state, trial):
        """The best, and for each what has grown out of it."""
        if fitness(trial) == WORST or not trial.stage.keep:  # nothing to start from
            return state
        return tuple(sorted((*state, (fitness(trial), trial.number, trial.genome)), key=lambda one: one[0]))[-8:]

    def ask(self, state, space, rng, n, pending):
        taken, asked = out(pending) | {hashable(genome) for *_, genome in state}, []
        for _, number, genome in reversed(state[-self.among :]):
            larger = [one for one in space.neighbours(genome) if size(space, one) > size(space, genome)]
            rng.shuffle(larger)
            for child in larger:
                if len(asked) < n and hashable(child) not in taken:
                    taken.add(hashable(child))
                    asked.append(Proposal(child, Stage("grown", 0.25, keep=True), parent=number, origin="growth"))

        def small():
            return min((space.sample(rng) for _ in range(8)), key=lambda one: size(space, one))

        return asked + [Proposal(one, Stage("seed", 0.25, keep=True)) for one in distinct(small, n - len(asked), taken)]


class PopulationBased(Strategy):
    """Population-based training: whoever falls behind takes the weights of one ahead, and changes how it trains.

    Jaderberg et al. 2017, arXiv:1711.09846: truncation selection, asynchronous. A member that is through a step goes on
    from its own state (its trial is the parent) or, in the last quarter of those through that step, from that of one in
    the first quarter (exploit) with a neighbouring genome (explore). The k-th told of a step is followed by the k-th of
    the next.
    """

    population: int = 8
    steps: int = 10

    def stage(self, step):
        return FULL if step == self.steps else Stage(f"step {step}", step / self.steps, keep=True)

    def init(self, space):
        return {}

    def tell(self, state, trial):
        name = trial.stage.name
        return {**state, name: (*state.get(name, ()), (fitness(trial), trial.number, trial.genome))}

    def ask(self, state, space, rng, n, pending):
        asked: list[Proposal] = []

        def begun(step):
            stages = [one.stage.name for one in (*pending, *asked) if one.genome is not None]
            return stages.count(self.stage(step).name) + len(state.get(self.stage(step).name, ()))

        size = begun(1) % self.population  # a new one when all members of the last are through
        room = self.population - size if size or begun(1) <= len(state.get(FULL.name, ())) else 0
        for genome in distinct(lambda: space.sample(rng), min(n, room), out(pending)):
            asked.append(Proposal(genome, self.stage(1)))
        for step in range(2, self.steps + 1):
            told = state.get(self.stage(step - 1).name, ())
            for member in told[begun(step) :]:
                if len(asked) < n:
                    asked.append(self._next(member, sorted(told, key=lambda one: one[0]), step, space, rng))
        return asked

    def _next(self, member, ranked, step, space, rng):
        quarter = max(1, len(ranked) // 4)
        if len(ranked) > 1 and member in ranked[:quarter]:
            member = rng.choice(ranked[-quarter:])
            explored = rng.choice([*space.neighbours(member[2])] or [member[2]])
        else:
            explored = member[2]
        alive = member[0] > WORST
        return Proposal(explored, self.stage(step), parent=member[1] if alive else None)
