"""Tables: rows of numbers, categories and dates, with a target column or several."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from nasmyth.domains.columns import Kinds, column_kinds
from nasmyth.domains.domain import Domain, assemble, domains
from nasmyth.domains.labels import settle
from nasmyth.domains.series import said_of_series
from nasmyth.domains.sources import Options, Part, Raw
from nasmyth.domains.splits import split
from nasmyth.domains.starts import Sized
from nasmyth.domains.text import is_text
from nasmyth.errors import DataError, require
from nasmyth.record import utf8_text

if TYPE_CHECKING:
    from nasmyth.forms.inputs import TableInput
    from nasmyth.measure import Constraint
    from nasmyth.space import Genome, Space
    from nasmyth.train.recipe import Recipe
    from nasmyth.train.task import Task

KNOTS, FEWEST_KNOTS, ROWS_A_KNOT = 32, 10, 30
"""Numbers are warped by so many of their quantiles, which tames heavy tails: fewer of fewer rows, and none of very few."""


FEW = 5_000
"""With fewer rows, rates are lower and batches smaller."""
BATCHES = ((100_000, 1024), (20_000, 512), (FEW, 256), (-1, 32))
"""Rows above which a batch has so many of them."""


class Tabular(Domain):
    """Classification and regression from the rows of a table."""

    name = "tabular"
    about = "a table: a DataFrame, or x of N F numbers or texts"
    kinds = tuple(f"{body}{columns}" for columns in ("", "-bins", "-waves") for body in ("mlp", "resnet", "tabm"))

    def accepts(self, raw: Raw) -> bool:
        """DataFrames, and arrays with one or two axes."""
        x = raw.train.x
        if is_text(x):
            return False
        return hasattr(x, "columns") or (isinstance(x, np.ndarray) and x.ndim in (1, 2) and x.dtype.kind in "buifOUST")

    def suits(self, task: Task) -> bool:
        """Tasks whose inputs are a TableInput."""
        from nasmyth.forms.inputs import TableInput

        return isinstance(task.inputs, TableInput)

    def task(self, raw: Raw, options: Options) -> Task:
        """Rows stored as float32; kinds of columns, scales and vocabularies are those of the training split."""
        require("pandas", extra="data")
        if options.size is not None:
            raise DataError(f"{raw.name} is a table, and size= (--size) is the size of images; leave it out")
        raw = raw.replace(**{name: Part(as_frame(part.x), part.y) for name, part in raw.parts.items()})
        _same_columns(raw)
        settled = settle(raw, options, pictures=False)
        raw = split(settled, options.seed)
        kinds = column_kinds(raw.train.x)
        inputs = fit(raw.train.x, kinds, raw.name)
        return assemble(raw.replace(note=_said(raw, kinds, inputs)), inputs, settled)

    def space(self, task: Task) -> Space:
        from nasmyth.spaces.tabular import tables

        return tables(_cardinalities(task), task.outputs.size, "classes" if task.classes else "values")

    def plain(self, task: Task, width: int) -> Genome:
        from nasmyth.spaces.tabular import plain

        return plain(width, _cardinalities(task))

    def problem(self, task: Task, plain: Genome) -> str:
        """Whether there are few rows, and whether there are columns of numbers at all."""
        if 0 not in _cardinalities(task):
            return "categories"
        return "few" if len(task.train) <= FEW else "many"

    def sized(self, task: Task, limits: Sequence[Constraint], plain: Genome) -> Sized:
        """The kinds of `table_kinds.py`."""
        from nasmyth.domains.table_kinds import sized

        return partial(sized, task=task, space=self.space(task), limits=limits)

    def recipe(self, task: Task) -> Recipe:
        """AdamW at a high rate, with clipped gradients: of tables of tens of thousands of rows, the error at three to eight
        times the usual rate is smaller by a tenth and more, and decay matters little."""
        from nasmyth.train import EMA, AdamW, Recipe

        rows = len(task.train)
        return Recipe(
            optimizer=AdamW(lr=6e-3 if rows > FEW else 2e-3, weight_decay=1e-2),
            epochs=max(20, min(100, 1_000_000 // max(1, rows))),
            batch=next(batch for least, batch in BATCHES if rows > least),
            average=EMA(0.999),
            clip=1.0,
        )


def _cardinalities(task: Task) -> tuple[int, ...]:
    from nasmyth.forms.inputs import TableInput

    assert isinstance(task.inputs, TableInput)  # `suits` has said so
    return task.inputs.cardinalities


def as_frame(x: Any) -> Any:
    """A DataFrame with text for column names; the columns of an array are x0, x1, ..."""
    import pandas as pd

    if hasattr(x, "columns"):
        return x.set_axis([utf8_text(str(name)) for name in x.columns], axis=1)
    x = x.reshape(len(x), -1)
    return pd.DataFrame(x, columns=[f"x{i}" for i in range(x.shape[1])])


def fit(frame: Any, kinds: Kinds, name: str) -> TableInput:
    """What a row is, fitted on a DataFrame of training rows."""
    from nasmyth.forms.dates import PARTS, date_part
    from nasmyth.forms.fitting import fit_table_input
    from nasmyth.forms.raw import numbers_of, values_of

    if not (kinds.numbers or kinds.categories or kinds.dates):
        raise DataError(f"{name}: no column is left to learn from; {'; '.join(kinds.notes)}")
    columns = dict(frame.items())  # a DataFrame takes its time to find each
    ready = {c: numbers_of(c, values_of(columns[c]), kinds.notations.get(c, "")) for c in kinds.numbers}
    for column in kinds.dates:
        values = columns[column].to_numpy(dtype=object)
        ready |= {f"{column}.{part}": date_part(values, part) for part in PARTS}
    ready |= {column: columns[column] for column in kinds.categories}
    knots = min(KNOTS, len(frame) // ROWS_A_KNOT)
    inputs = fit_table_input(ready, categories=kinds.categories, knots=knots if knots >= FEWEST_KNOTS else 0)
    return inputs.replace(columns=[c.replace(notation=kinds.notations.get(c.name, "")) for c in inputs.columns])


def _same_columns(raw: Raw) -> None:
    expected = list(raw.train.x.columns)
    for name, part in raw.parts.items():
        absent = [column for column in expected if column not in part.x.columns]
        if absent:
            raise DataError(
                f"{raw.name}: the {name} part has no column {absent[0]!r}, which training has; give both the same"
            )


def _said(raw: Raw, kinds: Kinds, inputs: TableInput) -> tuple[str, ...]:
    numbers = sum(column.kind == "number" for column in inputs.columns)
    plain = tuple(name for name in kinds.numbers if name not in kinds.notations)
    notes = [
        *kinds.notes,
        *said_of_series(raw.train.x, plain),
        f"columns: {numbers} of numbers, {len(inputs.columns) - numbers} of categories",
    ]
    used = set(kinds.numbers)
    infinite = [name for name, column in raw.train.x.items() if name in used and _is_infinite(column)]
    if infinite:
        notes.append(f"infinite values are taken as missing in: {', '.join(infinite)}")
    return tuple(notes)


def _is_infinite(column: Any) -> bool:
    import pandas as pd

    return pd.api.types.is_float_dtype(column.dtype) and bool(
        np.isinf(column.to_numpy(np.float64, na_value=np.nan)).any()
    )


TABULAR = domains.add(Tabular.name, Tabular())
