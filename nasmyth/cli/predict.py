"""`nasmyth predict`: raw inputs in, labels and probabilities out."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Annotated, Any

import typer

from nasmyth.cli import address as addresses
from nasmyth.cli import options
from nasmyth.cli.console import only_results, print_json, print_table
from nasmyth.cli.imports import import_files

MOST_ROWS = 20


def predict(
    address: options.Candidate,
    source: Annotated[
        str, typer.Argument(metavar="INPUTS", help="new.npz, photo.png, a folder of pictures, table.csv ...")
    ],
    out: Annotated[
        str | None, typer.Option("--out", "-o", metavar="FILE.csv", help="Write all answers to a CSV file.")
    ] = None,
    imports: options.Imports = None,
    json: options.Json = False,
) -> None:
    """Answer new inputs with a network."""
    with only_results():
        from nasmyth.domains import read_inputs

        import_files(imports)
        network = addresses.network_of(address)
        raw, names = read_inputs(source, network.inputs)
        answers = _answers(network.predict(raw), names)
    if out:
        _write(answers, Path(out))
    if json:
        print_json(answers)
    elif out:
        print(f"{out}: {len(answers)} answers")
    else:
        _print(answers)


def _answers(prediction: Any, names: list[str]) -> list[dict[str, Any]]:
    """One dict an input: its name, with a label and probabilities by class, or values by name."""
    if prediction.labels is None and prediction.values.ndim > 2:
        return _positions(prediction, names)
    if prediction.labels is None:
        told = prediction.names or [f"y{i}" for i in range(prediction.values.shape[1])]
        rows = prediction.values.tolist()
        return [{"input": n, "values": dict(zip(told, row, strict=True))} for n, row in zip(names, rows, strict=True)]
    if prediction.probabilities.ndim > 2:
        return _positions(prediction, names)
    shares = prediction.probabilities.tolist()
    return [
        {"input": n, "label": label, "probabilities": dict(zip(prediction.names, row, strict=True))}
        for n, label, row in zip(names, prediction.labels, shares, strict=True)
    ]


def _positions(prediction: Any, names: list[str]) -> list[dict[str, Any]]:
    """One dict for each position of each input that is answered, such as the nodes of a graph: "graph[17]"."""
    table = prediction.values if prediction.labels is None else prediction.probabilities
    rows, said = table.reshape(len(names), -1, table.shape[-1]).tolist(), list(prediction.labels or names)
    told = []
    for name, row, labels in zip(names, rows, said, strict=True):
        while prediction.labels is not None and isinstance(labels[0], list):
            labels = [label for part in labels for label in part]
        for i, figures in enumerate(row):
            named = dict(zip(prediction.names, figures, strict=True))
            one = {"values": named} if prediction.labels is None else {"label": labels[i], "probabilities": named}
            told.append({"input": f"{name}[{i}]", **one})
    return told


def _write(answers: list[dict[str, Any]], path: Path) -> None:
    labelled = "label" in answers[0]
    figures = [one["probabilities" if labelled else "values"] for one in answers]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["input", *(["label"] if labelled else []), *figures[0]])
        for one, row in zip(answers, figures, strict=True):
            writer.writerow([one["input"], *([one["label"]] if labelled else []), *(f"{v:.7g}" for v in row.values())])


def _print(answers: list[dict[str, Any]]) -> None:
    shown = answers[:MOST_ROWS]
    if "label" in answers[0]:
        heads = [("input", "left"), ("label", "left"), ("probability", "right"), ("then", "left")]
        print_table(
            heads,
            [(one["input"], one["label"], f"{max(one['probabilities'].values()):.4f}", _second(one)) for one in shown],
        )
    else:
        names = list(answers[0]["values"])
        rows = [(one["input"], *(f"{one['values'][name]:.6g}" for name in names)) for one in shown]
        print_table([("input", "left"), *[(name, "right") for name in names]], rows)
    if len(answers) > MOST_ROWS:
        print(f"and {len(answers) - MOST_ROWS:,} more: -o answers.csv writes all, --json prints all")


def _second(one: dict[str, Any]) -> str:
    ranked = sorted(one["probabilities"].items(), key=lambda pair: -pair[1])
    return f"{ranked[1][0]} {ranked[1][1]:.4f}" if len(ranked) > 1 else ""
