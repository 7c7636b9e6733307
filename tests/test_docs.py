"""What the documentation says is true: its Python runs, its links lead somewhere, its console lines are understood.

A page's Python blocks run one after another in one process, in an empty folder, with little time to search. A block
after the comment `<!-- not run -->` is shown only.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted(p for p in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*.md")])
_FENCE = re.compile(r"^(<!-- not run -->\n+)?```(\w+)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(
    r"(?<!\!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)|<img [^>]*src=\"([^\"]+)\"|srcset=\"([^\"]+)\""
)
_SHORT = [(re.compile(r"""(spend|seconds)=(["'])[^"']+\2"""), r"\1='4s'"), (re.compile(r"trials=\d{3,}"), "trials=4")]


def blocks(page: Path, language: str) -> list[tuple[int, str]]:
    """The blocks of a language, each with the number of lines before it."""
    text = page.read_text(encoding="utf-8")
    found = [m for m in _FENCE.finditer(text) if m[2] == language and not m[1]]
    return [(text[: m.start(3)].count("\n"), m[3]) for m in found]


def ids(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p, "python")], ids=ids)
def test_python_runs(page, tmp_path):
    text = ""
    for before, block in blocks(page, "python"):  # lines keep their numbers, so that a traceback points into the page
        text += "\n" * (before - text.count("\n")) + block
    for long, short in _SHORT:
        text = long.sub(short, text)
    program = tmp_path / "page.py"
    program.write_text(text, encoding="utf-8")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-W", "error", str(program)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, f"{page}:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_links_lead_somewhere(page):
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for found in _LINK.finditer(text):
        target = next(filter(None, found.groups()))
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), f"{ids(page)} links to {target}, which is not there"
        if anchor and there.suffix == ".md":
            assert anchor in anchors(there), f"{ids(page)} links to {target}: no such heading"


def anchors(page: Path) -> set[str]:
    """The names that headings have in links, as GitHub makes them."""
    heads = re.findall(r"^#+ +(.+)$", re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL), re.M)
    return {re.sub(r"[^\w\- ]", "", head.replace("`", "").strip().lower()).replace(" ", "-") for head in heads}


def console_lines() -> list[tuple[str, str]]:
    found = []
    for page in PAGES:
        for _, block in blocks(page, "console"):
            for line in block.splitlines():
                if line.startswith("$ nasmyth "):
                    found.append((ids(page), line.removeprefix("$ nasmyth ")))
    return found


@pytest.mark.parametrize("page, line", console_lines())
def test_console_lines_are_understood(page, line):
    """The verb exists, and takes these options and that many arguments."""
    typer = pytest.importorskip("typer")
    from nasmyth.cli import app

    words = shlex.split(re.sub(r"\s+#.*", "", line))
    group = typer.main.get_command(app)
    verb = words[0]
    assert verb in group.commands, f"{page}: there is no `nasmyth {verb}`"
    command = group.commands[verb]
    command.make_context(verb, words[1:], resilient_parsing=False).close()


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_make_targets_exist(page):
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = set(re.findall(r"(?:^\$ |`)make ([a-z]+)", page.read_text(encoding="utf-8"), re.MULTILINE))
    assert named <= targets, f"{ids(page)} names {named - targets}"


EXAMPLES = """
import doctest, importlib
found = [doctest.testmod(importlib.import_module(name)) for name in {names!r}]
assert not any(one.failed for one in found) and all(one.attempted for one in found), found
"""


def test_examples_in_docstrings_run():
    files = [path for path in (ROOT / "nasmyth").rglob("*.py") if "\n>>> " in path.read_text(encoding="utf-8")]
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in sorted(files)]
    assert "nasmyth.units" in names
    program = EXAMPLES.format(names=names)
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
