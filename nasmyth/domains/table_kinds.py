"""Kinds of networks for tables, each as wide as the budget lets it be: a body over embeddings of the columns.

    mlp, resnet, tabm            bodies: layers, residual layers, and TabM    (Gorishniy et al. 2024, arXiv:2410.24210)
    tabm-bins, tabm-waves ...    over piecewise-linear encodings of numbers, or over sines and cosines  (2022, arXiv:2203.05556)

A budget of few parameters leaves little for embeddings and for factors and heads of members: there are three sizes of these,
and the largest is taken whose layers still are wide enough.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from nasmyth.domains.sizing import widest
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
COLUMNS = {"": LINEAR, "-bins": BINS, "-waves": PERIODIC}
BODIES = {"mlp": MLP, "resnet": RESIDUAL, "tabm": MEMBERS}


def sized(kind: str, share: float, *, task: Task, space: Space, limits: Iterable[Constraint]) -> Genome | None:
    """The genome of a kind: of the largest size whose layers are wide enough, with this share of the width that fits."""
    body, columns = KINDS[kind]
    widths = [width for width in (WIDTHS if body == RESIDUAL else range(4, WIDEST + 1)) if width <= WIDEST]
    for size in SIZES:
        family = _family(columns, body, size)
        found = widest(family, widths, space, task, limits)
        if found is not None and (found[0] >= size.least or size is SIZES[-1]):
            return family(max(width for width in widths if width <= max(share * found[0], widths[0])))
    return None


def _family(columns: int, body: int, size: Size) -> Callable[[int], Genome]:
    settings: dict[str, Any] = {"frequencies": size.frequencies} if columns == BINS else {}
    settings |= {"frequencies": max(4, size.frequencies // 2), "sigma": 0.3} if columns == PERIODIC else {}
    settings |= {"k": size.k, "dropout": 0.0} if body == MEMBERS else {"dropout": 0.1}

    def of_width(width: int) -> Genome:
        return genome(columns, body, size.embedding, width=width, **settings)

    return of_width


KINDS = {f"{body}{columns}": (BODIES[body], COLUMNS[columns]) for columns in COLUMNS for body in BODIES}
"""The body and the embedding of each."""
