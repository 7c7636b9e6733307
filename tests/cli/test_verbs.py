"""The verbs on a small real study: what each prints, and that --json prints one document and nothing else."""

from __future__ import annotations

import csv
import json
import re

import numpy as np
import pytest


def document(result):
    """The only thing on stdout, as data."""
    return json.loads(result.stdout)


def test_search_keeps_to_the_budget_and_goes_on(run, folder, study):
    shown = document(run("show", study, "--json"))
    assert [trial["state"] for trial in shown["trials"]] == ["finished"] * 3
    assert all(trial["measures"]["params"] <= 5000 for trial in shown["trials"])
    assert {"best", "front", "trials", "failures", "funnel", "spend", "baseline"} <= set(shown)
    line = [
        "search",
        f"{folder}/mine_cli.py:space",
        "--data",
        "digits",
        "--under",
        "params<=5k",
        "--strategy",
        "random",
    ]
    more = document(run(*line, "--trials", 4, "--epochs", 1, "-o", study, "--json"))
    assert [trial["key"] for trial in more["trials"][:3]] == [trial["key"] for trial in shown["trials"]]
    assert len(more["trials"]) == 4
    assert f"search {folder}/mine_cli.py:space" in shown["command"]


def test_a_search_begins_with_the_best_of_another_study_and_goes_on(run, folder, study, tmp_path):
    """In another space; what was lost is said once, and the old study is not needed again."""
    (tmp_path / "wider_cli.py").write_text(
        (folder / "mine_cli.py").read_text().replace("stem=conv_block(choice(4, 8))", "stem=conv_block(choice(8, 12))")
    )
    old = tmp_path / "old.db"
    old.write_bytes(study.read_bytes())
    line = ["search", f"{tmp_path}/wider_cli.py:space", "--data", "digits", "--strategy", "deduplicated(inner=local(start=2))",
            "--epochs", 0.1, "--warm-start", old, "-o", tmp_path / "new.db"]  # fmt: skip
    first = run(*line, "--trials", 1)
    assert re.search(r"old.db: of (\d) finished candidates, the best \1 were looked at", first.stderr)
    old.unlink()
    shown = document(run(*line, "--trials", 2, "--json"))
    assert [trial["origin"] for trial in shown["trials"]] == ["warm start"] * 2


def test_another_study_in_the_same_file_is_refused(run, folder, study):
    line = ["search", f"{folder}/mine_cli.py:space", "--data", "digits", "--trials", 3, "-o", study]
    assert "another study" in run(*line, status=1).stderr


def test_show_prints_the_front_and_the_line_that_does_it_again(run, study):
    told = run("show", study).stdout
    assert "Pareto front" in told
    assert "Again: nasmyth search" in told
    assert "\x1b" not in told


def test_show_writes_the_page(run, study, tmp_path):
    page = tmp_path / "report.html"
    assert run("show", study, "--html", page).stdout.strip() == str(page)
    assert "<svg" in page.read_text()


def test_show_several_stand_side_by_side(run, study, tmp_path):
    told = run("show", study, study).stdout
    assert told.count("mine.db") >= 2 and "maximise accuracy" in told and "params ≤ 5k" in told
    assert json.loads(run("show", study, study, "--json").stdout)[str(study)]["best"]
    page = tmp_path / "both.html"
    assert run("show", study, study, "--html", page).stdout.strip() == str(page)
    assert "Side by side" in page.read_text()


def test_show_says_how_far_they_were_trained_what_chance_gives_and_what_was_decided(run, study):
    told = run("show", study).stdout
    for part in ("1 of 1", "chance is accuracy 0.1", "always answering", "test split: 359 examples", "Recipe: Muon"):
        assert part in told
    found = json.loads(run("show", study, "--json").stdout)
    assert found["chance"]["score"] == "accuracy" and found["task"]["notes"] and found["task"]["recipe"]
    assert isinstance(found["warnings"], list) and all("near_chance" in one for one in found["trials"])


@pytest.mark.parametrize(
    "line",
    [
        ("--live", "--json"),
        ("--live", "--html", "x.html"),
        ("--live", "--graph"),
        ("again", "--live"),
        ("again", "--graph"),
    ],
)
def test_show_refuses_what_does_not_go_together(run, study, line):
    said = run("show", study, *(study if part == "again" else part for part in line), status=2)
    assert "nasmyth show" in said.stderr


def test_a_page_that_cannot_be_written_is_one_plain_line(run, study):
    assert (
        run("show", study, "--html", "/dev/full", status=1).stderr
        == "error: cannot write /dev/full: No space left on device\n"
    )


def test_show_one_candidate(run, study):
    best = document(run("show", study, "--json"))["best"]["number"]
    assert document(run("show", f"{study}#best", "--json"))["number"] == best
    assert document(run("show", f"{study}#{best}", "--json"))["number"] == best
    table = run("show", f"{study}#best", "--graph").stdout
    assert "stem.conv" in table
    assert "MACs" in table
    assert "accuracy" in run("show", f"{study}#{best}").stdout


def test_a_saved_network_is_taken_wherever_a_candidate_is(run, network, study, folder):
    assert "stem.conv" in run("show", network).stdout
    assert document(run("show", network, "--json"))["key"] == document(run("show", f"{study}#best", "--json"))["key"]
    assert "params" in run("measure", network).stdout
    assert run("check", network, "--under", "params<=5k").stdout
    assert len(document(run("predict", network, folder / "new.npz", "--json"))) == 7


@pytest.mark.parametrize("name", ["net.onnx", "net.py", "net.pt2"])
@pytest.mark.filterwarnings("default")  # of the exporters
def test_export(run, network, tmp_path, name):
    told = document(run("export", network, tmp_path / name, "--json"))
    assert told["files"][0] == str(tmp_path / name)
    assert told["difference"] < 1e-4


def test_predict(run, study, folder, tmp_path):
    from nasmyth.cli.address import network_of

    answers = document(run("predict", f"{study}#best", folder / "new.npz", "--json"))
    assert all(abs(sum(one["probabilities"].values()) - 1) < 1e-5 for one in answers)
    expected = network_of(f"{study}#best").predict(np.load(folder / "new.npz")["x"])
    assert [one["label"] for one in answers] == list(expected.labels)
    run("predict", f"{study}#best", folder / "new.npz", "-o", tmp_path / "answers.csv")
    rows = list(csv.DictReader((tmp_path / "answers.csv").read_text().splitlines()))
    assert [row["label"] for row in rows] == list(map(str, expected.labels))
    assert "probability" in run("predict", f"{study}#best", folder / "new.npz").stdout


def test_check_measures(run, study):
    assert "met" in run("check", f"{study}#best", "--under", "params<=5k", "--under", "latency@cpu<=10s").stdout
    missed = run("check", f"{study}#best", "--under", "params<=10", status=1)
    params = document(run("show", f"{study}#best", "--json"))["measures"]["params"]
    assert "params<=10: measured" in missed.stderr
    told = document(run("check", f"{study}#best", "--under", "params<=10", "--json", status=1))
    assert told["measured"]["params"] == params
    assert not told["met"]


def test_check_accuracy_on_data(run, study):
    told = document(run("check", f"{study}#best", "--under", "accuracy>=0", "--data", "digits", "--json"))
    assert 0 <= told["measured"]["accuracy"] <= 1


def test_measure_draws_from_a_space(run, folder):
    line = ["measure", f"{folder}/mine_cli.py:space", "--sample", 4, "--by", "params,macs", "--seed", 2]
    told = document(run(*line, "--json"))
    assert len(told["candidates"]) == 4
    assert told == document(run(*line, "--json"))
    assert set(told["spread"]) == {"params", "macs"}
    assert "median" in run(*line).stdout
    assert document(run("measure", f"{folder}/mine_cli.py:made", "--sample", 1, "--json"))["candidates"]


def test_figures_of_trained_networks_are_measured_on_data(run, study, network):
    """Of a saved network and of a candidate whose weights were kept: what the study recorded, with its seed."""
    known = document(run("show", f"{study}#best", "--json"))["measures"]
    for target in (network, f"{study}#best"):
        told = document(run("measure", target, "--by", "accuracy,params,loss", "--data", "digits", "--json"))
        (one,) = told["candidates"]
        assert one["measures"] == pytest.approx(
            {name: known[name] for name in ("accuracy", "params", "loss")}, abs=1e-5
        )
    assert "accuracy needs data" in run("measure", network, "--by", "accuracy", status=1).stderr


def test_settings_of_a_measure_may_hold_commas():
    from nasmyth.cli.measure import names

    assert names("params, latency@cpu,batch=8,threads=2,macs") == ["params", "latency@cpu,batch=8,threads=2", "macs"]


@pytest.mark.parametrize(
    ("kind", "has"),
    [("ops", "Conv"), ("blocks", "mbconv"), ("measures", "latency"), ("strategies", "evolution"), ("spaces", "images"),
     ("data", "digits"), ("domains", "vision"), ("readers", "folder")],
)  # fmt: skip
def test_list(run, kind, has):
    rows = document(run("list", kind, "--json"))
    assert has in [row["name"] for row in rows]
    assert all(row["about"] for row in rows)
    assert has in run("list", kind).stdout


def test_list_of_spaces_says_how_large_they_are(run):
    rows = {row["name"]: row for row in document(run("list", "spaces", "--json"))}
    assert rows["nb201"]["size"] == "15625" and rows["nb201"]["input"] == [3, 32, 32]
    assert int(rows["fbnet"]["size"]) == 9**22 and rows["fbnet"]["input"] == [3, 224, 224]
    assert "arXiv:2001.00326" in rows["nb201"]["source"]
    assert all(row["size"].isdigit() or row["size"] == "infinite" for row in rows.values())
    told = run("list", "spaces").stdout
    assert "15,625" in told and "10^21.0" in told and "3×224×224" in told


def test_list_survives_a_space_that_cannot_be_made():
    from nasmyth.cli.listing import _extent, _readable
    from nasmyth.ops import Dropout
    from nasmyth.space import Space, real

    def needs(width):
        return width

    assert "width" in _extent(needs)["size"]
    endless = _extent(lambda: Space(Dropout(real(0.0, 0.5)), (3,)))
    assert endless["size"] == "infinite" and _readable(endless) == {"size": "countless", "input": "3"}
