"""The guide to clusters, followed line by line: its machines are addresses of the loopback network.

What the page says is run as it is, in one shell, but for what a test cannot do to the machine it runs on: `apt-get` only
simulates, `sudo -u postgres` is the owner of a private server, and pip takes what is installed here instead of downloading.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "guides" / "cluster.md").read_text(encoding="utf-8")
SUDO = """#!/bin/sh
if [ "$1" = -u ]; then shift 2; export PGUSER={user} PGPASSWORD={password}; exec "$@"; fi
if [ "$1" = apt-get ]; then shift; exec apt-get --simulate "$@"; fi
exit 1
"""


def commands() -> list[str]:
    found = re.findall(r"^```console\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return [line.removeprefix("$ ") for block in found for line in block.splitlines() if line.startswith("$ ")]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout, with the file that the page shows."""
    made = tmp_path / "checkout"
    shutil.copytree(ROOT / "nasmyth", made / "nasmyth", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "constraints.txt", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, made)
    (block,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    (made / "mine.py").write_text(block, encoding="utf-8")
    return made


@pytest.fixture
def environment(tmp_path: Path, checkout: Path, postgres: str) -> Iterator[dict[str, str]]:
    """A home of its own, and the tools that stand for what the test may not do."""
    server = urlsplit(postgres)
    tools, home = tmp_path / "tools", tmp_path / "home"
    tools.mkdir()
    home.mkdir()
    (tools / "sudo").write_text(SUDO.format(user=server.username, password=server.password))
    (tools / "sudo").chmod(0o755)
    short = tempfile.mkdtemp(prefix="ray-", dir="/tmp")  # the path of a Unix socket may not be long
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "PG", "XDG_", "PYTHONPATH"))
    }
    try:
        yield {
            **kept, "HOME": str(home), "PYTHONPATH": str(checkout),
            "PATH": f"{tools}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PGHOST": "127.0.0.1", "PGPORT": str(server.port), "PGDATABASE": "postgres",
            "RAY_TMPDIR": short, "RAY_USAGE_STATS_ENABLED": "0", "OMP_NUM_THREADS": "1",
            "PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }  # fmt: skip
    finally:
        shutil.rmtree(short, ignore_errors=True)


def adapted(line: str, port: int) -> str:
    """A line of the page, with addresses of this machine, and little to do."""
    line = line.replace("10.0.0.1", "127.0.0.2").replace("10.0.0.2", "127.0.0.3").replace("6379", str(port))
    return line.replace("--trials 500 --epochs 20", "--trials 2 --epochs 0.2")


def script(port: int) -> str:
    """All lines in one shell, which stops at the first that fails; what blocks is ended as the page says, by SIGINT."""
    told = ["set -em", "trap 'for one in $machines; do kill -INT -- -$one; done; wait' EXIT"]  # what Ctrl-C does
    for line in (adapted(one, port) for one in commands()):
        told.append(f"echo {shell_quoted('$ ' + line)}")
        if "--block" in line:
            joined = "2" if "--address" in line else "1"
            told.append(f"{line} --num-cpus=1 > ray{joined}.log 2>&1 &")
            told.append('machines="$machines $!"')
            told.append(WAIT.format(port=port, count=joined))
        else:
            told.append(line)
        if line.startswith("python3 -m venv"):
            there = f"import sys; sys.path.insert(0, {sysconfig.get_paths()['purelib']!r})"
            told.append(f"echo {shell_quoted(there)} > $(echo ~/nasmyth/lib/python3*/site-packages)/here.pth")
    return "\n".join(told)


WAIT = """for try in $(seq 100); do
  RAY_ADDRESS=127.0.0.2:{port} ray status 2> /dev/null | grep -c '1 node_' | grep -qx {count} && break; sleep 0.5
done; RAY_ADDRESS=127.0.0.2:{port} ray status | grep -c '1 node_' | grep -qx {count}"""


def shell_quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.2", 0))
        return int(probe.getsockname()[1])


@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed (pip install 'nasmyth[ray]')")
@pytest.mark.skipif(shutil.which("psql") is None, reason="PostgreSQL is not installed (apt install postgresql)")
@pytest.mark.skipif(sys.platform != "linux", reason="127.0.0.2 and 127.0.0.3 are addresses of every Linux machine")
def test_every_command_of_the_guide(checkout: Path, environment: dict[str, str]) -> None:
    assert len(commands()) > 12
    with subprocess.Popen(
        ["bash", "-c", script(free_port())], cwd=checkout, env=environment, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as shell:  # fmt: skip
        try:
            told, _ = shell.communicate(timeout=240)
        except subprocess.TimeoutExpired:
            os.killpg(shell.pid, signal.SIGKILL)
            raise
    assert shell.returncode == 0, told[-4000:]
    assert (
        "2 candidates" in told
        and "best.onnx: agrees with the network" in told
        and "GatedMix" in (checkout / "mine.py").read_text()
    )
