"""Data sets known by name: those that scikit-learn carries, so that everything can be tried without a download."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nasmyth.domains.sources.raw import Part, Raw, Reader, limited, readers
from nasmyth.errors import require
from nasmyth.registry import Registry, instance


@dataclass(frozen=True)
class Known:
    """A data set with a name: one line about it, and how to load it."""

    about: str
    load: Callable[[], Raw]


data: Registry[Known] = Registry("data", instance(Known, "a Known"))


def _digits() -> Raw:
    bunch = require("sklearn.datasets", extra="data").load_digits()
    return Raw("digits", Part(bunch.images, bunch.target), targets=("digit",))


def _table(name: str, target: str, **how: Any) -> Callable[[], Raw]:
    def load() -> Raw:
        require("pandas", extra="data")
        bunch = getattr(require("sklearn.datasets", extra="data"), f"load_{name}")(as_frame=True, **how)
        classes = tuple(str(label) for label in getattr(bunch, "target_names", ()))
        return Raw(name, Part(bunch.data, bunch.target.to_numpy()), classes=classes, targets=(target,))

    return load


data.add("digits", Known("1,797 handwritten digits, 8x8 gray; 10 classes", _digits))
data.add("iris", Known("150 flowers, 4 measurements; 3 species", _table("iris", "species")))
data.add("wine", Known("178 wines, 13 chemical measurements; 3 growers", _table("wine", "grower")))
data.add("breast_cancer", Known("569 tumours, 30 measurements; 2 classes", _table("breast_cancer", "diagnosis")))
# By default scikit-learn standardises with figures of the whole set, the future test part included: take the raw one.
data.add(
    "diabetes",
    Known(
        "442 patients, 10 measurements; disease progression (regression)",
        _table("diabetes", "progression", scaled=False),
    ),
)

readers.add(
    "known",
    Reader(
        "a known name: " + ", ".join(data.names()),
        lambda source: isinstance(source, str) and source in data,
        lambda source, options: limited(data.get(source).load(), options),
    ),
)
