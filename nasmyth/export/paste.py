"""Collecting the source of classes and functions, with everything that it needs, so that it stands by itself.

`Paste.add(cls)` takes the text of a class from its file, without the `@op` decorator, then looks up every global name in
it in that file: an import from torch or the standard library is noted, anything else that is defined in a file is taken
the same way, helpers and constants included. Two different things of one name get different names.
"""

from __future__ import annotations

import ast
import builtins
import importlib.util
import inspect
import re
import symtable
import sys
import textwrap
from collections.abc import Iterable, Iterator
from functools import lru_cache
from types import ModuleType
from typing import Any

from nasmyth.errors import ExportError

DECORATOR = "op"
"""The decorator that is left out: a pasted class is the plain module."""

_TOOLS = re.compile(r"\s+# (?:noqa|fmt:|type: ignore).*$")
"""Remarks to the tools of the project that the text comes from."""

Origin = tuple[str, str]
"""The module and the name in it; for an import of a module itself, its name and ""."""


class Paste:
    """Source texts in an order in which they can stand in one file, and the imports that they need."""

    def __init__(self, reserved: Iterable[str] = ()) -> None:
        self.texts: list[str] = []
        self._imports: set[str] = set()
        self._owner: dict[str, Origin | None] = dict.fromkeys(reserved)
        self._names: dict[Origin, str] = {}

    def add(self, thing: Any) -> str:
        """Take in a class or function; returns what it is called here. Raises ExportError, which says what is in the
        way."""
        module, name = thing.__module__, thing.__qualname__
        if "." not in name:
            return self._define(module, name, name)
        try:
            text = textwrap.dedent(inspect.getsource(thing))
        except (OSError, TypeError):
            raise _no_source(name, module) from None
        return self._paste((module, name), thing.__name__, ast.parse(text).body[0], text)

    @property
    def imports(self) -> list[str]:
        """Import lines: the standard library's, an empty line, torch's."""
        torch = {line for line in self._imports if line.split()[1].partition(".")[0] == "torch"}
        ours = sorted(self._imports - torch, key=lambda line: (line.startswith("from"), line))
        return [*ours, *([""] if ours else []), *sorted(torch, key=lambda line: (line.startswith("from"), line))]

    def need(self, module: str, name: str = "") -> str:
        """Note an import of a module, or of a name in it; returns what it is called here."""
        return self._import((module, name), name or module.rpartition(".")[2])

    # --- one definition ---

    def _define(self, module: str, name: str, user: str) -> str:
        """Take in what `name` is in a module's file, or note its import."""
        if (module, name) in self._names:
            return self._names[module, name]
        node = _statements(module, user).get(name)
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            return self._follow(node, module, name, user)
        if node is None:
            found = vars(sys.modules[module]).get(name)
            home = getattr(found, "__module__", module)
            if home == module:
                raise ExportError(
                    f"{user} needs {name!r}, which the file of {module} does not define: use plain names in it"
                )
            return self._define(home, found.__qualname__, user)  # type: ignore[union-attr]
        lines = _source(module, user).splitlines()
        return self._paste((module, name), name, node, "\n".join(lines[_first_line(node) - 1 : node.end_lineno]))

    def _follow(self, node: ast.Import | ast.ImportFrom, module: str, name: str, user: str) -> str:
        """Where an import leads: into torch or the standard library, which may be imported, or to another file."""
        alias = next(a for a in node.names if (a.asname or a.name.partition(".")[0]) == name)
        if isinstance(node, ast.Import):
            target, inner = (alias.name if alias.asname else name), ""
        else:
            target = importlib.util.resolve_name(
                "." * node.level + (node.module or ""), sys.modules[module].__package__ or ""
            )
            inner = alias.name
            if isinstance(getattr(sys.modules.get(target), inner, None), ModuleType):
                target, inner = f"{target}.{inner}", ""
        if _importable(target):
            if isinstance(node, ast.Import) and not alias.asname and alias.name != name:
                self._imports.add(f"import {alias.name}")  # import a.b, which binds a
            return self._import((target, inner), name)
        if not inner:
            raise ExportError(
                f"{user} uses the module {target}, and an exported file imports torch only: write it without"
            )
        return self._define(target, inner, user)

    def _paste(self, origin: Origin, name: str, node: ast.stmt, text: str) -> str:
        if origin in self._names:
            return self._names[origin]
        module = origin[0]
        bound = {name: self._name(origin, name)}  # before what it needs, which may be itself
        bound.update({other: self._name((module, other), other) for other in _bound(node) if other not in bound})
        text = _undecorated(text)
        needed, annotated = _global_names(text)
        renamed = dict(bound)
        for other in sorted((needed | annotated) - set(bound)):
            if hasattr(builtins, other) and other not in _statements(module, name):
                continue
            try:
                renamed[other] = self._define(module, other, name)
            except ExportError:
                if other in needed:
                    raise  # what only an annotation names is never looked up
        self.texts.append(_renamed(text, {a: b for a, b in renamed.items() if a != b}))
        return bound[name]

    def _import(self, origin: Origin, name: str) -> str:
        if origin not in self._names:
            final = self._name(origin, name)
            module, inner = origin
            parent, _, leaf = module.rpartition(".")
            whence = module if inner else parent
            line = f"from {whence} import {inner or leaf}" if whence else f"import {leaf}"
            self._imports.add(line if final == (inner or leaf) else f"{line} as {final}")
        return self._names[origin]

    def _name(self, origin: Origin, name: str) -> str:
        final, n = name, 1
        while final in self._owner:
            n += 1
            final = f"{name}_{n}"
        self._owner[final] = origin
        self._names[origin] = final
        return final


def _importable(module: str) -> bool:
    top = module.partition(".")[0]
    return top == "torch" or top in sys.stdlib_module_names


def _no_source(name: str, module: str) -> ExportError:
    return ExportError(
        f"the source of {name} cannot be found (in {module}): define it in a file, so that it can be exported"
    )


@lru_cache(maxsize=64)
def _source(module: str, user: str) -> str:
    try:
        return inspect.getsource(sys.modules[module])
    except (OSError, TypeError, KeyError):
        raise _no_source(user, module) from None


@lru_cache(maxsize=64)
def _statements(module: str, user: str) -> dict[str, ast.stmt]:
    """The statement that binds each top-level name of a module's file."""
    found: dict[str, ast.stmt] = {}
    for node in _top_level(ast.parse(_source(module, user)).body):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            found.update({alias.asname or alias.name.partition(".")[0]: node for alias in node.names})
        else:
            found.update(dict.fromkeys(_bound(node), node))
    return found


def _bound(node: ast.stmt) -> list[str]:
    """The names that a definition or an assignment binds."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return [node.name]
    if not isinstance(node, (ast.Assign, ast.AnnAssign)):
        return []
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return [n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]


def _top_level(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        if isinstance(node, (ast.If, ast.Try)):
            yield from _top_level(node.body)
            yield from _top_level(node.orelse)
        else:
            yield node


def _first_line(node: ast.stmt) -> int:
    decorators = getattr(node, "decorator_list", [])
    return min([node.lineno, *(d.lineno for d in decorators)])


def _undecorated(text: str) -> str:
    """Without `@op(...)`, `@nasmyth.op(...)`; other decorators stay."""
    node = ast.parse(text).body[0]
    lines = text.splitlines()
    for decorator in getattr(node, "decorator_list", []):
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        if getattr(called, "attr", getattr(called, "id", "")) == DECORATOR:
            for i in range(decorator.lineno - 1, decorator.end_lineno or decorator.lineno):
                lines[i] = ""
    return "\n".join(_TOOLS.sub("", line) for line in lines).strip("\n")


class _Bare(ast.NodeTransformer):
    """Takes annotations off, and remembers the names in them."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def _strip(self, annotation: ast.expr | None) -> None:
        if annotation is not None:
            self.names |= {n.id for n in ast.walk(annotation) if isinstance(n, ast.Name)}

    def visit_arg(self, node: ast.arg) -> ast.arg:
        self._strip(node.annotation)
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self._strip(node.returns)
        node.returns = None
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        self._strip(node.annotation)
        node.annotation = ast.Constant(None)
        return self.generic_visit(node)


def _global_names(text: str) -> tuple[set[str], set[str]]:
    """Names that a definition looks up in its module when it runs, and names that only annotations hold."""
    bare = _Bare()
    tree = bare.visit(ast.parse(text))
    table = symtable.symtable(ast.unparse(tree), "<pasted>", "exec")
    needed = {s.get_name() for s in table.get_symbols() if s.is_referenced() and not s.is_assigned()}
    stack = list(table.get_children())
    while stack:
        inner = stack.pop()
        needed |= {s.get_name() for s in inner.get_symbols() if s.is_referenced() and s.is_global()}
        stack.extend(inner.get_children())
    return needed, bare.names - needed


def _renamed(text: str, names: dict[str, str]) -> str:
    """The text with global names replaced, and nothing else: not attributes, keywords or strings."""
    if not names:
        return text
    lines = [line.encode() for line in text.splitlines()]
    tree = ast.parse(text)
    spots = [(n.lineno, n.col_offset, n.id) for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id in names]
    top: Any = tree.body[0]
    if isinstance(top, (ast.ClassDef, ast.FunctionDef)) and top.name in names:
        keyword = b"class " if isinstance(top, ast.ClassDef) else b"def "
        spots.append((top.lineno, lines[top.lineno - 1].index(keyword) + len(keyword), top.name))
    for line, column, name in sorted(spots, reverse=True):
        old = lines[line - 1]
        lines[line - 1] = old[:column] + names[name].encode() + old[column + len(name.encode()) :]
    return b"\n".join(lines).decode()
