"""A warm start from another study: its best trials as genomes of this space, and what was lost on the way.

    strategy, carried = warm_start("old.db", space, Evolution(population=16))
    print(carried)
    Study("new.db", space, strategy=strategy).run(task, trials=100)

The trials are read once. What is made of them is plain data in the strategy, and so in the header of the new study, which
therefore goes on whatever becomes of the old one: `begun` gives the strategy of a study that was warm started before.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from nasmyth.errors import StudyError
from nasmyth.record import Value, from_json
from nasmyth.search import Evolution, Start, Strategy, WarmStarted
from nasmyth.search.evolution import ranked
from nasmyth.search.strategy import fitness
from nasmyth.search.wrap.project import MEANING, Loss, project
from nasmyth.study import arguments
from nasmyth.study.events import HEADER
from nasmyth.study.header import differences, header, resolved
from nasmyth.study.journal import Journal
from nasmyth.study.log import identity
from nasmyth.study.proposals import Candidate, candidate
from nasmyth.study.reader import StudyReader
from nasmyth.study.trial import Trial

Trust = Literal["nothing", "values"]


class Carried(Value):
    """What a warm start took over of another study. Printed, it says so.

    finished: candidates with a result there. same, changed: how many of them are starts, as the networks that they were and
    as others. repeated: how many became a start that there was. unfit: how many are over the budget, or do not decode.
    losses: (decision, what became of it, in how many trials), most first.
    """

    source: str
    finished: int
    same: int = 0
    changed: int = 0
    repeated: int = 0
    unfit: int = 0
    losses: tuple[tuple[str, str, int], ...] = ()

    def __str__(self) -> str:
        looked = self.same + self.changed + self.repeated + self.unfit
        lines = [
            f"{self.source}: of {self.finished} finished candidates, the best {looked} were looked at: {self.same} are kept "
            f"as they are, {self.changed} had to be changed, {self.repeated} became one that was there, "
            f"{self.unfit} do not fit"
        ]
        lines += [f"  {key} {MEANING[what]} ({count} of {looked})" for key, what, count in self.losses]
        return "\n".join(lines)


def warm_start(
    old: Any,
    space: Any,
    inner: Strategy | None = None,
    *,
    most: int = 32,
    under: Iterable[Any] = (),
    trust: Trust = "nothing",
    maximize: Any = None,
    minimize: Any = (),
    task: Any = None,
) -> tuple[WarmStarted, Carried]:
    """The inner strategy, begun with the best of another study, and what was lost of those.

    old: a study, or its path. most: how many to begin with; different ones. under: the budget of the new study; what misses it
    is left out. trust: with "values", networks that are the same are not tried again, and the inner strategy is told what they
    had reached; then give the goals and the task of the new study as well, which have to be those of the old one.
    Raises StudyError if they are not, and for a path without a study.
    """
    most = arguments.whole(most, "most", 32)
    if trust not in ("nothing", "values"):
        raise StudyError(f"trust={trust!r}: nothing, or the 'values' that the old study found")
    reader = getattr(old, "reader", old)
    if isinstance(reader, StudyReader):
        reader.sync()
        return _read(reader, space, inner, most, under, trust, (maximize, minimize, task))
    with StudyReader.open(arguments.path_of(old) or "") as opened:
        return _read(opened, space, inner, most, under, trust, (maximize, minimize, task))


def _read(
    old: StudyReader, space: Any, inner: Strategy | None, most: int, under: Iterable[Any], trust: Trust, goals: Any
) -> tuple[WarmStarted, Carried]:
    maximize, minimize, task = goals
    wanted = resolved(maximize, minimize, under)
    if trust == "values":
        mine = header(wanted, space, inner, 0, task, "", None)
        if wrong := differences(old.header, {field: mine[field] for field in ("objectives", "under", "task")}):
            raise StudyError(
                f"{old.journal.where}: its values are not those of this search; {'; '.join(wrong)}. Trust nothing of it"
            )
    source = Path(old.journal.where or "memory").name
    starts, carried = _Carrying(getattr(old.space, "space", old.space), wanted.narrowed(space)).of(_best(old), most)
    return WarmStarted(inner or Evolution(), starts, trust, source), carried.replace(source=source)


def _best(old: StudyReader) -> list[Trial]:
    """What has a result, the best first: what was trained in full before the rest, of equals the earlier."""
    done = [
        t for t in old.log.furthest() if t.finished and t.genome is not None and all(map(math.isfinite, t.objectives))
    ]
    keys = [key for _, key in ranked([(trial.genome or {}, fitness(trial)) for trial in done])]
    order = sorted(range(len(done)), key=lambda i: (done[i].full, keys[i], -done[i].number), reverse=True)
    return [done[i] for i in order]


class _Carrying:
    """Trials of one space on their way to another."""

    def __init__(self, old: Any, new: Any) -> None:
        self.old, self.new = old, new
        self.starts: dict[str, Start] = {}
        self.counts: Counter[str] = Counter()
        self.losses: Counter[Loss] = Counter()

    def of(self, trials: list[Trial], most: int) -> tuple[tuple[Start, ...], Carried]:
        for trial in trials:
            if len(self.starts) < most:
                self._take(trial)
        losses = tuple((key, what, count) for (key, what), count in self.losses.most_common())
        return tuple(self.starts.values()), Carried("", len(trials), **self.counts, losses=losses)

    def _take(self, trial: Trial) -> None:
        genome, losses = project(trial.genome or {}, self.old, self.new)
        now = candidate(self.new, genome, "")
        same = now.error is None and _known_by(now) == _known_by(candidate(self.old, trial.genome or {}, ""))
        if not same:
            self.losses.update(losses)
        if now.error is not None or not self.new.meets(genome):
            self.counts["unfit"] += 1
        elif _known_by(now) in self.starts:
            self.counts["repeated"] += 1
        else:
            self.counts["same" if same else "changed"] += 1
            usable = trial.full and math.isfinite(trial.violation)
            told = (trial.objectives, trial.violation) if usable else ((), 0.0)
            self.starts[_known_by(now)] = Start(tuple(genome.items()), *told, same)


def _known_by(one: Candidate) -> str:
    return identity(one.key, one.recipe)


def begun(path: str | os.PathLike[str], inner: Strategy, old: str | os.PathLike[str]) -> WarmStarted | None:
    """The strategy of the study in this file, if that is the inner one, warm started from a study of this name."""
    if "://" in os.fspath(path) or not Path(path).expanduser().exists():
        return None
    with Journal(path, readonly=True) as journal:
        said = next((one.data.get("strategy") for one in journal.read() if one.kind == HEADER), None)
    if not isinstance(said, dict) or said.get("$") != WarmStarted.__name__:
        return None
    kept = from_json(said)
    return kept if kept.inner is inner and kept.source == Path(old).name else None
