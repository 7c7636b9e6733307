"""What is fuzzed: everything that takes something from a file, a console or a caller.

A target is a function of a random generator and of the folder of its case. What it makes of a good document is used, too:
what can be read must also print, cost and decode. `make` writes the good documents once; `prepared` reads them.
"""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import mutate_data
import mutate_json
import mutate_onnx
import mutate_study
import mutate_text
from mutate_bytes import mutated_bytes

Target = Callable[[random.Random, Path], object]

GOOD = "NASMYTH_FUZZ_GOOD"
"""The environment variable that names the folder of the good documents."""
SPACES = (
    "nb201",
    "darts",
    "proxyless",
    "vit",
    "autoformer",
    "wide_attention",
    "simplenet",
    "images",
    "tables",
    "evonorm",
)
SAMPLES = 3


def make(folder: Path) -> None:
    """Write good documents: graphs, spaces, genomes, texts, a trained study, networks, ONNX files."""
    from nasmyth import Study, build, read
    from nasmyth.network import Network
    from nasmyth.spaces import spaces
    from nasmyth.train import EMA, Recipe, fit

    found: dict[str, list[Any]] = {"graphs": [], "spaces": [], "genomes": [], "texts": []}
    for name in SPACES:
        named = spaces.get(name)
        space = named(**(named.small or {}))
        found["spaces"].append(space.to_json())
        for seed in range(SAMPLES):
            genome = space.sample(seed)
            graph = space.decode(genome)
            found["genomes"].append([len(found["spaces"]) - 1, genome])
            found["graphs"].append(graph.to_json())
            found["texts"].append(graph.to_text())
    (folder / "good.json").write_text(json.dumps(found))
    task, space = read("digits", seed=0), _space()
    with Study(folder / "good.db", space, maximize="accuracy", under=["params<=20k"], seed=0, task=task) as study:
        study.run(task, 3, epochs=0.1)
        numbered = next(trial for trial in study.trials if "weights" in trial.artefacts)
        (folder / "good.safetensors").write_bytes(study.get(numbered.artefacts["weights"]))
    network = Network.load(folder / "good.safetensors")
    state = fit(network, task, Recipe(average=EMA(0.9), batch=256), until=0.3, device="cpu").state
    (folder / "good.state").write_bytes(state.to_bytes())
    network.export(folder / "good.onnx")
    (folder / "traced.safetensors").write_bytes(Network.of(_module(), _example()).to_bytes())
    (folder / "plain.safetensors").write_bytes(build(space.decode(space.sample(0))).to_bytes())
    _draw(folder)


def _space() -> Any:
    from nasmyth import Space, chain, choice, integer, repeat
    from nasmyth.blocks import conv_block, image_head

    body = repeat(conv_block(choice(4, 8)), integer(1, 2))
    return Space(chain(stem=conv_block(choice(4, 8)), body=body, head=image_head(10)), input=(1, 8, 8))


def _draw(folder: Path) -> None:
    """Four small pictures."""
    from PIL import Image

    rng = random.Random(0)
    for i in range(4):
        Image.frombytes("L", (8, 8), rng.randbytes(64)).save(folder / f"{i}.png")


def _module() -> Any:
    from torch import nn

    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.GELU(), nn.Flatten(), nn.Linear(4 * 36, 5), nn.Softplus())


def _example() -> Any:
    import torch

    return torch.zeros(2, 1, 8, 8)


def prepared() -> dict[str, Target]:
    """The targets by name."""
    _import_parts()
    good = Path(os.environ[GOOD])
    found = json.loads((good / "good.json").read_text())
    weights = [path.read_bytes() for path in sorted(good.glob("*.safetensors"))]
    return {
        "graph JSON": partial(_graph_json, found["graphs"]),
        "graph text": partial(_graph_text, found["texts"]),
        "space JSON": partial(_space_json, found["spaces"]),
        "genome": partial(_genome, _spaces(found["spaces"]), found["genomes"]),
        "weights": partial(_weights, weights),
        "state": partial(_state, (good / "good.state").read_bytes()),
        "study": partial(_study, good / "good.db"),
        "npz": partial(_data, "new.npz", mutate_data.npz),
        "csv": partial(_data, "new.csv", mutate_data.csv),
        "parquet": partial(_data, "new.parquet", mutate_data.parquet),
        "pictures": partial(_pictures, [path.read_bytes() for path in sorted(good.glob("*.png"))]),
        "inputs": partial(_inputs, weights[0]),
        "ONNX": partial(_onnx, good / "good.onnx"),
        "console": partial(_console, good),
        "values": _values,
        "calls": _calls,
    }


def _import_parts() -> None:
    """What documents of the library are made of has to be known before one is read."""
    import nasmyth.forms.inputs
    import nasmyth.forms.outputs  # noqa: F401
    from nasmyth.study.trial import import_library

    import_library()


NAMES = ("graph JSON", "graph text", "space JSON", "genome", "weights", "state", "study", "npz", "csv", "parquet", "pictures",
         "inputs", "ONNX", "console", "values", "calls")  # fmt: skip
SHARES = {name: {"ONNX": 1, "study": 4, "console": 4, "state": 4}.get(name, 16) for name in NAMES}
"""How often each is tried: a case takes seconds of ONNX files, which are run in a process of their own, tenths of a
second of studies and of the console, and milliseconds of all else."""


# --- our own documents ------------------------------------------------------------------------------------------------


def _graph_json(documents: list[Any], rng: random.Random, folder: Path) -> None:
    from nasmyth import Graph

    _used(Graph.from_json(mutate_json.mutated(rng.choice(documents), rng)))


def _graph_text(texts: list[str], rng: random.Random, folder: Path) -> None:
    from nasmyth import Graph

    _used(Graph.from_text(mutate_text.mutated(rng.choice(texts), rng)))


def _used(graph: Any) -> None:
    from nasmyth import Graph
    from nasmyth.measure import macs, params

    str(graph), params(graph), macs(graph)
    assert Graph.from_json(json.loads(json.dumps(graph.to_json()))).key == graph.key


def _spaces(documents: list[Any]) -> list[Any]:
    from nasmyth import Space

    return [Space.from_json(one) for one in documents]


def _space_json(documents: list[Any], rng: random.Random, folder: Path) -> None:
    from nasmyth import Space

    space = Space.from_json(mutate_json.mutated(rng.choice(documents), rng))
    repr(space)
    space.decode(space.sample(0))


def _genome(spaces: list[Any], genomes: list[Any], rng: random.Random, folder: Path) -> None:
    which, genome = rng.choice(genomes)
    other = mutate_json.mutated(genome, rng)
    if rng.random() < 0.5:
        spaces[which].decode(other)
    else:
        spaces[which].encode(other)


def _weights(files: list[bytes], rng: random.Random, folder: Path) -> None:
    from nasmyth import Network

    data = rng.choice(files)
    Network.from_bytes(_reheaded(data, rng) if rng.random() < 0.7 else mutated_bytes(data, rng))


def _state(good: bytes, rng: random.Random, folder: Path) -> None:
    """What is taken is gone on with for one step, on other data than it was: the numbers in it meet the loop."""
    from nasmyth import read
    from nasmyth.train import TrainingState, fit

    data = _reheaded(good, rng, "nasmyth.training") if rng.random() < 0.8 else mutated_bytes(good, rng)
    state = TrainingState.from_bytes(data)
    state.to_bytes()
    if not state.recipe.compile and state.recipe.precision == "32":
        task = read("digits", limit=80, seed=0)
        fit(state.replace(task=task.fingerprint), task, seconds=0.0, device="cpu")


def _reheaded(data: bytes, rng: random.Random, kind: str = "nasmyth") -> bytes:
    """The same weights under a header, or a description of what is in it, that nobody wrote."""
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    if rng.random() < 0.7:
        document = mutate_json.mutated(json.loads(header["__metadata__"][kind]), rng)
        header["__metadata__"][kind] = _dumped(document)
    else:
        header = mutate_json.mutated(header, rng)
    text = _dumped(header).encode("utf-8", "surrogatepass")
    return len(text).to_bytes(8, "little") + text + data[8 + size :]


def _dumped(document: Any) -> str:
    """JSON, however deep: what cannot be written otherwise has as many brackets."""
    try:
        return json.dumps(document)
    except RecursionError:
        return "[" * 100_000


def _study(good: Path, rng: random.Random, folder: Path) -> None:
    from nasmyth import Network, Study
    from nasmyth.report import html, text

    path = folder / "new.db"
    shutil.copy(good, path)
    mutate_study.mutate(path, rng)
    with Study.open(path) as study:
        text(study)
        if rng.random() < 0.2:
            html(study)
        for trial in study.trials:
            if "weights" in trial.artefacts:
                Network.from_bytes(study.get(trial.artefacts["weights"]))


# --- what people bring ------------------------------------------------------------------------------------------------


def _data(name: str, make: Callable[[random.Random], bytes], rng: random.Random, folder: Path) -> None:
    from nasmyth import read

    (folder / name).write_bytes(make(rng))
    options = (
        {"target": rng.choice(("y", "target", "label", "nothing"))} if name != "new.npz" and rng.random() < 0.8 else {}
    )
    read(folder / name, **options)


def _pictures(good: list[bytes], rng: random.Random, folder: Path) -> None:
    from nasmyth import read

    for i in range(8):
        name, data = mutate_data.picture(rng) if i == 3 else ("good.png", good[i % len(good)])
        path = folder / "set" / "ab"[i % 2] / f"{i}{Path(name).suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    read(folder / "set", on_bad=rng.choice(("skip", "refuse")))


def _inputs(weights: bytes, rng: random.Random, folder: Path) -> None:
    from nasmyth import Network
    from nasmyth.domains import read_inputs

    network = Network.from_bytes(weights)
    name, made = rng.choice((("new.npz", mutate_data.npz), ("new.png", lambda rng: mutate_data.picture(rng)[1])))
    (folder / name).write_bytes(made(rng))
    network.predict(read_inputs(folder / name, network.inputs)[0])


def _onnx(good: Path, rng: random.Random, folder: Path) -> None:
    import onnx

    from nasmyth import Network

    model = onnx.load(good)
    data = mutate_onnx.mutated(model, rng) if rng.random() < 0.8 else mutated_bytes(good.read_bytes(), rng)
    (folder / "new.onnx").write_bytes(data)
    Network.of(folder / "new.onnx")


# --- texts of the console, and values and calls of the Python API -----------------------------------------------------

TEXTS: Mapping[str, tuple[str, ...]] = {
    "under": ("params<=10k", "latency@cpu,batch=8<=8ms", "macs<=1e6", "size<=200kB", "accuracy>=0.9", "memory<=4MiB"),
    "spend": ("90s", "2h", "300 trials", "2h, 300 trials", "1h30m", "0.5"),
    "measure": ("accuracy", "rmse", "params", "latency@cpu", "latency@cpu,batch=8", "robust@pgd", "ece_scaled"),
    "strategy": ("random", "evolution(population=16)", "local", "grid", "evolution(population=4,parent=2)"),
    "size": ("64", "48x64"),
    "address": ("good.db#best", "good.db#baseline", "good.db#1", "good.db", "good.safetensors", "good.onnx"),
    "space": ("nb201", "vit", "mine.py:space", "nasmyth.spaces:vit", "images"),
    "limit": ("10min", "4GB", "3"),
    "kind": ("ops", "measures", "strategies", "spaces", "data", "blocks"),
    "column": ("accuracy", "params<=500k", "seconds"),
}
LINES: tuple[tuple[str, ...], ...] = (
    ("design", "missing.csv", "--under", "<under>", "--spend", "<spend>", "--maximize", "<measure>"),
    ("design", "missing.csv", "--minimize", "<measure>", "--size", "<size>", "--seed", "<limit>"),
    ("search", "<space>", "--data", "missing.csv", "--under", "<under>", "--strategy", "<strategy>", "--trials", "<limit>"),
    ("search", "nb201", "--data", "missing.csv", "--limit-seconds", "<limit>", "--limit-memory", "<limit>", "--on",
        "<kind>"),
    ("show", "<address>"), ("show", "<address>", "--graph"), ("show", "<address>", "--json"),
    ("check", "<address>", "--under", "<under>"),
    ("predict", "<address>", "missing.npz"),
    ("measure", "nb201", "--sample", "<limit>", "--by", "<measure>"),
    ("list", "<kind>"),
    ("bench", "<space>", "--table", "missing.csv", "--objective", "<column>", "--under", "<column>", "--queries",
        "<limit>"),
    ("<kind>", "--help"),
)  # fmt: skip


def _console(good: Path, rng: random.Random, folder: Path) -> None:
    from typer.testing import CliRunner

    from nasmyth.cli import app
    from nasmyth.errors import NasmythError

    for name in ("good.db", "good.safetensors", "good.onnx"):
        shutil.copy(good / name, folder / name)
    line = [_word(word, rng) for word in rng.choice(LINES)]
    told = CliRunner().invoke(app, line, prog_name="nasmyth")
    if told.exception is not None and not isinstance(told.exception, SystemExit):
        raise told.exception
    if "This is a mistake in Nasmyth" in told.stderr:
        raise AssertionError(f"{line}: {told.stderr[:300]}")
    if told.exit_code:
        if not told.stderr.strip():
            raise AssertionError(f"{line}: status {told.exit_code}, and not a word")
        raise NasmythError(told.stderr)


def _word(word: str, rng: random.Random) -> str:
    if not word.startswith("<"):
        return word
    good = rng.choice(TEXTS[word.strip("<>")])
    return good if rng.random() < 0.4 else mutate_text.mutated(good, rng).replace("\x00", "0")


def _values(rng: random.Random, folder: Path) -> None:
    """What reads a text by itself, so that no other text of the line is in its way."""
    from nasmyth.cli.strategies import strategy_of
    from nasmyth.graph.signature import parse
    from nasmyth.measure import constraint, constraints, find
    from nasmyth.units import quantity, spend

    kind, reads = rng.choice(
        (("under", constraint), ("under", lambda text: constraints([text, "params<=5"])), ("spend", spend),
            ("measure", find),
         ("strategy", strategy_of), ("limit", lambda text: quantity(text, "s")),
         ("limit", lambda text: quantity(text, "B")),
         ("limit", quantity), ("signature", parse))
    )  # fmt: skip
    texts = {**TEXTS, "signature": ("b c h w -> b out h/stride w/stride", "b l (h p) -> b l h p", "b c h w -> b c 1 1")}
    reads(mutate_text.mutated(rng.choice(texts[kind]), rng))


JUNK: tuple[Any, ...] = (
    None, True, 0, -1, 1.5, float("nan"), float("inf"), 10**30, "", "x", "²", b"x", (), [], {}, {"a": 1}, set(),
    object(), int, len,
    Ellipsis, [[]], [None], ["params<=1"], ("x", "y"), (1, 8, 8), range(3), 1j, Exception("x"), slice(1), lambda: 0,
)  # fmt: skip


def _calls(rng: random.Random, folder: Path) -> None:
    """The public functions with arguments of any type. A TypeError or ValueError of our own words is an answer, too."""
    name, call = rng.choice(sorted(_callables().items()))
    pick = partial(rng.choice, JUNK)
    try:
        call(pick)
    except (TypeError, ValueError) as error:
        if not _raised_here(error):
            error.args = (f"{name}: {error}",)
            raise


def _raised_here(error: BaseException) -> bool:
    """Whether the last line of the traceback is a `raise` of the library: a sentence, and not an accident."""
    import linecache

    trace = error.__traceback__
    assert trace is not None
    while trace.tb_next is not None:
        trace = trace.tb_next
    file, number = trace.tb_frame.f_code.co_filename, trace.tb_lineno
    if "/nasmyth/" not in file:
        return False
    return "raise" in linecache.getline(file, number) or "raise" in linecache.getline(file, max(1, number - 1))


def _callables() -> dict[str, Callable[[Callable[[], Any]], object]]:
    import nasmyth
    from nasmyth import Graph, Network, Space, Study, chain, choice, integer, maybe, real, repeat, residual, subset
    from nasmyth.measure import constraint, params
    from nasmyth.record import from_json, loads
    from nasmyth.train import SGD

    space = _space()
    return {
        "Study(space)": lambda junk: Study(None, junk()),
        "Study(maximize)": lambda junk: Study(None, space, maximize=junk()),
        "Study(minimize)": lambda junk: Study(None, space, minimize=junk()),
        "Study(under)": lambda junk: Study(None, space, maximize="accuracy", under=junk()),
        "Study(strategy)": lambda junk: Study(None, space, strategy=junk()),
        "Study(seed)": lambda junk: Study(None, space, seed=junk()),
        "Study(path)": lambda junk: Study.open(junk()),
        "Study.tell": lambda junk: Study(None, space).tell(junk(), accuracy=junk()),
        "Study.ask": lambda junk: Study(None, space).ask(junk()),
        "Study.run": lambda junk: Study(None, space).run(junk(), trials=junk()),
        "read": lambda junk: nasmyth.read(junk()),
        "read(seed)": lambda junk: nasmyth.read("digits", seed=junk()),
        "read(target)": lambda junk: nasmyth.read("iris", target=junk()),
        "read(x, y)": lambda junk: nasmyth.read((junk(), junk())),
        "design(data)": lambda junk: nasmyth.design(junk(), spend=junk()),
        "design(under)": lambda junk: nasmyth.design("missing.csv", under=junk(), maximize=junk(), seed=junk()),
        "Graph.of": lambda junk: Graph.of(junk(), input=junk()),
        "Graph.from_json": lambda junk: Graph.from_json(junk()),
        "Graph.from_text": lambda junk: Graph.from_text(junk()),
        "Space": lambda junk: Space(junk(), input=junk()),
        "Space(input)": lambda junk: Space(space.template, junk()),
        "Space.sample": lambda junk: space.sample(junk()),
        "Space.decode": lambda junk: space.decode(junk()),
        "Space.encode": lambda junk: space.encode(junk()),
        "Space.narrow": lambda junk: space.narrow(junk()),
        "Space.mutate": lambda junk: space.mutate(junk(), junk()),
        "chain": lambda junk: chain(junk(), junk()),
        "choice": lambda junk: choice(junk(), junk()),
        "integer": lambda junk: integer(junk(), junk()),
        "real": lambda junk: real(junk(), junk()),
        "maybe": lambda junk: maybe(junk()),
        "subset": lambda junk: subset(junk(), junk(), junk()),
        "repeat": lambda junk: repeat(junk(), junk()),
        "residual": lambda junk: residual(junk()),
        "constraint": lambda junk: constraint(junk()),
        "params<=": lambda junk: params <= junk(),
        "params": lambda junk: params(junk()),
        "from_json": lambda junk: from_json(junk()),
        "loads": lambda junk: loads(junk()),
        "trace": lambda junk: nasmyth.trace(junk(), junk()),
        "Network.of": lambda junk: Network.of(junk(), junk()),
        "Network.load": lambda junk: Network.load(junk()),
        "build": lambda junk: nasmyth.build(junk()),
        "SGD(lr)": lambda junk: SGD(lr=junk()),
        "Recipe(optimizer)": lambda junk: nasmyth.Recipe(optimizer=junk(), epochs=junk()),
    }
