"""What the tests of designs run in other processes: `python design_child.py WHAT FILE`."""

from __future__ import annotations

import importlib.abc
import os
import signal
import sys
import time
from typing import Any

ON = os.environ.get("DESIGN_ON", "here")
LINE: dict[str, Any] = {"under": ["params<=1k"], "spend": "300s" if ON == "here" else "60s", "seed": 0, "on": ON}
"""On processes the plain network is trained beside the search, and has ended for sure only when the last trainings begin."""


class SlowImport(importlib.abc.MetaPathFinder):
    """Makes the import of what trains take long, as it does on a cold or busy machine."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if name == "lightning_fabric":
            time.sleep(6.0)


def die_at(phase: str, where: str) -> None:
    """Be killed as `kill -9` would, when that phase begins."""
    from nasmyth.design import design

    design(
        "iris", **LINE, out=where, progress=lambda p: os.kill(os.getpid(), signal.SIGKILL) if p.phase == phase else None
    )


def go_on(phase: str, where: str) -> None:
    """The same line again, until that phase begins."""
    from nasmyth.design import design

    sys.meta_path.insert(0, SlowImport())

    def stop(progress: Any) -> None:
        if progress.phase == phase:
            raise KeyboardInterrupt

    design("iris", **LINE, out=where, progress=stop)


def wait_at(phase: str, where: str) -> None:
    """Say so, and wait for a line, when that phase begins."""
    from nasmyth.design import design

    def hold(progress: Any) -> None:
        if progress.phase == phase:
            print("here", flush=True)
            sys.stdin.readline()
            raise KeyboardInterrupt

    design("iris", **LINE, out=where, progress=hold)


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
