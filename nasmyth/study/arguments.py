"""What a study can be asked for: anything else is refused in a sentence, before there is a file."""

from __future__ import annotations

import operator
import os
from collections.abc import Iterable
from typing import Any

from nasmyth.errors import StudyError
from nasmyth.study.trial import Limit, Objective


def path_of(path: Any) -> str | os.PathLike[str] | None:
    """A file, a URL, or None for memory."""
    if path is None or isinstance(path, (str, os.PathLike)):
        return path
    raise StudyError(f"a study is kept in a file, such as 'study.db', at a postgresql:// URL, or in memory (None); "
                     f"got {path!r:.80}")  # fmt: skip


def space_of(space: Any) -> Any:
    """A space: what can sample and decode, and is known by a key."""
    if all(hasattr(space, name) for name in ("sample", "decode", "key")) and not isinstance(space, type):
        return space
    raise StudyError(f"a study searches a space of networks, such as Space(chain(...), input=(3, 32, 32)); got "
                     f"{space!r:.80}")  # fmt: skip


def seed_of(seed: Any) -> int:
    """A whole number."""
    try:
        if not isinstance(seed, bool):
            return operator.index(seed)
    except TypeError:
        pass
    raise StudyError(f"seed={seed!r:.80}: a seed is a whole number, such as seed=0")


def strategy_of(strategy: Any) -> Any:
    """A strategy, or the one of that name with its usual settings; random search for None."""
    from nasmyth.search import Random, strategies

    if strategy is None:
        return Random()
    if isinstance(strategy, str):
        return strategies.get(strategy)()
    if all(callable(getattr(strategy, name, None)) for name in ("init", "tell", "ask")):
        if not isinstance(strategy, type):
            return strategy
        raise StudyError(f"strategy={strategy.__name__}: that is the class; write {strategy.__name__}()")
    known = ", ".join(map(repr, strategies.names()))
    raise StudyError(
        f"strategy={strategy!r:.80}: give a strategy, such as Evolution(population=16), or a name: {known}"
    )


def whole(value: Any, name: str, example: int, least: int = 1) -> int:
    """A count that is at least so large."""
    try:
        if not isinstance(value, bool) and (count := operator.index(value)) >= least:
            return count
    except TypeError:
        pass
    raise StudyError(f"{name}={value!r:.80}: write a whole number of at least {least}, such as {name}={example}")


def listed(given: Any) -> list[Any]:
    """One or several goals or constraints as a list; none for None."""
    if given is None:
        return []
    one = isinstance(given, (str, Limit)) or not isinstance(given, Iterable) or is_pair(given)
    return [given] if one else list(given)


def is_pair(given: Any) -> bool:
    """Whether this is a goal with its direction: (measure, "max")."""
    return isinstance(given, Objective) or (
        isinstance(given, tuple) and len(given) == 2 and isinstance(given[1], str) and given[1] in ("max", "min")
    )
