"""Why a search ends with nothing, in a sentence: from a summary alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from nasmyth.report import facts


def why_nothing(summary: Mapping[str, Any]) -> str:
    """What became of the candidates of a study of which none is within the budget, and what to do."""
    trials = summary["trials"]
    finished, failed = facts.finished(summary), [one for one in trials if one["error"]]
    if finished and facts.limits(summary):
        return f"nothing found is within the budget: {_nearest(summary, finished)}; loosen it, or search for longer"
    if failed and not finished:
        return f"nothing was found: {_failures(failed)}"
    return "nothing was trained: the time was up before; run the same line again with more to spend"


def _failures(failed: Sequence[Mapping[str, Any]]) -> str:
    """How many failed for which reason, and what was said of the last."""
    reasons = Counter(str(one["error"]["reason"]) for one in failed)
    last = failed[-1]["error"]
    said = f"{last['reason']}: {last['message']}".rstrip(": ")
    if len(failed) == 1:
        return f"the only candidate failed ({said})"
    if len(reasons) == 1:
        return f"all of {len(failed)} candidates failed, the last with {said}"
    told = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
    return f"all of {len(failed)} candidates failed ({told}), the last with {said}"


def _nearest(summary: Mapping[str, Any], finished: Sequence[Mapping[str, Any]]) -> str:
    """The candidate that misses the budget by least, and in what."""
    one = min(finished, key=lambda one: (one["violation"] is None, one["violation"] or 0.0))
    missed = [limit for limit in facts.limits(summary) if limit.violation(one["measures"]) > 0]
    told = ", ".join(f"{limit.name} {facts.shown(limit.name, one['measures'].get(limit.name))}" for limit in missed)
    asked = ", ".join(map(facts.limit_text, missed))
    return f"the nearest, #{one['number']}, has {told}, and the budget is {asked}"
