"""What a verb is given: `digits.db#best`, `digits.db#12`, `net.safetensors`, `net.onnx`, `mine.py:space`, a registered
space."""

from __future__ import annotations

import importlib
from inspect import signature
from pathlib import Path
from typing import Any, NamedTuple

from nasmyth.cli.imports import import_noted
from nasmyth.cli.loading import lookup
from nasmyth.errors import SpaceError, StudyError, nearest
from nasmyth.units import is_whole

BEST, BASELINE = "best", "baseline"


class Address(NamedTuple):
    """A study, and which of its candidates: "best", "baseline", a number, or nothing."""

    study: str
    which: str

    @property
    def is_network(self) -> bool:
        """Whether it is a saved network, or an ONNX file, instead of a study."""
        return self.study.endswith((".safetensors", ".onnx"))


def parse(text: str) -> Address:
    """ "digits.db#best" in its parts. Raises StudyError for a candidate that cannot be meant, or no such file."""
    where, mark, which = text.rpartition("#")
    address = Address(where, which) if mark else Address(text, "")
    if mark and which not in (BEST, BASELINE) and not is_whole(which):
        hint = nearest(which, [BEST, BASELINE]) or "; write #best, #baseline or the number of a trial, such as #12"
        raise StudyError(f"{text}: no candidate is called {which!r}{hint}")
    if "://" not in address.study:
        _refuse_missing(Path(address.study))
    if mark and address.is_network:
        raise StudyError(f"{text}: a saved network holds one network; leave out #{which}")
    return address


def _refuse_missing(path: Path) -> None:
    if path.is_dir():
        raise StudyError(f"{path} is a folder; give a study (digits.db) or a saved network (net.safetensors)")
    if not path.exists():
        beside = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        raise StudyError(
            f"{path}: no such file{nearest(path.name, [n for n in beside if n.endswith(('.db', '.safetensors', '.onnx'))])}"
        )


def open_study(where: str) -> Any:
    """The study of that path or URL, to read; what its space is made of is imported."""
    from nasmyth.study import Study

    return Study.open(where)


def trial_of(study: Any, which: str) -> Any:
    """The trial that "best" (or nothing), "baseline" or a number means. Raises StudyError."""
    from nasmyth.report import facts

    if is_whole(which):
        number = int(which)
    else:
        summary = study.summary()
        found = summary["baseline"] if which == BASELINE else facts.winner(summary)
        if found is None:
            raise StudyError(
                "the study has no baseline"
                if which == BASELINE
                else "nothing within the budget was found yet; spend more on it"
            )
        number = found["number"]
    trials = {trial.number: trial for trial in study.trials}
    if number not in trials:
        raise StudyError(f"there is no trial {number}: the study has trials 1 to {max(trials, default=0)}")
    return trials[number]


def graph_of(study: Any, trial: Any) -> Any:
    """The architecture of a trial."""
    _import_parts()
    import_noted(study.header.get("made_of"))
    return trial.graph


def network_of(text: str) -> Any:
    """The network that an address means, with its weights. Raises StudyError where none were kept."""
    from nasmyth.network import Network
    from nasmyth.network.save import made_of

    address = parse(text)
    _import_parts()
    if address.is_network:
        if address.study.endswith(".onnx"):
            return Network.of(address.study)
        import_noted(made_of(address.study))
        return Network.load(address.study)
    with open_study(address.study) as study:
        trial = trial_of(study, address.which)
        if "weights" not in trial.artefacts:
            kept = [str(t.number) for t in study.trials if "weights" in t.artefacts]
            have = f"they are there for {', '.join(kept[-8:])}" if kept else "this study kept none"
            raise StudyError(f"{text}: the weights of trial {trial.number} were not kept ({have})")
        import_noted(study.header.get("made_of"))
        return Network.from_bytes(study.get(trial.artefacts["weights"]))


def _import_parts() -> None:
    """Import what networks and spaces of the library are made of, so that they can be read from a file."""
    for part in ("nasmyth.blocks", "nasmyth.ops", "nasmyth.forms.inputs", "nasmyth.forms.outputs"):
        importlib.import_module(part)


# --- spaces -----------------------------------------------------------------------------------------------------------


def space_of(text: str, input: Any = None) -> Any:
    """The space that "mine.py:space", "package.module:space" or a registered name means.

    The object may be a Space, a function without arguments that returns one, or a template, which is put on `input`.
    Raises SpaceError or UnknownNameError, which suggest the nearest.
    """
    from nasmyth.record import Value
    from nasmyth.space import Space

    found = lookup(text) if ":" in text or text.endswith(".py") else _registered(text, input)
    if callable(found) and not isinstance(found, (Space, Value)):
        found = found()
    if isinstance(found, Value) and not isinstance(found, Space):
        if input is None:
            raise SpaceError(
                f"{text} is a template: give it an input, Space(template, input=(3, 32, 32)), or give --data"
            )
        found = Space(found, input)
    if not isinstance(found, Space):
        raise SpaceError(f"{text} is a {type(found).__name__}; expected a Space, or a function that returns one")
    return found


MADE_BY_DOMAIN = {"tables": "tabular", "texts": "text"}
"""Registered spaces that need to know more of the data than its shape: which domain makes them."""


def space_for(text: str, task: Any) -> Any:
    """The space that a text means, of networks that answer such a task: with its inputs, and its number of classes.

    Raises as `space_of` does, and SpaceError for a registered space that cannot be made for such inputs.
    """
    if ":" in text or text.endswith(".py"):
        return space_of(text, task.input)
    from nasmyth.domains.domain import domain_for

    registered, domain = named(text), domain_for(task)
    if text in MADE_BY_DOMAIN and domain.name == MADE_BY_DOMAIN[text]:
        return domain.space(task)
    more = {"classes": task.outputs.size} if "classes" in signature(registered.make).parameters else {}
    try:
        if text in MADE_BY_DOMAIN:
            raise ValueError(f"it is for {MADE_BY_DOMAIN[text]} data, and this is {domain.name}")
        return registered(task.input, **more)
    except (ValueError, TypeError, IndexError, AttributeError) as error:
        raise SpaceError(f"{text} has no networks for {task.name}, whose inputs are {task.input}: {error}") from None


def _registered(name: str, input: Any) -> Any:
    registered = named(name)
    return registered(input) if input is not None else registered()


def named(name: str) -> Any:
    """What is registered as a space under that name. Raises UnknownNameError, or SpaceError for the name of a file."""
    from nasmyth.spaces import spaces

    if name not in spaces and Path(f"{name}.py").exists():
        raise SpaceError(f"{name}: to name an object in {name}.py write {name}.py:space")
    return spaces.get(name)
