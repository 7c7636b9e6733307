"""Targets that break each rule once, to see that the harness notices."""

from __future__ import annotations

import os
import time


def prepared():
    from nasmyth.errors import DataError

    def refuses(rng, folder):
        raise DataError("this is not data")

    def says_nothing(rng, folder):
        raise DataError("")

    def takes_memory(rng, folder):
        return len(b"x" * (1 << 29))

    return {
        "takes": lambda rng, folder: (folder / "inside").write_text("x"),
        "refuses": refuses,
        "says nothing": says_nothing,
        "raises": lambda rng, folder: {}["no such key"],
        "takes memory": takes_memory,
        "does not end": lambda rng, folder: time.sleep(60),
        "kills": lambda rng, folder: os.abort(),
        "runs a program": lambda rng, folder: os.system("true"),
        "writes outside": lambda rng, folder: os.close(os.open(__file__, os.O_WRONLY)),
    }
