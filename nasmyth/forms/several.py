"""Several inputs together, each of its own kind."""

from __future__ import annotations

from typing import Any

from torch import nn

from nasmyth.errors import DataError
from nasmyth.forms.form import InputForm
from nasmyth.graph.inputs import Inputs, Spec, checked_inputs


class NamedInputs(InputForm):
    """Several inputs together, each of its own kind: (("picture", ImageInput(...)), ("words", TokenInput(...))).

    The first flows into the network; ops read the others by name. What an input itself has several of goes by both names.
    """

    inputs: tuple[Any, ...]

    def check(self) -> None:
        named = all(isinstance(p, tuple) and len(p) == 2 and isinstance(p[1], InputForm) for p in self.inputs)
        if not self.inputs or not named or len(dict(self.inputs)) < len(self.inputs):
            raise DataError(
                "inputs are pairs of a name and what is read, such as (('x', ImageInput(...)), ('row', TableInput(...)))"
            )
        for name, form in self.inputs:
            if hasattr(form, "parts"):
                raise DataError(f"{name}: {type(form).__name__} has several parts itself, and is no part of others")

    @property
    def parts(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.inputs)

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.inputs[0][1].shape)

    @property
    def spec(self) -> Inputs:
        found = {}
        for name, form in self.inputs:
            for i, entry in enumerate(form.spec):
                found[name if i == 0 else entry.name if entry.name not in found else f"{name}_{entry.name}"] = Spec(
                    *entry[1:]
                )
        return checked_inputs(found)

    @property
    def codes(self) -> bool:
        return bool(self.inputs[0][1].codes)

    @property
    def mixes(self) -> bool:
        return all(form.mixes for _, form in self.inputs)

    @property
    def unseen(self) -> NamedInputs:
        return NamedInputs(tuple((name, form.unseen) for name, form in self.inputs))

    def _each(self, raw: Any, method: str) -> dict[str, Any]:
        if not isinstance(raw, dict) or not set(self.parts) <= set(raw):
            raise DataError(f"this network takes {', '.join(map(repr, self.parts))}: give a dict with each of them")
        return {name: getattr(form, method)(raw[name]) for name, form in self.inputs}

    def encode(self, raw: Any) -> dict[str, Any]:
        """A dict of raw inputs to a dict of stored ones."""
        return self._each(raw, "encode")

    def held(self, raw: Any) -> dict[str, Any]:
        return self._each(raw, "held")

    def module(self) -> PrepareEach:
        """Stored inputs to what the network is called with, one after the other."""
        return PrepareEach({name: form.module() for name, form in self.inputs})

    def validate(self, stored: Any, what: str) -> None:
        if not isinstance(stored, dict) or set(stored) != set(self.parts):
            raise DataError(
                f"{what}: inputs are a dict with {', '.join(self.parts)}; make them with inputs.encode(raw)"
            )
        for name, form in self.inputs:
            form.validate(stored[name], f"{what}, input {name!r}")
        if len({len(one) for one in stored.values()}) > 1:
            raise DataError(f"{what}: inputs have different numbers of examples")

    @property
    def shown_columns(self) -> list[str]:
        return list(self.inputs[0][1].shown_columns)

    def show(self, stored: dict[str, Any], places: list[tuple[int, ...]]) -> list[dict[str, Any]]:
        """What the first input shows."""
        name, form = self.inputs[0]
        return list(form.show(stored[name], places))


class PrepareEach(nn.Module):
    """A dict of stored inputs to a tuple of prepared ones."""

    def __init__(self, inputs):
        super().__init__()
        self.inputs = nn.ModuleDict(inputs)

    def forward(self, stored):
        found = [module(stored[name]) for name, module in self.inputs.items()]
        return tuple(x for one in found for x in (one if isinstance(one, tuple) else (one,)))
