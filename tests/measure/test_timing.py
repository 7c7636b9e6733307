"""Latency. No test depends on how fast this machine is."""

import pytest
import torch

from nasmyth.errors import MissingExtraError, NasmythError
from nasmyth.graph import Graph, chain
from nasmyth.measure import timing
from nasmyth.measure.timing import Latency, latency, summary, timed
from nasmyth.network import build
from nasmyth.ops import Activation, Linear

GRAPH = Graph.of(chain(Linear(8), Activation(), Linear(3)), (5,))


def test_a_graph_is_measured_once_and_a_network_every_time(monkeypatch):
    sessions = []
    measured = timing._on_cpu
    monkeypatch.setattr(timing, "_on_cpu", lambda *a: sessions.append(a) or measured(*a))
    timing._of_graph.cache_clear()
    first = latency(GRAPH, repeats=3)
    again = Graph.of(chain(a=Linear(8), b=Activation(), c=Linear(3)), (5,))  # the same network, other addresses
    assert latency(again, repeats=3) is first and len(sessions) == 1
    assert latency(GRAPH, batch=4, repeats=3).batch == 4 and len(sessions) == 2
    network = build(GRAPH)
    latency(network, repeats=3)
    latency(network, repeats=3)
    assert len(sessions) == 4


def test_it_says_what_was_measured():
    found = latency(GRAPH, batch=2, threads=1, repeats=30)
    assert 0 < found.p10 <= found.median <= found.p90 and found.n == 30
    assert float(found) == found.median
    assert "in 30 runs; batch 2, 1 thread, ONNX Runtime" in str(found)


def test_a_network_is_left_as_it_was():
    network = build(GRAPH).train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    state = torch.random.get_rng_state()
    latency(network, repeats=2)
    assert all(m.training for m in network.modules()) and torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())


def test_median_and_spread():
    times = [float(t) for t in (5, 1, 3, 2, 4, 9, 8, 7, 6, 10, 11)]
    assert summary(times, 1, 1, "") == Latency(6.0, 2.0, 10.0, 11, 1, 1, "")
    assert summary([2.0], 1, 1, "")[:4] == (2.0, 2.0, 2.0, 1)


@pytest.mark.parametrize("each, runs", [(0.0001, 1000), (0.05, 20), (0.005, 40)])
def test_runs_until_the_time_is_up(monkeypatch, each, runs):
    """With a clock of its own: at least 20 runs, at most 1000, otherwise 0.2 s of them; the warm-up is not counted."""
    now = [0.0]

    def run():
        now[0] += each
        return each

    monkeypatch.setattr(timing.time, "perf_counter", lambda: now[0])
    found = timed(run, warmup=5, repeats=None)
    assert len(found) == pytest.approx(runs, abs=1) and now[0] == pytest.approx((len(found) + 5) * each)
    assert len(timed(run, warmup=0, repeats=7)) == 7


@pytest.mark.parametrize("settings", [{"batch": 0}, {"threads": 0}, {"warmup": -1}, {"repeats": 0}])
def test_settings_without_sense(settings):
    with pytest.raises(NasmythError, match=f"{next(iter(settings))}="):
        latency(GRAPH, **settings)


def test_devices_that_are_not_there(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(NasmythError, match="no CUDA device is here; measure on 'cpu'"):
        latency(GRAPH, "cuda")
    with pytest.raises(NasmythError, match="the devices are 'cpu' and 'cuda'"):
        latency(GRAPH, "tpu")


def test_without_onnx_runtime_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises((MissingExtraError, ImportError), match="onnxruntime"):
        latency(build(GRAPH))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda():
    found = latency(GRAPH, "cuda", repeats=5)
    assert found.n == 5 and "PyTorch" in found.runtime and found.median > 0
