"""`nasmyth export`: a network in a form that others run."""

from __future__ import annotations

from typing import Annotated

import typer

from nasmyth.cli import address as addresses
from nasmyth.cli import options
from nasmyth.cli.console import only_results, print_json
from nasmyth.cli.imports import import_files


def export(
    address: options.Candidate,
    path: Annotated[str, typer.Argument(metavar="FILE", help="net.onnx, net.py, net.pt2 or net.safetensors")],
    imports: options.Imports = None,
    json: options.Json = False,
) -> None:
    """Write a network to FILE. What is written is run and compared with the network first."""
    with only_results():
        import_files(imports)
        written = addresses.network_of(address).export(path)
    if json:
        print_json({"files": list(map(str, written.files)), "difference": written.difference, "usage": written.usage})
    else:
        print(written)
