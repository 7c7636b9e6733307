"""A report is written whole or not at all: a full disk leaves what was there, and nothing else."""

from __future__ import annotations

import os
import resource
import subprocess
import sys

import pytest

from nasmyth import report
from nasmyth.errors import ExportError

SMALL = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a file that grows too large is an error of write(), as on a full disk
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
from nasmyth import report
from nasmyth.errors import ExportError
try:
    report.html({source!r}, {out!r})
except ExportError as error:
    print(error)
"""


def test_a_full_disk_keeps_the_old_page_and_leaves_no_other_file(study_path, tmp_path):
    assert hasattr(resource, "RLIMIT_FSIZE")
    out = tmp_path / "report.html"
    for before in (None, "the old page"):
        if before is not None:
            out.write_text(before)
        program = SMALL.format(source=str(study_path), out=str(out))
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert "cannot write" in done.stdout and "too large" in done.stdout
        assert os.listdir(tmp_path) == ([] if before is None else ["report.html"])
        assert before is None or out.read_text() == before


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_device_without_room_is_an_error_of_ours(summary):
    with pytest.raises(ExportError, match="No space left"):
        report.html(summary, "/dev/full")


def test_where_nothing_can_be_written_is_said(summary, tmp_path):
    with pytest.raises(ExportError, match="no folder"):
        report.html(summary, tmp_path / "absent" / "report.html")
    with pytest.raises(ExportError, match="is a folder"):
        report.html(summary, tmp_path)


def test_a_link_stays_a_link(summary, tmp_path):
    (tmp_path / "there.html").write_text("old")
    (tmp_path / "link.html").symlink_to("there.html")
    report.html(summary, tmp_path / "link.html")
    assert (tmp_path / "link.html").is_symlink() and "Pareto" in (tmp_path / "there.html").read_text()
