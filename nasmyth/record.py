"""Frozen values: made once, never changed, written as JSON, known by a content key.

Everything that describes a network, a space or a search is a `Value`: a class with annotated fields, of which there is
only ever one object with the same fields. Two equal values *are* one object, so comparing, hashing and caching cost
nothing, however deep the value.

>>> class Point(Value):
...     x: int
...     y: int = 0
>>> Point(1) is Point(x=1, y=0), Point(1).replace(y=2)
(True, Point(1, y=2))
>>> to_json(Point(1, 2))
{'$': 'Point', 'x': 1, 'y': 2}

A value has an *address* wherever it sits in a larger one: `stages[1].block[0].kernel`, made with `below`.
"""

from __future__ import annotations

import hashlib
import inspect
import math
import sys
import threading
import weakref
from typing import Any, ClassVar, Self, dataclass_transform

import msgspec

from nasmyth.errors import DuplicateNameError, FieldError, NasmythError, UnknownNameError, nearest
from nasmyth.kinds import Admits, admits, resolved, said, shown, whole, written
from nasmyth.registry import summon

_interned: weakref.WeakValueDictionary[tuple[Any, ...], Value] = weakref.WeakValueDictionary()
_interning = threading.Lock()
_classes: dict[str, type[Value]] = {}


@dataclass_transform(frozen_default=True)
class Value:
    """A frozen, interned record. Subclass it with annotated fields, as one would write a dataclass.

    Fields may hold None, booleans, numbers, strings, other values, and tuples of these (a list becomes a tuple). What is
    annotated as a number, a text, a value or a tuple of them is held to it (see `kinds.py`). `check` may be overridden to
    refuse a combination; it runs once for each distinct value.

    A class that only others are made of says so: `class Op(Value, abstract=True)`. No file can name it.
    """

    fields: ClassVar[tuple[str, ...]] = ()
    _is_hole: ClassVar[bool] = False
    _open: bool
    _signature: ClassVar[inspect.Signature]
    _defaults: ClassVar[dict[str, Any]] = {}
    _written: ClassVar[dict[str, tuple[Any, dict[str, Any]]]] = {}
    _checks: ClassVar[tuple[tuple[int, Admits], ...] | None] = None
    _values: tuple[Any, ...]

    def __init_subclass__(cls, abstract: bool = False, scope: dict[str, Any] | None = None, **options: Any) -> None:
        """scope: where the names in annotations are looked up, if not in the module of the class."""
        super().__init_subclass__(**options)
        annotations = inspect.get_annotations(cls)
        own = [name for name, kind in annotations.items() if not _is_class_variable(kind, name)]
        known = getattr(sys.modules.get(cls.__module__), "__dict__", {}) if scope is None else scope
        cls._written = {**cls._written, **{name: (annotations[name], known) for name in own}}
        cls._checks = None
        cls.fields = (*(f for f in cls.fields if f not in own), *own)
        cls._defaults = {**cls._defaults, **{name: freeze(cls.__dict__[name]) for name in own if name in cls.__dict__}}
        positional = inspect.Parameter.POSITIONAL_OR_KEYWORD
        required_first = sorted(cls.fields, key=lambda name: name in cls._defaults)
        cls.fields = tuple(required_first)
        cls._signature = inspect.Signature(
            [
                inspect.Parameter(name, positional, default=cls._defaults.get(name, inspect.Parameter.empty))
                for name in cls.fields
            ]
        )
        if not abstract:
            _register(cls)

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        try:
            bound = cls._signature.bind(*args, **kwargs).arguments
        except TypeError as error:
            raise _argument_error(cls, error, kwargs) from None
        return cls.of(tuple(freeze(bound[f]) if f in bound else cls._defaults[f] for f in cls.fields))

    @classmethod
    def of(cls, values: tuple[Any, ...]) -> Self:
        """The value with these fields, in the order of `fields`, all given and already frozen."""
        token = (cls, *[v if type(v) is str or type(v) is int else _token(v) for v in values])
        found = _interned.get(token)
        if found is None:
            made = object.__new__(cls)
            made.__dict__.update(zip(cls.fields, values, strict=True), _values=values)
            made.__dict__["_open"] = cls._is_hole or any(map(is_open, values))
            made._check_all()
            with _interning:
                found = _interned.setdefault(token, made)
        return found  # type: ignore[return-value]

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
        except UNFIT as error:
            if isinstance(error, NasmythError):
                raise
            raise FieldError(f"{shown(self)}: its fields do not go together: {error}") from error

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
        shown = []
        for name, value in zip(self.fields, self._values, strict=True):
            if name not in self._defaults:
                shown.append(repr(value))
            elif _token(value) != _token(self._defaults[name]):
                shown.append(f"{name}={value!r}")
        return f"{type(self).__name__}({', '.join(shown)})"


UNFIT = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What code raises that computes with fields which it was not written for."""


def _revived(cls: type[Value], values: tuple[Any, ...]) -> Value:
    return cls.of(values)


def _kinds_of(cls: type[Value]) -> tuple[tuple[int, Admits], ...]:
    """The fields of a class that not everything may stand in: their places, and what tells. Found when first needed."""
    found = ((i, admits(resolved(*cls._written[field]))) for i, field in enumerate(cls.fields))
    cls._checks = tuple((i, admitted) for i, admitted in found if admitted is not None)
    return cls._checks


def _refuse(cls: type[Value], field: str, value: Any) -> None:
    if field in cls._defaults and _token(value) == _token(cls._defaults[field]):
        return
    kind = said(resolved(*cls._written[field]))
    raise FieldError(f"{cls.__name__}({field}={shown(value)}): {field} must be {kind}")


def freeze(value: Any) -> Any:
    """`value` with lists as tuples. Raises TypeError for what cannot be a field of a frozen value."""
    kind = type(value)
    if kind in (int, str, float, bool, type(None)) or isinstance(value, Value):
        return value
    if kind in (tuple, list):
        return tuple(freeze(v) for v in value)
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:  # a NumPy or torch scalar
        return value.item()
    raise TypeError(
        f"{value!r} cannot be part of a frozen value: use numbers, strings, tuples and other frozen values"
        + ("; write a dict as a tuple of (name, value) pairs" if isinstance(value, dict) else "")
    )


def is_open(value: Any) -> bool:
    """Whether a value is a hole, a decision that has not been made, or holds one at any depth."""
    if isinstance(value, Value):
        return value._open
    return any(map(is_open, value)) if type(value) is tuple else False


def _token(value: Any) -> Any:
    """What tells one field from another: 1, 1.0 and True are three values here, though Python calls them equal.

    So are 0.0 and -0.0, and every NaN is the same.
    """
    kind = type(value)
    if kind is tuple:
        return tuple(map(_token, value))
    return (kind, repr(value)) if kind is float or kind is bool else value


def _register(cls: type[Value]) -> None:
    taken = _classes.get(cls.__name__)
    if taken is not None and taken.__module__.startswith("nasmyth.") and taken.__module__ != cls.__module__:
        raise DuplicateNameError(
            f"{cls.__module__}.{cls.__qualname__}: Nasmyth has a {cls.__name__} already ({taken.__module__}); "
            "choose another name"
        )
    _classes[cls.__name__] = cls


def _is_class_variable(kind: Any, name: str) -> bool:
    return name.startswith("_") or "ClassVar" in str(kind)


def _argument_error(cls: type[Value], error: TypeError, given: dict[str, Any]) -> TypeError:
    unknown = [name for name in given if name not in cls.fields]
    hint = nearest(unknown[0], cls.fields) if unknown else ""
    return TypeError(f"{cls.__name__}{cls._signature}: {error}{hint}")


# --- JSON ---------------------------------------------------------------------------------------------------------


def to_json(value: Any) -> Any:
    """`value` as plain JSON data; a Value becomes an object whose "$" names its class. Defaults are left out."""
    if isinstance(value, Value):
        pairs = zip(value.fields, value._values, strict=True)
        kept = {n: to_json(v) for n, v in pairs if n not in value._defaults or _token(v) != _token(value._defaults[n])}
        return {"$": type(value).__name__, **kept}
    if isinstance(value, (tuple, list)):
        return [to_json(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise FieldError(f"{value} cannot be written as JSON")
    return value


DEEPEST = 128
"""Levels of JSON within each other that are read: values are walked by functions that call themselves."""


def from_json(data: Any) -> Any:
    """The inverse of `to_json`. Raises UnknownNameError for a class that has not been imported, NasmythError for data
    that no value wrote."""
    return _read(data, DEEPEST)


def _read(data: Any, levels: int) -> Any:
    kind = type(data)
    if kind is bool or data is None or (kind is int and whole(data)) or (kind is str and written(data)):
        return data
    if kind is float and math.isfinite(data):
        return data
    if kind is str:
        raise NasmythError(f"{data!a:.80} holds half of a character, and is no text of a frozen value")
    if kind is int or kind is float:
        raise NasmythError(
            f"{shown(data)} is no number of a frozen value: they are finite, and whole ones fit into 64 bits"
        )
    if levels == 0:
        raise NasmythError(f"more than {DEEPEST} levels within each other: nothing that was written here is so deep")
    if kind is list:
        return tuple([_read(v, levels - 1) for v in data])
    if kind is not dict:
        raise NasmythError(f"{shown(data)} is no JSON: a frozen value is read from objects, lists, numbers and texts")
    name = data.get("$")
    if not isinstance(name, str):
        raise NasmythError(f'{shown(data, 200)} is no frozen value: "$" must name its class')
    cls = class_of(name)
    if cls is None:
        raise UnknownNameError(
            f"no class {shown(name)} is known here{nearest(name[:80], _classes)}; import the file that defines it first "
            "(on the console: --import mine.py)"
        )
    fields = {str(key): _read(v, levels - 1) for key, v in data.items() if key != "$"}
    try:
        return cls.of_fields(fields)
    except NasmythError:
        raise
    except TypeError as error:
        raise NasmythError(f"cannot read a {name}: {error}") from None


def dumps(value: Any) -> str:
    """Canonical JSON text: equal values give equal text, in any process."""
    return msgspec.json.encode(to_json(value), order="sorted").decode()


def loads(text: str | bytes) -> Any:
    """The value written by `dumps`. Raises NasmythError if the text is not JSON."""
    return from_json(parsed(text))


def parsed(text: str | bytes) -> Any:
    """JSON from anyone as plain data. Raises NasmythError if it is not JSON, or holds numbers or levels beyond all bounds."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError, TypeError, ValueError) as error:
        raise NasmythError(f"not JSON: {error}") from None


def plain_text(text: str) -> str:
    """A text that can be written as JSON: what is no Unicode, as in some names of files, is spelt out."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def content_key(value: Any) -> str:
    """20 hexadecimal digits that depend on the content alone: equal in every process and version of Python."""
    if isinstance(value, Value):
        known: str | None = value.__dict__.get("_key")
        if known is None:
            known = hashlib.blake2b(dumps(value).encode(), digest_size=10).hexdigest()
            value.__dict__["_key"] = known
        return known
    return hashlib.blake2b(dumps(value).encode(), digest_size=10).hexdigest()


# --- addresses ----------------------------------------------------------------------------------------------------


def defined_in(*values: Any) -> tuple[str, ...]:
    """The names of the modules in which the classes of these values, and of what is in them, are defined."""
    return tuple(sorted({cls.__module__ for cls in classes_in(*values)}))


def classes_in(*values: Any) -> set[type[Value]]:
    """The classes of these values, and of what is in them."""
    found, rest = set(), list(values)
    while rest:
        part = rest.pop()
        if isinstance(part, Value):
            found.add(type(part))
            rest += part._values
        elif isinstance(part, tuple):
            rest += part
    return found


def class_of(name: str) -> type[Value] | None:
    """The class that JSON calls `name`: one that was imported, or that another installed package offers."""
    if name not in _classes:
        summon(name)
    return _classes.get(name)


def below(address: str, part: str | int) -> str:
    """The address of a part: below("stem", "kernel") is "stem.kernel", below("stages", 1) is "stages[1]"."""
    if isinstance(part, int):
        return f"{address}[{part}]"
    return f"{address}.{part}" if address else part
