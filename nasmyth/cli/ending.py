"""How a verb that searches ends: the result as it was asked for, and the exit status."""

from __future__ import annotations

from typing import Any

from nasmyth.cli.console import print_json, terminal
from nasmyth.cli.errors import fail


def end(summary: dict[str, Any], out: str, interrupted: bool, json: bool, quiet: bool) -> None:
    """Print what was found. Ends with status 1, and says why, if nothing within the budget was."""
    from nasmyth.report import facts
    from nasmyth.report.terminal import render
    from nasmyth.report.troubles import why_nothing

    if json:
        print_json(summary)
    elif quiet:
        print(facts.headline(summary))
    else:
        console = terminal()
        if interrupted:
            console.print(
                "Interrupted: the best so far is kept, and the same line goes on from here.\n", style="yellow"
            )
        render(summary, console)
        more = f"; nasmyth export {out}#best net.onnx" if summary["best"] else ""
        console.print(f"\nLeft in {out}. Next: nasmyth show {out} --html report.html{more}", markup=False)
    if summary["best"] is None:
        said = "interrupted before anything within the budget was found; the same line goes on from here"
        fail(said if interrupted else why_nothing(summary))
