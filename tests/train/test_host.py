"""What the machine decides of a training."""

import subprocess
import sys

import pytest
import torch
from toys import convnet, mlp

from nasmyth.train import host
from nasmyth.train import precision as fastest

FAST, SLOW = {"avx512_bf16": True}, {"avx2": True}


@pytest.fixture(autouse=True)
def _timed_anew():
    fastest._pays.cache_clear()
    yield
    fastest._pays.cache_clear()


def machine(monkeypatch, told, half):
    """A CPU that tells this of itself, where a step in bfloat16 takes so many times as long as in float32."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: told, raising=False)
    monkeypatch.setattr(fastest, "seconds", lambda network, x, halved: half if halved else 1.0)


@pytest.mark.parametrize(
    ("told", "half", "expected"),
    [
        (FAST, 0.7, "bf16-mixed"),
        ({"amx_bf16": True}, 0.4, "bf16-mixed"),
        (FAST, 1.4, "32-true"),
        (FAST, 0.95, "32-true"),
        (SLOW, 0.7, "32-true"),
        ({}, 0.7, "32-true"),
    ],
)
def test_half_precision_where_the_processor_has_its_arithmetic_and_is_faster_by_it(told, half, expected, monkeypatch):
    machine(monkeypatch, told, half)
    assert precision("auto", convnet()) == expected
    assert precision("32", convnet()) == "32-true" and precision("bf16", convnet()) == "bf16-mixed"


def precision(asked, network):
    return host.open_fabric("cpu", asked, network)._precision.precision


def test_half_precision_where_the_network_gains_by_it(monkeypatch):
    """Depthwise convolutions are slower in bfloat16, and networks without convolutions have little to gain."""
    machine(monkeypatch, FAST, 0.7)
    depthwise = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.Conv2d(4, 4, 3, groups=4))
    assert precision("auto", depthwise) == precision("auto", mlp()) == "32-true"
    assert precision("auto", depthwise[0]) == "bf16-mixed" == precision("bf16", depthwise)


def test_a_processor_is_timed_once_and_leaves_the_generator_as_it_was(monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: FAST, raising=False)
    asked, timed = [], fastest.seconds
    monkeypatch.setattr(fastest, "seconds", lambda *given: asked.append(given[2]) or timed(*given))
    torch.manual_seed(0)
    first = precision("auto", convnet())
    state = torch.get_rng_state()
    torch.manual_seed(0)
    convnet()
    assert torch.equal(torch.get_rng_state(), state)
    assert asked.count(True) == asked.count(False) == len(asked) // 2 > 1
    assert precision("auto", convnet()) == first and len(asked) == 2 * (fastest.ROUNDS + 1)


def test_a_precision_is_not_told_of_every_training(capfd, caplog):
    host.open_fabric("cpu", "bf16")
    assert capfd.readouterr() == ("", "") and not caplog.records


def test_a_torch_that_does_not_tell_is_not_halved(monkeypatch):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert precision("auto", convnet()) == "32-true"


FREED = """
import torch
from nasmyth.train import host

def resident():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmRSS")) / 1024

host.return_freed_memory()
torch.ones(2**22)  # 16 MiB: from the first that is freed on, glibc has such blocks in the heap
before = resident()
blocks = [torch.ones(2**22) for _ in range(11)]
del blocks[:10]
print(resident() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="of glibc")
def test_freed_blocks_go_back_to_the_system():
    """Eleven blocks of 16 MiB, of which the last stays: left alone, the others stay in memory below it."""
    told = subprocess.run([sys.executable, "-c", FREED], capture_output=True, text=True, check=True)
    assert float(told.stdout) < 40
