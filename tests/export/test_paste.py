"""Pasted source stands alone: helpers, constants and imports come along, and names that clash are told apart."""

import math
import sys
import types

import pytest
import torch

from nasmyth.errors import ExportError
from nasmyth.export.paste import Paste

FILES = {
    "first": '''
from __future__ import annotations
import math, numpy
import os.path
from collections import OrderedDict as Ordered
import torch
import torch.nn.functional as F
from torch import nn
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from somewhere import Unknown
SCALE: float = 2.0
BOTH = A, B = (SCALE * 3, math.pi)

def op(x): return lambda cls: cls

def helper(x, depth=0):
    """Calls itself."""
    return helper(x, depth + 1) if depth < 2 else x * A

class Base(nn.Module):
    def forward(self, x: Unknown) -> Unknown:
        return F.relu(x) + os.path.sep.count("/") - 1 + Ordered(a=0)["a"]

@op("b ... -> b ...")
class Layer(Base):
    """Has helper in its text, and self.helper."""
    factor = SCALE
    def __init__(self, helper=helper):
        super().__init__()
        self.helper = helper
    def forward(self, x):
        return super().forward(self.helper(x)) * sum(B * v for v in [self.factor])

class Bad(nn.Module):
    def forward(self, x):
        return numpy.abs(x)
''',
    "second": '''
from first import Base, SCALE as ONE
import torch
from torch import nn

def helper(x):  # another one, and a remark
    return x - ONE

@torch.no_grad()
def outer(x):
    return helper(x=x, **{}) if x is not None else helper

class Layer(Base):
    def forward(self, x):
        é = super().forward(helper(x)); return é + outer(x) + len("helper")
''',
}  # fmt: skip


@pytest.fixture
def modules(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    found = []
    for name, text in FILES.items():
        (tmp_path / f"{name}.py").write_text(text)
    for name in FILES:
        sys.modules.pop(name, None)
        found.append(__import__(name))
    yield found
    for name in FILES:
        sys.modules.pop(name, None)


def run(paste):
    text = "\n\n".join(["from __future__ import annotations", *paste.imports, *paste.texts])
    module = types.ModuleType("pasted")
    exec(compile(text, "pasted", "exec"), vars(module))
    return vars(module), text


def test_everything_comes_along(modules):
    first, _ = modules
    paste = Paste()
    name = paste.add(first.Layer)
    found, text = run(paste)
    x = torch.randn(5)
    assert torch.equal(found[name]()(x), first.Layer()(x))
    assert "@op" not in text and "numpy" not in text and "Unknown" not in found and found["B"] == math.pi
    assert paste.add(first.Layer) == name and len(paste.texts) == 5


def test_names_that_clash_are_told_apart(modules):
    first, second = modules
    paste = Paste(reserved=["Base"])
    names = [paste.add(first.Layer), paste.add(second.Layer)]
    assert names == ["Layer", "Layer_2"]
    found, text = run(paste)
    x = torch.randn(5)
    for name, module in zip(names, modules, strict=True):
        assert torch.equal(found[name]()(x), module.Layer()(x)), text
    assert "class Base_2(nn.Module)" in text and "def helper_2(x):" in text and 'len("helper")' in text


def test_other_packages_are_refused(modules):
    with pytest.raises(ExportError, match="Bad uses the module numpy, and an exported file imports torch only"):
        Paste().add(modules[0].Bad)


def test_imports_in_the_order_of_the_style_guide():
    paste = Paste()
    for module, name in (
        ("torch", ""),
        ("torch.nn.functional", ""),
        ("struct", ""),
        ("pathlib", "Path"),
        ("torch.nn", ""),
    ):
        paste.need(module, name)
    assert paste.imports == ["import struct", "from pathlib import Path", "", "import torch", "from torch import nn",
                             "from torch.nn import functional"]  # fmt: skip
