"""Text: what comes next in a long one, classes of labelled ones, and whole numbers as tokens; from a file to a design."""

from __future__ import annotations

import csv
import random
from pathlib import Path

import numpy as np
import pytest
import torch

import nasmyth
from nasmyth.domains import domain_for, read_inputs
from nasmyth.errors import DataError, ShapeError
from nasmyth.forms import IGNORED
from nasmyth.graph import Graph, chain
from nasmyth.ops import Embedding, LearnedPosition, Linear, Mean
from nasmyth.spaces import wide_attention
from nasmyth.train import AdamW, Recipe, evaluate, fit, initialise

SHAKESPEARE = Path(__file__).parents[3] / "shared/data/tinyshakespeare.txt"
QUICK = Recipe(optimizer=AdamW(lr=2e-3), batch=32, epochs=1)
LINES = ["the cat sat on the mat and looked at the moon", "a dog ran over the hill and barked at the sea"]


@pytest.fixture
def long_text(tmp_path):
    rng = random.Random(0)
    path = tmp_path / "rhyme.txt"
    path.write_text("\n".join(rng.choice(LINES) for _ in range(400)), encoding="utf-8")
    return path


@pytest.fixture
def labelled(tmp_path):
    rng = random.Random(1)
    words = {"good": ["lovely", "fine", "great"], "bad": ["awful", "poor", "dull"]}
    path = tmp_path / "reviews.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["review", "label"])
        for i in range(240):
            label = ("good", "bad")[i % 2]
            rows.writerow(
                [f"film {rng.random():.4f} was {rng.choice(words[label])} and {rng.choice(words[label])}", label]
            )
    return path


def small(task, width=16):
    domain = domain_for(task)
    space = domain.space(task)
    network = nasmyth.build(space.decode(space.validate(domain.plain(task, width))), 0, task.inputs, task.outputs)
    return initialise(network, 0)


def test_a_long_text_asks_which_character_comes_next(long_text):
    task = nasmyth.read(long_text)
    text = long_text.read_text()
    assert domain_for(task).name == "text" and task.outputs.shape == (64, len(set(text)))
    x, y = task.train.batch(torch.tensor([3]))
    assert task.inputs.text(x[0].tolist()) == text[192:256]
    assert "".join(task.classes[i] for i in y[0]) == text[193:257]
    held = len(text) // 20
    assert task.inputs.text(task.valid.x[0].tolist()) == text[-2 * held :][:64]


def test_a_character_that_training_lacks_does_not_count(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("ab" * 3000 + "z" * 200)
    task = nasmyth.read(path)
    assert task.outputs.size == 2 and int((task.test.y == IGNORED).sum()) > 100


def test_its_networks_see_nothing_that_comes_later(long_text):
    task = nasmyth.read(long_text)
    space = domain_for(task).space(task)
    for seed in range(4):
        network = nasmyth.build(space.decode(space.sample(seed)), 0, task.inputs, task.outputs).eval()
        x = task.train.x[:2]
        other = torch.where(torch.arange(64) < 40, x, 1 + (x + 3) % 9)
        torch.testing.assert_close(network(x)[:, :40], network(other)[:, :40], rtol=1e-4, atol=1e-5)


def test_it_learns_what_comes_next(long_text):
    task = nasmyth.read(long_text)
    network = small(task)
    scores = fit(network, task, task.recipe, epochs=6).scores
    assert scores["accuracy"] > task.describe()["chance"]["value"] + 0.2


def test_labelled_texts_are_classified(labelled, tmp_path):
    task = nasmyth.read(labelled, target="label")
    assert domain_for(task).name == "text" and task.classes == ("bad", "good") and task.inputs.padded
    network = small(task)
    assert fit(network, task, task.recipe, epochs=8).scores["accuracy"] > 0.9
    raw, names = read_inputs(labelled, network.inputs)
    told = network.predict(raw)
    assert len(names) == 240 and np.mean(np.array(told.labels) == np.array(["good", "bad"] * 120)) > 0.9
    assert network.predict(["it was lovely and great", "it was dull"]).labels == ("good", "bad")


def test_categories_stay_a_table():
    rng = np.random.default_rng(0)
    x = rng.choice(["a long name of a category", "another long name of one"], (100, 1))
    assert domain_for(nasmyth.read((x, x[:, 0] == x[0, 0]))).name == "tabular"


def codes(n=120, length=12):
    """Sequences of bytes whose class is which of two codes stands in them more often."""
    rng = np.random.default_rng(3)
    x = rng.integers(32, 256, (n, length))
    y = np.arange(n) % 2
    x[np.arange(n)[:, None], rng.integers(0, length, (n, 3))] = np.where(y, 7, 200)[:, None]
    return x, y


def test_whole_numbers_are_tokens_where_that_is_asked_for():
    task = nasmyth.read(codes(), domain="text")
    assert task.inputs.spec[0] == ("tokens", (12,), "int") and torch.equal(task.train.x, task.train.x.long())
    space = wide_attention(task.input, 2, task.inputs.size, 16, 12, 2)
    network = initialise(nasmyth.build(space.decode(space.sample(0)), 0, task.inputs, task.outputs), 0)
    assert evaluate(network, task)["loss"] > 0
    assert fit(network, task, Recipe(optimizer=AdamW(lr=3e-3), batch=20, epochs=20)).scores["accuracy"] > 0.7


def test_an_embedding_is_not_fed_standardised_numbers():
    """Of 256 codes it would tell three apart."""
    task = nasmyth.read(codes())
    graph = Graph.of(
        chain(embed=Embedding(256, 4), position=LearnedPosition(), pool=Mean("l"), head=Linear(2)), task.input
    )
    with pytest.raises(ShapeError, match=r"takes codes.*TableInput.*domain='text'.*at embed"):
        nasmyth.build(graph, 0, task.inputs, task.outputs)
    with pytest.raises(ShapeError, match="takes codes"):
        evaluate(nasmyth.build(graph, 0), task)


@pytest.mark.parametrize("suffix", ["onnx", "pt2", "py"])
def test_networks_on_texts_are_exported(suffix, long_text, labelled, tmp_path):
    for source in (long_text, labelled):
        task = nasmyth.read(source, target="label" if source == labelled else None)
        assert small(task, 8).export(tmp_path / f"{source.stem}.{suffix}").difference < 1e-5


def test_from_a_file_to_a_design(long_text, tmp_path):
    found = nasmyth.design(long_text, spend="2 trials", recipe=QUICK, under=["params<=10k"], out=tmp_path / "text.db")
    assert found.best.predict(["the cat sat on the mat and looked at the moon\na dog ran over the"[:64]]).labels
    from nasmyth.report import html

    page = html(tmp_path / "text.db")
    assert "tokens 64" in page


def test_what_is_no_text_is_refused(tmp_path):
    (tmp_path / "short.txt").write_text("abc")
    (tmp_path / "bytes.txt").write_bytes(b"\xff\xfe\xfa" * 100)
    for name, said in (("short.txt", "3 characters"), ("bytes.txt", "UTF-8")):
        with pytest.raises(DataError, match=said):
            nasmyth.read(tmp_path / name)
    with pytest.raises(DataError, match="whole numbers from 0"):
        nasmyth.read((np.random.default_rng(0).normal(size=(40, 5)), np.arange(40) % 2), domain="text")


@pytest.mark.skipif(not SHAKESPEARE.exists(), reason="the shared data is not here")
def test_tiny_shakespeare():
    task = nasmyth.read(SHAKESPEARE)
    assert task.outputs.size == 65 and len(task.train) == 15_685
    network = small(task, 32)
    assert fit(network, task, task.recipe, epochs=0.05).scores["accuracy"] > 0.16  # always a blank: 0.15
