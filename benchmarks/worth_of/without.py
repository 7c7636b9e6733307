"""A design with one of its parts switched off: `PART` and then what `nasmyth` is told on the console.

What is switched off decides in this process, not in those that train, so it is enough to replace it here.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable


def starts() -> None:
    """Hand-designed networks beside the plain one."""
    from nasmyth.domains import Domain

    Domain.known = lambda *given: []  # type: ignore[method-assign]


def fixed() -> None:
    """One recipe for all: others are searched with the networks, as `design(recipe="search")` does."""
    from nasmyth.funnel.designer import Designer

    Designer.search_recipe = property(lambda *given: True, lambda *given: None)  # type: ignore[assignment]


def search() -> None:
    """All that is proposed after the starts: what is left of the time is theirs."""
    from nasmyth.funnel import designer

    made = designer.Funnel
    designer.Funnel = lambda plan, explore, *more: made(plan, None, *more)  # type: ignore[misc,assignment]


def weights() -> None:
    """Going on from the weights of the rung below: every training is anew."""
    from nasmyth.funnel.strategy import Funnel

    Funnel._parent = lambda *given: None  # type: ignore[method-assign]


def losses() -> None:
    """What losses say of scores: the best score in validation counts."""
    from nasmyth.funnel import estimate

    estimate.FEWEST = math.inf  # type: ignore[assignment]


def shares() -> None:
    """More time for the end where it is short: the same share always, and a core for each training."""
    from nasmyth.funnel import planner

    planner.final_share = lambda recommended, left: planner.FINAL  # type: ignore[assignment]
    planner.speedup = lambda *given: 1.0  # type: ignore[assignment]


def longer() -> None:
    """Going on after the end, where there is time: others are trained to the end instead."""
    from nasmyth.funnel.strategy import Funnel

    Funnel._longer = lambda *given: None  # type: ignore[method-assign]


def unscored() -> None:
    """Training all that is proposed: scores of untrained networks choose among it, where they prove themselves."""
    from nasmyth.funnel.designer import Designer

    names = ("jacov", "trainability", "progressivity")
    Designer.scores = property(lambda *given: names, lambda *given: None)  # type: ignore[assignment]


PARTS: dict[str, Callable[[], None]] = {
    part.__name__: part for part in (starts, fixed, search, weights, losses, shares, longer, unscored)
}


def main() -> None:
    """The console of this checkout, without a part."""
    PARTS[sys.argv.pop(1)]()
    from nasmyth.cli import main as console

    console()


if __name__ == "__main__":
    main()
