"""torch.export's archive, loaded in a process without nasmyth."""

import json
import subprocess
import sys

import torch
from nets import CLASSES, PRICES, classifier, pictures, rows, sampled

ALONE = """
import json, sys, warnings
warnings.simplefilter("ignore")
import torch
for file, given in torch.load("given.pt").items():
    extra = {"nasmyth.json": ""}
    answer = torch.export.load(file, extra_files=extra).module()(given["stored"])
    for a, b in zip(answer if isinstance(answer, tuple) else (answer,), given["answer"], strict=True):
        assert ((a - b).abs().max() <= 1e-5 * max(1, float(b.abs().max()))), (a, b)
    print(json.dumps(json.loads(extra["nasmyth.json"])["names"]))
assert not any(name.partition(".")[0] == "nasmyth" for name in sys.modules)
"""


def test_archives_agree_where_only_torch_is(tmp_path):
    image, (table,) = classifier(), sampled("tables", 1)
    found, values = image.predict(pictures(6)), table.predict(rows(6)).values
    given = {
        "image.pt2": {"stored": pictures(6), "answer": (found.probabilities.argmax(1), found.probabilities)},
        "table.pt2": {"stored": table.inputs.encode(rows(6)), "answer": (values,)},
    }
    written = [network.export(tmp_path / file) for network, file in zip((image, table), given, strict=True)]
    assert max(w.difference for w in written) <= 1e-5
    assert "takes uint8 (N, 12, 12, 1)" in str(written[0]) and "takes float32 (N, 4)" in str(written[1])
    assert b"site-packages" not in written[0].path.read_bytes()
    torch.save(given, tmp_path / "given.pt")
    done = subprocess.run([sys.executable, "-c", ALONE], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [json.loads(line) for line in done.stdout.splitlines()] == [list(CLASSES.names), list(PRICES.names)]
