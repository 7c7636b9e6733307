"""Studies: an append-only journal, and asking, telling, running and reading on top of it. Nothing here needs torch."""

from typing import TYPE_CHECKING

from nasmyth.contents import contents
from nasmyth.study.events import Event, event
from nasmyth.study.journal import Journal
from nasmyth.study.outcome import Outcome
from nasmyth.study.reader import StudyReader
from nasmyth.study.store import Conflict
from nasmyth.study.study import Study
from nasmyth.study.summary import summary
from nasmyth.study.trial import Failure, Objective, Trial

if TYPE_CHECKING:
    from nasmyth.study.cluster import Ray
    from nasmyth.study.executors import Here
    from nasmyth.study.pool import Processes
    from nasmyth.study.warm import Carried, warm_start

__all__ = ["Carried", "Conflict", "Event", "Failure", "Here", "Journal", "Objective", "Outcome", "Processes", "Ray", "Study", "StudyReader", "Trial",
           "event", "summary", "warm_start"]  # fmt: skip

__getattr__, __dir__ = contents(
    __name__, {"cluster": ("Ray",), "executors": ("Here",), "pool": ("Processes",), "warm": ("Carried", "warm_start")}
)
