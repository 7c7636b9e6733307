"""What has been read of a program so far: drafts of nodes, and what its variables are. Rules add to it, `reader.py`
drives it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import torch

from nasmyth.tracing.capture import Captured
from nasmyth.tracing.values import Draft, Flow


class Drafts(ABC):
    """Drafts of a captured program. `apart`: names of parameters that become nodes of their own."""

    def __init__(self, program: Captured, apart: frozenset[str]) -> None:
        self.program, self.apart, self.batch = program, apart, program.batch
        self.drafts: list[Draft] = []
        self.weights: dict[str, Flow] = {}
        self.env: dict[torch.fx.Node, Any] = {}

    def add(self, draft: Draft) -> int:
        """Add a draft; its number."""
        self.drafts.append(draft)
        return len(self.drafts) - 1

    @abstractmethod
    def as_flow(self, value: Any) -> Flow:
        """Anything as a node."""
