"""What this process writes to a journal is logged as well, under "nasmyth.study": INFO for results and phases, DEBUG
for the rest.

logging.basicConfig(level=logging.INFO)      # stages and results of trials, failures, phases, plans
logging.getLogger("nasmyth").setLevel(...)   # DEBUG adds proposals and what is kept; and epochs, under "nasmyth.train"
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from nasmyth.study.events import Event
from nasmyth.units import show

LOG = logging.getLogger("nasmyth.study")


def logged(events: Iterable[Event]) -> None:
    """Log events that were just written."""
    if not LOG.isEnabledFor(logging.INFO):
        return
    for one in events:
        level, message = said(one)
        LOG.log(level, "%s", message)


def said(event: Event) -> tuple[int, str]:
    """The level of an event, and what is said of it."""
    data, trial = event.data, f"trial {event.trial}"
    match event.kind:
        case "ask":
            return logging.DEBUG, f"{trial} proposed ({data.get('origin') or 'strategy'}): {data.get('genome')}"
        case "measured":
            took = show(data.get("seconds", 0.0), "s")
            return logging.INFO, f"{trial} at {data.get('stage')!r} in {took}: {_figures(data)}"
        case "tell":
            level = logging.INFO if data.get("measures") else logging.DEBUG  # its stages have said them
            return level, f"{trial} told in {show(data.get('seconds', 0.0), 's')}: {_figures(data)}"
        case "fail":
            return logging.INFO, f"{trial} failed: {data.get('reason')}: {data.get('message')}"
        case "artefact":
            return logging.DEBUG, f"{trial} keeps {data.get('name')}, {show(data.get('bytes', 0), 'B')}"
        case _:
            return _noted(data, "" if event.trial is None else f" ({trial})")


def _noted(data: Mapping[str, Any], about: str) -> tuple[int, str]:
    rest = {name: value for name, value in data.items() if name != "what"}
    if data.get("what") == "phase":
        return logging.INFO, f"{rest.get('name')}: {show(float(rest.get('seconds', 0.0)), 's')}"
    brief = {name: value for name, value in rest.items() if isinstance(value, str | int | float) and value != ""}
    return logging.INFO, f"{data.get('what')}{about}: {', '.join(f'{name} {value}' for name, value in brief.items())}"


def _figures(data: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value:.6g}" for name, value in data.get("measures", {}).items()) or "no figures"
