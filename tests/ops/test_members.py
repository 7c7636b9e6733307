"""Members: many networks in one are what as many networks by themselves would be."""

import pytest
import torch
import torch.nn.functional as F

from nasmyth.errors import SpaceError
from nasmyth.forms import Classes, Values
from nasmyth.graph import Graph, chain
from nasmyth.network import build
from nasmyth.ops import Activation, Linear, MemberHead, MemberLinear, Members
from nasmyth.train import Split, Task
from nasmyth.train.task import repeated

K, D, OUT = 4, 5, 3


def network(answers="classes", each=0):
    torch.manual_seed(0)
    layers = {"own": MemberLinear(6), "act": Activation("relu"), "shared": Linear(6), "again": Activation("relu")}
    graph = Graph.of(chain(members=Members(K, each), **layers, head=MemberHead(OUT, answers)), (D,))
    made = build(graph, 0)
    for parameter in made.parameters():
        parameter.data.add_(torch.randn_like(parameter), alpha=0.3)
    return made


def member(made, j, x):
    """What member j answers, written out."""
    own, head = made.own, made.head
    x = (x * made.members.scale[j] * own.inner[j]) @ own.weight.T * own.outer[j] + own.bias[j]
    x = made.shared(x.relu()).relu()
    return x @ head.weight[j] + head.bias[j]


def test_classes_are_the_mean_of_the_probabilities_of_all_members():
    made, x = network().eval(), torch.randn(7, D)
    wanted = torch.stack([member(made, j, x).softmax(1) for j in range(K)]).mean(0)
    assert torch.allclose(made(x).exp(), wanted, atol=1e-6)
    assert torch.allclose(made(x).softmax(1), wanted, atol=1e-6)


def test_values_are_the_mean_of_the_values_of_all_members():
    made, x = network("values").eval(), torch.randn(7, D)
    assert torch.allclose(made(x), torch.stack([member(made, j, x) for j in range(K)]).mean(0), atol=1e-5)


@pytest.mark.parametrize("each", [0, 1, 2])
def test_in_training_each_example_is_answered_by_its_members_in_a_row(each):
    made, x = network(each=each).train(), torch.randn(8, D)
    count = each or K
    got = made(x).reshape(8, count, OUT)
    for i in range(8):
        for j in range(count):
            assert torch.allclose(got[i, j], member(made, (i * count + j) % K, x[i : i + 1])[0], atol=1e-5)


def test_a_batch_that_cannot_be_shared_out_trains_all_members():
    made, x = network(each=1).train(), torch.randn(7, D)
    assert made(x).shape == (7 * K, OUT)


def test_each_member_is_trained_by_a_loss_of_its_own():
    x, y = torch.randn(6, D), torch.tensor([0, 1, 2, 0, 1, 2])
    made = network().train()
    task = Task("t", Rows(), Classes(("a", "b", "c")), *[Split(x, y)] * 3)
    wanted = torch.stack([F.cross_entropy(member(made, j, x), y) for j in range(K)]).mean()
    assert torch.allclose(task.loss(made(x), y), wanted, atol=1e-6)
    values = Task("t", Rows(), Values(("u", "v", "w"), (1.0,) * 3, (2.0,) * 3), *[Split(x, x[:, :3])] * 3)
    wanted = torch.stack([F.mse_loss(member(made, j, x), (x[:, :3] - 1) / 2) for j in range(K)]).mean()
    assert torch.allclose(values.loss(made(x), x[:, :3]), wanted, atol=1e-5)


def test_targets_are_repeated_for_whole_multiples_alone():
    y = {"a": torch.tensor([1, 2])}
    assert repeated(y, torch.zeros(6, 1))["a"].tolist() == [1, 1, 1, 2, 2, 2]
    assert repeated(y, torch.zeros(2, 1)) is y and repeated(y, torch.zeros(3, 1)) is y


def test_what_cannot_be_is_refused():
    with pytest.raises(SpaceError, match="1 to 4 members"):
        Members(4, each=5)
    with pytest.raises(SpaceError, match="answers is 'classes'"):
        MemberHead(3, "probabilities")


def Rows():
    from nasmyth.forms import Column, TableInput

    return TableInput(tuple(Column(f"x{i}") for i in range(D)))
