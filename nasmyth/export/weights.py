"""The safetensors form: what `Network.save` writes, read back and compared bit for bit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nasmyth.errors import ExportError
from nasmyth.files import replacing
from nasmyth.network.save import to_bytes
from nasmyth.network.written import Written

if TYPE_CHECKING:
    from nasmyth.network.network import Network


def write(network: Network, path: Path) -> Written:
    data = to_bytes(network)
    if to_bytes(type(network).from_bytes(data)) != data:
        raise ExportError("not written: the file does not give the same network back")
    with replacing(path) as folder:
        (folder / path.name).write_bytes(data)
    return Written((path,), 0.0, f"read it with nasmyth.Network.load({path.name!r})")
