"""The archive of torch.export: the whole pipeline with a batch axis of any length, class names in an extra file.

It takes stored input: uint8 N H W C for images, float32 N F for tables (numbers with NaN where missing, then category
codes, as the extra file "nasmyth.json" describes).
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from nasmyth.errors import ExportError
from nasmyth.export.verify import agree, difference, examples, expect, exportable
from nasmyth.files import replacing
from nasmyth.forms.stored import parts
from nasmyth.network.pipeline import encode
from nasmyth.network.terms import gives, takes_stored
from nasmyth.network.written import Written
from nasmyth.record import to_json

if TYPE_CHECKING:
    from nasmyth.network.network import Network

EXTRA = "nasmyth.json"


def write(network: Network, path: Path) -> Written:
    network = exportable(network)
    batches = [examples(network, n, seed=n) for n in (5, 1)]
    expected = [expect(network, raw) for raw in batches]
    with replacing(path) as folder, quiet():
        file = folder / path.name
        torch.export.save(traced(network), file, extra_files={EXTRA: json.dumps(description(network))})
        again = torch.export.load(file).module()
        with torch.no_grad():
            differences = [difference(e, again(*given(network, r))) for e, r in zip(expected, batches, strict=True)]
        far = agree("archive", differences)
    takes = takes_stored(network)
    usage = f"torch.export.load({path.name!r}).module() takes {takes}; names are in its extra file {EXTRA!r}"
    return Written((path,), far, usage)


def traced(network: Network) -> torch.export.ExportedProgram:
    """The pipeline as torch.export sees it, with a dynamic batch axis. Raises ExportError, which names what hinders."""
    sample = given(network, examples(network, 2))
    batch = {0: torch.export.Dim("batch")}
    shapes: dict[str, Any] = {"stored": batch} | ({"more": (batch,) * (len(sample) - 1)} if len(sample) > 1 else {})
    try:
        program = torch.export.export(network.pipeline().eval(), sample, dynamic_shapes=shapes, strict=False)
    except Exception as error:  # torch.export raises many kinds, most of them its own
        lines = [line for line in str(error).splitlines() if line.strip()]
        raise ExportError(f"torch.export cannot trace this network: {lines[0] if lines else error!r}") from error
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)  # holds paths of this machine
    return program


def given(network: Network, raw: Any) -> tuple[Any, ...]:
    """Raw input as the pipeline takes it: one tensor, or one for each input in their order."""
    return tuple(x for _, x in parts(encode(network, raw)))


def description(network: Network) -> dict[str, Any]:
    """What someone who holds only the exported file needs to know about input and output."""
    return {
        "graph": network.graph.key,
        "inputs": to_json(network.inputs),
        "outputs": to_json(network.outputs),
        "names": [] if network.outputs is None else list(network.outputs.names),
        "takes": takes_stored(network),
        "gives": gives(network),
    }


@contextmanager
def quiet() -> Iterator[None]:
    """Without the warnings that torch.export and the ONNX exporter raise about their own code."""
    with warnings.catch_warnings():
        # copyreg and pytree, about a treespec class that torch itself instantiates
        warnings.filterwarnings("ignore", message=r".*LeafSpec.*", category=FutureWarning)
        yield
