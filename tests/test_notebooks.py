"""What notebooks show of graphs, networks, studies and results: well-formed, escaped, and of use."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

import nasmyth
from nasmyth import Evolution, Graph, Space, Study, build, chain, choice, ops
from nasmyth.markup import MOST_ROWS, table

NASTY = "<script>alert(\"1\")</script> & '2'"


def parsed(thing) -> ET.Element:
    """The HTML as a tree: raises where an element is not closed or a sign is not escaped."""
    return ET.fromstring(f"<body>{thing._repr_html_()}</body>")


def text(tree: ET.Element) -> str:
    return " ".join("".join(tree.itertext()).split())


def cells(tree: ET.Element) -> list[list[str]]:
    return [["".join(cell.itertext()).strip() for cell in row] for row in tree.iter("tr")]


@pytest.fixture(scope="module")
def graph():
    return Graph.of(chain(stem=ops.Conv(4), pool=ops.Mean("h w"), head=ops.Linear(3)), (1, 8, 8))


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    import torch

    torch.set_num_threads(1)
    return nasmyth.design(
        "iris", under=["params<=500"], spend="2 trials", command=f"nasmyth design {NASTY}", progress=False
    )


def test_a_graph_is_a_table_of_its_nodes(graph):
    rows = cells(parsed(graph))
    assert rows[0] == ["", "address", "op", "from", "shape", "params", "MACs"]
    assert [row[1] for row in rows[1:]] == ["input", "stem", "pool", "head"] and len(rows) == len(graph.nodes) + 1
    assert rows[2][4:] == ["4x8x8", "36", "2,304"]
    assert "51 parameters" in text(parsed(graph)) and graph.key in text(parsed(graph))


def test_a_network_says_what_it_is_above_its_graph(graph):
    network = build(graph)
    assert text(parsed(network)).startswith(f"Network {graph.key}: 1x8x8 -> 3")
    assert cells(parsed(network)) == cells(parsed(graph))


def test_a_study_shows_its_best_and_escapes_everything():
    space = Space(chain(stem=ops.Conv(choice(2, 4, 8)), pool=ops.Mean("h w")), (1, 8, 8))
    with Study(None, space, maximize=NASTY, under=["params<=60"], strategy=Evolution(population=2)) as study:
        assert "no trials yet" in text(parsed(study))
        for trial in study.ask(3):
            study.tell(trial, {NASTY: 0.5 + trial.number / 10})
        shown = parsed(study)
    assert f"maximise {NASTY} under params<=60" in text(shown) and shown.find(".//script") is None
    rows = cells(shown)
    assert rows[0][:3] == ["#", NASTY, "params"]
    assert [row[1] for row in rows[1:]] == sorted((row[1] for row in rows[1:]), reverse=True)


def test_a_result_shows_the_front_the_verdict_and_the_best_network(found):
    shown = parsed(found)
    assert "iris: accuracy" in text(shown) and "plain network" in text(shown)
    assert cells(shown)[0][:3] == ["#", "accuracy", "params"]
    assert NASTY in text(shown) and shown.find(".//script") is None
    (drawing,) = shown.iter("svg")
    assert "Columns" in text(drawing)
    style = shown.findtext(".//style") or ""
    rules = [rule.split("{")[0] for rule in style.split("}") if rule.strip()]
    assert rules and all(rule.strip().startswith(".nasmyth ") for rule in rules), "styles are for this cell alone"


def test_long_tables_are_cut_and_say_so():
    tree = ET.fromstring(f"<body>{table(('a', 'b'), [(i, '') for i in range(MOST_ROWS + 1234)], [0])}</body>")
    assert len(cells(tree)) == MOST_ROWS + 1 and "and 1,234 more" in text(tree)


def test_the_notebooks_own_formatter_takes_them(graph, found):
    pytest.importorskip("IPython")
    from IPython.core.interactiveshell import InteractiveShell

    formatter = InteractiveShell.instance().display_formatter
    for thing in (graph, build(graph), found, found.study):
        data, _ = formatter.format(thing)
        assert data["text/html"] == thing._repr_html_() and data["text/plain"]
