"""A private PostgreSQL server for the tests: real, on loopback, gone when they end."""

from __future__ import annotations

import glob
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PASSWORD = "not-a-secret"


def _binary(name: str) -> str | None:
    found = sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}")) or [shutil.which(name) or ""]
    return found[-1] or None


def _as_unprivileged() -> list[str]:
    """PostgreSQL refuses to run as root."""
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a server with one user, who has a password. Skipped only where PostgreSQL is not installed."""
    initdb, server = _binary("initdb"), _binary("postgres")
    if initdb is None or server is None:
        pytest.skip("PostgreSQL is not installed (apt install postgresql)")
    as_user, port = _as_unprivileged(), _free_port()
    folder = Path(tempfile.mkdtemp(prefix="nasmyth-pg-", dir="/tmp"))
    secret = folder / "password"
    secret.write_text(PASSWORD)
    data = folder / "data"
    if as_user:
        shutil.chown(folder, "postgres", "postgres")
        shutil.chown(secret, "postgres", "postgres")
    process = None
    try:
        subprocess.run(
            [*as_user, initdb, "-D", str(data), "-U", "nasmyth", "--auth=scram-sha-256", f"--pwfile={secret}",
             "--no-sync", "--locale=C", "-E", "UTF8"],
            check=True, capture_output=True, cwd="/",
        )  # fmt: skip
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [*as_user, server, "-D", str(data), "-p", str(port), "-h", "127.0.0.1", "-k", str(folder)],
                stdout=log, stderr=log, cwd="/",
            )  # fmt: skip
        _wait(port, process, folder / "log")
        yield f"postgresql://nasmyth:{PASSWORD}@127.0.0.1:{port}/postgres"
    finally:
        if process is not None:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _wait(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    import psycopg

    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended: {log.read_text()[-2000:]}")
        try:
            psycopg.connect(
                host="127.0.0.1", port=port, user="nasmyth", password=PASSWORD, dbname="postgres", connect_timeout=5
            ).close()
            return
        except psycopg.OperationalError:
            time.sleep(0.05)
    raise RuntimeError("the server did not come up within a minute")


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], str | None]:
    """Where to keep a study of that name, in each of the three ways."""
    if request.param == "memory":
        return lambda name: None
    return _shared(request.param, request, tmp_path)


@pytest.fixture(params=["sqlite", "postgresql"])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], str]:
    """Where to keep a study that several processes use."""
    return _shared(request.param, request, tmp_path)


def _shared(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], str]:
    if kind == "sqlite":
        return lambda name: str(tmp_path / f"{name}.db")
    url = request.getfixturevalue("postgres")
    unique = f"t{abs(hash(str(tmp_path))) % 10**9}"
    return lambda name: f"{url}?schema={unique}_{name}"
