"""What is shipped, and what it needs: read from the source, so that no fresh environment has to be made."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import nasmyth

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
FILES = sorted((ROOT / "nasmyth").rglob("*.py"))
PROVIDES = {"sklearn": "scikit-learn", "PIL": "pillow", "psycopg": "psycopg"}
"""Modules whose distribution has another name; the rest is looked up in what is installed."""


INSTALLED = packages_distributions()


def name(requirement: str) -> str:
    return re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", requirement)[0]).lower()


CORE = {name(r) for r in PROJECT["dependencies"]}
EXTRAS = {extra: {name(r) for r in rs} for extra, rs in PROJECT["optional-dependencies"].items()}
HELPERS = {"all", "test", "lint", "dev"}
"""Extras that are for developers, or made of others."""


def distribution(module: str) -> str:
    known = INSTALLED.get(module, [module])
    return PROVIDES.get(module) or name(known[0])


def imports(path: Path) -> list[tuple[str, bool]]:
    """Third-party modules that a file imports, and whether that happens as soon as the file itself is imported."""
    tree, found = ast.parse(path.read_text(encoding="utf-8")), []
    checking = {id(n) for node in ast.walk(tree) if _only_types(node) for n in ast.walk(node)}
    late = {id(n) for node in ast.walk(tree) if _is_function(node) for n in ast.walk(node)}
    for node in ast.walk(tree):
        modules = []
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            modules = [node.module]
        for module in modules:
            top = module.partition(".")[0]
            if top not in sys.stdlib_module_names and top not in ("nasmyth", "__future__") and id(node) not in checking:
                found.append((top, id(node) not in late))
    return found


def _only_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test).lstrip("_").endswith("TYPE_CHECKING")


def _is_function(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)


def required(path: Path) -> list[tuple[str, str]]:
    """(module, extra) of every `require("module", extra="extra")` in a file."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "require" and node.args:
            extra = next(k.value for k in node.keywords if k.arg == "extra")
            found.append((ast.literal_eval(node.args[0]), ast.literal_eval(extra)))
    return found


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_what_is_imported_is_declared(path):
    asked = {module for module, _ in required(path)}  # a file that asks first may be optional as a whole
    declared = CORE.union(*(EXTRAS[e] for e in EXTRAS if e not in HELPERS))
    for module, at_once in imports(path):
        needed = distribution(module)
        assert needed in declared, f"{relative(path)} imports {module}: declare {needed} in pyproject.toml"
        ours = relative(path).startswith("nasmyth/testing/")  # imported by those who test, who have everything
        assert needed in CORE or not at_once or ours or module in asked, (
            f"{relative(path)} imports {module}, which is an extra: do that where it is used, by errors.require"
        )


def test_required_extras_hold_what_is_required():
    seen = set()
    for path in FILES:
        for module, extra in required(path):
            assert extra in EXTRAS, f"{relative(path)} names the extra {extra!r}: there is none"
            assert distribution(module.partition(".")[0]) in EXTRAS[extra], f"{extra!r} does not hold {module}"
            seen.add(extra)
    assert seen == set(EXTRAS) - HELPERS, "an extra that nothing requires"


def test_nothing_is_declared_in_vain():
    used = {distribution(module) for path in FILES for module, _ in imports(path)}
    used |= {distribution(module.partition(".")[0]) for path in FILES for module, _ in required(path)}
    indirect = {"pyarrow", "onnx", "onnxscript"}  # what pandas reads Parquet with, and PyTorch's ONNX exporter needs
    declared = CORE.union(*(EXTRAS[e] for e in EXTRAS if e not in HELPERS))
    assert declared - used - indirect == set()


def test_all_holds_every_extra():
    (everything,) = PROJECT["optional-dependencies"]["all"]
    assert set(re.search(r"\[(.*)\]", everything)[1].split(",")) == set(EXTRAS) - HELPERS


def test_constraints_pin_every_direct_dependency():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = [line for line in lines if line and not line.startswith("#")]
    pins = [line.partition("==")[0] for line in pinned]
    assert pinned == sorted(pinned, key=str.upper), "constraints.txt is sorted"
    everything = CORE.union(*EXTRAS.values()) - {"nasmyth"}
    assert everything <= set(map(name, pins))
    assert all("+" not in line for line in pinned), "no local versions: +cpu is one machine's"


def test_one_version():
    assert PROJECT["dynamic"] == ["version"] and re.fullmatch(r"\d+\.\d+\.\d+", nasmyth.__version__)
    assert nasmyth.__version__ in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_data_files_are_shipped():
    """Everything beside the Python files is matched by a pattern of package-data."""
    patterns = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]["nasmyth"]
    shipped = {path for pattern in patterns for path in (ROOT / "nasmyth").glob(pattern)}
    others = {p for p in (ROOT / "nasmyth").rglob("*") if p.is_file() and p.suffix not in (".py", ".pyc")}
    assert others <= shipped, f"not shipped: {others - shipped}"
    assert ROOT / "nasmyth" / "py.typed" in shipped


def test_every_folder_is_a_package():
    """A folder of Python files without an `__init__.py` would be found by some tools and left out by others."""
    for path in FILES:
        assert (path.parent / "__init__.py").exists(), f"{relative(path.parent)} has no __init__.py"
