"""The conformance suites over everything that is registered: to register is to be tested."""

from __future__ import annotations

import pytest
import torch

import nasmyth.blocks
import nasmyth.ops
from nasmyth.graph.op import blocks, ops
from nasmyth.testing import check_block, check_onnx, check_op, examples

torch.set_num_threads(1)

NOT_BUILT = {"Input"}
"""Ops that stand for no layer."""
SKIPPED_NAMES = ("tests.", "test_")


def _cases(registry):
    """One pytest parameter for each example of what Nasmyth itself registers (tests register ops of their own)."""
    ours = {name: listed for name, listed in examples(registry).items() if _is_ours(registry.get(name))}
    return [pytest.param(*e, id=f"{e[0]!r}") for listed in ours.values() for e in [(x[0], x[1:]) for x in listed]]


def _is_ours(thing):
    return thing.__module__.startswith("nasmyth.")
