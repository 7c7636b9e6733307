"""Writing networks in forms that others run. The suffix of the path chooses the form:

    .onnx           for ONNX Runtime and everything else that reads ONNX
    .py             plain PyTorch source, with its weights beside it in .safetensors
    .pt2            torch.export's archive
    .safetensors    what Network.load reads

Whatever is written holds preprocessing and class names, so that raw input predicts. It is run on a batch of random raw
input and compared with the network before it replaces what is at the path.
"""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from nasmyth.errors import ExportError, nearest
from nasmyth.network.written import Written

if TYPE_CHECKING:
    from nasmyth.network.network import Network

FORMS = {".onnx": "onnx", ".py": "source", ".pt2": "pt2", ".safetensors": "weights"}
"""Suffixes, and the file here that writes each."""


def write(network: Network, path: str | os.PathLike[str]) -> Written:
    """Export by suffix. Raises ExportError if the form is unknown, cannot express the network, or disagrees with it."""
    suffix = Path(path).suffix.lower()
    if suffix not in FORMS:
        raise ExportError(
            f"cannot export to {Path(path).name!r}: use one of {', '.join(FORMS)}{nearest(suffix, FORMS)}"
        )
    form = importlib.import_module(f"{__name__}.{FORMS[suffix]}")
    written: Written = form.write(network, Path(path))
    return written
