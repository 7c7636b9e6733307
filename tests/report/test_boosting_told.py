"""A report says what gradient boosting does beside the network that is handed over."""

from markupsafe import escape

from nasmyth.report import html, text
from nasmyth.report.boosting import boosting_sentence

TOLD = {
    "what": "boosting", "name": "HistGradientBoosting", "version": "1.7.0", "goal": "accuracy",
    "valid": {"accuracy": 0.86}, "test": {"accuracy": 0.8712}, "size": 392_000, "latency": 0.0012, "seconds": 3.0,
}  # fmt: skip


def test_it_stands_in_the_terminal_and_on_the_page(summary):
    assert boosting_sentence(summary) == ""
    told = {**summary, "notes": [*summary["notes"], TOLD]}
    said = boosting_sentence(told)
    assert "0.8712 on test" in said and "392 kB" in said and "1.2 ms" in said and "(1.7.0, default settings" in said
    assert said in text(told, width=1000) and str(escape(said)) in html(told)


def test_why_it_was_left_out(summary):
    told = {**summary, "notes": [{"what": "boosting", "skipped": "scikit-learn is not installed"}]}
    assert boosting_sentence(told) == "Gradient boosting was not trained for comparison: scikit-learn is not installed."
