"""Nasmyth designs neural networks to fit your data, your device, your budget.

This page is the contents: every public name and the file that it lives in. Names are resolved on first use, so that
`import nasmyth` costs nothing and only what is used is loaded.
"""

import logging as _logging
from typing import TYPE_CHECKING as _TYPE_CHECKING

from nasmyth.contents import contents as _contents

__version__ = "0.2.0"
_logging.getLogger(__name__).addHandler(_logging.NullHandler())  # what is logged is shown by whoever asks for it

_CONTENTS = {
    "nasmyth.design": ["Found", "design"],
    "nasmyth.graph": ["Add", "Concat", "Graph", "Identity", "Multiply", "Op", "Zero", "block", "cell", "chain", "frames", "parallel",
                      "repeat", "residual", "stack_cells"],
    "nasmyth.ops": ["op"],
    "nasmyth.space": ["Space", "choice", "grammar", "integer", "maybe", "real", "subset", "symbol"],
    "nasmyth.network": ["Network", "build"],
    "nasmyth.tracing": ["trace"],
    "nasmyth.train": ["Recipe", "Task", "fit"],
    "nasmyth.domains": ["read"],
    "nasmyth.measure": ["Constraint", "Measure"],
    "nasmyth.search": ["Evolution", "Random", "Strategy"],
    "nasmyth.study": ["Journal", "Study"],
    "nasmyth.transform": ["scale"],
    "nasmyth.errors": ["BudgetError", "DataError", "NasmythError", "StudyError"],
}  # fmt: skip
_MODULES = ["blocks", "domains", "errors", "estimators", "export", "forms", "graph", "measure", "network", "ops", "progress", "record",
            "report", "search", "space", "spaces", "study", "testing", "tracing", "train", "units"]  # fmt: skip
_OPTIONAL = {"nasmyth.estimators": ["NasmythClassifier", "NasmythRegressor"]}
"""What needs an extra to be installed, and so is no part of `from nasmyth import *`."""

__all__ = ["__version__", *sorted(name for names in _CONTENTS.values() for name in names)]  # noqa: PLE0604  computed from the table above

if _TYPE_CHECKING:  # the same table for type checkers and editors
    from nasmyth.design import Found, design
    from nasmyth.domains import read
    from nasmyth.errors import BudgetError, DataError, NasmythError, StudyError
    from nasmyth.estimators import NasmythClassifier, NasmythRegressor
    from nasmyth.graph import (
        Add, Concat, Graph, Identity, Multiply, Op, Zero, block, cell, chain, frames, parallel, repeat, residual, stack_cells,
    )  # fmt: skip
    from nasmyth.measure import Constraint, Measure
    from nasmyth.network import Network, build
    from nasmyth.tracing import trace
    from nasmyth.ops import op
    from nasmyth.search import Evolution, Random, Strategy
    from nasmyth.space import Space, choice, grammar, integer, maybe, real, subset, symbol
    from nasmyth.study import Journal, Study
    from nasmyth.train import Recipe, Task, fit
    from nasmyth.transform import scale


__getattr__, _listed = _contents(__name__, {**_CONTENTS, **_OPTIONAL}, _MODULES)


def __dir__() -> list[str]:
    return sorted(["__version__", *_listed()])
