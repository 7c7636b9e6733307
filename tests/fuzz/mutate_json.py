"""JSON that is nearly right: a copy of a document with one to four things in it changed, as errors and enemies would."""

import copy
from random import Random
from typing import Any

ODD: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2, 3, 7, 255, 10**6, 2**31, 2**63, 10**12, -(10**12), 10**30),
    *(0.0, -0.5, 1.5, 1e-300, 1e308, float("inf"), float("nan")),
    *("", "x", "0", "²", "input 0", "3\n  import os", '"""', "\\", "\x00", "../x", "b c h w", "call aten.save.default"),
    *([], {}, [[]], [0], [-1], [1, 2, 3], {"$": "Conv"}, {"$": "Op"},
        {"$": "Repeat", "count": 10**9, "body": {"$": "Identity"}}),
)  # fmt: skip
"""What may stand where something else belongs."""


def mutated(data: Any, rng: Random) -> Any:
    """A copy of a JSON document with one to four places changed. The document itself stays as it is."""
    document = [copy.deepcopy(data)]  # in a list, so that all of it can be replaced, too
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        _change(rng.choice(list(_places(document))), rng, document)
    if rng.random() < 0.05:  # last, since what is so deep cannot be copied
        _bury(rng.choice(list(_places(document))), rng)
    return document[0]


def _places(part: Any, depth: int = 0) -> Any:
    """Every container with every key in it."""
    keys = list(part) if isinstance(part, dict) else range(len(part)) if isinstance(part, list) else ()
    for key in keys:
        yield part, key
        if depth < 40:
            yield from _places(part[key], depth + 1)


def _change(place: tuple[Any, Any], rng: Random, document: Any) -> None:
    part, key = place
    value = part[key]
    kind = rng.randrange(7)
    if kind == 0:
        part[key] = copy.deepcopy(rng.choice(ODD))
    elif kind == 1:
        part[key] = _near(value, rng)
    elif kind == 2 and len(part) > (part is document):
        del part[key]
    elif kind == 3:  # something from elsewhere in the document
        other, at = rng.choice(list(_places(document)))
        part[key] = copy.deepcopy(other[at])
    elif kind == 4 and isinstance(part, dict):
        part[rng.choice((str(key) + "x", "$", "cls", "self", "name", ""))] = part.pop(key)
    elif kind == 5 and isinstance(value, list) and value:
        value.extend(copy.deepcopy(value[: rng.randrange(1, 4)]))
    else:
        part[key] = copy.deepcopy(rng.choice(ODD))


def _bury(place: tuple[Any, Any], rng: Random) -> None:
    part, key = place
    chains = rng.random() < 0.5
    for _ in range(rng.choice((1, 10, 50, 60, 2000))):
        part[key] = {"$": "Chain", "items": [part[key]]} if chains else [part[key]]


def _near(value: Any, rng: Random) -> Any:
    if isinstance(value, bool) or value is None:
        return rng.choice((0, 1, "true", None, not value))
    if isinstance(value, (int, float)):
        return rng.choice(
            (
                -value,
                value + 1,
                value * 1000,
                value * 10**9,
                str(value),
                float(value) if abs(value) < 1e300 else 0,
                [value],
            )
        )
    if isinstance(value, str):
        at = rng.randrange(len(value) + 1)
        return rng.choice(
            (
                value[:at],
                value[at:],
                value + value,
                value[:at] + rng.choice("\n\"'\\.[]{}\x00é٣ ") + value[at:],
                value * 1000,
            )
        )
    if isinstance(value, list):
        return rng.choice((value[::-1], value * 2, value[:1], tuple_like(value)))
    return list(value.values())


def tuple_like(value: list[Any]) -> dict[str, Any]:
    """A list as an object with numbers for keys."""
    return {str(i): item for i, item in enumerate(value)}
