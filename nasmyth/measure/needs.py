"""What measures need, and how each kind of need is made: once for a candidate, when the first measure asks for it.

    graph, recipe, seed, task, split     given with the candidate
    model         the network that is measured, where there is one already; else the graph. For what is timed
    network       built from the graph, with first weights, in evaluation mode
    batch         prepared inputs, as the network takes them (a tuple of several): for every candidate the same examples
    labels        the targets of these examples of the training split
    gradients     {parameter: the gradient of the loss of each of the first examples, N ...}, of the untrained network
    device        what times networks: the functions of `nasmyth.measure.timing`, on this machine
    training      the training: a `Trained`, its network and what `fit` told
    trained       the network alone, with its best weights

They are listed in the order of their price. What a measure needs, and what that needs in turn, says where in a funnel it
belongs: whoever evaluates asks the cheap ones first (`evaluate`). Another kind (the shared weights of a space, the file of
a predictor, a table) is a function of those that it takes:

    @need(takes=("graph",), price=0.001)
    def vector(graph): ...

It is then an argument of whichever measure needs it, `@measure(unit="", needs=("vector", "task"))`. A package offers one by
an entry point of the group `nasmyth.needs`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from nasmyth.registry import Registry


@dataclass(frozen=True)
class Need:
    """A kind of need. `make` is called with the needs that it takes, in their order; None for what is given.

    price: its place in the order of price, about the seconds that it takes. tells: figures of the candidate on the
    validation split that making it leaves, by the names of measures: they are not measured again.
    """

    name: str
    make: Callable[..., Any] | None
    takes: tuple[str, ...] = ()
    price: float = 0.0
    tells: Callable[[Any], Mapping[str, float]] | None = None

    @property
    def __wrapped__(self) -> Callable[..., Any] | None:
        return self.make

    @property
    def about(self) -> str:
        """What it is, for `nasmyth list needs`."""
        return "Given with the candidate." if self.make is None else self.make.__doc__ or ""


def _adopted(name: str, found: Any) -> Need:
    """What another package offers."""
    if isinstance(found, Need):
        return found
    raise TypeError(f"it must lead to a function under @need, and leads to {found!r}")


OURS = ("batch", "device", "gradients", "labels", "model", "network", "trained", "training")
"""Those of `made.py`, which is loaded when one of them is asked for."""
SCORED = ("backward", "forward", "jacobian", "noise")
"""Those of `scores/passes.py`."""
_FILES = dict.fromkeys(OURS, "nasmyth.measure.made") | dict.fromkeys(SCORED, "nasmyth.measure.scores.passes")
_FILES |= {"ntk": "nasmyth.measure.scores.teg", "patterns": "nasmyth.measure.scores.swap"}
needs: Registry[Need] = Registry("needs", _adopted, files=_FILES)


def need(
    name: str | None = None,
    *,
    takes: Iterable[str] = (),
    price: float,
    tells: Callable[[Any], Mapping[str, float]] | None = None,
) -> Callable[[Callable[..., Any]], Need]:
    """Register a function of other needs as a kind of need (see the top of this file). Raises UnknownNameError."""

    def define(make: Callable[..., Any]) -> Need:
        made = Need(name or make.__name__, make, known(takes), price, tells)
        return needs.add(made.name, made)

    return define


def known(names: Iterable[str]) -> tuple[str, ...]:
    """These names of needs. Raises UnknownNameError, which suggests the nearest, for what is none."""
    found = tuple(names)
    for name in found:
        if name not in needs:
            needs.get(name)  # which says so
    return found


def closure(names: Iterable[str]) -> frozenset[str]:
    """These needs, and all that they take."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(needs.get(name).takes)
    return frozenset(found)


for _name in ("graph", "recipe", "seed", "task", "split", "effort", "accelerator"):
    needs.add(_name, Need(_name, None))
