"""What is sent to another process opens there, though none of its files is in that process's path."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nasmyth.cli.loading import load
from nasmyth.study import Processes, shipping
from nasmyth.study.shipping import Once, packed

ROOT = Path(__file__).parents[2]


def opened(blob: bytes, folder: Path, use: str = "print(thing(3))") -> str:
    """What a process prints that opens a blob elsewhere."""
    (folder / "blob").write_bytes(blob)
    program = f"import pickle, multiprocessing; thing = pickle.load(open({str(folder / 'blob')!r}, 'rb'))\n{use}"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, cwd="/", env={"PYTHONPATH": str(ROOT)}
    )  # fmt: skip
    return done.stdout + done.stderr


@pytest.fixture
def forgotten(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What is imported is forgotten at the end, and where it was found."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if "sent" in name or name == "_json_file":
            del sys.modules[name]


@pytest.fixture
def folder(tmp_path: Path, forgotten: None) -> Path:
    """A file, and a package without `__init__.py` that it imports, early and late."""
    (tmp_path / "parts_sent" / "deep").mkdir(parents=True)
    (tmp_path / "parts_sent" / "one.py").write_text("from parts_sent.deep import two\nONE = two.TWO - 1\n")
    (tmp_path / "parts_sent" / "deep" / "__init__.py").write_text("from . import two as two\n")
    (tmp_path / "parts_sent" / "deep" / "two.py").write_text("TWO = 2\n")
    (tmp_path / "late_sent.py").write_text("HUNDRED = 100\n")
    (tmp_path / "mine_sent.py").write_text(
        "import json, os\n"
        "from parts_sent.one import ONE\n"
        "def square(x):\n"
        "    from late_sent import HUNDRED\n"
        "    return x * x + ONE + HUNDRED\n"
        "def broken(x):\n"
        "    raise ValueError('at a line')\n"
    )
    return tmp_path


def test_a_file_goes_along_with_all_that_it_imports(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    blob = packed(load(str(folder / "mine_sent.py")).square)
    for file in list(folder.rglob("*.py")):
        file.unlink()
    assert opened(blob, tmp_path_factory.mktemp("there")).strip() == "110"


def test_a_file_whose_name_is_taken(folder: Path) -> None:
    """It is loaded under another name, which no process finds in its path: pools of processes need its source, too."""
    (folder / "json.py").write_text("def twice(x):\n    return 2 * x\n")
    with Processes(1) as pool:
        assert pool.submit(load(str(folder / "json.py")).twice, 4).result(60) == 8


def test_installed_modules_and_nasmyth_do_not_travel() -> None:
    import numpy as np

    from nasmyth.units import quantity

    for thing in (np.arange(3), quantity, subprocess.run, {"a": 1}):
        blob = packed(thing)
        assert blob == pickle.dumps(thing, protocol=pickle.HIGHEST_PROTOCOL)
    assert pickle.loads(packed(quantity)) is quantity


def test_a_file_that_changed_is_imported_anew(monkeypatch: pytest.MonkeyPatch, forgotten: None) -> None:
    monkeypatch.setattr(shipping, "_arrived", shipping._Arrived())
    blob = pickle.dumps(len)
    for text in ("N = 1", "N = 2", "N = 2"):
        assert shipping.opened({"renewed_sent": (text, "/nowhere/renewed_sent.py", False)}, blob) is len
        import renewed_sent  # type: ignore[import-not-found]

        assert text.endswith(str(renewed_sent.N)) and renewed_sent.__file__ == "/nowhere/renewed_sent.py"


def test_errors_name_the_line(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    blob = packed(load(str(folder / "mine_sent.py")).broken)
    (folder / "mine_sent.py").unlink()
    said = opened(blob, tmp_path_factory.mktemp("there"))
    assert f'{folder / "mine_sent.py"}", line 7' in said


SCRIPT = """
import sys
from pathlib import Path
from nasmyth.study.executors import choose
from nasmyth.study.shipping import packed

def cube(x):
    return x ** 3

GUARD:
    choose("here")
    Path(sys.argv[1]).write_bytes(packed(cube))
"""


@pytest.mark.parametrize(
    ("guard", "says"), [('if __name__ == "__main__"', "27"), ("if True", "put that under `if __name__ == '__main__':`")]
)
def test_the_main_script_goes_along_and_must_be_guarded(tmp_path: Path, guard: str, says: str) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.replace("GUARD", guard))
    line = [sys.executable, str(script), str(tmp_path / "made")]
    subprocess.run(line, check=True, timeout=60, env={"PYTHONPATH": str(ROOT)}, cwd=tmp_path)
    script.unlink()
    assert says in opened((tmp_path / "made").read_bytes(), tmp_path)


def test_a_function_is_packed_once() -> None:
    times: list[int] = []

    class Held:
        def __getstate__(self) -> Any:
            times.append(1)
            return {}

    held, once = Held(), Once()
    Held.__qualname__, Held.__module__ = "Held", __name__
    globals()["Held"] = Held
    assert once(held) == once(held) and len(times) == 1
