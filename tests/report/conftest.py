"""One hand-made study for all tests of the report."""

from __future__ import annotations

import pytest
from report_studies import digits


@pytest.fixture(scope="session")
def study_path(tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "digits.db"
    digits(path).close()
    return path


@pytest.fixture(scope="session")
def summary(study_path):
    from nasmyth.report import summary_of

    return summary_of(study_path)
