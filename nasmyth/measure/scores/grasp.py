"""GraSP: how much the norm of the gradient would fall if weights were taken away (Wang et al. 2020, arXiv:2002.07376,
equation 8).

    - sum of w (H g),    g the gradient of the loss, H its second derivative, of the weights of layers

Positive where taking weights away hinders the flow of gradients. It needs a second backward pass through the first, which
no other score shares.
"""

from __future__ import annotations

from typing import Any

import torch

from nasmyth.errors import CandidateError
from nasmyth.measure.measure import measure
from nasmyth.measure.scores.gradients import matrices
from nasmyth.measure.scores.passes import first


@measure(unit="", direction="max", needs=("forward", "labels", "task"))
def grasp(forward: Any, labels: Any, task: Any) -> float:
    """What the flow of gradients would lose with the weights (Wang et al. 2020, arXiv:2002.07376)."""
    weights = [forward.weights[name] for name in matrices(forward.network) if name in forward.weights]
    loss = task.loss(forward.output, first(labels, len(forward.inputs[0])))
    if not weights or loss.grad_fn is None:
        raise CandidateError("grasp is about the weights of convolutions and linear layers, and this network has none")
    found = torch.autograd.grad(loss, weights, create_graph=True, allow_unused=True, materialize_grads=True)
    flow = torch.stack([(one * one.detach()).sum() for one in found]).sum()
    curved = torch.autograd.grad(flow, weights, retain_graph=True, allow_unused=True, materialize_grads=True)
    return -sum(float((weight.detach() * one).sum()) for weight, one in zip(weights, curved, strict=True))
