"""Studies: an append-only journal, and asking, telling, running and reading on top of it. Nothing here needs torch."""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING

from nasmyth.study.events import Event, event
from nasmyth.study.journal import Conflict, Journal
from nasmyth.study.outcome import Outcome
from nasmyth.study.study import Study
from nasmyth.study.summary import summary
from nasmyth.study.trial import Failure, Objective, Trial

if TYPE_CHECKING:
    from nasmyth.study.cluster import Ray
    from nasmyth.study.executors import Here
    from nasmyth.study.pool import Processes

_WHERE = {"Here": "executors", "Processes": "pool", "Ray": "cluster"}

__all__ = ["Conflict", "Event", "Failure", "Here", "Journal", "Objective", "Outcome", "Processes", "Ray", "Study", "Trial",
           "event", "summary"]  # fmt: skip


def __getattr__(name: str) -> object:
    if name in _WHERE:
        return getattr(_import_module(f"nasmyth.study.{_WHERE[name]}"), name)
    raise AttributeError(f"module 'nasmyth.study' has no attribute {name!r}")
