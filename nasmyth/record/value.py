"""A class of frozen values: annotated fields, and only ever one object with the same fields.

Two equal values *are* one object, so comparing, hashing and caching cost nothing, however deep the value.

>>> class Pixel(Value):
...     x: int
...     y: int = 0
>>> Pixel(1) is Pixel(x=1, y=0), Pixel(1).replace(y=2)
(True, Pixel(1, y=2))
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from typing import Any, ClassVar, Self, dataclass_transform

from nasmyth.errors import FieldError, NasmythError, nearest
from nasmyth.kinds import Admits, Frozen, admits, resolved, said, shown
from nasmyth.record.classes import register
from nasmyth.record.fields import FLOATS_AND_BOOLEANS, freeze, token, traits
from nasmyth.record.interning import Interned

_set = object.__setattr__
"""Keeps what an object has in the object: a dict of its own would be one more for the garbage collector."""


@dataclass_transform(frozen_default=True)
class Value(Frozen):
    """A frozen, interned record. Subclass it with annotated fields, as one would write a dataclass.

    Fields may hold None, booleans, numbers, strings, other values, and tuples of these (a list becomes a tuple). What is
    annotated as a number, a text, a value or a tuple of them is held to it (see `kinds.py`). `check` may be overridden to
    refuse a combination; it runs once for each distinct value.

    A class that only others are made of says so: `class Op(Value, abstract=True)`. No file can name it.
    """

    fields: ClassVar[tuple[str, ...]] = ()
    defaults: ClassVar[dict[str, Any]] = {}
    _signature: ClassVar[inspect.Signature]
    _written: ClassVar[dict[str, tuple[Any, dict[str, Any]]]] = {}
    _checks: ClassVar[tuple[tuple[int, Admits], ...] | None] = None
    _values: tuple[Any, ...]
    _interned: ClassVar[Interned]

    def __init_subclass__(cls, abstract: bool = False, scope: dict[str, Any] | None = None, **options: Any) -> None:
        """scope: where the names in annotations are looked up, if not in the module of the class."""
        super().__init_subclass__(**options)
        annotations = inspect.get_annotations(cls)
        own = [name for name, kind in annotations.items() if not _is_class_variable(kind, name)]
        _refuse_reserved(cls, own)
        known = getattr(sys.modules.get(cls.__module__), "__dict__", {}) if scope is None else scope
        cls._written = {**cls._written, **{name: (annotations[name], known) for name in own}}
        cls._checks = None
        cls._interned = Interned()
        cls.fields = (*(f for f in cls.fields if f not in own), *own)
        cls.defaults = {**cls.defaults, **{name: freeze(cls.__dict__[name]) for name in own if name in cls.__dict__}}
        positional = inspect.Parameter.POSITIONAL_OR_KEYWORD
        required_first = sorted(cls.fields, key=lambda name: name in cls.defaults)
        cls.fields = tuple(required_first)
        cls._signature = inspect.Signature(
            [
                inspect.Parameter(name, positional, default=cls.defaults.get(name, inspect.Parameter.empty))
                for name in cls.fields
            ]
        )
        if not abstract:
            register(cls)

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        fields, defaults = cls.fields, cls.defaults
        if not kwargs and len(fields) - len(defaults) <= len(args) <= len(fields):  # required fields come first
            return cls.of((*map(freeze, args), *[defaults[f] for f in fields[len(args) :]]))
        try:
            bound = cls._signature.bind(*args, **kwargs).arguments
        except TypeError as error:
            raise _argument_error(cls, error, kwargs) from None
        return cls.of(tuple([freeze(bound[f]) if f in bound else defaults[f] for f in fields]))

    @classmethod
    def of(cls, values: tuple[Any, ...]) -> Self:
        """The value with these fields, in the order of `fields`, all given and already frozen."""
        plain, open_ = traits(values)
        key = values if plain else (FLOATS_AND_BOOLEANS, token(values))
        interned = cls._interned
        entry = interned.get(key)
        found = None if entry is None else entry()
        if found is None:
            made = object.__new__(cls)
            for name, value in zip(cls.fields, values, strict=True):
                _set(made, name, value)
            _set(made, "_values", values)
            if open_ or cls._is_hole:
                _set(made, "is_open", True)
            made._check_all()
            found = interned.first(key, made)
        return found  # type: ignore[no-any-return]

    @classmethod
    def of_fields(cls, fields: dict[str, Any]) -> Self:
        """The value of fields that were read from a file. A class whose fields have changed also takes the older ones."""
        return cls(**fields)

    def check(self) -> None:
        """Raise if the fields do not go together. Runs once for each distinct value."""

    def _check_all(self) -> None:
        cls, values = type(self), self._values
        for i, admitted in _kinds_of(cls) if cls._checks is None else cls._checks:
            value = values[i]
            if not admitted(value):
                _refuse(cls, cls.fields[i], value)
        try:
            self.check()
        except FIELD_ERRORS as error:
            if isinstance(error, NasmythError):
                raise
            raise FieldError(f"{shown(self)}: its fields do not go together: {error}") from error

    @property
    def field_values(self) -> tuple[Any, ...]:
        """What the fields hold, in the order of `fields`."""
        return self._values

    def differing(self) -> Iterator[tuple[str, Any]]:
        """Names and values of the fields that are required, or hold something else than their defaults."""
        for name, value in zip(self.fields, self._values, strict=True):
            if name not in self.defaults or token(value) != token(self.defaults[name]):
                yield name, value

    def replace(self, **changes: Any) -> Self:
        """The same value with some fields changed."""
        return type(self)(**{**dict(zip(self.fields, self._values, strict=True)), **changes})

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen: use .replace({name}=...) to get a changed one")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen")

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _revived, (type(self), self._values)  # not `type(self).of`: cloudpickle would send that by its code

    def __repr__(self) -> str:
        """Only what differs from the defaults; required fields come without their names."""
        pairs = self.differing()
        shown = (f"{name}={value!r}" if name in self.defaults else repr(value) for name, value in pairs)
        return f"{type(self).__name__}({', '.join(shown)})"


_RESERVED = {name for name in (*vars(Value), *Frozen.__annotations__) if not name.startswith("_")}

FIELD_ERRORS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What code raises that computes with fields which it was not written for."""


def _revived(cls: type[Value], values: tuple[Any, ...]) -> Value:
    return cls.of(values)


def _kinds_of(cls: type[Value]) -> tuple[tuple[int, Admits], ...]:
    """The fields of a class that not everything may stand in: their places, and what tells. Found when first needed."""
    found = ((i, admits(resolved(*cls._written[field]))) for i, field in enumerate(cls.fields))
    cls._checks = tuple((i, admitted) for i, admitted in found if admitted is not None)
    return cls._checks


def _refuse(cls: type[Value], field: str, value: Any) -> None:
    if field in cls.defaults and token(value) == token(cls.defaults[field]):
        return
    kind = said(resolved(*cls._written[field]))
    raise FieldError(f"{cls.__name__}({field}={shown(value)}): {field} must be {kind}")


def _is_class_variable(kind: Any, name: str) -> bool:
    return name.startswith("_") or "ClassVar" in str(kind)


def _refuse_reserved(cls: type[Value], names: list[str]) -> None:
    taken = sorted(set(names) & _RESERVED)
    if taken:
        raise FieldError(
            f"{cls.__name__}: a field cannot be called {taken[0]!r}, which every frozen value has; choose another"
        )


def _argument_error(cls: type[Value], error: TypeError, given: dict[str, Any]) -> TypeError:
    unknown = [name for name in given if name not in cls.fields]
    hint = nearest(unknown[0], cls.fields) if unknown else ""
    return TypeError(f"{cls.__name__}{cls._signature}: {error}{hint}")
