"""Running an exported source file in a process of its own, which ends with it: `answers` starts it, `_main` is what it
does.

What goes in and comes out is data, JSON with the bytes of tensors in it. The process is a fresh interpreter that looks at
no environment variable, no user's packages and not at the folder where it is started (`python -I`), finds no Nasmyth to
import, and is stopped when its time is over. This file is its program, so it imports PyTorch and the standard library only.
"""

from __future__ import annotations

import base64
import ctypes
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

SECONDS = 180.0
"""Until a file has answered, the import of PyTorch included."""


def packed(value: Any) -> Any:
    """Tensors as JSON; everything else is JSON already."""
    if isinstance(value, Tensor):
        x = value.detach().to("cpu").contiguous()
        data = ctypes.string_at(x.data_ptr(), x.nbytes) if x.nbytes else b""
        return {
            "tensor": str(x.dtype).removeprefix("torch."),
            "shape": list(x.shape),
            "data": base64.b64encode(data).decode(),
        }
    if isinstance(value, dict):
        return {name: packed(v) for name, v in value.items()}
    return [packed(v) for v in value] if isinstance(value, (list, tuple)) else value


def unpacked(value: Any) -> Any:
    """The inverse of `packed`. Raises KeyError, TypeError or ValueError for what it did not write."""
    if isinstance(value, dict) and not isinstance(value.get("tensor"), str):
        return {name: unpacked(v) for name, v in value.items()}
    if isinstance(value, dict):
        dtype, data = getattr(torch, value["tensor"]), bytearray(base64.b64decode(value["data"]))
        if not isinstance(dtype, torch.dtype):
            raise TypeError(f"no type of tensors: {dtype}")
        if not data:
            return torch.zeros(value["shape"], dtype=dtype)
        return torch.frombuffer(data, dtype=dtype).reshape(value["shape"])
    return [unpacked(v) for v in value] if isinstance(value, list) else value


def answers(file: Path, batches: list[Any], seconds: float | None = None) -> list[Any]:
    """What `predict` of a source file says to each batch of raw input. Raises RuntimeError with what went wrong, in
    words."""
    seconds = SECONDS if seconds is None else seconds
    with tempfile.TemporaryDirectory() as folder:
        task = {"file": str(file.resolve()), "path": [p for p in sys.path if p], "batches": packed(batches)}
        (Path(folder) / "task.json").write_text(json.dumps(task), encoding="utf-8")
        with open(Path(folder) / "errors.txt", "wb") as errors:
            process = subprocess.Popen(
                [sys.executable, "-I", __file__], cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=errors, start_new_session=True,
            )  # fmt: skip
            try:
                status = process.wait(seconds)
            except subprocess.TimeoutExpired:
                raise RuntimeError(f"it did not answer within {seconds:g} s") from None
            finally:
                _stopped(process)
        return _read(Path(folder), status)


def _read(folder: Path, status: int) -> list[Any]:
    try:
        answer = json.loads((folder / "answer.json").read_text(encoding="utf-8"))
        if isinstance(answer, list):
            return [unpacked(one) for one in answer]
        why = str(answer["error"])
    except (OSError, LookupError, TypeError, ValueError, RuntimeError):
        said = (folder / "errors.txt").read_bytes()[-2000:].decode(errors="replace").strip().splitlines()
        why = f"its process ended with status {status}{f': {said[-1]}' if said else ''}"
    raise RuntimeError(why)


def _stopped(process: subprocess.Popen[bytes]) -> None:
    """The process and all that it started are over."""
    try:
        os.killpg(process.pid, signal.SIGKILL) if hasattr(os, "killpg") else process.kill()
    except OSError:
        pass  # it ended by itself
    process.wait()


class _NoNasmyth:
    """What is exported stands alone, so there is no Nasmyth to import."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if name.partition(".")[0] == "nasmyth":
            raise ModuleNotFoundError(f"it imports {name}, and should import torch only", name=name)


def _main() -> None:
    """Reads task.json, runs the file, writes answer.json."""
    task = json.loads(Path("task.json").read_text(encoding="utf-8"))
    sys.path += [p for p in task["path"] if p not in sys.path]
    sys.meta_path.insert(0, _NoNasmyth())
    answer: Any
    try:
        names: dict[str, Any] = {"__name__": "exported", "__file__": task["file"]}
        text = Path(task["file"]).read_text(encoding="utf-8")
        exec(compile(text, task["file"], "exec"), names)  # noqa: S102  the file that is checked
        answer = [packed(names["predict"](unpacked(raw))) for raw in task["batches"]]
    except Exception as error:
        answer = {"error": f"{type(error).__name__}: {error}"}
    Path("answer.json").write_text(json.dumps(answer), encoding="utf-8")


if __name__ == "__main__":
    _main()
