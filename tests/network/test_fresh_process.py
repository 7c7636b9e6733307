"""A saved network is read by a process that has imported nothing but the class that reads it."""

import subprocess
import sys

from nasmyth.domains import read
from nasmyth.graph import Graph, chain
from nasmyth.network import build
from nasmyth.ops import Conv, Linear, Mean


def test_a_saved_network_is_read_in_a_fresh_process(tmp_path):
    task = read("digits", limit=100)
    network = build(Graph.of(chain(Conv(4), Mean("h w"), Linear(10)), task.input), 0, task.inputs, task.outputs)
    network.save(tmp_path / "net.safetensors")
    code = "import sys; from nasmyth.network import Network; print(Network.load(sys.argv[1]).graph.key)"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, str(tmp_path / "net.safetensors")], capture_output=True, text=True
    )
    assert done.stdout.strip() == network.graph.key, done.stderr[-800:]
