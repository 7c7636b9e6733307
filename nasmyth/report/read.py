"""From a journal to a summary with the layers and the mistakes of its best network, which is all that a report needs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from nasmyth.errors import NasmythError, StudyError


def read(source: Any) -> dict[str, Any]:
    """The summary of a study, with `summary["layers"]` (see `graph.text.rows`) where the best network can be drawn.

    `warnings` are sentences, `mistakes` what the study keeps of the examples that the best gets most wrong, or None, and
    `front_quality` the hypervolume and the knee, see `fronts.quality`; None for one objective. Where the network cannot be
    drawn (its ops are defined in a file that is not imported here), `layers` is empty and `layers_missing` says why.
    Raises StudyError for a path that holds no study.
    """
    from nasmyth.report import fronts, mistakes, training

    if isinstance(source, Mapping):
        return dict(source)
    if isinstance(source, str | os.PathLike):
        from nasmyth.study import Study

        with Study.open(source) as study:
            return read(study)
    if not hasattr(source, "summary"):
        raise StudyError(f"a report needs a study, the path of one or its summary, got {type(source).__name__}")
    summary = source.summary()
    try:
        layers, missing = _layers(source, summary), ""
    except NasmythError as error:
        layers, missing = [], str(error)
    return {
        **summary, "layers": layers, "layers_missing": missing, "mistakes": mistakes.held(source, summary),
        "warnings": training.warnings(summary), "front_quality": fronts.quality(summary),
    }  # fmt: skip


def _layers(study: Any, summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    from nasmyth.report import facts

    noted = facts.result(summary).get("layers")
    if noted:
        return list(noted)
    best = facts.winner(summary)
    if best is None:
        return []
    return layers_of(next(trial for trial in study.trials if trial.number == best["number"]).graph)


def layers_of(graph: Any) -> list[dict[str, Any]]:
    """One row a node: number, address, op, inputs, shape, parameters and MACs."""
    from nasmyth.graph.text import rows

    return rows(graph)
