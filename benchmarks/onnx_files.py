"""ONNX files that somebody else wrote: is each taken and equal to ONNX Runtime, or refused in plain words?

    python benchmarks/onnx_files.py                                  # those that the onnx package ships: 2,033, an hour
    python benchmarks/onnx_files.py FOLDER net.onnx --workers 2      # all files in a folder, and one more

A file is taken if `Network.of` gives a network, and equal if that answers as ONNX Runtime does on inputs that were not used
while reading: within 1e-4 of the largest answer, 1e-2 in half precision. Refused is what ends in a NasmythError. Anything
else counts against: another exception, a crash, more than --seconds, a network that differs. Axes that a file leaves open
are given the length --open.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import re
import tempfile
import time
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

FINE = ("equal", "taken, not compared", "refused")
PLAIN = re.compile(
    r"Traceback|Error:|<class|torch\.(?!randn)|aten|ml_dtypes|np\.|numpy|object at 0x|OnnxModule|\bNone\b"
)
"""What the words of a refusal have no need of."""


def outcome(path: str, open_axes: int) -> tuple[str, str]:
    """What becomes of one file, and why."""
    import torch

    from nasmyth.errors import NasmythError

    torch.set_num_threads(1)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            network = read(path, open_axes)
        except NasmythError as error:
            return ("internal words" if PLAIN.search(str(error)) else "refused"), str(error)
        except BaseException as error:
            return "other exception", f"{type(error).__name__}: {error}"
    return against_runtime(path, network) or ("taken, not compared", " ".join(str(one.message) for one in said))


def read(path: str, open_axes: int) -> Any:
    """The network of a file; where it leaves the shape of its input open, for one that is made up."""
    import numpy as np
    import onnx
    import torch

    from nasmyth import Network
    from nasmyth.errors import TraceError

    try:
        return Network.of(path)
    except TraceError as error:
        if "an example is needed" not in str(error):
            raise
    graph = onnx.load(path, load_external_data=False).graph
    own = {one.name for one in graph.initializer}
    kind = next(one for one in graph.input if one.name not in own).type.tensor_type
    shape = [d.dim_value if d.dim_value > 0 else open_axes for d in kind.shape.dim[1:]]
    like = onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type)
    return Network.of(path, torch.from_numpy(np.ones((1, *shape), like)))


def against_runtime(path: str, network: Any) -> tuple[str, str] | None:
    """ "equal" or "differs"; None if ONNX Runtime cannot run the file."""
    import numpy as np
    import onnxruntime
    import torch

    onnxruntime.set_default_logger_severity(4)
    try:
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    except Exception:
        return None
    taken = session.get_inputs()[0]
    batch = taken.shape[0] if isinstance(taken.shape[0], int) and taken.shape[0] > 0 else 2
    kind = {"float": "float32", "double": "float64", "bool": "bool"}.get(taken.type[7:-1], taken.type[7:-1])
    rng = np.random.default_rng(7)
    shape = (batch, *network.graph.input)
    whole = [rng.integers(0, top, shape).astype(kind) for top in (10, 2, 1)]
    for x in (
        [rng.uniform(0.1, 0.9, shape).astype(kind), 1 + rng.random(shape).astype(kind)] if kind[0] == "f" else whole
    ):
        try:
            answers = session.run(None, {taken.name: x})
        except Exception:
            continue
        with torch.no_grad():
            ours = network(torch.from_numpy(x)).double().numpy()
        close = 1e-2 if "float16" in kind else 1e-4
        for theirs in answers:
            if np.shape(theirs) == ours.shape and getattr(theirs, "dtype", np.dtype("O")).kind == "f":
                theirs = theirs.astype("float64")
                if np.allclose(
                    ours, theirs, 0, close * max(np.abs(theirs[np.isfinite(theirs)]).max(initial=0), 0.01), True
                ):
                    return "equal", ""
        return "differs", f"from ONNX Runtime, on {shape}"
    return None


# --- many files ---------------------------------------------------------------------------------------------------------


def worker(pipe: Connection, open_axes: int) -> None:
    while (path := pipe.recv()) is not None:
        pipe.send(outcome(path, open_axes))


def outcomes(files: list[str], workers: int, seconds: float, open_axes: int) -> Iterator[tuple[str, str, str, float]]:
    """(file, outcome, why, seconds) of each, in processes that may crash or hang."""
    context = multiprocessing.get_context("spawn")
    waiting, busy = list(reversed(files)), {}

    def start(process: Any = None, pipe: Any = None) -> None:
        if not waiting:
            if pipe is not None:
                pipe.send(None)
            return
        if process is None:
            pipe, theirs = context.Pipe()
            process = context.Process(target=worker, args=(theirs, open_axes), daemon=True)
            process.start()
            theirs.close()
        file = waiting.pop()
        pipe.send(file)
        busy[pipe] = (process, file, time.monotonic())

    for _ in range(workers):
        start()
    while busy:
        for pipe in wait(list(busy), timeout=1):
            process, file, since = busy.pop(pipe)
            try:
                yield (file, *pipe.recv(), time.monotonic() - since)
                start(process, pipe)
            except EOFError:
                process.join()
                yield file, "crash", f"exit {process.exitcode}", time.monotonic() - since
                start()
        for pipe, (process, file, since) in list(busy.items()):
            if time.monotonic() - since > seconds:
                busy.pop(pipe)
                process.kill()
                yield file, "too long", f"more than {seconds:g} s", time.monotonic() - since
                start()


def shipped(folder: Path) -> list[str]:
    """Files of the onnx package; the models of its operator tests, which it makes when they are asked for, are put here."""
    import onnx
    from onnx.backend.test.loader import load_model_tests

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cases = load_model_tests(kind="node")
    for case in cases:
        if case.model is not None:
            (folder / f"{case.name}.onnx").write_bytes(case.model.SerializeToString())
    return sorted(map(str, [*Path(onnx.__file__).parent.rglob("*.onnx"), *folder.glob("*.onnx")]))


def reason(text: str) -> str:
    """Why, without the names and numbers of the one file."""
    text = re.sub(r"^\S+\.onnx\b", "the file", text)
    text = re.sub(r"the file (takes|gives) .*?; ", r"the file \1 ...; ", text)
    return re.sub(r"'[^']*'|\[[^\]]*\]|\([^()]*\)|\b\d[\d,.e+-]*\b", "*", text)[:150]


def table(found: list[tuple[str, str, str, float]]) -> None:
    counts = Counter(outcome for _, outcome, _, _ in found)
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for file, outcome, why, _ in found:
        if outcome != "equal":
            groups[outcome, reason(why)].append(
                Path(file).name if Path(file).stem != "model" else Path(file).parent.name
            )
    for (outcome, why), files in sorted(
        groups.items(), key=lambda item: (item[0][0] not in FINE, item[0][0], -len(item[1]))
    ):
        print(f"{len(files):6} {outcome}: {why}  [{', '.join(files[:3])}{' ...' if len(files) > 3 else ''}]")
    print()
    for outcome in (*FINE, *sorted(set(counts) - set(FINE))):
        print(f"{counts[outcome]:6} {outcome}")
    good = sum(counts[outcome] for outcome in FINE)
    share = 100 * good / max(1, len(found))
    print(
        f"{good:6} of {len(found)} files are taken and equal, or refused in plain words: {share:.2f} % (at least "
        f"99.9, aim 100)"
    )
    print(f"       longest: {max((seconds for *_, seconds in found), default=0):.1f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="*", type=Path, help="files and folders; by default what the onnx package ships")
    parser.add_argument("--workers", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--seconds", type=float, default=120, help="for one file")
    parser.add_argument("--open", type=int, default=64, help="length of axes that a file leaves open")
    parser.add_argument("--every", type=int, default=1, help="take only each so manieth file")
    parser.add_argument("--list", type=Path, help="write the outcome of each file here, one a line")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        files = [str(f) for p in args.paths for f in (sorted(p.rglob("*.onnx")) if p.is_dir() else [p])]
        files = (files or shipped(Path(folder)))[:: args.every]
        found = []
        for one in outcomes(files, args.workers, args.seconds, args.open):
            found.append(one)
            if args.list:
                with args.list.open("a") as lines:
                    print(*one[:3], f"{one[3]:.1f}", sep="\t", file=lines)
    table(found)


if __name__ == "__main__":
    main()
