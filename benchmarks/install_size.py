"""Megabytes that installing the core adds to a fresh environment that has torch, and what each package weighs.

    python benchmarks/install_size.py [--extras data,onnx]

Baseline: an environment with torch alone, as `constraints.txt` pins it. Both are made anew in a temporary folder and
removed again; sizes are what the files take on disk, compiled bytecode included, in units of 10^6 bytes. Building the
package takes setuptools, which a fresh environment has or pip fetches for the build; it is in both figures.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
AT_MOST, AIM = 300, 150
_WEIGH = """
import json, os
from importlib.metadata import distributions
def size(paths):
    found = [os.lstat(p) for p in set(paths) if os.path.isfile(p) and not os.path.islink(p)]
    return sum(s.st_blocks * 512 for s in found)
def compiled(path):
    folder, name = os.path.split(path)
    cache = os.path.join(folder, "__pycache__")
    stem = name[:-3]
    return [os.path.join(cache, n) for n in (os.listdir(cache) if os.path.isdir(cache) else ()) if n.startswith(stem + ".")]
sizes = {}
for d in distributions():
    files = [str(d.locate_file(f)) for f in d.files or ()]
    files += [c for f in files if f.endswith(".py") for c in compiled(f)]
    sizes[d.metadata["Name"]] = size(files)
print(json.dumps(sizes))
"""


def megabytes(folder: Path) -> float:
    """What all files below a folder take on disk."""
    taken = 0
    for where, _, names in os.walk(folder):
        taken += sum(os.lstat(os.path.join(where, name)).st_blocks * 512 for name in names)
    return taken / 1e6


def install(python: Path, *what: str) -> None:
    """pip install, with the pins of this project."""
    command = [str(python), "-m", "pip", "install", "--quiet", "--no-input", "-c", str(ROOT / "constraints.txt"), *what]
    subprocess.run(command, check=True, cwd=ROOT)


def main() -> int:
    """Print the figures; 1 if the core takes more than it may."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--extras", default="", help="also these extras, separated by commas")
    extras = parser.parse_args().extras
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder, "bin", "python")
        install(python, "torch", "setuptools")
        before = megabytes(Path(folder))
        install(python, "--no-build-isolation", f"{ROOT}[{extras}]" if extras else str(ROOT))
        after = megabytes(Path(folder))
        sizes = json.loads(subprocess.run([python, "-c", _WEIGH], check=True, capture_output=True, text=True).stdout)
    added = after - before
    shown = sorted(sizes.items(), key=lambda pair: -pair[1])
    heaviest = ", ".join(f"{name} {taken / 1e6:.0f}" for name, taken in shown[:14])
    print(f"torch alone (baseline)        {before:7.0f} MB")
    print(f"{'core' if not extras else f'core + {extras}':<30}{after:7.0f} MB")
    print(f"added                         {added:7.0f} MB   (at most {AT_MOST}, aim {AIM}, for the core)")
    print(f"heaviest, in MB: {heaviest}")
    return int(not extras and added > AT_MOST)


if __name__ == "__main__":
    sys.exit(main())
