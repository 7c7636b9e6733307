"""Studies and networks that the verbs are tried on; made once, in seconds, from real digits."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

SPACE = """
from nasmyth import Space, chain, choice, integer, repeat
from nasmyth.blocks import conv_block, image_head

body = repeat(conv_block(choice(4, 8)), integer(1, 2))
space = Space(chain(stem=conv_block(choice(4, 8)), body=body, head=image_head(10)), input=(1, 8, 8))
number = 3


def made():
    return space
"""


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """A folder with `mine_cli.py` (a space) and `new.npz` (raw digits without labels)."""
    from sklearn.datasets import load_digits

    made = tmp_path_factory.mktemp("cli")
    (made / "mine_cli.py").write_text(SPACE)
    np.savez(made / "new.npz", x=load_digits().images[:7])
    return made


@pytest.fixture(scope="session")
def run():
    """Run `nasmyth ...` in this process; returns Typer's result."""
    from nasmyth.cli import app

    def invoke(*args: object, status: int = 0):
        result = CliRunner().invoke(app, [str(arg) for arg in args], prog_name="nasmyth")
        assert result.exit_code == status, (result.output, result.stderr, result.exception)
        assert "Traceback" not in result.output + result.stderr
        return result

    return invoke


@pytest.fixture(scope="session")
def study(folder, run):
    """A search of three small networks on digits, one epoch each."""
    path = folder / "mine.db"
    run(
        "search", f"{folder}/mine_cli.py:space", "--data", "digits", "--under", "params<=5k", "--strategy", "random",
        "--trials", 3, "--epochs", 1, "-o", path, "-q",
    )  # fmt: skip
    return path


@pytest.fixture(scope="session")
def network(study, run, folder):
    """The best of them, saved."""
    run("export", f"{study}#best", folder / "net.safetensors")
    return folder / "net.safetensors"
