"""What the machine decides of a training."""

import pytest
import torch
from toys import convnet, mlp

from nasmyth.train import host


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"avx512_bf16": True}, "bf16-mixed"),
        ({"amx_bf16": True}, "bf16-mixed"),
        ({"avx2": True}, "32-true"),
        ({}, "32-true"),
    ],
)
def test_half_precision_where_the_processor_has_its_arithmetic(told, expected, monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: told, raising=False)
    assert precision("auto", convnet()) == expected
    assert precision("32", convnet()) == "32-true" and precision("bf16", convnet()) == "bf16-mixed"


def precision(asked, network):
    return host.open_fabric("cpu", asked, network)._precision.precision


def test_half_precision_where_the_network_gains_by_it(monkeypatch):
    """Depthwise convolutions are slower in bfloat16, and networks without convolutions have little to gain."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True}, raising=False)
    depthwise = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.Conv2d(4, 4, 3, groups=4))
    assert precision("auto", depthwise) == precision("auto", mlp()) == "32-true"
    assert precision("auto", depthwise[0]) == "bf16-mixed" == precision("bf16", depthwise)


def test_a_precision_is_not_told_of_every_training(capfd, caplog):
    host.open_fabric("cpu", "bf16")
    assert capfd.readouterr() == ("", "") and not caplog.records


def test_a_torch_that_does_not_tell_is_not_halved(monkeypatch):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert precision("auto", convnet()) == "32-true"
