"""Where a search for a table starts: kinds of network, each as wide as the budget lets it be.

    plain          linear embeddings and an MLP of two layers, the baseline
    tabm-bins      TabM over piecewise-linear encodings      (Gorishniy et al. 2024, arXiv:2410.24210; 2022, arXiv:2203.05556)
    mlp-bins       an MLP over them
    resnet-bins    residual layers over them
    tabm-waves     TabM over sines and cosines

A budget of few parameters leaves little for embeddings and for factors and heads of members: there are three sizes of these,
and the largest is taken whose layers still are wide enough.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from nasmyth.domains.sizing import widest
from nasmyth.domains.starts import Start
from nasmyth.spaces.tabular import BINS, LINEAR, MEMBERS, MLP, PERIODIC, RESIDUAL, WIDTHS, genome

if TYPE_CHECKING:
    from nasmyth.measure import Constraint
    from nasmyth.space import Genome, Space
    from nasmyth.train.task import Task


class Size(NamedTuple):
    """What stands around the layers: widths of embeddings, bins or sines of a number, members; and the least width that layers
    are to have then."""

    embedding: int
    frequencies: int
    k: int
    least: int


SIZES = (Size(8, 32, 16, 48), Size(4, 16, 8, 16), Size(2, 8, 4, 4))
WIDEST = 256
"""Of layers: on a CPU wider ones see too few epochs."""


def starts(task: Task, space: Space, under: Iterable[Constraint]) -> list[Start]:
    """The networks beside the plain one that fit the budget."""
    limits, found = list(under), []
    for name, columns, body in _kinds(task):
        fitting = _sized(columns, body, space, task, limits)
        if fitting is not None:
            found.append(Start(name, fitting))
    return found


def _kinds(task: Task) -> Iterator[tuple[str, int, int]]:
    if 0 in task.inputs.cardinalities:  # type: ignore[attr-defined]
        yield "tabm-bins", BINS, MEMBERS
        yield "mlp-bins", BINS, MLP
        yield "resnet-bins", BINS, RESIDUAL
        yield "tabm-waves", PERIODIC, MEMBERS
    else:
        yield "tabm", LINEAR, MEMBERS
        yield "resnet", LINEAR, RESIDUAL


def _sized(columns: int, body: int, space: Space, task: Task, limits: list[Constraint]) -> Genome | None:
    """The genome of a kind: of the largest size whose layers are wide enough, as wide as the limits let them be."""
    widths = WIDTHS if body == RESIDUAL else range(4, WIDEST + 1)
    for size in SIZES:
        found = widest(_family(columns, body, size), [w for w in widths if w <= WIDEST], space, task, limits)
        if found is not None and (found[0] >= size.least or size is SIZES[-1]):
            return found[1]
    return None


def _family(columns: int, body: int, size: Size) -> Callable[[int], Genome]:
    settings: dict[str, Any] = {"frequencies": size.frequencies} if columns == BINS else {}
    settings |= {"frequencies": max(4, size.frequencies // 2), "sigma": 0.3} if columns == PERIODIC else {}
    settings |= {"k": size.k, "dropout": 0.0} if body == MEMBERS else {"dropout": 0.1}

    def of_width(width: int) -> Genome:
        return genome(columns, body, size.embedding, width=width, **settings)

    return of_width
