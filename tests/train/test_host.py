"""What the machine decides of a training."""

import pytest
import torch

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
    assert host.open_fabric("cpu", "auto")._precision.precision == expected
    assert host.open_fabric("cpu", "32")._precision.precision == "32-true"
    assert host.open_fabric("cpu", "bf16")._precision.precision == "bf16-mixed"


def test_a_torch_that_does_not_tell_is_not_halved(monkeypatch):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert host.open_fabric("cpu", "auto")._precision.precision == "32-true"
