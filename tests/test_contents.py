"""The contents page: every name is there, is what it says, and costs nothing until it is used."""

import ast
import importlib
import inspect
import subprocess
import sys

import pytest

import nasmyth

HEAVY = (
    "torch",
    "numpy",
    "sqlalchemy",
    "msgspec",
    "typer",
    "rich",
    "jinja2",
    "lightning_fabric",
    "torchmetrics",
    "pandas",
)


WHERE = {name: file for file, names in {**nasmyth._CONTENTS, **nasmyth._OPTIONAL}.items() for name in names}


def run(program):
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", ["__version__", *WHERE])
def test_every_name_resolves(name):
    thing = getattr(nasmyth, name)
    assert thing is not None and name in dir(nasmyth)
    if name in WHERE:
        module = importlib.import_module(WHERE[name])
        assert thing in (getattr(module, name), module) and (thing is not module or callable(thing))  # design is both
    if inspect.isclass(thing) or inspect.isfunction(thing):
        assert thing.__doc__ and thing.__module__.startswith("nasmyth")


@pytest.mark.parametrize("name", nasmyth._MODULES)
def test_every_module_resolves(name):
    assert inspect.ismodule(getattr(nasmyth, name)) and name in dir(nasmyth)


def test_all_is_complete_and_sorted():
    contents = {**nasmyth._CONTENTS, **nasmyth._OPTIONAL}
    assert set(nasmyth.__all__) == {"__version__", *(name for names in nasmyth._CONTENTS.values() for name in names)}
    assert set(WHERE) == {name for names in contents.values() for name in names}
    for names in contents.values():
        assert names == sorted(names)
    assert sorted(nasmyth._MODULES) == nasmyth._MODULES


def test_type_checkers_see_the_same_table():
    tree = ast.parse(inspect.getsource(nasmyth))
    (guarded,) = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "_TYPE_CHECKING"]
    assert {node.module: sorted(n.name for n in node.names) for node in guarded.body} == {
        **nasmyth._CONTENTS,
        **nasmyth._OPTIONAL,
    }


def test_what_an_extra_holds_is_named_where_it_is_missing():
    run(
        "import sys; sys.modules['sklearn'] = None\n"
        "import nasmyth\n"
        "from nasmyth import *\n"
        "assert 'NasmythClassifier' in dir(nasmyth)\n"
        "try: nasmyth.NasmythClassifier\n"
        "except nasmyth.errors.MissingExtraError as error: assert 'nasmyth[data]' in str(error), error\n"
        "else: raise AssertionError\n"
    )


def test_import_is_cheap():
    """The page itself is read, and what makes a contents page of it: nothing heavy, and no other file of ours."""
    ours = "sorted(m for m in sys.modules if m.startswith('nasmyth.'))"
    loaded = run(f"import sys, nasmyth; print([m for m in {HEAVY!r} if m in sys.modules], *{ours})")
    assert loaded.split() == ["[]", "nasmyth.contents", "nasmyth.errors"]


def test_unknown_names_suggest():
    with pytest.raises(AttributeError, match="no attribute 'chian'; did you mean 'chain'"):
        _ = nasmyth.chian
    assert not hasattr(nasmyth, "__wrapped__")


@pytest.mark.parametrize(
    "first", ["nasmyth.Found", "nasmyth.design", "import nasmyth.design", "from nasmyth.design import design"]
)
def test_design_is_callable_however_it_was_met(first):
    run(f"import nasmyth; {first}; assert callable(nasmyth.design), nasmyth.design")


def test_star_import():
    names = {}
    exec("from nasmyth import *", names)
    assert set(nasmyth.__all__) <= set(names)


def contents_pages():
    return ["graph", "space", "search", "measure", "ops", "blocks", "study", "network", "train", "domains", "testing"]


@pytest.mark.parametrize("page", contents_pages())
def test_pages_of_packages(page):
    module = importlib.import_module(f"nasmyth.{page}")
    missing = [name for name in module.__all__ if not hasattr(module, name)]
    assert missing == [] and len(set(module.__all__)) == len(module.__all__)


def test_measures_on_their_page_are_measures():
    """Submodules of the same names must not hide them, whatever is imported first."""
    program = (
        "import pkgutil, importlib, nasmyth.measure as m\n"
        "for found in pkgutil.iter_modules(m.__path__): importlib.import_module('nasmyth.measure.' + found.name)\n"
        "for name in ('params', 'macs', 'size', 'memory', 'accuracy', 'loss', 'r2'): assert isinstance(getattr(m, "
        "name), m.Measure), name\n"
        "assert isinstance(m.latency('cpu'), m.Measure)\n"
    )
    run(program)
