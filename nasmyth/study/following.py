"""Progress of a run: how many trials are closed, the best, and where the training is that goes on in this process."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from nasmyth.errors import NasmythError
from nasmyth.progress import Display, Progress, Step, shown, watching
from nasmyth.study.reader import StudyReader
from nasmyth.study.trial import Trial
from nasmyth.units import Spend


@contextmanager
def following(
    reader: StudyReader, progress: bool | Callable[[Trial], object] | None, spend: Spend
) -> Iterator[Callable[[Trial], object]]:
    """What is to be called with every trial that closes: the function given, or what keeps a display up to date."""
    if callable(progress) and not isinstance(progress, Display):
        yield progress
        return
    began = time.monotonic()
    with shown(progress) as display:
        now = Progress("searching", spend=spend)

        def closed(_: Trial | None = None) -> None:
            nonlocal now
            count = sum(trial.closed for trial in reader.trials)
            now = Progress("searching", count, figure(reader), time.monotonic() - began, spend)
            display(now)

        def stepped(step: Step) -> None:
            display(replace(now, step=step, spent=time.monotonic() - began))

        if type(display) is Display:  # shows nothing: then nothing is gathered
            yield lambda _: None
            return
        with watching(stepped):
            closed()
            yield closed
        display(replace(now, phase="done", spent=time.monotonic() - began))


def figure(reader: StudyReader) -> str:
    """The best so far by the first objective, such as "0.9611 accuracy"; nothing while there is none."""
    from nasmyth.measure import find

    best = reader.best
    if best is None:
        return ""
    name = reader.log.goals[0].name
    value = best.measures[name]
    try:
        return f"{find(name).show(value)} {name}"
    except NasmythError:
        return f"{value:.4g} {name}"
