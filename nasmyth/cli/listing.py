"""`nasmyth list`: what there is to choose from."""

from __future__ import annotations

import math
import re
from typing import Annotated, Any

import typer

from nasmyth.cli import options
from nasmyth.cli.console import only_results, print_json, print_table
from nasmyth.units import is_whole

KINDS = {
    "ops": ("nasmyth.ops", "nasmyth.graph.op"),
    "blocks": ("nasmyth.blocks", "nasmyth.graph.op"),
    "measures": ("nasmyth.measure.measure", "nasmyth.measure.measure"),
    "needs": ("nasmyth.measure.needs", "nasmyth.measure.needs"),
    "strategies": ("nasmyth.search", "nasmyth.search"),
    "parts": ("nasmyth.search", "nasmyth.search"),
    "spaces": ("nasmyth.spaces", "nasmyth.spaces"),
    "data": ("nasmyth.domains", "nasmyth.domains"),
    "domains": ("nasmyth.domains", "nasmyth.domains"),
    "readers": ("nasmyth.domains", "nasmyth.domains"),
}
"""Each kind: the module whose import registers everything, and the module that holds the registry of that name."""


def listing(
    kind: Annotated[str, typer.Argument(metavar="KIND", help=", ".join(KINDS))],
    json: options.Json = False,
) -> None:
    """List ops, blocks, measures, needs, strategies, their parts, spaces, data, domains or readers."""
    if kind not in KINDS:
        from nasmyth.errors import UnknownNameError, nearest

        raise UnknownNameError(f"nothing is listed under {kind!r}{nearest(kind, KINDS)} (there are {', '.join(KINDS)})")
    with only_results():
        rows = [{"name": name, **_told(kind, name, item)} for name, item in _registry(kind)]
    if json:
        print_json(rows)
        return
    rows = [{**row, **_readable(row)} for row in rows]
    heads = {
        "name": "name",
        "settings": "settings",
        "signature": "shapes",
        "unit": "unit",
        "better": "better",
        "size": "networks",
        "input": "input",
        "about": "what it is",
        "source": "source",
    }
    kept = [key for key in heads if any(row.get(key) for row in rows)]
    print_table([(heads[key], "left") for key in kept], [[row.get(key, "") for key in kept] for row in rows])


def _registry(kind: str) -> Any:
    from importlib import import_module

    filler, home = KINDS[kind]
    import_module(filler)
    return getattr(import_module(home), kind)


def _told(kind: str, name: str, item: Any) -> dict[str, Any]:
    """What there is to say of a registered object."""
    about = _first(str(getattr(item, "about", "") or item.__doc__ or "not described"))
    if kind == "spaces":
        return {**_extent(item), "about": _first(item.make.__doc__), "source": item.source}
    if kind in ("ops", "blocks"):
        sentence = item.signature if isinstance(item.signature, str) else "depends on its settings"
        return {"settings": _settings(item), "signature": sentence, "about": about}
    if kind in ("strategies", "parts"):
        return {"settings": _settings(item), "about": about}
    if kind == "measures":
        from nasmyth.forms.scores import LABEL
        from nasmyth.measure.measure import Family, Measure

        if not isinstance(item, Measure):  # a family, such as latency: measured at a place
            place, mark = getattr(item, "place", "cpu"), ":" if isinstance(item, Family) else "@"
            about = f"{about} Write {name}{mark}{place}."
            item = item if hasattr(item, "unit") else item(place)  # those of a file say it themselves
        elif item.of is not None:
            about += f" Of one class: {name}:{LABEL}."
        units = {"": "", "1": "", "raw": "the target's"}
        return {
            "unit": units.get(item.unit, item.unit),
            "better": {"min": "less", "max": "more"}[item.direction],
            "about": about,
        }
    return {"about": about}


def _extent(named: Any) -> dict[str, Any]:
    """How many networks a space holds, as digits that no reader rounds, and the shape of one example."""
    from nasmyth.errors import NasmythError

    try:
        space = named()
        size = space.size
        return {"size": "infinite" if size == math.inf else str(size), "input": space.inputs.to_json()}
    except (NasmythError, TypeError) as error:  # another package's fault must not take the list with it
        return {"size": f"cannot be made: {error}", "input": []}


def _readable(row: dict[str, Any]) -> dict[str, str]:
    """The size and the input of a space as people read them; nothing for other things."""
    size, input = row.get("size", ""), row.get("input")
    if is_whole(size):
        size = f"{int(size):,}" if int(size) < 10**6 else f"10^{math.log10(int(size)):.1f}"
    found = {"size": "countless" if size == "infinite" else size} if size else {}
    if input and isinstance(input[0], list):
        return {**found, "input": ", ".join(f"{name} {'×'.join(map(str, shape))}" for name, shape, _ in input)}
    return {**found, "input": "×".join(map(str, input))} if input else found


def _settings(item: Any) -> str:
    return ", ".join(name if name not in item.defaults else f"{name}={item.defaults[name]!r}" for name in item.fields)


def _first(text: str | None) -> str:
    """The first sentence or paragraph of a docstring, in one line."""
    return re.sub(r" \(see the (top of this )?file\)", "", " ".join((text or "").strip().split("\n\n")[0].split()))
