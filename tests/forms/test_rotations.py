"""Rotations against their matrices, and angles against how they were made."""

import math

import pytest
import torch

from nasmyth import Graph, build, chain
from nasmyth.blocks import rotation_head
from nasmyth.errors import DataError
from nasmyth.export.alone import answers
from nasmyth.forms import Rotations
from nasmyth.forms.rotations import angles
from nasmyth.ops import Linear
from nasmyth.record import from_json, to_json

torch.set_num_threads(1)


def turn(angle, axis):
    """The quaternion of a turn by an angle, in radians, around an axis."""
    axis = axis / axis.norm(dim=-1, keepdim=True)
    half = torch.as_tensor(angle).unsqueeze(-1) / 2
    return torch.cat((half.cos(), half.sin() * axis), -1)


def matrix(q):
    w, x, y, z = q.unbind(-1)
    rows = [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y),
            2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x),
            2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)]  # fmt: skip
    return torch.stack(rows, -1).unflatten(-1, (3, 3))


def random_rotations(n):
    q = torch.randn(n, 4, dtype=torch.float64)
    return q / q.norm(dim=1, keepdim=True)


def test_the_angle_is_that_of_the_matrices_whatever_sign_and_length():
    torch.manual_seed(0)
    p, q = random_rotations(500), random_rotations(500)
    between = matrix(p).transpose(1, 2) @ matrix(q)
    wanted = ((between.diagonal(dim1=1, dim2=2).sum(1) - 1) / 2).clamp(-1, 1).acos()
    assert torch.allclose(angles(p, q), wanted, atol=1e-6)
    assert torch.allclose(angles(-3 * p, q), wanted, atol=1e-6)


@pytest.mark.parametrize("angle", [1e-4, 0.5, 3.0])
def test_small_angles_are_as_precise_as_large_ones(angle):
    axis = torch.tensor([[1.0, 2.0, -1.0]])
    none = torch.tensor([[1.0, 0.0, 0.0, 0.0]])
    assert angles(none, turn(torch.tensor([angle]), axis)).item() == pytest.approx(angle, rel=1e-3)


def test_gradients_are_bounded_where_the_answer_is_right():
    target = turn(torch.tensor([0.0, 0.3]), torch.ones(2, 3))
    pred = target.clone().requires_grad_()
    Rotations().loss(pred, target).backward()
    assert bool(pred.grad.isfinite().all()) and float(pred.grad.abs().max()) < 4


def test_answers_are_unit_quaternions_of_one_sign():
    pred = torch.randn(20, 3, 4)
    answer = Rotations(positions=(3,)).module()(pred)
    assert torch.allclose(answer.norm(dim=-1), torch.ones(20, 3)) and bool((answer[..., 0] >= 0).all())
    assert float(angles(answer, pred / pred.norm(dim=-1, keepdim=True)).max()) < 1e-3
    head = build(Graph.of(chain(Linear(8), rotation_head()), input=(5,)))
    assert torch.allclose(head(torch.randn(6, 5)).norm(dim=1), torch.ones(6))


def test_scores_are_degrees_and_leave_out_what_does_not_count():
    outputs = Rotations(positions=(2,))
    target = turn(torch.tensor([[0.2, 0.4]]), torch.tensor([[[0.0, 0.0, 1.0]] * 2]))
    target[0, 1] = math.nan
    pred = torch.tensor([[[1.0, 0.0, 0.0, 0.0]] * 2])
    meter = outputs.meter()
    meter.update(pred, target)
    scores = meter.compute()
    assert scores["angle"] == pytest.approx(math.degrees(0.2), rel=1e-5) and scores["loss"] == pytest.approx(
        0.2, rel=1e-5
    )
    assert outputs.loss(pred, target).item() == pytest.approx(0.2, rel=1e-5) and outputs.counted(target) == 1
    metric = outputs.metric("angle")
    assert metric.told(outputs.gather(metric, pred, target)) == pytest.approx(scores["angle"])
    assert outputs.worst(pred, target)[1] == 1


def test_the_level_of_chance_is_the_mean_rotation():
    axis = torch.tensor([[0.0, 1.0, 0.0]]).expand(2, 3)
    y = turn(torch.tensor([0.1, 0.5]), axis) * torch.tensor([[1.0], [-1.0]])
    found = Rotations().chance(y, y)
    assert found["value"] == pytest.approx(math.degrees(0.2), rel=1e-3)
    assert angles(torch.tensor(found["answer"])[None].float(), turn(torch.tensor([0.3]), axis[:1])).item() < 1e-3


def test_a_network_of_rotations_is_exported(tmp_path):
    network = build(Graph.of(Linear(4), input=(5,)), outputs=Rotations())
    network.export(tmp_path / "net.py")
    x = torch.randn(3, 5)
    (found,) = answers(tmp_path / "net.py", [x])
    assert torch.allclose(found, network.predict(x).values, atol=1e-6)


def test_what_is_no_rotation_is_refused():
    with pytest.raises(DataError, match="row 1: a quaternion of length 2, and that of a rotation is 1; divide each"):
        Rotations().encode([[1.0, 0, 0, 0], [2.0, 0, 0, 0]])
    with pytest.raises(DataError, match=r"expected \(N, 4\)"):
        Rotations().encode([[1.0, 0, 0]])
    assert from_json(to_json(Rotations((3,)))) is Rotations((3,))
