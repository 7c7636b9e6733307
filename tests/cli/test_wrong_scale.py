"""`nasmyth predict` with inputs of another scale than those of training: refused, or said in one line."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.datasets import load_digits

IMAGES = load_digits().images


def test_another_scale_is_refused_with_the_cure(run, study, network, tmp_path):
    np.savez(tmp_path / "share.npz", x=(IMAGES[:9] / 16).astype("float32"))
    np.savez(tmp_path / "wide.npz", x=(IMAGES[:9] * 15.9).astype("uint8"))
    for address in (network, f"{study}#best"):
        told = run("predict", address, tmp_path / "share.npz", status=1).stderr
        assert "pixels of 0 to 1, where the network was trained on 0 to 16: multiply by 16" in told
        assert "divide by 15.9" in run("predict", address, tmp_path / "wide.npz", "--json", status=1).stderr
    np.savez(tmp_path / "one.npz", x=IMAGES[:1])
    np.savez(tmp_path / "black.npz", x=IMAGES[:1] * 0)
    for name in ("one.npz", "black.npz"):
        result = run("predict", network, tmp_path / name, "--json")
        assert len(json.loads(result.stdout)) == 1 and "warning" not in result.stderr


@pytest.mark.filterwarnings("default")
def test_what_is_doubtful_is_one_line_on_stderr(run, network, tmp_path):
    np.savez(tmp_path / "mask.npz", x=(IMAGES[:9] > 8).astype("uint8"))
    result = run("predict", network, tmp_path / "mask.npz", "--json")
    assert len(json.loads(result.stdout)) == 9
    (line,) = [line for line in result.stderr.splitlines() if "warn" in line.lower()]
    assert line.startswith("warning: pixels of 0 to 1, where the network was trained on 0 to 16")
